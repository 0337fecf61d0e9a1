"""The kinds of option values, a closed set in one table: how each is read, said to a user and put
in a schema.

Reading coerces as Logstash does: a scalar where a list is wanted, a flat list where a hash is
wanted, numbers and booleans from strings.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from . import tree
from .diagnostics import PenstockError
from .durations import seconds_of
from .literals import paired
from .reference import FieldRef, ReferenceSyntaxError
from .spec import Kind, OptionSpec
from .template import Template
from .values import to_text


class Misfit(PenstockError):
    """A value that an option does not take: what is wrong, and a help text; ``path`` leads to the
    item to blame.
    """

    def __init__(
        self, message: str, help: str = "", path: tuple[str | int, ...] = (), code: str = "E204"
    ) -> None:
        super().__init__(message)
        self.message, self.help, self.path, self.code = message, help, path, code


class Reading(msgspec.Struct, frozen=True):
    """One kind: ``said`` names it in a message, ``read`` coerces a literal or raises Misfit,
    ``schema`` is its JSON schema.
    """

    said: str
    read: Callable[[Any, Kind], Any]
    schema: dict[str, Any]


def read_option(spec: OptionSpec, value: Any) -> Any:
    """The value of an option, typed; raises Misfit.

    As in Logstash a list of one item is that item where one value is wanted, and an empty name of
    a field that may be absent is none.
    """
    if spec.kind.name not in _OF_SEVERAL and isinstance(value, list) and len(value) == 1:
        (value,) = value
    if value == "" and spec.kind.name == "field" and spec.default is None:
        return None
    typed = read(spec.kind, value)
    for path, item in scalars(typed) if spec.choices else ():
        if str(item) not in spec.choices:
            raise Misfit(
                f"`{item}` is not a valid value of `{spec.name}`", _choices(spec, str(item)), path
            )
    if spec.at_least is not None and typed < spec.at_least:
        raise Misfit(f"must be at least {spec.at_least:g}", "give a larger number")
    return typed


_OF_SEVERAL = ("any", "codec", "hash", "list")
"""The kinds whose values may be lists."""


def scalars(value: Any) -> list[tuple[tuple[str | int, ...], Any]]:
    """The items of a list, the values of a hash or the value itself, each with its path."""
    if isinstance(value, list):
        return [((i,), item) for i, item in enumerate(value)]
    if isinstance(value, dict):
        return [((key,), item) for key, item in value.items()]
    return [((), value)]


def _choices(spec: OptionSpec, given: str) -> str:
    from .diagnostics import did_you_mean

    return did_you_mean(given, spec.choices) or "one of " + ", ".join(
        f"`{c}`" for c in spec.choices
    )


def read(kind: Kind, value: Any) -> Any:
    """A literal as a value of this kind; raises Misfit."""
    return KINDS[kind.name].read(value, kind)


def _text(value: Any, kind: Kind) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return to_text(value)
    raise _wrong(value, "text")


def _wrong(value: Any, kind: str) -> Misfit:
    help_texts = {
        "hash": 'write { "key" => "value" }',
        "number": "write it without quotes, or as digits in quotes",
        "boolean": "write true or false",
    }
    return Misfit(f"expected {KINDS[kind].said}, found {_is(value)}", help_texts.get(kind, ""))


def _is(value: Any) -> str:
    if isinstance(value, str):
        return "a string"
    if isinstance(value, tree.Plugin):
        return "a plugin"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a hash"
    return "a number"


def _number(value: Any, kind: Kind) -> int | float:
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d+(\.\d*)?([eE][+-]?\d+)?\s*", value):
        value = float(value) if re.search(r"[.eE]", value) else int(value)
    if isinstance(value, int | float):
        return value
    raise _wrong(value, "number")


def _integer(value: Any, kind: Kind) -> int:
    number = _number(value, kind)
    if number != int(number):
        raise Misfit("expected an integer", f"write {round(number)}")
    return int(number)


_OCTAL = re.compile(r"\s*0o?([0-7]+)\s*")


def _mode(value: Any, kind: Kind) -> int:
    """The permissions of a file: octal with a leading zero (0640), else decimal; -1 for none."""
    octal = _OCTAL.fullmatch(value) if isinstance(value, str) else None
    mode = int(octal[1], 8) if octal is not None else _integer(value, kind)
    leads = isinstance(value, str) and value.strip().startswith("0") and value.strip() != "0"
    if (leads and octal is None) or not -1 <= mode <= 0o7777:
        raise Misfit(f"`{value}` is not a valid mode", "write it as octal digits: 0640")
    return mode


def _boolean(value: Any, kind: Kind) -> bool:
    if value in ("true", "false"):
        return bool(value == "true")
    raise _wrong(value, "boolean")


def _list(value: Any, kind: Kind) -> list[Any]:
    items = value if isinstance(value, list) else [value]
    return [_item(kind, item, (i,)) for i, item in enumerate(items)]


def _hash(value: Any, kind: Kind) -> dict[str, Any]:
    if (
        isinstance(value, list)
        and len(value) % 2 == 0
        and not any(isinstance(key, list | dict) for key in value[::2])
    ):
        value = paired(value)
    if not isinstance(value, dict):
        raise _wrong(value, "hash")
    return {key: _item(kind, item, (key,)) for key, item in value.items()}


def _item(kind: Kind, value: Any, path: tuple[str | int, ...]) -> Any:
    if kind.item is None:
        return value
    try:
        return read(kind.item, value)
    except Misfit as misfit:
        raise Misfit(misfit.message, misfit.help, path + misfit.path, misfit.code) from None


def _field(value: Any, kind: Kind) -> FieldRef:
    try:
        return FieldRef(_text(value, kind))
    except ReferenceSyntaxError as error:
        raise Misfit(
            str(error), "write a field as name, [name] or [outer][inner]", code="E207"
        ) from None


def _template(value: Any, kind: Kind) -> Template:
    return Template(_text(value, kind))


def _path(value: Any, kind: Kind) -> Path:
    path = Path(_text(value, kind))
    if not path.exists():
        raise Misfit(
            f"file `{path}` does not exist",
            "check the path; a relative path starts at the directory in which penstock was started",
            code="E210",
        )
    return path


def _regex(value: Any, kind: Kind) -> re.Pattern[str]:
    from .regex import RegexError
    from .regex import compile as compile_regex

    try:
        return compile_regex(_text(value, kind))
    except RegexError as error:
        raise Misfit(f"bad regular expression: {error}", code="E208") from None


_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:([kmgtpe])(i?))?b?\s*\Z", re.IGNORECASE)


def _bytes(value: Any, kind: Kind) -> int:
    match = _SIZE.match(_text(value, kind))
    if match is None:
        raise Misfit("expected a size", "write it as 10MiB, 180 kb or a number of bytes")
    power = "kmgtpe".index(match[2].lower()) + 1 if match[2] else 0
    return int(float(match[1]) * (1024 if match[3] else 1000) ** power)


def _duration(value: Any, kind: Kind) -> float | str:
    """Seconds; a bare number is handed on as float, its unit being the option's."""
    if isinstance(value, int | float):
        return float(value)
    seconds = seconds_of(_text(value, kind))
    return float(_number(value, kind)) if seconds is None else seconds


