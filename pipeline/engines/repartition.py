"""The pipelines that bring events to the partition of their key, for a group of Kafka consumers.

A group exchanges nothing: a key must come in one partition. Where a topic is keyed otherwise, one
pipeline writes a topic that is keyed right, and the next one reads it. Each exchange of the plan is
such a topic; the texts are cut out of the configuration itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from ...dsl.program import PluginUse
from ...dsl.source import Span
from ...plugins import registry
from ..compile.instantiate import uses
from .parts import KeyedFilter, Plan, statements_of

_TOPIC = re.compile(r"[^\w.]+", re.ASCII)
"""What the name of a topic cannot have, and the brackets of fields and templates."""


class Repartition(msgspec.Struct, frozen=True):
    """The pipelines in place of one, each a text, and the topics between them."""

    topics: list[str]
    pipelines: list[str]


def repartition_of(plan: Plan) -> Repartition | None:
    """What to run where the topic is keyed otherwise; None where nothing is keyed, or the input is
    not one of Kafka.
    """
    program = plan.assembly.program
    inputs = [use for use in uses(program.inputs) if use.name == "kafka"]
    keyed = [segment for segment in plan.segments if segment.keyed]
    if not inputs or not keyed or len(inputs) != len(plan.reads):
        return None
    source = _text_of(inputs)
    lead, made, topics = inputs[0], list[str](), list[str]()
    for segment in plan.segments:
        filters = "\n".join(_text(each.span) for each in statements_of(program, segment))
        behind = plan.segments[segment.number + 1 :]
        if not behind:
            target = "\n".join(_text(each.span) for each in program.outputs)
        else:
            topic = _topic(lead, behind[0].keyed[0])
            topics.append(topic)
            target = _output(lead, topic, behind[0].keyed[0])
        made.append(_pipeline(source, filters, target))
        if behind:
            source = _changed(lead, _reading(lead, topics[-1], len(topics)))
    return Repartition(topics, made)


def _pipeline(source: str, filters: str, target: str) -> str:
    body = f"filter {{\n{_indented(filters)}\n}}\n" if filters else ""
    return f"input {{\n{_indented(source)}\n}}\n{body}output {{\n{_indented(target)}\n}}\n"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" if line else line for line in text.splitlines())


def _text(span: Span) -> str:
    """A stretch of the configuration, as far to the left as it can be."""
    text = span.source.text[span.start : span.end]
    margin = " " * (span.source.place(span.start)[1] - 1)
    return "\n".join(line.removeprefix(margin) for line in text.splitlines())


def _text_of(inputs: list[PluginUse]) -> str:
    return "\n".join(_text(use.span) for use in inputs)


def _topic(lead: PluginUse, keyed: KeyedFilter) -> str:
    given = lead.settings.get("topics")
    first = str(given.value[0]) if given is not None and given.value else "events"
    names = "-".join(_TOPIC.sub("-", text.replace("][", ".")).strip("-") for text in keyed.by)
    return f"{first}-by-{names or 'nothing'}"


def _reading(lead: PluginUse, topic: str, number: int) -> dict[str, str]:
    """The options of the input that reads a topic in between, in a group of its own."""
    given = lead.settings.get("group_id")
    group = f"{given.value if given else 'logstash'}-{number}"
    return {"group_id": f'"{group}"', "topics": f'["{topic}"]', "codec": "json"}


_LEFT_OUT = ("topics", "topics_pattern", "codec", "group_id")


def _changed(use: PluginUse, changes: Mapping[str, str]) -> str:
    """The text of a plugin with other values of some options."""
    lines = [
        _text(attribute.span)
        for name, setting in use.settings.items()
        if name not in _LEFT_OUT
        for attribute in setting.given
    ]
    lines += [f"{name} => {value}" for name, value in changes.items()]
    return f"{use.name} {{\n{_indented(chr(10).join(lines))}\n}}"


def _output(lead: PluginUse, topic: str, keyed: KeyedFilter) -> str:
    """An output to the same cluster, keyed by the fields of a filter."""
    spec = registry.spec("output", "kafka")
    assert spec is not None
    known = {name for name, option in spec.options.items() if not option.common}
    shared = [
        _text(attribute.span)
        for name, setting in lead.settings.items()
        if name in known and name not in ("client_id", "codec")
        for attribute in setting.given
    ]
    key = "|".join(map(_template, keyed.by)) or "all"
    lines = [*shared, f'topic_id => "{topic}"', f'message_key => "{key}"', "codec => json"]
    return f"kafka {{\n{_indented(chr(10).join(lines))}\n}}"


def _template(text: str) -> str:
    """What fills a field, or a template, into the key of a message."""
    return text if "%{" in text else f"%{{{text}}}"
