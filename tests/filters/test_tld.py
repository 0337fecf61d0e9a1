"""The filter tld."""
from typing import Any

import pytest

import penstock


def parts(name: Any) -> Any:
    (out,) = penstock.compile('filter { tld { source => "n" target => "[a][b]" } }')([{"n": name}])
    return out.get("a", {}).get("b")


@pytest.mark.parametrize(
    ("name", "tld", "sld", "trd"),
    [
        ("google.com", "com", "google", None),
        ("www.google.co.uk", "co.uk", "google", "www"),
        ("A.B.Example.ORG.", "org", "example", "a.b"),
        ("x.city.kobe.jp", "kobe.jp", "city", "x"),
    ],
)
def test_a_domain_is_taken_apart_at_its_public_suffix(name: str, tld: str, sld: str, trd: str | None) -> None:
    domain = f"{sld}.{tld}"
    assert parts(name) == {
        "tld": tld,
        "sld": sld,
        "trd": trd,
        "domain": domain,
        "subdomain": f"{trd}.{domain}" if trd else None,
        "top_level_domain": tld,
    }


@pytest.mark.parametrize("name", ["com", "co.uk", "localhost", "a.nonsense", "", ".com", "a..com", "10.0.0.1", 5, None, ["a.com"]])
def test_what_is_no_name(name: Any) -> None:
    assert parts(name) is None


def test_what_the_target_holds_stays() -> None:
    (out,) = penstock.compile("filter { tld { } }")([{"message": "a.com", "tld": {"mine": 1}}])
    assert (out["tld"]["mine"], out["tld"]["tld"]) == (1, "com")
