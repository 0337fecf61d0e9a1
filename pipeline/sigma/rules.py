"""Files of Sigma rules, read and translated: a block of configuration for each rule.

pySigma joins the files, resolves the references and puts rules before the correlations that name
them. A rule that is refused takes the correlations with it that need it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError, SigmaRegularExpressionError, SigmaRuleLocation
from sigma.modifiers import SigmaWideModifier, modifier_mapping
from sigma.rule import SigmaRule

from ...dsl.diagnostics import ConfigError
from ...dsl.formatter import format as laid_out
from ...dsl.source import Source
from .conditions import Conditions
from .correlations import correlate_block
from .fields import Fields
from .refusal import Refused
from .regexes import POLICY

ALERT = "sigma_alert"
"""The tag of what is a finding by itself, not only a part of a correlation."""

# The specification has it as another name of `wide`; pySigma does not know it.
modifier_mapping.setdefault("utf16le", SigmaWideModifier)

_PLAIN = re.compile(r"[^a-z0-9]+")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(slots=True)
class Translated:
    """A rule and its configuration; ``needs`` are the rules that must stand before it. ``alerts``:
    it is a finding by itself, not only a part of a correlation.
    """

    name: str
    rule: Any
    text: str
    alerts: bool
    needs: list[Translated] = field(default_factory=list)

    @property
    def tag(self) -> str:
        """The tag of its events, or of its alerts."""
        return f"sigma_{self.name}"

    def chain(self) -> list[Translated]:
        """The rules that it needs, each once, in order, and itself."""
        found = {id(one): one for need in self.needs for one in need.chain()}
        return [*found.values(), self]


@dataclass(slots=True)
class Translation:
    """What became of some files: blocks in order, and refusals as text."""

    rules: list[Translated] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def translate(paths: Sequence[Path], fields: Fields) -> Translation:
    """Translate the rules of files; raises OSError."""
    made = Translation()
    collection = _collection(paths, made)
    alerting = {id(rule) for rule in collection.get_output_rules()}
    known: dict[int, Translated] = {}
    names: dict[str, Any] = {}
    for rule in collection.rules:
        path, name = _path(rule), name_of(rule)
        try:
            if rule.errors:
                raise Refused(_said(rule.errors[0]), _help(rule.errors[0]))
            if names.setdefault(name, rule) is not rule:
                raise Refused(f"there are two rules `{name}`", "give them different names")
            known[id(rule)] = one = _translated(rule, id(rule) in alerting, fields, known)
            made.rules.append(one)
        except Refused as error:
            made.refused.append(error.shown(path, rule.name or rule.title))
        except SigmaError as error:
            refused = Refused(_said(error), _help(error))
            made.refused.append(refused.shown(path, rule.name or rule.title))
    return made


def name_of(rule: Any) -> str:
    """The name that tags have: the rule's `name`, or else what its title makes."""
    if rule.name and _NAME.fullmatch(rule.name):
        return str(rule.name)
    return _PLAIN.sub("_", str(rule.name or rule.title).lower()).strip("_") or "rule"


def _collection(paths: Sequence[Path], made: Translation) -> SigmaCollection:
    parts = []
    for path in paths:
        text = path.read_text("utf-8-sig")
        try:
            parts.append(
                SigmaCollection.from_yaml(
                    text,
                    collect_errors=True,
                    source=SigmaRuleLocation(path),
                    collect_filters=True,
                    resolve_references=False,
                    policy=POLICY,
                )
            )
        except Exception as error:  # pySigma raises of what YAML gives, whatever it is
            made.refused.append(Refused(_first_line(error)).shown(str(path), _guilty(text)))
    merged = SigmaCollection.merge(parts, resolve_references=False)
    for stray in _without_rule(merged):
        place = str(stray.source.path) if stray.source is not None else "(rules)"
        made.refused.append(Refused(_said(stray)).shown(place, ""))
    for rule in [each for each in merged.rules if isinstance(each, SigmaCorrelationRule)]:
        _resolve(rule, merged, made)
    merged.resolve_rule_references()
    return merged


def _guilty(text: str) -> str:
    """The name of the rule that pySigma cannot read; empty where it is not one rule."""
    try:
        documents = [each for each in yaml.safe_load_all(text) if isinstance(each, dict)]
    except yaml.YAMLError:
        return ""
    for document in documents:
        name = str(document.get("name") or document.get("title") or "")
        try:
            SigmaCollection.from_dicts([document], True, resolve_references=False, policy=POLICY)
        except Exception:  # whatever it is, this is the one
            return name
    return ""


