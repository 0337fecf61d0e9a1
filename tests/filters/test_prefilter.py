"""Many grok expressions: those that cannot match are passed over, and what matches is what matched before."""
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.grok import compile_expression, shipped
from penstock.filters._prefilter import chooser

LIBRARY = shipped("ecs-v1")


EXPRESSIONS = [
    "^get %{WORD:a}",
    "^get x",
    "^put",
    "took %{INT:ms} ms",
    "%{WORD:w}=%{INT:n}",
    "^a|^b",
    "^$",
    r"^\d+",
    "x$",
    "^get %{WORD:a} took",
]
COMPILED = [compile_expression(text, LIBRARY) for text in EXPRESSIONS]


@given(st.text(alphabet="getpuxaob =1msk\n", max_size=24))
def test_no_expression_that_matches_is_passed_over(text: str) -> None:
    choose = chooser(COMPILED)
    assert choose is not None
    chosen = list(choose(text))
    assert chosen == sorted(set(chosen))
    assert {place for place, one in enumerate(COMPILED) if one.find(text)} <= set(chosen)


def test_a_table_leaves_few_of_many_expressions() -> None:
    choose = chooser([compile_expression(f"^service{n}: %{{WORD:a}}", LIBRARY) for n in range(100)])
    assert choose is not None
    assert list(choose("service42: started")) == [42]
