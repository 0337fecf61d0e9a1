"""Character sets under Ruby's names: what the option ``charset`` takes, and how bytes become text.

Nothing is lost and nothing raises. In UTF-8, a byte that belongs to no character is shown as Ruby's
``inspect`` shows it (``\\xE9``); in other sets such a byte becomes U+FFFD. Both as Logstash does,
which in UTF-8 escapes quotes and backslashes of such a text, too: here the rest stays as it is.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import Any, Protocol

from ...dsl.diagnostics import did_you_mean
from ._ruby import escaped_bytes

# Ruby's names for which Python has another one. In BINARY, bytes above 127 are not strings: Ruby
# replaces them.
_NAMES = {
    "ansi_x3.4-1968": "ascii",
    "646": "ascii",
    "ascii-8bit": "ascii",
    "binary": "ascii",
    "us-ascii": "ascii",
    "utf8-mac": "utf-8",
    "utf-8-mac": "utf-8",
    "utf-8-hfs": "utf-8",
    "cp65001": "utf-8",
    "cp65000": "utf-7",
    "utf8-docomo": "utf-8",
    "utf8-kddi": "utf-8",
    "utf8-softbank": "utf-8",
    "external": "utf-8",
    "locale": "utf-8",
    "filesystem": "utf-8",
    "internal": "utf-8",
    "ucs-2be": "utf-16-be",
    "ucs-4be": "utf-32-be",
    "ucs-4le": "utf-32-le",
    "windows-31j": "cp932",
    "cswindows31j": "cp932",
    "pck": "cp932",
    "sjis": "cp932",
    "macjapanese": "cp932",
    "macjapan": "cp932",
    "sjis-docomo": "cp932",
    "sjis-kddi": "cp932",
    "sjis-softbank": "cp932",
    "eucjp-ms": "euc_jp",
    "euc-jp-ms": "euc_jp",
    "cp51932": "euc_jp",
    "eucjp": "euc_jp",
    "euc-jisx0213": "euc_jisx0213",
    "euc-jis-2004": "euc_jis_2004",
    "stateless-iso-2022-jp": "iso2022_jp",
    "stateless-iso-2022-jp-kddi": "iso2022_jp",
    "iso-2022-jp-kddi": "iso2022_jp_ext",
    "cp50220": "iso2022_jp_ext",
    "cp50221": "iso2022_jp_ext",
    "iso2022-jp": "iso2022_jp",
    "iso2022-jp2": "iso2022_jp_2",
    "euckr": "euc_kr",
    "euccn": "gb2312",
    "euc-cn": "gb2312",
    "gb12345": "gb18030",
    "cp936": "gbk",
    "cp951": "big5hkscs",
    "big5-hkscs:2008": "big5hkscs",
    "big5-uao": "cp950",
    "windows-874": "cp874",
    "cp878": "koi8_r",
    "ebcdic-cp-us": "cp037",
    "ibm720": "cp720",
    "cp720": "cp720",
    "ibm737": "cp737",
    "maccenteuro": "mac_latin2",
    "maccroatian": "mac_croatian",
    "maccyrillic": "mac_cyrillic",
    "macgreek": "mac_greek",
    "maciceland": "mac_iceland",
    "macroman": "mac_roman",
    "macromania": "mac_romanian",
    "macturkish": "mac_turkish",
    "macukraine": "mac_cyrillic",
}
_NOT_OF_TEXT = ("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape")
_COMMON = (
    "UTF-8",
    "US-ASCII",
    "BINARY",
    "ISO-8859-1",
    "ISO-8859-2",
    "ISO-8859-5",
    "ISO-8859-15",
    "CP1250",
    "CP1251",
    "CP1252",
    "Windows-1250",
    "Windows-1251",
    "Windows-1252",
    "Windows-1253",
    "Windows-1254",
    "Windows-1255",
    "Windows-1256",
    "Windows-1257",
    "Windows-1258",
    "KOI8-R",
    "KOI8-U",
    "UTF-16",
    "UTF-16BE",
    "UTF-16LE",
    "UTF-32",
    "UTF-32BE",
    "UTF-32LE",
    "Shift_JIS",
    "Windows-31J",
    "EUC-JP",
    "EUC-KR",
    "ISO-2022-JP",
    "Big5",
    "GB2312",
    "GBK",
    "GB18030",
    "CP437",
    "CP850",
    "CP852",
    "CP866",
    "IBM437",
    "IBM850",
    "IBM852",
    "IBM866",
    "TIS-620",
    "macRoman",
)


class TextDecoder(Protocol):
    """Turns a stream of bytes into text; holds the start of a character that is not whole."""

    def decode(self, data: bytes, final: bool = False) -> str:
        """The characters that are whole with these bytes."""
        ...


class Charset:
    """A character set. ``is_utf8`` tells the one that needs no conversion."""

    def __init__(self, name: str) -> None:
        """Raises LookupError for a name that means no character set."""
        self.codec = codecs.lookup(_NAMES.get(name.lower()) or _python_name(name))
        if self.codec.name in _NOT_OF_TEXT or not getattr(self.codec, "_is_text_encoding", True):
            raise LookupError(f"unknown character set `{name}`")
        self.is_utf8 = self.codec.name == "utf-8"

    def text(self, data: bytes) -> str:
        """Bytes as text, as a whole."""
        if not self.is_utf8:
            return self.decoder().decode(data, True)
        try:
            return data.decode()
        except UnicodeDecodeError:
            return escaped_bytes(data)

    def texts(self, payloads: Sequence[bytes]) -> list[str]:
        """Each payload as text."""
        if self.is_utf8:
            try:
                return list(map(bytes.decode, payloads))
            except UnicodeDecodeError:
                pass
        return list(map(self.text, payloads))

    def decoder(self) -> TextDecoder:
        """A decoder for one stream."""
        make = self.codec.incrementaldecoder
        assert make is not None
        return _Marked(self.codec.name) if self.codec.name in _MARKED else make("replace")


_MARKED = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}


class _Marked:
    """Decodes UTF-16 or UTF-32, whose byte order the first bytes tell; big-endian if they do
    not.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._held = b""
        self._decoder: TextDecoder | None = None

    def decode(self, data: bytes, final: bool = False) -> str:
        if self._decoder is None:
            data = self._held + data
            little, big = _MARKED[self._name]
            if len(data) < len(little) and not final:
                self._held = data
                return ""
            order = "-le" if data.startswith(little) else "-be"
            self._decoder = codecs.getincrementaldecoder(self._name + order)("replace")
            data = data[len(little) :] if data.startswith((little, big)) else data
        return self._decoder.decode(data, final)


def _python_name(name: str) -> str:
    return re.sub(r"^(?:ibm|cp|windows)-?(\d+)$", r"cp\1", name, flags=re.IGNORECASE)


def charset_option(plugin: Any, option: str = "charset") -> Charset:
    """The set that a plugin's option names; UTF-8 if it names none, which is reported."""
    name = getattr(plugin, option)
    try:
        return Charset(name)
    except LookupError:
        near = (
            did_you_mean(name, map(str.lower, _COMMON))
            or "write UTF-8, ISO-8859-1, CP1252, UTF-16LE …"
        )
        plugin.problem(option, f"unknown character set `{name}`", near)
        return Charset("UTF-8")
