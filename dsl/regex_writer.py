"""A tree of a regular expression, written for Python's ``re``.

Three things cannot be written as they are read: the line start (Ruby's ``^`` does not match behind
a newline that ends the text), groups (their names need not be Python's, and beside named groups the
unnamed ones do not capture), and a back reference to a name that several groups have (the last that
took part counts).
"""

from __future__ import annotations

from . import regex_sets as sets
from .regex_escapes import RegexError
from .regex_tree import (
    At,
    Atomic,
    Back,
    Call,
    Capture,
    Choice,
    Condition,
    Dot,
    Folded,
    Look,
    Node,
    Repeat,
    Sequence,
    Set,
    Text,
    alone,
    is_single,
    width,
)

_PLACES = {
    "line end": "$",
    "start": r"\A",
    "end": r"\Z",
    "last line end": r"(?=\n?\Z)",
    "boundary": r"\b",
    "no boundary": r"\B",
}
_LINE_START = r"(?:\A|(?<=\n)(?!\Z))"
_SUFFIX = {"greedy": "", "lazy": "?", "possessive": "+"}
_COUNTS = {(0, None): "*", (1, None): "+", (0, 1): "?"}
_SPECIAL = frozenset("\\.^$*+?{}[]|()")
_SPECIAL_IN_SET = frozenset("\\^-[]&|~")
_UNSEEN = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\f": r"\f", "\v": r"\v"}
_NAMES = {"word": r"\w", "digit": r"\d", "alnum": r"\w", "alpha": r"\w"}
#: What Python's ``\w`` has that the class has not.
_WITHOUT = {"alnum": "_", "alpha": r"\d_"}
#: Any character but a blank, as fast as a set can be in ``re``: others of this kind are slow.
NO_SPACE = r"(?a:\S)"
_NO_SPACE = sets.complement(sets.SPACE)


class Writer:
    """Writes one expression; ``groups`` holds afterwards the names of Python's groups, in order,
    None where unnamed.

    ``unnamed`` says whether groups without a name capture. The text is for ``re.MULTILINE`` and
    without ``re.DOTALL``.
    """

    __slots__ = ("_open", "groups", "unnamed")

    def __init__(self, *, unnamed: bool) -> None:
        self.groups: list[str | None] = []
        self.unnamed = unnamed
        self._open: set[int] = set()

    def write(self, node: Node) -> str:
        """The whole expression; raises RegexError for references to groups that do not exist."""
        return self._alternatives(node, more=False)

    def _alternatives(self, node: Node, more: bool) -> str:
        """A node where alternatives may stand free: in a group, or at the top. ``more``: what
        follows takes.
        """
        node = alone(node)
        if isinstance(node, Choice):
            return "|".join([self._item(branch, more) for branch in node.branches])
        return self._item(node, more)

    def _item(self, node: Node, more: bool) -> str:
        """A node between others."""
        if isinstance(node, Text):
            return "".join(map(_literal, node.value))
        if isinstance(node, Set):
            return bracket(node)
        if isinstance(node, Sequence):
            return self._sequence(node, more)
        if isinstance(node, Repeat):
            return self._repeat(node)
        if isinstance(node, Dot):
            return "(?s:.)" if node.newlines else "."
        if isinstance(node, At):
            return _PLACES.get(node.place) or ("^" if more else _LINE_START)
        return self._group(node, more)

    def _sequence(self, node: Sequence, more: bool) -> str:
        written: list[str] = []
        for index, item in enumerate(node.items):
            followed = more
            if not followed and isinstance(item, At | Capture | Choice | Folded | Sequence):
                followed = any(width(later)[0] for later in node.items[index + 1 :])
            written.append(self._item(item, followed))
        return "".join(written)

    def _repeat(self, node: Repeat) -> str:
        inner = alone(node.node)
        whole = is_single(inner) or isinstance(
            inner, Atomic | Look | Choice | Folded | Back | Condition
        )
        whole = whole or (isinstance(inner, Capture) and self._captures(inner))
        body = self._item(inner, more=False)
        if not whole or (
            isinstance(inner, Set) and not body.startswith(("[", "\\", "(?a:")) and len(body) > 1
        ):
            body = f"(?:{body})"
        if node.mode == "possessive" and not is_single(inner):
            # Python 3.11 repeats groups possessively one round at a time, and some of its releases
            # break on captures.
            return f"(?>{body}{_times(node.low, node.high)})"
        return body + _times(node.low, node.high) + _SUFFIX[node.mode]

    def _captures(self, node: Capture) -> bool:
        return self.unnamed or node.name is not None

    def _group(self, node: Node, more: bool) -> str:
        if isinstance(node, Choice):
            return f"(?:{self._alternatives(node, more)})"
        if isinstance(node, Capture):
            return self._capture(node, more)
        if isinstance(node, Atomic):
            return f"(?>{self._alternatives(node.node, more)})"
        if isinstance(node, Look):
            direction = "<" if node.behind else ""
            sign = "!" if node.negative else "="
            return f"(?{direction}{sign}{self._alternatives(node.node, more=False)})"
        if isinstance(node, Folded):
            return f"(?{'i' if node.on else '-i'}:{self._alternatives(node.node, more)})"
        if isinstance(node, Back):
            return self._back(node)
        if isinstance(node, Condition):
            number = self._numbers(node.group, node.position)[-1]
            return f"(?({number}){self._item(node.yes, more)}|{self._item(node.no, more)})"
        assert isinstance(node, Call)
        raise RegexError(f"\\g<{node.name}>: no group has this name", node.position)

    def _capture(self, node: Capture, more: bool) -> str:
        if not self._captures(node):
            return f"(?:{self._alternatives(node.node, more)})"
        self.groups.append(node.name)
        number = len(self.groups)
        self._open.add(number)
        body = self._alternatives(node.node, more)
        self._open.discard(number)
        return f"({self._python_name(number)}{body})"

    def _python_name(self, number: int) -> str:
        name = self.groups[number - 1]
        if name is None or not name.isidentifier() or name in self.groups[: number - 1]:
            return ""
        return f"?P<{name}>"

    def _back(self, node: Back) -> str:
        numbers = self._numbers(node.group, node.position)
        return f"(?:{'|'.join(chr(92) + str(number) for number in reversed(numbers))})"

    def _numbers(self, group: str | int, position: int) -> list[int]:
        if isinstance(group, int):
            numbers = [group] if group <= len(self.groups) and self.unnamed else []
        else:
            numbers = [number for number, name in enumerate(self.groups, 1) if name == group]
        if not numbers:
            raise RegexError(
                f"a reference to the group {group}, which is not defined before it", position
            )
        if self._open.intersection(numbers):
            raise RegexError(f"a reference to the group {group} from inside that group", position)
        return numbers


