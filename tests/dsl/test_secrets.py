"""Secrets in texts for people: masked in messages, starred where a caret points below."""
from __future__ import annotations

from penstock.dsl.secrets import hide, masked, starred


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
