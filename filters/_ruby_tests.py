"""The ``test`` blocks of a Ruby script: ``parameters``, ``in_event`` and ``expect``.

They are taken out of the script before it is compiled, and run on a script of their own when the
configuration is checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from ..dsl.reference import Event
from ..dsl.values import copy
from ..plugins.contract import Plugin

Outcome = Callable[[Any, dict[str, Any]], list[Event]]
"""What the script, given these parameters, makes of an event of these fields."""


class ScriptTest(msgspec.Struct):
    """A test: its name, what it gives the script, and what it expects, as Ruby."""

    name: str
    parameters: str
    event: str
    expectations: list[tuple[str, str, str]]


def without_tests(text: str) -> tuple[str, list[ScriptTest]]:
    """A script with its tests blanked out, and the tests."""
    if "test" not in text:
        return text, []
    from ._ruby_scripts import is_installed

    if not is_installed():
        return text, []
    from ..dsl.ruby.syntax import Tree, named

    tree = Tree(text)
    tests, data = [], bytearray(tree.data)
    for node in named(tree.root):
        if (
            node.type == "call"
            and _method(tree, node) == "test"
            and node.child_by_field_name("block")
        ):
            tests.append(_read(tree, node))
            for at in range(node.start_byte, node.end_byte):
                data[at] = 10 if data[at] == 10 else 32
    return data.decode("utf-8"), tests


def _method(tree: Any, node: Any) -> str:
    found = node.child_by_field_name("method")
    return tree.of(found) if found is not None else ""


def _body(tree: Any, node: Any) -> str:
    block = node.child_by_field_name("block")
    body = block.child_by_field_name("body") if block is not None else None
    return tree.of(body) if body is not None else ""


def _argument(tree: Any, node: Any) -> str:
    from ..dsl.ruby.syntax import named

    given = node.child_by_field_name("arguments")
    return tree.of(named(given)[0]).strip("'\"") if given is not None else ""


def _read(tree: Any, node: Any) -> ScriptTest:
    from ..dsl.ruby.syntax import statements

    test = ScriptTest(_argument(tree, node), "{}", "{}", [])
    block = node.child_by_field_name("block")
    for inner in statements(block.child_by_field_name("body")):
        name = _method(tree, inner) if inner.type == "call" else ""
        if name == "parameters":
            test.parameters = _body(tree, inner)
        elif name == "in_event":
            test.event = _body(tree, inner)
        elif name == "expect":
            given = inner.child_by_field_name("block").child_by_field_name("parameters")
            variable = tree.of(given).strip("| ") if given is not None else "events"
            test.expectations.append((_argument(tree, inner), variable, _body(tree, inner)))
    return test


def run_tests(owner: Plugin, tests: list[ScriptTest], outcome: Outcome) -> None:
    """Run the tests of a script; one that fails is a problem of the option ``path``."""
    for test in tests:
        for failure in failures(test, outcome):
            owner.problem("path", failure, "correct the script or its test")


def failures(test: ScriptTest, outcome: Outcome) -> list[str]:
    """What a test says that is not so."""
    try:
        events = _outcome(test, outcome)
    except Exception as error:
        return [f"the test `{test.name}` failed: {error}"]
    found = [(name, _reason(variable, body, events)) for name, variable, body in test.expectations]
    return [
        f"the test `{test.name}` failed: {name}{reason}"
        for name, reason in found
        if reason is not None
    ]


def _reason(variable: str, body: str, events: list[Any]) -> str | None:
    """Why an expectation does not hold, an empty text where it is just false; None where it
    holds.
    """
    try:
        return None if _holds(variable, body, events) else ""
    except Exception as error:
        return f" ({error})"


def _outcome(test: ScriptTest, outcome: Outcome) -> list[Any]:
    from ..dsl.ruby.events import RubyEvent

    made = outcome(_evaluated(test.parameters), copy(_evaluated(test.event)))
    return [RubyEvent(each) for each in made]


def _evaluated(text: str) -> Any:
    from ..dsl.ruby import Logger, Origin, Unit, compile_units
    from ..dsl.ruby.events import as_field

    unit = Unit(text, Origin("<test>"), (), True)
    return as_field(compile_units([unit], {}, Logger(lambda level, said: None)).functions[0]())


def _holds(variable: str, body: str, events: list[Any]) -> bool:
    from ..dsl.ruby import Logger, Origin, Unit, compile_units
    from ..dsl.ruby.enumerables import is_true

    unit = Unit(body, Origin("<test>"), (variable,), True)
    made = compile_units([unit], {}, Logger(lambda level, said: None))
    return is_true(made.functions[0](events))
