#!/usr/bin/env python3
"""Generated lines, the same for the same number.

usage: make_lines.py kv|syslog3164|syslog5424|firewall N > file
"""

import random
import sys

AGENTS = (
    "curl/8.5.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "python-requests/2.32",
)
PROGRAMS = ("sshd", "cron", "postfix", "systemd")
rng = random.Random(20)


def address():
    return f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"


def clock():
    return f"{rng.randrange(24):02d}:{rng.randrange(60):02d}:{rng.randrange(60):02d}"


def kv(number):
    return (
        f'devname="gate{rng.randrange(9)}" logid={rng.randrange(10**8, 10**9)}'
        f" type=traffic level=notice srcip={address()} srcport={rng.randrange(1024, 65536)}"
        f" dstip={address()} dstport={rng.choice((22, 53, 80, 443))} proto=6"
        f' action="{rng.choice(("accept", "close", "deny"))}" policyid={rng.randrange(500)}'
        f' service="{rng.choice(("DNS", "HTTPS"))}" duration={rng.randrange(3000)}'
        f" sentbyte={rng.randrange(10**6)} rcvdbyte={rng.randrange(10**7)}"
        f' agent="{rng.choice(AGENTS)}"'
    )


def syslog3164(number):
    return (
        f"<{rng.randrange(192)}>{rng.choice(('Feb', 'May', 'Oct'))} {rng.randrange(1, 29):2d}"
        f" {clock()} web{rng.randrange(40)} {rng.choice(PROGRAMS)}[{rng.randrange(100, 32000)}]:"
        f" job {number} ended, {rng.randrange(90)} left"
    )


def syslog5424(number):
    return (
        f"<{rng.randrange(192)}>1 2025-07-{rng.randrange(1, 29):02d}T{clock()}"
        f".{rng.randrange(1000):03d}Z web{rng.randrange(40)} {rng.choice(PROGRAMS)}"
        f" {rng.randrange(100, 32000)} ID{rng.randrange(60)}"
        f' [job@32473 number="{number}"] job {number} ended'
    )


def firewall(number):
    kind, action = (
        rng.choice(("TRAFFIC", "TRAFFIC", "TRAFFIC", "THREAT")),
        rng.choice(("allow", "allow", "deny", "drop")),
    )
    fields = [
        f"2025/06/{rng.randrange(1, 29):02d} {clock()}",
        f"fw{rng.randrange(4)}",
        kind,
        action,
        address(),
        address(),
        rng.randrange(1024, 65536),
        rng.choice((22, 53, 80, 443, 3389)),
        rng.choice(("tcp", "udp")),
        rng.choice(("ssl", "dns", "web", "")),
        rng.choice(("", r"corp\ann", r"corp\bob", "eve")),
    ]
    fields += (
        [rng.randrange(10**6), rng.randrange(10**6)]
        if kind == "TRAFFIC"
        else [rng.choice(("high", "low")), '"spy, ""ware"""']
    )
    return ",".join(map(str, fields))


if __name__ == "__main__":
    line = {"kv": kv, "syslog3164": syslog3164, "syslog5424": syslog5424, "firewall": firewall}[
        sys.argv[1]
    ]
    for number in range(int(sys.argv[2])):
        sys.stdout.write(line(number) + "\n")
