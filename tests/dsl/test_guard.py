"""The guard: a match that takes too long ends, those that do not are left alone, and nothing of it stays behind."""
from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from penstock.dsl.grok import Expression, Guard, MatchTimeout, compile_expression, shipped
from penstock.dsl.guard import limited
from penstock.dsl.regex import compile as compile_regex

LIBRARY = shipped("legacy")
ENDLESS = compile_expression(r"^(?:a|aa)+$", LIBRARY)
QUICK = compile_expression("%{WORD:w}", LIBRARY)
TRAP = "a" * 40 + "b"


def outcomes(guard: Guard, expressions: list[Expression], texts: list[str], *, together: bool = False) -> list[str]:
    """A loop as a filter has it: for each text and expression, whether it matched or took too long."""
    found = []
    with guard:
        finds = [guard.finder(expression) for expression in expressions]
        for text in texts:
            if together:
                guard.turn = object()
            for find in finds:
                try:
                    found.append("yes" if find(text) else "no")
                except MatchTimeout:
                    found.append("late")
    return found


def test_a_match_without_end_is_ended() -> None:
    """And those before and behind it match as ever."""
    assert outcomes(Guard(0.1), [ENDLESS, QUICK], ["x", TRAP, "aa", TRAP]) == [
        "no", "yes", "late", "yes", "yes", "yes", "late", "yes",
    ]  # fmt: skip


def test_a_match_is_ended_wherever_in_a_long_function_it_is_called() -> None:
    """Beyond the first 256 bytes of code a place is a number that Python makes anew whenever it is asked for."""
    lines = ["def match(find, text):", *["    spent = text, find"] * 200, "    return find(text)"]
    scope: dict[str, Callable[..., object]] = {}
    exec("\n".join(lines), scope)
    with Guard(0.1) as guard, pytest.raises(MatchTimeout):
        scope["match"](guard.finder(compile_expression("(?:a|aa)+$", LIBRARY)), TRAP)


def test_many_quick_matches_are_not_one_slow_one() -> None:
    """They take longer than the limit together, and each is another text or another call."""
    texts = [str(number) for number in range(60_000)]
    assert set(outcomes(Guard(0.005), [QUICK], texts)) == {"yes"}


def test_a_limit_for_all_matches_of_an_event() -> None:
    """Where each keeps the limit and all together do not, the one that runs when it is reached ends."""
    some_work = compile_expression(r"(?:a|aa)+c", LIBRARY)
    text = "a" * 22
    assert outcomes(Guard(5), [some_work] * 4, [text]) == ["no"] * 4
    assert "late" in outcomes(Guard(0.02), [some_work] * 40, [text], together=True)


def in_a_thread(work: Callable[[], object]) -> object:
    """What the work gives in another thread than the main one."""
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def test_other_threads_have_a_limit_too() -> None:
    """Signals do not reach them: another engine matches there, which has limits of its own."""
    guard = Guard(0.05)
    found = in_a_thread(lambda: outcomes(guard, [ENDLESS, QUICK], [TRAP, "x"]))
    assert found == ["late", "yes", "no", "yes"]
    together = in_a_thread(lambda: outcomes(guard, [ENDLESS, ENDLESS], [TRAP], together=True))
    assert together == ["late", "late"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("%{SYSLOGLINE}", "<13>May 11 15:17:02 meow.soy.se CRON[10973]: pam_unix(cron:session): session opened"),
        ("%{COMBINEDAPACHELOG}", '::1 - - [04/Jan/2015:05:13:42 +0000] "GET /é HTTP/1.1" 200 12 "-" "a\\"b"'),
        (r"%{NOTSPACE:s} \bé%{UNIXPATH:p}", "x\u00a0y é/é/b"),
        ("(?i)(?<a>x)(?:(?<b>y)|z)*+", "XZyz"),
    ],
)
def test_both_engines_capture_the_same(text: str, line: str) -> None:
    """A thread must not see other fields."""
    expression = compile_expression(text, LIBRARY)

    def groups() -> tuple[str | None, ...]:
        with Guard(1) as guard:
            match = guard.finder(expression)(line)
            assert match is not None
            return match.groups()

    assert in_a_thread(groups) == groups()


@contextmanager
def timer_of_somebody_else() -> Iterator[list[int]]:
    """A handler and a timer that stand before a guard is entered."""
    calls: list[int] = []
    before = signal.signal(signal.SIGVTALRM, lambda number, frame: calls.append(number))
    signal.setitimer(signal.ITIMER_VIRTUAL, 50, 60)
    try:
        yield calls
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def fail_under(handler: object) -> None:
    assert signal.getsignal(signal.SIGVTALRM) is not handler
    raise ValueError("unconvertible")


def test_handler_and_timer_are_put_back() -> None:
    """Also when the loop ends with an error."""
    with timer_of_somebody_else():
        handler = signal.getsignal(signal.SIGVTALRM)
        with pytest.raises(ValueError, match="unconvertible"), Guard(1):
            fail_under(handler)
        assert signal.getsignal(signal.SIGVTALRM) is handler
        assert signal.getitimer(signal.ITIMER_VIRTUAL)[1] == 60


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("a+(b|c)*", "xaabcbd"), (r"^\s+|\s+$", "  x y \n z "), (r"\S+(?=é)", "ab é cdé"), ("(?i)x[^y]*+", "aXb\nc"), ("(?<w>o+)|b+", "foo bob")],
)
def test_a_limited_pattern_finds_and_replaces_the_same(pattern: str, text: str) -> None:
    plain = compile_regex(pattern)
    held = limited(plain, 5)
    assert held is not plain
    found, same = plain.search(text), held.search(text)
    assert (found and (found.span(), found.groups())) == (same and (same.span(), same.groups()))
    assert plain.sub(lambda match: f"<{match[0]}>", text) == held.sub(lambda match: f"<{match[0]}>", text)


def test_what_repeats_nothing_without_end_needs_no_limit() -> None:
    """It is as fast in a thread as elsewhere."""
    plain = compile_regex("^err(?:or)?[0-9]{1,3}")
    assert limited(plain, 5) is plain
    assert limited(compile_regex("a+"), 0) == compile_regex("a+")
