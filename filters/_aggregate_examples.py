"""The examples of the filter aggregate."""

from __future__ import annotations

from ..plugins.declaration import Example

EXAMPLES = (
    Example(
        "the sum in the last event",
        """if [logger] == "START" {
  aggregate { task_id => "%{task}" code => "map['ms'] = 0" map_action => "create" }
} else if [logger] == "SQL" {
  aggregate { task_id => "%{task}" code => "map['ms'] += event.get('ms')" map_action => "update" }
} else {
  aggregate {
    task_id => "%{task}" code => "event.set('sql_ms', map['ms'])"
    map_action => "update" end_of_task => true
  }
}""",
        before=[
            {"task": "1", "logger": "START"},
            {"task": "1", "logger": "SQL", "ms": 5},
            {"task": "1", "logger": "SQL", "ms": 7},
            {"task": "1", "logger": "END"},
        ],
        after=[
            {"task": "1", "logger": "START"},
            {"task": "1", "logger": "SQL", "ms": 5},
            {"task": "1", "logger": "SQL", "ms": 7},
            {"task": "1", "logger": "END", "sql_ms": 12},
        ],
    ),
    Example(
        "rows that come in order",
        """aggregate {
  task_id => "%{country}"
  code => "
    map['country'] = event.get('country')
    (map['towns'] ||= []) << event.get('town')
    event.cancel"
  push_previous_map_as_event => true
}""",
        before=[
            {"country": "fr", "town": "Lyon"},
            {"country": "fr", "town": "Nice"},
            {"country": "it", "town": "Rome"},
        ],
        after=[
            {"country": "fr", "towns": ["Lyon", "Nice"]},
            {"country": "it", "towns": ["Rome"], "tags": ["_aggregatefinalflush"]},
        ],
    ),
)
