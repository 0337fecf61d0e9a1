"""Secrets in texts for people: masked in messages, starred where a caret points below."""
from __future__ import annotations

import pytest

from penstock.dsl.secrets import hide, masked, starred, without_login


def test_each_secret_is_masked_from_when_it_is_hidden_on() -> None:
    text = "kept-quiet-1 and kept-quiet-12"
    hide("kept-quiet-1")
    assert masked(text) == "<password> and <password>2"
    hide("kept-quiet-12")
    assert masked(text) == "<password> and <password>", "the longer one is found whole"
    assert starred(text) == "************ and *************"


def test_a_text_of_less_than_four_characters_is_not_a_secret() -> None:
    hide("abc")
    assert masked("abcd") == "abcd"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://ann:s3cret@there:1/x@y", "http://there:1/x@y"),
        ("http://ann:s3@cret@there", "http://there"),
        ("http://there and bob@there", "http://there and bob@there"),
        ("from http://a:b@c to http://d:e@f", "from http://c to http://f"),
    ],
)
def test_a_login_in_a_url_is_left_out(text: str, shown: str) -> None:
    assert without_login(text) == shown