def _without_rule(merged: SigmaCollection) -> Iterable[SigmaError]:
    """Errors of documents that made no rule, and of filters."""
    told = {id(error) for rule in merged.rules for error in rule.errors}
    return [error for error in merged.errors if id(error) not in told]


def _resolve(rule: SigmaCorrelationRule, merged: SigmaCollection, made: Translation) -> None:
    """Find the rules of a correlation; without them, or with errors, it is refused and taken
    out.
    """
    try:
        if rule.errors:
            raise Refused(_said(rule.errors[0]))
        rule.resolve_rule_references(merged)
        rule.aliases.resolve_rule_references(merged)
    except SigmaError as error:
        help = "give the file of that rule, too"
        made.refused.append(Refused(_said(error), help).shown(_path(rule), name_of(rule)))
        merged.rules.remove(rule)
    except Refused as error:
        made.refused.append(error.shown(_path(rule), name_of(rule)))
        merged.rules.remove(rule)


def _translated(
    rule: Any, alerts: bool, fields: Fields, known: dict[int, Translated]
) -> Translated:
    name = name_of(rule)
    tags = [f"sigma_{name}", ALERT] if alerts else [f"sigma_{name}"]
    needs: list[Translated] = []
    if isinstance(rule, SigmaCorrelationRule):
        needs = _needs(rule, known)
        body = correlate_block(rule, tags, fields, name_of)
    else:
        body = _detection(rule, tags, fields)
    head = "".join(f"  # {line}\n" for line in _comments(rule))
    text = f"filter {{\n{head}  {body}\n}}\n"
    return Translated(name, rule, _checked(text), alerts, needs)


def _needs(rule: SigmaCorrelationRule, known: dict[int, Translated]) -> list[Translated]:
    needs = []
    for reference in rule.referenced_rules:
        if id(reference.rule) not in known:
            raise Refused(
                f"its rule `{name_of(reference.rule)}` is refused", "mend that rule first"
            )
        needs.append(known[id(reference.rule)])
    return needs


def _detection(rule: SigmaRule, tags: list[str], fields: Fields) -> str:
    if "timeframe" in rule.detection.detections:
        raise Refused(
            "`timeframe` counts nothing by itself",
            "write a correlation with `timespan`, and leave `timeframe` out",
        )
    made = Conditions(tags[0], fields)
    conditions = [made.text(each.parsed) for each in rule.detection.parsed_condition]
    if len(conditions) > 1:
        conditions = [f"({each})" for each in conditions]
    listed = ", ".join(f'"{tag}"' for tag in tags)
    marks = "".join(f"{mark}\n  " for mark in made.marks)
    joined = " or ".join(conditions)
    return f"{marks}if {joined} {{\n    mutate {{ add_tag => [{listed}] }}\n  }}"


def _comments(rule: Any) -> Iterable[str]:
    ident = f" ({rule.id})" if rule.id else ""
    yield _one_line(f"Sigma: {rule.title}{ident}, {Path(_path(rule)).name}")
    if isinstance(rule, SigmaRule):
        source = rule.logsource
        parts = [("category", source.category), ("product", source.product)]
        parts.append(("service", source.service))
        said = ", ".join(f"{key} {value}" for key, value in parts if value)
        yield _one_line(f"Log source: {said}. Only events of this source belong here.")


def _checked(text: str) -> str:
    """The text laid out; that it parses is certain."""
    try:
        return laid_out(Source("(sigma)", text))
    except ConfigError as error:
        raise Refused(f"its translation is not valid: {error}", "report this") from None


def _path(rule: Any) -> str:
    return str(rule.source.path) if rule.source is not None else "(rules)"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _first_line(error: Exception) -> str:
    if isinstance(error, SigmaError):
        return _said(error)
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _said(error: SigmaError) -> str:
    """What pySigma says, without the place, which stands in front already."""
    return str(error.args[0]) if error.args else type(error).__name__


def _help(error: SigmaError) -> str:
    if "pipe syntax" in str(error):
        return "write a correlation: https://sigmahq.io/docs/meta/correlations"
    if isinstance(error, SigmaRegularExpressionError):
        return "write an expression of RE2: without look-arounds, and without back-references"
    return ""
