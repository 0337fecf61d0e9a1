"""Generated code stands at the places in the configuration that its lines came from."""

import traceback
from types import CodeType

import pytest

from penstock.dsl.code_places import Extent, placed

TEXT = """\
def outer(values):
    found = [value + 1 for value in values]
    def inner(value):
        return value / 0
    return inner(found[0])
"""
PLACES: dict[int, Extent] = {
    1: (70, 2, 70, 9),
    2: (5, 0, 5, 4),
    3: (900, 70, 900, 4000),
    4: (3, 1, 3, 2),
    5: (12345, 0, 12345, 64),
}


def all_code(code: CodeType) -> list[CodeType]:
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return [code, *(each for one in inner for each in all_code(one))]


def test_every_instruction_stands_at_the_place_of_its_line() -> None:
    plain = compile(TEXT, "made", "exec")
    for before, after in zip(all_code(plain), all_code(placed(plain, PLACES)), strict=True):
        wanted = [PLACES[line or before.co_firstlineno] for line, *_ in before.co_positions()]
        found = [(at[0], at[2], at[1], at[3]) for at in after.co_positions()]
        assert found == wanted
        assert after.co_code == before.co_code


def test_the_code_does_what_it_did() -> None:
    scope: dict[str, object] = {}
    exec(placed(compile(TEXT.replace("/ 0", "* 2"), "made", "exec"), PLACES), scope)
    outer = scope["outer"]
    assert callable(outer)
    assert outer([20]) == 42


def test_a_traceback_has_the_places() -> None:
    scope: dict[str, object] = {}
    exec(placed(compile(TEXT, "made", "exec"), PLACES), scope)
    outer = scope["outer"]
    assert callable(outer)
    with pytest.raises(ZeroDivisionError) as raised:
        outer([1])
    frames = traceback.extract_tb(raised.value.__traceback__)
    assert [frame.lineno for frame in frames if frame.filename == "made"] == [12345, 3]


def test_a_line_without_a_place_is_refused() -> None:
    with pytest.raises(KeyError):
        placed(compile("a = 1\nb = 2\n", "made", "exec"), {1: (1, 0, 1, 1)})


def test_a_long_row_of_instructions_is_placed_whole() -> None:
    names = " + ".join(["value"] * 500)
    plain = compile(f"value = 1\nwhole = {names}\n", "made", "exec")
    code = placed(plain, {1: (1, 0, 1, 9), 2: (2, 0, 2, 300)})
    scope: dict[str, object] = {}
    exec(code, scope)
    assert scope["whole"] == 500
    assert {at[0] for at in code.co_positions()} == {1, 2}
