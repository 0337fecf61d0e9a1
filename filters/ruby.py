"""The filter ruby, which is not there: a configuration that has it is told how to write the same in
Python.
"""

from __future__ import annotations

from typing import Any

from ..dsl.reference import Event
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option
from ._ruby_to_python import needed, translated


class Ruby(Filter, name="ruby"):
    """Refuse the configuration, and show the code as Python: there is no Ruby here.

    Write the filter `python` in its place; its options have the same names. The error proposes the
    code in Python, as far as it could be translated line by line: blocks, conditions, `event.get`,
    `event.set`, `event.remove`, `event.tag`, `event.cancel` and the usual calls on texts and lists.
    What is still Ruby is marked. Read it before you use it: `nil` has no methods in Python either,
    but `""` and `0` are false there, and `/` gives fractions.

    Differs from Logstash: it never runs.
    """

    code: str | None = option("Ruby, run on each event.", default=None)
    init: str | None = option("Ruby, run once.", default=None)
    path: str | None = option("A script in Ruby.", default=None)
    script_params: dict[str, Any] = option("What the script is given.", default={})
    tag_on_exception: str = option(
        "A tag for events on which the code raised.", default="_rubyexception"
    )
    tag_with_exception_message: bool = option("Whether a tag has the reason, too.", default=False)

    examples = (
        Example(
            "what was event.set('ms', event.get('s').to_f * 1000)",
            "python { code => \"event.set('ms', float(event.get('s')) * 1000)\" }",
            before={"s": "1.5"},
            after={"s": "1.5", "ms": 1500.0},
        ),
        Example(
            "what was event.cancel if event.get('level') == 'debug'",
            "python { code => \"if event.get('level') == 'debug': event.cancel()\" }",
            before=[{"level": "debug"}, {"level": "info"}],
            after=[{"level": "info"}],
        ),
    )

    def prepare(self) -> None:
        """Say that it is not there, for each piece of code."""
        for name in ("init", "code"):
            given = getattr(self, name)
            if given is not None:
                self.problem(name, "there is no Ruby here", _proposal(name, translated(given)))
        if self.path is not None or self.code is None:
            help = (
                "write the script in Python, with `register(params)` and `filter(event)`, and"
                " python { path => … }"
            )
            self.problem("path" if self.path else "code", "there is no Ruby here", help)

    def run(self, events: list[Event]) -> list[Event]:
        """Never called: no configuration with it is accepted."""
        raise NotImplementedError


def _proposal(option: str, code: str) -> str:
    """The help text: the code in Python, and what it needs before it."""
    before = "".join(f"; {line}" for line in needed(code)).removeprefix("; ")
    also = f', and init => "{before}"' if before and option == "code" else ""
    indented = "\n".join(f"      {line}" if line else "" for line in code.splitlines())
    return f"write python {{ {option} => … }}{also}:\n\n{indented}\n"
