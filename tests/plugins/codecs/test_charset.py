"""Character sets under Ruby's names."""
from __future__ import annotations

from typing import Any

import pytest

from penstock.plugins.codecs._charset import Charset

NAMES = """
ASCII-8BIT UTF-8 US-ASCII Big5 Big5-HKSCS Big5-UAO CP949 EUC-JP EUC-KR GB2312 GB18030 GBK ISO-8859-1 ISO-8859-2
ISO-8859-3 ISO-8859-4 ISO-8859-5 ISO-8859-6 ISO-8859-7 ISO-8859-8 ISO-8859-9 ISO-8859-10 ISO-8859-11 ISO-8859-13
ISO-8859-14 ISO-8859-15 ISO-8859-16 KOI8-R KOI8-U Shift_JIS UTF-16BE UTF-16LE UTF-32BE UTF-32LE Windows-31J
Windows-1250 Windows-1251 Windows-1252 IBM437 IBM737 IBM775 CP850 IBM852 CP852 IBM855 CP855 IBM857 IBM860 IBM861
IBM862 IBM863 IBM864 IBM865 IBM866 IBM869 Windows-1258 macCentEuro macCroatian macCyrillic macGreek macIceland
macRoman macRomania macTurkish macUkraine CP950 CP951 IBM037 stateless-ISO-2022-JP eucJP-ms CP51932 EUC-JIS-2004
GB12345 ISO-2022-JP ISO-2022-JP-2 CP50220 CP50221 Windows-1256 Windows-1253 Windows-1255 Windows-1254 TIS-620
Windows-874 Windows-1257 MacJapanese UTF-7 UTF8-MAC UTF-16 UTF-32 UTF8-DoCoMo SJIS-DoCoMo UTF8-KDDI SJIS-KDDI
ISO-2022-JP-KDDI UTF8-SoftBank SJIS-SoftBank BINARY CP437 CP737 CP775 IBM850 CP857 CP866 CP869 CP1258
Big5-HKSCS:2008 ebcdic-cp-us eucJP euc-jp-ms EUC-JISX0213 eucKR EUC-CN eucCN CP936 ISO2022-JP ISO2022-JP2 ISO8859-1
ISO8859-15 CP1256 CP874 CP878 MacJapan ASCII ANSI_X3.4-1968 646 CP65000 CP65001 UTF-8-MAC UTF-8-HFS UCS-2BE UCS-4BE
UCS-4LE CP932 csWindows31J SJIS PCK CP1250 CP1251 CP1252 external locale
"""


@pytest.mark.parametrize("name", NAMES.split())
def test_ruby_s_names_are_known(name: str) -> None:
    charset = Charset(name)
    assert isinstance(charset.text(b"\x00\xff\xe9a"), str)
    assert isinstance(charset.decoder().decode(b"\x00\xff\xe9a", True), str)


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("UTF-8", b"M\xc3\xbcnchen", "München"),
        ("utf-8", b"a\xe9b", "a\\xE9b"),
        ("UTF-8", b'"\xff\n\t#{x} \\', '"\\xFF\n\t#{x} \\'),
        ("ISO-8859-1", b"\xe9", "é"),
        ("CP1252", b"\x80 \x81", "€ \ufffd"),
        ("Windows-1251", b"\xcf\xf0", "Пр"),
        ("UTF-16LE", b"\xe9\x00", "é"),
        ("UTF-16", b"\xff\xfe\xe9\x00", "é"),
        ("UTF-16", b"\xfe\xff\x00\xe9", "é"),
        ("UTF-16", b"\x00\xe9", "é"),
        ("UTF-32", b"\xff\xfe\x00\x00\xe9\x00\x00\x00", "é"),
        ("UTF-32", b"\x00\x00\x00\xe9", "é"),
        ("BINARY", b"a\xe9", "a\ufffd"),
        ("Shift_JIS", b"\x83\x65\x83\x58\x83\x67", "テスト"),
        ("ebcdic-cp-us", b"\xc8\x85\x93\x93\x96", "Hello"),
    ],
)
def test_bytes_become_text(name: str, data: bytes, text: str) -> None:
    charset = Charset(name)
    assert charset.text(data) == text
    if not charset.is_utf8:
        decoder = charset.decoder()
        assert "".join([decoder.decode(bytes([byte])) for byte in data]) + decoder.decode(b"", True) == text


@pytest.mark.parametrize(
    ("name", "help"), [("UFT-8", "`utf-8`"), ("Window-1252", "`windows-1252`"), ("klingon", "write UTF-8")]
)
@pytest.mark.parametrize("codec", ["line", "plain", "json", "json_lines", "multiline"])
def test_an_unknown_set_is_refused_with_a_help_text(problems: Any, codec: str, name: str, help: str) -> None:
    options = {"pattern": "x", "what": "next"} if codec == "multiline" else {}
    (found,) = problems(codec, charset=name, **options)
    assert (found.option, help in found.help) == ("charset", True)


@pytest.mark.parametrize("name", ["hex", "rot13", "punycode", "undefined"])
def test_what_python_calls_an_encoding_is_not_always_a_character_set(name: str) -> None:
    with pytest.raises(LookupError):
        Charset(name)
