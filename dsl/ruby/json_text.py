"""The module JSON, and ``to_json``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .dispatch import METHODS, define, singleton
from .errors import (
    JSONGeneratorError,
    JSONParserError,
    LogStashParserError,
)
from .inspection import class_name, float_text, text, to_s
from .objects import Hash, key_back, symbol
from .strftime import time_to_s
from .times import Time

# --- JSON


def _reject(token: str) -> Any:
    raise JSONParserError(f"unexpected token at '{token}'")


def _pairs(symbolize: bool) -> Callable[[list[tuple[str, Any]]], Any]:
    if symbolize:
        return lambda pairs: {symbol(key): value for key, value in pairs}
    return dict


@singleton("JSON", "parse", "load", "parse!")
def parse(source: Any, symbolize_names: Any = False, **options: Any) -> Any:
    """The data of a JSON text."""
    if source is None:
        from .errors import TypeError_

        raise TypeError_("no implicit conversion of nil into String")
    given = text(source)
    try:
        return json.loads(
            given,
            object_pairs_hook=_pairs(symbolize_names not in (None, False)),
            parse_constant=None if options.get("allow_nan") else _reject,
        )
    except (json.JSONDecodeError, RecursionError) as error:
        at = error.pos if isinstance(error, json.JSONDecodeError) else 0
        raise JSONParserError(f"unexpected token at '{given[at:]}'") from None


@singleton("LogStash::Json", "load", "jruby_load", "legacy_load")
def logstash_load(source: Any, options: Any = None) -> Any:
    """The data of a JSON text, as Logstash reads it; raises LogStash::Json::ParserError."""
    if not text(source).strip():
        return None
    try:
        return parse(source)
    except JSONParserError as error:
        raise LogStashParserError(str(error)) from None


def as_json(value: Any) -> str:
    """A value as JSON, as ``to_json`` writes it."""
    kind = type(value)
    if kind is float:
        if value - value != 0:
            raise JSONGeneratorError(f"920: {float_text(value)} not allowed in JSON")
        return float_text(value)
    if kind is list:
        return "[" + ",".join([as_json(item) for item in value]) + "]"
    if kind is dict or kind is Hash:
        pairs = [
            f"{json.dumps(to_s(key_back(k)), ensure_ascii=False)}:{as_json(v)}"
            for k, v in value.items()
        ]
        return "{" + ",".join(pairs) + "}"
    if value is None or kind is bool or kind is int:
        return json.dumps(value)
    if type(value) is Time:
        return json.dumps(time_to_s(value))
    own = (
        METHODS.get("LogStash::Event", {}).get("to_json")
        if class_name(value) == "LogStash::Event"
        else None
    )
    return own(value) if own else json.dumps(to_s(value), ensure_ascii=False)


@define("Object", "to_json")
def to_json(self: Any, *state: Any, **options: Any) -> str:
    """As JSON."""
    return as_json(self)


@singleton("JSON", "generate", "dump", "fast_generate")
@singleton("LogStash::Json", "dump", "jruby_dump", "legacy_dump")
def generate(value: Any, *options: Any, **named: Any) -> str:
    """A value as JSON."""
    return as_json(value)


@singleton("JSON", "pretty_generate")
def pretty_generate(value: Any, *options: Any, **named: Any) -> str:
    """A value as JSON over several lines."""
    return _pretty(value, "")


def _pretty(value: Any, indent: str) -> str:
    inner = indent + "  "
    if type(value) is list and value:
        return "[\n" + ",\n".join([inner + _pretty(v, inner) for v in value]) + f"\n{indent}]"
    if isinstance(value, dict) and value:
        pairs = [
            f"{inner}{as_json(to_s(key_back(k)))}: {_pretty(v, inner)}" for k, v in value.items()
        ]
        return "{\n" + ",\n".join(pairs) + f"\n{indent}}}"
    return as_json(value)
