"""Runs a test file of logstash-filter-verifier: all cases through one pipeline, what comes out
dealt to the cases in order.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from ...dsl.diagnostics import ConfigError, Diagnostic
from ...dsl.event import accept
from ...dsl.program import PluginUse
from ...dsl.reference import Event, place
from ...dsl.values import copy, json_text
from ...plugins.contract import Codec, Input
from ...plugins.decoration import decoration
from ..compile.instantiate import make_codec
from .blame import Blame, blames
from .cases import Case, Given, Suite, VerifierOptions
from .compare import Difference, order_by_fit
from .harness import Compiled, Harness, Harnesses, Outcome, codec_of, framed, set_fields
from .results import Listening, Result
from .verifier import expanded, reference

Seen = tuple[Outcome, list[int]]


class Judge(Protocol):
    """What compiles and judges cases of every kind."""

    harnesses: Harnesses
    explain: bool

    def sections(self, harness: Harness) -> Compiled | None: ...

    def differences(self, suite: Suite, case: Case, outcome: Outcome) -> list[Difference]: ...

    def result(
        self, suite: Suite, case: Case, outcome: Outcome, differences: list[Difference]
    ) -> Result: ...


def run_verifier(judge: Judge, suite: Suite, cases: Sequence[Case]) -> Iterator[Result]:
    """The results of a file's cases."""
    if not cases or suite.verifier is None:
        return
    started = time.perf_counter()
    try:
        harness = judge.harnesses.of(cases[0].setup)
        session = _Session(harness, suite.verifier)
        with Listening() as log:
            outcomes = _outcomes(judge, harness, session, cases)
    except ConfigError as error:
        for case in cases:
            yield Result(case.name, suite.path, case.span, "error", problems=error.diagnostics)
        return
    each = (time.perf_counter() - started) / len(cases)
    for case, (outcome, origins) in zip(cases, outcomes, strict=True):
        differences = judge.differences(suite, case, outcome)
        if differences and len(case.expected.events or ()) == len(outcome.events):
            outcome, origins = _in_any_order(case, outcome, origins)
            differences = judge.differences(suite, case, outcome)
        result = judge.result(suite, case, outcome, differences)
        result.seconds, result.log = each, log.lines
        if differences and judge.explain:
            result.blames = _blames(harness, suite.verifier, case, differences, origins)
        yield result


def _outcomes(
    judge: Judge, harness: Harness, session: _Session, cases: Sequence[Case]
) -> list[Seen]:
    sections = judge.sections(harness)
    found = []
    for number, case in enumerate(cases, 1):
        last = number == len(cases)
        found.append(session.seen(harness.push(session.arrivals(case.given, last), sections, last)))
    harness.reset(sections)
    return _dealt(found, [len(case.expected.events or ()) for case in cases])


def _in_any_order(case: Case, outcome: Outcome, origins: list[int]) -> Seen:
    """What a case gave, in the order that was expected: Logstash's differs where a clone takes a
    branch that its original does not.
    """
    order = order_by_fit(case.expected, outcome)
    events = [outcome.events[number] for number in order]
    routes = [outcome.routes[number] for number in order]
    moved = [origins[number] for number in order] if len(origins) == len(order) else origins
    return Outcome(events, routes, outcome.originals, outcome.stamps), moved


def _dealt(found: list[Seen], wanted: list[int]) -> list[Seen]:
    """Events that a codec or filter held back come with a later case: where the sum is right, deal
    them as they are expected.
    """
    events = [event for outcome, _ in found for event in outcome.events]
    if len(events) != sum(wanted) or all(
        len(o.events) == n for (o, _), n in zip(found, wanted, strict=True)
    ):
        return found
    routes = [route for outcome, _ in found for route in outcome.routes]
    originals = frozenset[str]().union(*(outcome.originals for outcome, _ in found))
    stamps = frozenset[str]().union(*(outcome.stamps for outcome, _ in found))
    dealt, at = [], 0
    for number in wanted:
        part = slice(at, at + number)
        dealt.append((Outcome(events[part], routes[part], originals, stamps), list(range(number))))
        at += number
    return dealt


