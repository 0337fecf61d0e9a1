"""The filter fingerprint. Digests were made with other tools: sha1sum, openssl, Ruby's murmurhash3."""
import hashlib
import re
from typing import Any

import pytest

import penstock
from penstock.filters._digests import canonical


def digest(options: str, event: dict[str, Any]) -> Any:
    stage = penstock.compile(f"filter {{ fingerprint {{ {options} }} }}", settings={"pipeline.ecs_compatibility": "disabled"})
    (out,) = stage([event])
    return out.get("fingerprint")


@pytest.mark.parametrize(
    ("options", "value", "expected"),
    [
        ("", "hello", "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"),
        ("base64encode => true", "hello", "qvTGHdzF6KLavt4PO0gs2a6pQ00="),
        ('key => "k"', "hello", "0b7938d1a2cdcafa94645a5c3508f7236ae457a9"),
        ('method => "MD5"', "é", "66ddcd97cfdeabb2f6fb8a999b4bc76f"),
        ('method => "MD5"', 5, "e4da3b7fbbce2345d7772b0674a318d5"),
        ('method => "MD5"', ["hello", 5], ["5d41402abc4b2a76b9719d911017c592", "e4da3b7fbbce2345d7772b0674a318d5"]),
        ('method => "MD5"', None, "d41d8cd98f00b204e9800998ecf8427e"),
        ('method => "MD5"', True, hashlib.md5(b"true").hexdigest()),
        ('method => "MD5"', {"b": 1, "a": [2, {"c": 3}]}, hashlib.md5(b"a|2|c|3|b|1").hexdigest()),
        ('method => "MURMUR3"', "hello", 613153351),
        ('method => "MURMUR3"', 123, 823512154),
        ('method => "MURMUR3" base64encode => true key => "k"', "hello", 613153351),
        ('method => "MURMUR3_128"', "hello", "648a66fb923498d0ddfbffbb29aa9d64"),
        ('method => "MURMUR3_128"', 5, "b9c2e6179123750ef7193c7a00e5ac1d"),
        ('method => "MURMUR3_128" base64encode => true', "hello", "ZIpm+5I0mNDd+/+7KaqdZA=="),
        ('method => "IPV4_NETWORK" key => "24"', "1.2.3.4", "1.2.3.0"),
        ('method => "IPV4_NETWORK" key => "32"', "2001:db8:1::1", "2001:db8::"),
        ('method => "PUNCTUATION"', "a.b <c>+1€", ".<>+€"),
    ],
)
def test_each_method_makes_its_digest(options: str, value: Any, expected: Any) -> None:
    assert digest(options, {"message": value}) == expected


def test_a_missing_field_has_no_digest() -> None:
    assert digest("", {"other": 1}) is None


def test_the_last_of_several_sources_wins() -> None:
    assert digest('source => ["a", "b", "c"] method => "MD5"', {"a": "x", "b": "hello"}) == hashlib.md5(b"hello").hexdigest()


def test_sources_together_are_sorted_by_name() -> None:
    expected = hashlib.sha1(b"|[b][c]|1|a|x|none||").hexdigest()
    options = 'source => ["none", "[b][c]", "a"] concatenate_sources => true'
    assert digest(options, {"a": "x", "b": {"c": 1}}) == expected


def test_all_fields_together_are_those_outside_metadata() -> None:
    event = {"b": {"c": 1}, "a": "x", "@timestamp": "2020-01-01T00:00:00.000Z", "@metadata": {"m": 1}}
    expected = hashlib.sha1(b"|@timestamp|2020-01-01T00:00:00.000Z|@version|1|a|x|b|c|1|").hexdigest()
    assert digest("concatenate_all_fields => true", event) == expected


def test_a_uuid_is_random() -> None:
    first, second = (digest('method => "UUID"', {}) for _ in range(2))
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", first)
    assert first != second


def test_a_text_that_is_no_address_is_reported_on_the_event() -> None:
    (out,) = penstock.compile('filter { fingerprint { method => "IPV4_NETWORK" key => "8" } }')([{"message": "x"}])
    assert out["tags"] == ["_fingerprint_exception"]


def test_the_target_depends_on_ecs() -> None:
    (out,) = penstock.compile('filter { fingerprint { method => "MD5" } }')([{"message": "hello"}])
    assert out["event"] == {"hash": "5d41402abc4b2a76b9719d911017c592"}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ('method => "IPV4_NETWORK"', "E214"),
        ('method => "IPV4_NETWORK" key => "x"', "E220"),
        ('method => "IPV4_NETWORK" key => "129"', "E220"),
        ('method => "SHA2"', "E204"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(options: str, code: str) -> None:
    with pytest.raises(penstock.ConfigError) as error:
        digest(options, {})
    assert code in [diagnostic.code for diagnostic in error.value.diagnostics]


@pytest.mark.parametrize(("value", "text"), [({}, ""), ([], ""), ([[1, 2], 3], "1|2|3"), (1e16, "10000000000000000.0"), (1e20, "1.0e+20"), (False, "false")])
def test_values_as_text(value: Any, text: str) -> None:
    assert canonical(value) == text