def _any(value: Any, kind: Kind) -> Any:
    return value


KINDS: dict[str, Reading] = {
    "any": Reading("a value", _any, {}),
    "boolean": Reading("a boolean", _boolean, {"type": "boolean"}),
    "bytes": Reading("a size in bytes", _bytes, {"type": ["integer", "string"]}),
    "codec": Reading("a codec", _any, {"type": "string"}),
    "duration": Reading("a duration", _duration, {"type": ["number", "string"]}),
    "field": Reading("a field reference", _field, {"type": "string"}),
    "hash": Reading("a hash", _hash, {"type": "object"}),
    "integer": Reading("an integer", _integer, {"type": "integer"}),
    "list": Reading("a list", _list, {"type": "array"}),
    "mode": Reading("the mode of a file, such as 0640", _mode, {"type": ["integer", "string"]}),
    "number": Reading("a number", _number, {"type": "number"}),
    "password": Reading("a string", _text, {"type": "string"}),
    "path": Reading("a file that exists", _path, {"type": "string"}),
    "pattern": Reading("a path or a pattern of paths", _text, {"type": "string"}),
    "regex": Reading("a regular expression", _regex, {"type": "string"}),
    "template": Reading("a string", _template, {"type": "string"}),
    "text": Reading("a string", _text, {"type": "string"}),
    "uri": Reading("a URI", _text, {"type": "string", "format": "uri"}),
}