def bracket(node: Set) -> str:
    """A set, as short as it can be written: a character, a set or what is not in it, or a small
    group.
    """
    names, ranges = node.names, node.ranges
    if not names:
        if ranges == _NO_SPACE:
            return NO_SPACE
        if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
            return _literal(chr(ranges[0][0]))
        if ranges and ranges[-1][1] == sets.LAST:
            return (
                f"[^{_ranges(sets.complement(ranges))}]"
                if ranges[0] != (0, sets.LAST)
                else "(?s:.)"
            )
        return f"[{_ranges(ranges)}]" if ranges else "(?!)"
    known = names - _WITHOUT.keys()
    if known == names:
        negation = "^" if node.negated else ""
        classes = "".join(_NAMES[name] for name in sorted(names))
        return f"[{negation}{classes}{_ranges(ranges)}]"
    return _without(node)


def _without(node: Set) -> str:
    """A set with letters of all scripts in it: ``\\w``, less what is not a letter."""
    name = next(name for name in sorted(node.names) if name in _WITHOUT)
    rest = Set(node.ranges, node.names - {name})
    if not rest.ranges and not rest.names:
        return rf"[\W{_WITHOUT[name]}]" if node.negated else rf"[^\W{_WITHOUT[name]}]"
    if node.negated:
        return rf"(?!{bracket(rest)})[\W{_WITHOUT[name]}]"
    return rf"(?:[^\W{_WITHOUT[name]}]|{bracket(rest)})"


def _ranges(ranges: sets.Ranges) -> str:
    return "".join([_range(low, high) for low, high in ranges])


def _range(low: int, high: int) -> str:
    first, last = _character(chr(low), _SPECIAL_IN_SET), _character(chr(high), _SPECIAL_IN_SET)
    if low == high:
        return first
    return first + last if high == low + 1 else f"{first}-{last}"


def _literal(character: str) -> str:
    return _character(character, _SPECIAL)


def _character(character: str, special: frozenset[str]) -> str:
    if character in special:
        return "\\" + character
    if character in _UNSEEN:
        return _UNSEEN[character]
    if character.isprintable():
        return character
    code = ord(character)
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


def _times(low: int, high: int | None) -> str:
    if (low, high) in _COUNTS:
        return _COUNTS[low, high]
    if low == high:
        return f"{{{low}}}"
    return f"{{{low},}}" if high is None else f"{{{low},{high}}}"
