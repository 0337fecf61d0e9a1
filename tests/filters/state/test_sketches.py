"""Sketches: near the exact answer, and the same in any order and split."""
import math
import random
import sys
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.filters._window_tally import Tally, percent_parts
from penstock.filters.state.plain import plain, revive
from penstock.filters.state.sketches import Buckets, Registers, exact_quantiles
from penstock.filters.state.sums import exact_parts, finite_number, total

NAMES = frozenset({"percentiles", "distinct", "sum", "min", "max"})
PERCENTS = [percent_parts(p) for p in (1, 50, 95, 99, 99.9, 100)]


def tally(values: list[object]) -> Tally:
    made = Tally()
    made.add(values, NAMES)
    return made


def merged(parts: list[list[object]]) -> Tally:
    return Tally.merged([tally(part) for part in parts], NAMES)


@pytest.mark.parametrize("spread", [1, 1_000, 10**9])
def test_percentiles_of_many_values_lie_within_one_percent(spread: int) -> None:
    dice = random.Random(1)
    values = [dice.lognormvariate(0, 2) * spread * dice.choice([1, 1, -1]) for _ in range(30_000)] + [0] * 100
    buckets = Buckets()
    buckets.add(values)
    for found, exact in zip(buckets.quantiles(PERCENTS, min(values), max(values)), exact_quantiles(values, PERCENTS), strict=True):
        assert abs(found - exact) <= abs(exact) * 0.0101


@pytest.mark.parametrize("number", [100, 10_000, 20_000, 300_000])
def test_distinct_values_are_estimated_within_two_percent(number: int) -> None:
    registers = Registers()
    registers.add(map(repr, range(number)))
    assert abs(registers.estimate() - number) <= number * 0.02


def test_up_to_a_thousand_values_percentiles_are_exact_and_up_to_ten_thousand_distinct_ones() -> None:
    assert tally(list(range(1000))).buckets is None
    assert tally(list(range(1001))).buckets is not None
    assert tally(list(range(10_000))).distinct_count() == 10_000
    assert tally([1, 1.0, "1", True]).distinct_count() == 4


numbers = st.one_of(st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False, width=32))


@given(st.lists(numbers, max_size=80), st.integers(1, 7))
@settings(deadline=None)
def test_a_tally_is_the_same_in_any_order_and_split(values: list[float], size: int) -> None:
    whole = tally(list(values))
    parts = [list(values[::-1][at : at + size]) for at in range(0, len(values), size)]
    other = merged([part for part in parts if part])
    assert (other.sum(), other.count, other.least, other.most) == (whole.sum(), whole.count, whole.least, whole.most)
    assert sorted(other.values) == sorted(whole.values)
    assert other.distinct == whole.distinct


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30), st.integers(2, 5))
@settings(deadline=None, max_examples=25)
def test_sketches_are_the_same_in_any_split(seeds: list[int], parts: int) -> None:
    values = [seed + n for seed in seeds for n in range(0, 12_000, 7)]
    split = merged([values[part::parts] for part in range(parts)])
    whole = tally(list(values))
    assert split.distinct_count() == whole.distinct_count()
    assert (whole.buckets is None) == (split.buckets is None)
    if whole.buckets is not None and split.buckets is not None:
        assert whole.buckets.dump() == split.buckets.dump()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40))
def test_sums_of_floats_do_not_depend_on_their_order(values: list[float]) -> None:
    assert total(0, exact_parts(values)) == total(0, exact_parts([*exact_parts(values[::2]), *values[1::2]]))


LARGE = [1e308, 1e308, -1e308, 10**400, -(10**400), 2**1024, math.inf, -math.inf, math.nan, 1.5, 1]


@given(st.lists(st.sampled_from(LARGE), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_numbers_at_the_end_of_floats_add_up_the_same_in_any_order(
    values: list[int | float], dice: random.Random
) -> None:
    numbers = [value for value in values if finite_number(value) is not None]
    exact = sum(map(Fraction, numbers), Fraction(0))
    shuffled = dice.sample(values, len(values))
    for made in (tally(list(values)), merged([[value] for value in shuffled])):
        if all(type(number) is int for number in numbers):
            assert made.sum() == exact
        elif abs(exact) <= sys.float_info.max:
            assert made.sum() == float(exact)
        else:
            assert made.sum() is None


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary().map(bytearray), lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner), max_leaves=12))
@settings(deadline=None)
def test_state_comes_back_from_plain_data_as_it_was(value: object) -> None:
    import json

    assert revive(json.loads(json.dumps(plain(value)))) == value


def test_a_tally_comes_back_from_plain_data() -> None:
    for values in ([1, 2.5, "x"], list(range(20_000))):
        held = tally(values)
        back = Tally.load(revive(plain(held.dump())))
        assert (back.sum(), back.distinct_count(), back.lowest(), back.highest()) == (held.sum(), held.distinct_count(), held.lowest(), held.highest())
        assert back.dump() == held.dump()