def _blames(
    harness: Harness,
    options: VerifierOptions,
    case: Case,
    differences: list[Difference],
    origins: list[int],
) -> list[Blame | None]:
    def led_back(difference: Difference) -> Difference:
        if difference.event is None or difference.event >= len(origins):
            return difference
        return dataclasses.replace(
            difference,
            event=origins[difference.event],
            target=difference.target,
            value=difference.value,
        )

    arrivals = _Session(harness, options).arrivals(case.given, last=True)
    return blames(harness, arrivals, [led_back(difference) for difference in differences])


class _Session:
    """One run of a file: a codec for all its lines, and events that are numbered."""

    def __init__(self, harness: Harness, options: VerifierOptions) -> None:
        self.harness, self.options = harness, options
        self.settings = harness.assembly.program.settings
        self.count = 0
        self.codec = self.new_codec().stream()

    def new_codec(self) -> Codec:
        if not self.options.daemon:
            return codec_of(self.options.codec, self.settings)
        use = self.use()
        given = use.settings.get("codec")
        return make_codec(given.value if given else "plain", use, self.settings)

    def use(self) -> PluginUse:
        name = self.options.input_plugin
        use = self.harness.inputs.get(name)
        if use is None:
            help = (
                "the inputs are " + ", ".join(self.harness.inputs)
                if self.harness.inputs
                else "the configuration has no inputs"
            )
            raise ConfigError(
                [
                    Diagnostic(
                        "E406",
                        f"unknown input with the id `{name}`",
                        self.harness.setup.place,
                        help,
                    )
                ]
            )
        return use

    def arrivals(self, given: Given, last: bool) -> list[Event]:
        """The events of a case; the last one gets what the codec holds."""
        events = [event for item in given.items for event in self.decoded(str(item))]
        if not given.items and self.options.daemon:
            events.append({})
        if last:
            events += self.codec.flush()
        return [self.finished(event, given.fields) for event in events]

    def decoded(self, line: str) -> list[Event]:
        if not self.options.daemon and self.options.codec == "json_lines":
            line = _expanded_json(line)
        return self.codec.decode(framed(line, self.codec).encode())

    def finished(self, event: Event, fields: Mapping[str, Any]) -> Event:
        if self.options.daemon:
            set_fields(event, {reference(name): value for name, value in fields.items()})
            place(event, ("@metadata", "__lfv_id"), str(self.count))
            self.count += 1
            source = self.harness.assembly.made[self.use()]
            assert isinstance(source, Input)
            decorate = source.decorate
        else:
            decorate = decoration(dict(_flat(fields)))
        if decorate is not None:
            decorate(event)
        return accept(event, self.harness.assembly.now())

    def seen(self, outcome: Outcome) -> Seen:
        """The events as they are compared, each with the number of the one that it was."""
        found = [
            (n, label) for n, labels in enumerate(outcome.routes) for label in self.labels(labels)
        ]
        if self.options.daemon:
            found.sort(key=lambda pair: (_number(outcome.events[pair[0]]), pair[1]))
        events = [self.exported(outcome.events[number], label) for number, label in found]
        routes = [outcome.routes[number] for number, _ in found]
        return Outcome(events, routes, outcome.originals, outcome.stamps), [
            number for number, _ in found
        ]

    def labels(self, labels: tuple[str, ...]) -> Sequence[str]:
        """The outputs for which an event is seen: in daemon mode each that it reached."""
        return labels if self.options.daemon and self.harness.outputs else ("",)

    def exported(self, event: Event, label: str) -> Event:
        made: Event = copy(event)
        held = made.pop("@metadata", None)
        given = held if isinstance(held, dict) else {}
        metadata = {k: v for k, v in given.items() if not k.startswith(("__lfv_", "__tmp_"))}
        if metadata and self.options.export_metadata:
            made["@metadata"] = metadata
        if self.options.export_outputs:
            made[self.options.out_name] = label
        return made


def _number(event: Event) -> int:
    held = event.get("@metadata")
    number = held.get("__lfv_id") if isinstance(held, dict) else None
    return int(number) if isinstance(number, str) and number.isdigit() else 0


def _flat(fields: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}[{name}]")
        else:
            yield (f"{path}[{name}]" if path else name), value


def _expanded_json(line: str) -> str:
    try:
        data = json.loads(line)
    except ValueError:
        return line
    made = expanded(data) if isinstance(data, dict) else data
    return line if made == data else json_text(made)
