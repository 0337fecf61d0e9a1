"""What a grok pattern says without meaning it."""
import pytest

from penstock.dsl.grok.lint import unclosed


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("%{IP:ip", "%{IP:ip"),
        ("from %{IP:ip to %{IP:other}", "%{IP:ip"),
        ("%{IP:a} %{WORD", "%{WORD"),
        ("%{INT:[a][b]:int", "%{INT:[a][b]:int"),
        ("%{IP:ip}", ""),
        ("%{INT:[a][b]:int} %{WORD}", ""),
        (r"100%\{x", ""),
        (r"\%{x", ""),
        ("100% {a", ""),
        ("(?<n>a{2})%{INT}", ""),
    ],
)
def test_a_reference_that_is_never_closed_is_found(pattern: str, found: str) -> None:
    assert unclosed(pattern) == found
