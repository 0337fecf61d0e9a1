#!/usr/bin/env python3
"""The job of syslog5424.conf by hand. usage: syslog5424.py < syslog.log > events.json"""

import re

import chunks

match = re.compile(
    r"<(\d+)>(\d{1,2}) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"
    r" (\S+) (\S+) (\d+|-) (\S+) (\[.*\]|-) (.*)"
).match


def events(lines):
    made, here = [], chunks.HOST
    for line in lines:
        pri, version, time, host, name, pid, code, data, message = match(line).groups()
        made.append(
            {
                "message": [line, message],
                "event": {"original": line, "code": code},
                "@version": "1",
                "@timestamp": time,
                "host": {"hostname": [here, host]},
                "log": {"syslog": {"priority": int(pri)}},
                "system": {"syslog": {"version": version, "structured_data": data}},
                "process": {"name": name, "pid": int(pid)},
            }
        )
    return made


if __name__ == "__main__":
    chunks.run(events)
