"""The filter anonymize."""
import hashlib
import hmac
from typing import Any

import pytest

import penstock


def anonymized(options: str, value: Any) -> Any:
    (out,) = penstock.compile(f'filter {{ anonymize {{ fields => ["a", "gone"] {options} }} }}')([{"a": value}])
    assert "gone" not in out
    return out.get("a")


def hmac_of(text: str, algorithm: str) -> str:
    return hmac.new(b"key", text.encode(), algorithm).hexdigest()


@pytest.mark.parametrize(
    ("options", "value", "expected"),
    [
        ("", "x", hmac_of("x", "sha1")),
        ('algorithm => "SHA256"', "x", hmac_of("x", "sha256")),
        ('algorithm => "MD5"', ["x", "y"], [hmac_of("x", "md5"), hmac_of("y", "md5")]),
        ('algorithm => "MD5"', 5, hmac_of("5", "md5")),
        ('algorithm => "MURMUR3"', "hello", 613153351),
    ],
)
def test_values_become_digests(options: str, value: Any, expected: Any) -> None:
    assert anonymized('key => "key" ' + options, value) == expected


def test_an_address_becomes_its_network() -> None:
    assert anonymized('key => 16 algorithm => "IPV4_NETWORK"', "10.20.30.40") == "10.20.0.0"


def test_null_stays() -> None:
    assert anonymized('key => "key"', None) is None


def test_a_key_that_is_no_prefix_is_refused() -> None:
    with pytest.raises(penstock.ConfigError, match="not a valid prefix length"):
        anonymized('key => "abc" algorithm => "IPV4_NETWORK"', "x")


def test_the_digest_depends_on_the_key() -> None:
    assert anonymized('key => "a"', "x") != anonymized('key => "b"', "x") != hashlib.sha1(b"x").hexdigest()
