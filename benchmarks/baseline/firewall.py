#!/usr/bin/env python3
"""The job of firewall.conf by hand. usage: firewall.py < firewall.log > events.json"""

import csv
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

import chunks

BERLIN = ZoneInfo("Europe/Berlin")
OUTCOMES = {"allow": "success", "deny": "failure", "drop": "failure"}


@cache
def hour(text):
    """The UTC hour of a local one: ``2025/06/01 13``."""
    local = datetime.strptime(text, "%Y/%m/%d %H").replace(tzinfo=BERLIN)
    return f"{local.astimezone(UTC):%Y-%m-%dT%H}"


def events(lines):
    made, here = [], chunks.HOST
    for line in lines:
        fields = next(csv.reader([line])) if '"' in line else line.split(",")
        time, device, kind, action, src, dst, sport, dport, proto, app, user, first, second = fields
        about = {"original": line, "kind": kind.lower(), "action": action}
        source, destination = {"ip": src, "port": int(sport)}, {"ip": dst, "port": int(dport)}
        event = {
            "event": about,
            "@version": "1",
            "@timestamp": f"{hour(time[:13])}{time[13:]}.000Z",
            "host": {"hostname": here},
            "observer": {"name": device, "type": "firewall"},
            "source": source,
            "destination": destination,
        }
        if kind == "TRAFFIC":
            source["bytes"], destination["bytes"] = int(first), int(second)
        else:
            about["severity"], event["threat"] = first, {"name": second}
        event["network"] = {"transport": proto, "application": app} if app else {"transport": proto}
        if user:
            domain, between, name = user.partition("\\")
            event["user"] = {"domain": domain, "name": name} if between else {"name": user}
        about["outcome"] = OUTCOMES[action]
        if action == "allow" and destination["port"] in (22, 3389):
            event["tags"] = ["remote_access"]
        made.append(event)
    return made


if __name__ == "__main__":
    chunks.run(events)
