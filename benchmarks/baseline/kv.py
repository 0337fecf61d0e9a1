#!/usr/bin/env python3
"""The job of kv.conf by hand. usage: kv.py < kv.log > events.json"""

import re

import chunks

pairs = re.compile(r'(\w+)=(?:"([^"]*)"|([^" ]\S*)?)').findall
NUMBERS = ("srcport", "dstport", "proto", "policyid", "duration", "sentbyte", "rcvdbyte")


def events(lines):
    made, now, host = [], chunks.now(), chunks.HOST
    for line in lines:
        event = {
            "message": line,
            "event": {"original": line},
            "@version": "1",
            "@timestamp": now,
            "host": {"hostname": host},
        }
        for key, quoted, bare in pairs(line):
            event[key] = quoted or bare
        for key in NUMBERS:
            event[key] = int(event[key])
        made.append(event)
    return made


if __name__ == "__main__":
    chunks.run(events)
