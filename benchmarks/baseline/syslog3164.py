#!/usr/bin/env python3
"""The job of syslog3164.conf by hand. usage: syslog3164.py < syslog.log > events.json"""

import re
from datetime import UTC, datetime

import chunks
from labels import FACILITIES, SEVERITIES

match = re.compile(
    r"<(\d+)>(\w{3} [ \d]\d) (\d\d:\d\d:\d\d) (\S+) ([^\[:]+)(?:\[(\d+)\])?: (.*)"
).match
MONTHS = {
    name: f"{number:02d}"
    for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}
TODAY = datetime.now(UTC)


def date(day):
    """The date of a month and day, in the year nearest to now across the turn of a year."""
    month = int(MONTHS[day[:3]])
    year = TODAY.year - (month == 12 and TODAY.month == 1) + (month == 1 and TODAY.month == 12)
    return f"{year}-{month:02d}-{int(day[4:]):02d}T"


def events(lines):
    made, dates, here = [], {}, chunks.HOST
    for line in lines:
        pri, day, time, host, name, pid, message = match(line).groups()
        if day not in dates:
            dates[day] = date(day)
        pri = int(pri)
        process = {"name": name} if pid is None else {"name": name, "pid": int(pid)}
        made.append(
            {
                "message": message,
                "event": {"original": line},
                "@version": "1",
                "@timestamp": f"{dates[day]}{time}.000Z",
                "host": {"hostname": [here, host]},
                "process": process,
                "log": {
                    "syslog": {
                        "priority": pri,
                        "severity": {"code": pri & 7, "name": SEVERITIES[pri & 7]},
                        "facility": {"code": pri >> 3, "name": FACILITIES[pri >> 3]},
                    }
                },
            }
        )
    return made


if __name__ == "__main__":
    chunks.run(events)
