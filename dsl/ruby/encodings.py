"""Strings and bytes: encodings, ``pack`` and ``unpack``."""

from __future__ import annotations

import codecs
import re
from typing import Any

from .comparison import as_bytes, raw
from .dispatch import CLASS_OF, CONSTANTS, define
from .errors import (
    ArgumentError,
    InvalidByteSequenceError,
    NotCompiled,
    UndefinedConversionError,
)
from .inspection import integer, text
from .objects import Proc, Symbol
from .strings import on_text


class Encoding:
    """An encoding; ``codec`` is Python's."""

    __slots__ = ("codec", "name")

    def __init__(self, name: str, codec: str) -> None:
        self.name, self.codec = name, codec


_NAMES = {
    "UTF-8": "utf-8",
    "ASCII-8BIT": "latin-1",
    "US-ASCII": "ascii",
    "ISO-8859-1": "latin-1",
    "ISO-8859-15": "iso8859-15",
    "Windows-1252": "cp1252",
    "Windows-1251": "cp1251",
    "UTF-16": "utf-16",
    "UTF-16LE": "utf-16-le",
    "UTF-16BE": "utf-16-be",
    "UTF-32LE": "utf-32-le",
    "UTF-32BE": "utf-32-be",
    "Shift_JIS": "shift_jis",
    "EUC-JP": "euc_jp",
    "GBK": "gbk",
}
_ENCODINGS = {name: Encoding(name, codec) for name, codec in _NAMES.items()}
_ALIASES = {"binary": "ASCII-8BIT", "ascii": "US-ASCII", "cp1252": "Windows-1252", "utf8": "UTF-8"}
_FOLDED = {name.lower(): made for name, made in _ENCODINGS.items()}
UTF_8, BINARY = _ENCODINGS["UTF-8"], _ENCODINGS["ASCII-8BIT"]

CLASS_OF[Encoding] = "Encoding"
for _name, _made in _ENCODINGS.items():
    CONSTANTS[f"Encoding::{_name.replace('-', '_')}"] = _made
    CONSTANTS[f"Encoding::{_name.replace('-', '_').upper()}"] = _made
CONSTANTS["Encoding::BINARY"] = BINARY


def encoding(value: Any) -> Encoding:
    """An argument that names an encoding."""
    if type(value) is Encoding:
        return value
    name = text(value)
    folded = name.lower()
    found = _FOLDED.get(_ALIASES.get(folded, folded).lower())
    if found is not None:
        return found
    try:
        return Encoding(name, codecs.lookup(name).name)
    except LookupError:
        raise ArgumentError(f"unknown encoding name - {name}") from None


@define("Encoding", "to_s", "name")
def encoding_name(self: Encoding) -> str:
    """The name."""
    return self.name


@define("Encoding", "inspect")
def encoding_inspect(self: Encoding) -> str:
    """The name, marked as an encoding."""
    return f"#<Encoding:{self.name}>"


@define("String", "encoding")
def encoding_of(self: Any) -> Encoding:
    """The encoding of a string."""
    return BINARY if type(raw(self)) is bytes else UTF_8


@define("String", "force_encoding")
def forced(self: Any, name: Any) -> Any:
    """The same bytes in another encoding."""
    wanted, data = encoding(name), as_bytes(self)
    if wanted is BINARY:
        return data
    if wanted.codec in ("utf-8", "ascii"):
        return data.decode("utf-8", "surrogateescape")
    raise NotCompiled(f"a string in the encoding {wanted.name}")


@define("String", "b")
def binary(self: Any) -> bytes:
    """The bytes as a string."""
    return as_bytes(self)


@define("String", "valid_encoding?")
def is_valid(self: Any) -> bool:
    """Whether all bytes mean characters."""
    value = raw(self)
    return type(value) is bytes or _BROKEN.search(value) is None


_BROKEN = re.compile("[\udc80-\udcff]+")


@define("String", "scrub")
def scrub(self: Any, by: Any = "�", block: Proc | None = None) -> Any:
    """With another text in place of bytes that mean no character."""
    value = raw(self)
    if type(value) is bytes:
        return value
    return _scrubbed(value.encode("utf-8", "surrogateescape"), "utf-8", by, block)


