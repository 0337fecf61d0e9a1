"""collectd's datagrams, written part by part."""
from __future__ import annotations

import hashlib
import hmac
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.timestamp import Timestamp
from penstock.plugins.codecs._foreign import text_of

AT = Timestamp("2017-07-14T02:40:00.500Z")


def part(kind: int, body: bytes) -> bytes:
    return struct.pack(">HH", kind, len(body) + 4) + body


def text(kind: int, value: str) -> bytes:
    return part(kind, value.encode() + b"\0")


def number(kind: int, value: int) -> bytes:
    return part(kind, struct.pack(">Q", value))


def values(*pairs: tuple[int, bytes]) -> bytes:
    return part(6, struct.pack(">H", len(pairs)) + bytes(kind for kind, _ in pairs) + b"".join(data for _, data in pairs))


def gauge(value: float) -> tuple[int, bytes]:
    return 1, struct.pack("<d", value)


PICTURE = text(0, "h") + number(8, (1_500_000_000 << 30) + (1 << 29)) + number(9, 10 << 30) + text(2, "load") + text(3, "") + text(4, "load")
LOAD = PICTURE + values(gauge(0.5), gauge(1.5), gauge(2.5))
EVENT = {"host": "h", "@timestamp": AT, "interval": 10, "plugin": "load", "collectd_type": "load",
         "shortterm": 0.5, "midterm": 1.5, "longterm": 2.5}  # fmt: skip


def test_values_have_the_names_of_their_type(codec: Any) -> None:
    assert codec("collectd").decode(LOAD) == [EVENT]


def test_each_part_with_values_takes_a_copy_of_the_picture(codec: Any) -> None:
    data = PICTURE + text(4, "counter") + values((0, b"\xff" * 8)) + text(5, "x") + values((2, b"\xff" * 8)) + values((3, b"\0" * 7 + b"\1"))
    first, second, third = codec("collectd").decode(data)
    assert (first["value"], second["value"], third["value"]) == (2**64 - 1, -1, 1)
    assert (second["type_instance"], "type_instance" in first, "interval" in second) == ("x", False, False)


def test_a_type_that_is_not_known_has_numbered_values(codec: Any, tmp_path: Path) -> None:
    data = text(4, "mine") + values(gauge(1), gauge(2))
    assert codec("collectd").decode(data) == [{"collectd_type": "mine", "value0": 1.0, "value1": 2.0}]
    (tmp_path / "types.db").write_text("# mine\nmine  up:GAUGE:0:U, down:GAUGE:0:U\n")
    typed = codec("collectd", typesdb=[str(tmp_path / "types.db")])
    assert typed.decode(data) == [{"collectd_type": "mine", "up": 1.0, "down": 2.0}]


def test_a_message_is_an_event(codec: Any) -> None:
    (event,) = codec("collectd").decode(text(0, "h") + number(1, 1_500_000_000) + number(257, 4) + text(256, "disk full"))
    assert event == {"host": "h", "@timestamp": Timestamp("2017-07-14T02:40:00.000Z"), "severity": 4, "message": "disk full"}


def test_intervals_may_be_events(codec: Any) -> None:
    assert codec("collectd").decode(number(7, 10)) == []
    assert codec("collectd", prune_intervals=False).decode(number(7, 10)) == [{"interval": 10}]


@pytest.mark.parametrize(
    ("options", "events"),
    [
        ({}, [{"value": 0, "tags": ["_collectdNaN"]}]),
        ({"nan_value": -1, "nan_tag": ""}, [{"value": -1}]),
        ({"nan_handling": "warn"}, [{"value": 0, "tags": ["_collectdNaN"]}]),
        ({"nan_handling": "drop"}, []),
    ],
)
def test_values_that_are_no_number(codec: Any, options: dict[str, Any], events: list[Any]) -> None:
    assert codec("collectd", **options).decode(values(gauge(float("nan"))) + values(gauge(1))) == [*events, {"value": 1.0}]


@pytest.fixture(scope="module")
def authfile(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("collectd") / "auth"
    path.write_text("me: secret\nother: word\n")
    return str(path)


def signed(data: bytes, key: bytes = b"secret") -> bytes:
    return part(512, hmac.digest(key, b"me" + data, "sha256") + b"me") + data


def encrypted(data: bytes, key: bytes = b"secret") -> bytes:
    ciphers = pytest.importorskip("cryptography.hazmat.primitives.ciphers")
    try:
        from cryptography.hazmat.decrepit.ciphers.modes import OFB
    except ImportError:
        from cryptography.hazmat.primitives.ciphers.modes import OFB
    vector = bytes(range(16))
    encryptor = ciphers.Cipher(ciphers.algorithms.AES(hashlib.sha256(key).digest()), OFB(vector)).encryptor()
    return part(528, b"\0\2me" + vector + encryptor.update(hashlib.sha1(data).digest() + data) + encryptor.finalize())


@pytest.mark.parametrize(
    ("level", "plain", "sign", "encrypt"), [("None", 1, 1, 1), ("Sign", 0, 1, 1), ("Encrypt", 0, 0, 1)]
)
def test_datagrams_must_be_as_safe_as_asked(codec: Any, authfile: str, level: str, plain: int, sign: int, encrypt: int) -> None:
    collectd = codec("collectd", security_level=level, authfile=authfile)
    assert [len(collectd.decode(data)) for data in (LOAD, signed(LOAD), encrypted(LOAD))] == [plain, sign, encrypt]


def test_a_wrong_key_is_noticed(codec: Any, authfile: str) -> None:
    collectd = codec("collectd", security_level="Sign", authfile=authfile)
    assert [*collectd.decode(signed(LOAD, b"word")), *collectd.decode(encrypted(LOAD, b"word"))] == []


@pytest.mark.parametrize("broken", [b"\0\0\0\x09ab", part(6, b"\0\2\1"), b"x", LOAD[:-3]])
def test_a_datagram_that_is_malformed_is_kept_and_tagged(codec: Any, authfile: str, broken: bytes) -> None:
    assert codec("collectd").decode(broken)[-1] == {"message": text_of(broken), "tags": ["_collectdparsefailure"]}
    assert codec("collectd", security_level="Sign", authfile=authfile).decode(broken) == []


def test_bad_options_are_refused(problems: Any) -> None:
    assert [problem.option for problem in problems("collectd", security_level="Sign")] == ["security_level"]
    assert [problem.option for problem in problems("collectd", typesdb=["/none"], authfile="/none")] == ["typesdb", "authfile"]


@given(st.binary(max_size=60), st.integers(0, 300), st.integers(0, 255))
def test_no_datagram_does_harm(codec: Any, noise: bytes, place: int, byte: int) -> None:
    data = bytearray(LOAD)
    data[place % len(data)] = byte
    assert codec("collectd").decode(LOAD + noise)[:1] == [EVENT]
    assert isinstance(codec("collectd").decode(bytes(data)), list)