def _scrubbed(data: bytes, codec: str, by: Any, block: Proc | None) -> str:
    def put(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        given = by if block is None else block.one(error.object[error.start : error.end])
        return text("�" if given is None else given), error.end

    codecs.register_error("penstock_scrub", put)
    return data.decode(codec, "penstock_scrub")


@define("String", "encode")
def encode(self: Any, *names: Any, **options: Any) -> Any:
    """The same characters in another encoding."""
    target = encoding(names[0]) if names else UTF_8
    given = encoding(names[1]) if len(names) > 1 else encoding_of(self)
    value = _decoded(raw(self), given, options)
    if options.get("universal_newline"):
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    if options.get("crlf_newline"):
        value = value.replace("\n", "\r\n")
    xml = options.get("xml")
    if type(xml) is Symbol:
        value = _for_xml(value, xml.name)
    return _encoded(value, target, options)


def _for_xml(value: str, kind: str) -> str:
    made = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'"{made.replace(chr(34), "&quot;")}"' if kind == "attr" else made


def _replaces(options: dict[str, Any], what: str) -> bool:
    given = options.get(what)
    return type(given) is Symbol and given.name == "replace"


def _decoded(value: Any, given: Encoding, options: dict[str, Any]) -> str:
    by = options.get("replace")
    if given is BINARY:
        data = as_bytes(value)
        if data.isascii():
            return data.decode()
        if not (_replaces(options, "invalid") or _replaces(options, "undef")):
            first = next(byte for byte in data if byte >= 0x80)
            raise UndefinedConversionError(f'"\\x{first:02X}" from ASCII-8BIT to UTF-8')
        other = "�" if by is None else text(by)
        return "".join([chr(byte) if byte < 0x80 else other for byte in data])
    if given is UTF_8:
        value = forced(value, "UTF-8")
        found = _BROKEN.search(value)
        if found is None:
            return str(value)
        if not _replaces(options, "invalid"):
            byte = ord(found[0][0]) - 0xDC00
            raise InvalidByteSequenceError(f'"\\x{byte:02X}" on UTF-8')
        return str(scrub(value, "�" if by is None else by))
    data = as_bytes(value)
    is_lenient = _replaces(options, "invalid") or _replaces(options, "undef")
    if is_lenient:
        return _scrubbed(data, given.codec, "�" if by is None else by, None)
    try:
        return data.decode(given.codec)
    except UnicodeDecodeError as error:
        shown = _shown(data[error.start : error.end])
        if error.end == len(data):
            raise InvalidByteSequenceError(f"incomplete {shown} on {given.name}") from None
        behind = f" followed by {_shown(data[error.end : error.end + 2])}"
        raise InvalidByteSequenceError(f"{shown}{behind} on {given.name}") from None


def _shown(data: bytes) -> str:
    """Bytes as Ruby's messages write them."""
    marks = [chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02X}" for byte in data]
    return f'"{"".join(marks)}"'


def _encoded(value: str, target: Encoding, options: dict[str, Any]) -> Any:
    if target is UTF_8:
        return value
    if target.codec not in ("ascii", "latin-1"):
        raise NotCompiled(f"a string in the encoding {target.name}")
    codec = "ascii" if target is BINARY else target.codec
    by = text(options["replace"]) if options.get("replace") is not None else "?"
    made: list[str] = []
    for char in value:
        try:
            char.encode(codec)
            made.append(char)
        except UnicodeEncodeError:
            if not _replaces(options, "undef"):
                raise UndefinedConversionError(
                    f"U+{ord(char):04X} from UTF-8 to {target.name}"
                ) from None
            made.append(by)
    joined = "".join(made)
    if joined.isascii():
        return joined
    raise NotCompiled(f"a string in the encoding {target.name}")


@define("String", "bytes")
def bytes_(self: Any) -> list[int]:
    """The bytes as numbers."""
    return list(as_bytes(self))


@define("String", "bytesize")
def bytesize(self: Any) -> int:
    """How many bytes it has."""
    return len(as_bytes(self))


@define("String", "getbyte")
def getbyte(self: Any, at: Any) -> int | None:
    """One byte."""
    data, place = as_bytes(self), integer(at)
    return data[place] if -len(data) <= place < len(data) else None


@define("String", "each_byte", enum=True)
def each_byte(self: Any, block: Proc) -> Any:
    """Run a block for each byte."""
    for byte in as_bytes(self):
        block.one(byte)
    return self


@define("String", "codepoints")
def codepoints(self: Any) -> list[int]:
    """The numbers of the characters."""
    return [ord(char) for char in on_text(str)(self)] if type(raw(self)) is str else list(raw(self))
