"""A configuration laid out anew: two blanks a level, one statement a line, comments and single
blank lines kept.

What an author has put on one line stays on one line where it fits; what he has broken stays broken:
so the result is stable. Texts, names and numbers are written as they were. The hard idea is the
gap: between any two parts stands blank space, comments and perhaps a comma, and every comment of
the text belongs to exactly one gap. A comment on the line of what precedes it stays there; one in a
place where lines cannot be broken (after ``=>``, before ``{``) goes before the whole.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from . import tree
from .condition_text import condition_text, joined
from .parser import parse
from .source import Source, Span

WIDTH = 120
_INDENT = "  "
Pair = tree.Attribute | tree.Entry


def format(source: Source) -> str:  # noqa: A001 - it is what the command is called
    """The text of a source, laid out; raises ConfigError where it does not parse."""
    return _Printer(parse(source)).text()


def same(one: Any, other: Any) -> bool:
    """Whether two trees say the same, wherever it stands."""
    if isinstance(one, Span):
        return isinstance(other, Span)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, msgspec.Struct) and type(one) is type(other):
        return all(same(getattr(one, name), getattr(other, name)) for name in one.__struct_fields__)
    return bool(one == other and type(one) is type(other))


class _Printer:
    """Writes lines; the last one is open."""

    def __init__(self, parsed: tree.Tree) -> None:
        self.tree = parsed
        self.source = parsed.source.text
        self.comments = parsed.comments
        self.starts = [comment.span.start for comment in parsed.comments]
        self.lines: list[str] = []
        self.ended = False  # whether the open line ends in a comment: nothing can follow it
        self.widths: dict[
            int, int
        ] = {}  # of names, by the place of their pair: arrows stand below each other

    def text(self) -> str:
        self.block(self.tree.sections, 0, len(self.source), 0, self.section)
        return "\n".join(self.lines) + "\n" if self.lines else ""

    def comments_in(self, start: int, end: int) -> Sequence[tree.Comment]:
        return self.comments[bisect_left(self.starts, start) : bisect_left(self.starts, end)]

    def find(self, mark: str, start: int) -> int:
        """Where a character stands next, comments passed over."""
        at = self.source.index(mark, start)
        for comment in self.comments_in(start, at):
            if comment.span.start <= at < comment.span.end:
                return self.find(mark, comment.span.end)
        return at

    def new_line(self, depth: int, text: str = "") -> None:
        self.lines.append(_INDENT * depth + text)
        self.ended = False

    def comment(self, comment: tree.Comment, depth: int, behind: bool = False) -> None:
        """A comment on a line of its own, or behind what stands on the open line."""
        text = comment.text.rstrip()
        if behind and self.lines and not self.ended:
            self.write(f" {text}")
        else:
            self.new_line(depth, text)
        self.ended = True

    def write(self, text: str) -> None:
        first, *others = text.split("\n")
        self.lines[-1] += first
        self.lines += others

    @property
    def column(self) -> int:
        return len(self.lines[-1])

    def gap(self, start: int, end: int, depth: int, opens: bool, closes: bool) -> None:
        """What stands between two parts: comments, and a blank line where there were some."""
        at = start
        for comment in self.comments_in(start, end):
            behind = "\n" not in self.source[at : comment.span.start] and at > 0
            if not behind:
                self.blank(at, comment.span.start, opens and at == start)
            self.comment(comment, depth, behind)
            at = comment.span.end
        if not closes:
            self.blank(at, end, opens and at == start)

    def blank(self, start: int, end: int, opens: bool) -> None:
        if self.source.count("\n", start, end) > 1 and not opens:
            self.lines.append("")

    def hoist(self, start: int, end: int, depth: int) -> None:
        """Comments from within a part that must stay together, before it."""
        for comment in self.comments_in(start, end):
            self.comment(comment, depth)

    def block(
        self,
        parts: Sequence[Any],
        start: int,
        end: int,
        depth: int,
        part: Callable[[Any, int], None],
        comma: str = "",
    ) -> None:
        """Parts on lines of their own, from one bracket to the other."""
        at = start
        for number, one in enumerate(parts, 1):
            self.gap(at, one.span.start, depth, opens=number == 1, closes=False)
            part(one, depth)
            at = one.span.end
            if comma and number < len(parts):
                self.write(comma)
        self.gap(at, end, depth, opens=not parts, closes=True)

    def section(self, section: tree.Section, depth: int) -> None:
        brace = self.find("{", section.span.start)
        self.hoist(section.span.start, brace, depth)
        if not section.body and not self.comments_in(brace, section.span.end):
            self.new_line(depth, f"{section.kind} {{ }}")
            return
        inline = self.inline(section.span, brace, section.body, self.statement_text)
        if inline is not None and len(section.body) == 1:
            self.new_line(depth, f"{section.kind} {{ {inline[0]} }}")
            return
        self.new_line(depth, f"{section.kind} {{")
        self.block(section.body, brace + 1, section.span.end - 1, depth + 1, self.statement)
        self.new_line(depth, "}")

    def inline(
        self, span: Span, opening: int, parts: Sequence[Any], text: Callable[[Any], str | None]
    ) -> list[str] | None:
        """The parts of what an author has begun on the line of its bracket, each as text; None
        where they need lines.
        """
        first = parts[0].span.start if parts else span.end
        if "\n" in self.source[opening:first] or self.comments_in(span.start, span.end):
            return None
        texts = [text(part) for part in parts]
        whole = [one for one in texts if one is not None and "\n" not in one]
        fits = len(parts) == 1 or sum(map(len, whole)) <= WIDTH
        return whole if len(whole) == len(texts) and fits else None

    def statement(self, statement: tree.Statement, depth: int) -> None:
        if isinstance(statement, tree.Plugin):
            self.hoist(statement.span.start, self.find("{", statement.name_span.end), depth)
            self.new_line(depth)
            self.plugin(statement, depth, self.column)
        else:
            self.branch(statement, depth)

    def statement_text(self, statement: tree.Statement) -> str | None:
        if isinstance(statement, tree.Branch):
            return self.branch_text(statement)
        return self.plugin_text(statement)

    def plugin(self, plugin: tree.Plugin, depth: int, column: int) -> None:
        text = self.plugin_text(plugin)
        if text is not None and (column + len(text) <= WIDTH or _is_short(plugin.attributes)):
            self.write(text)
            return
        brace = self.find("{", plugin.name_span.end)
        self.write(f"{plugin.name_span.text} {{")
        self.align(plugin.attributes, depth + 1)
        self.block(plugin.attributes, brace + 1, plugin.span.end - 1, depth + 1, self.pair)
        self.new_line(depth, "}")

    def plugin_text(self, plugin: tree.Plugin) -> str | None:
        brace = self.find("{", plugin.name_span.end)
        parts = self.inline(plugin.span, brace, plugin.attributes, self.pair_text)
        return None if parts is None else " ".join([plugin.name_span.text, "{", *parts, "}"])

    def opening(self, value: tree.Value) -> int:
        """Where a value begins that lines can be broken in: for a plugin, at its brace."""
        return (
            self.find("{", value.name_span.end)
            if isinstance(value, tree.Plugin)
            else value.span.start
        )

    def pair(self, pair: Pair, depth: int) -> None:
        self.hoist(pair.span.start, self.opening(pair.value), depth)
        self.new_line(depth)
        self.write(f"{_name(pair).ljust(self.widths.get(pair.span.start, 0))} => ")
        self.value(pair.value, depth, _bare_column(pair, depth))

    def align(self, pairs: Sequence[Pair], depth: int) -> None:
        """Note how wide the names are, group by group. A blank line or a comment on its own ends a
        group, and so does a value of several lines.
        """
        group: list[Pair] = []
        for pair in pairs:
            if group and self.apart(group[-1], pair, depth):
                self.note(group)
                group = []
            group.append(pair)
        self.note(group)

    def apart(self, one: Pair, other: Pair, depth: int) -> bool:
        start, end = one.span.end, other.span.start
        comments = [
            comment
            for comment in self.comments_in(start, end)
            if "\n" in self.source[start : comment.span.start]
        ]
        if (
            comments
            or self.comments_in(end, self.opening(other.value))
            or self.source.count("\n", start, end) > 1
        ):
            return True
        return not self.on_one_line(one.value, _bare_column(one, depth))

    def on_one_line(self, value: tree.Value, column: int) -> bool:
        text = self.value_text(value)
        if text is None or "\n" in text:
            return False
        parts = value.attributes if isinstance(value, tree.Plugin) else _parts(value)
        return column + len(text) <= WIDTH or _is_short(parts)

    def note(self, group: Sequence[Pair]) -> None:
        names = [len(_name(pair)) for pair in group if "\n" not in _name(pair)]
        self.widths |= {pair.span.start: max(names) for pair in group if len(names) == len(group)}

    def item(self, item: tree.Value, depth: int) -> None:
        self.hoist(item.span.start, self.opening(item), depth)
        self.new_line(depth)
        self.value(item, depth, self.column)

    def value(self, value: tree.Value, depth: int, column: int) -> None:
        """A value on the open line, and on as many more as it needs. ``column`` is where it would
        begin if nothing were aligned: breaks must not depend on neighbours.
        """
        text = self.value_text(value)
        if text is not None and self.on_one_line(value, column):
            self.write(text)
        elif isinstance(value, tree.Array):
            self.write("[")
            self.block(
                value.items,
                value.span.start + 1,
                value.span.end - 1,
                depth + 1,
                self.item,
                comma=",",
            )
            self.new_line(depth, "]")
        elif isinstance(value, tree.Hash):
            self.write("{")
            self.align(value.entries, depth + 1)
            self.block(
                value.entries, value.span.start + 1, value.span.end - 1, depth + 1, self.pair
            )
            self.new_line(depth, "}")
        elif isinstance(value, tree.Plugin):
            self.plugin(value, depth, column)
        else:
            self.write(value.span.text)

    def value_text(self, value: tree.Value) -> str | None:
        """A value on one line, None where it needs several."""
        if isinstance(value, tree.Array):
            items = self.inline(value.span, value.span.start, value.items, self.value_text)
            return None if items is None else f"[{', '.join(items)}]"
        if isinstance(value, tree.Hash):
            entries = self.inline(value.span, value.span.start, value.entries, self.pair_text)
            return None if entries is None else " ".join(["{", *entries, "}"])
        if isinstance(value, tree.Plugin):
            return self.plugin_text(value)
        return value.span.text

    def pair_text(self, pair: Pair) -> str | None:
        value = self.value_text(pair.value)
        return None if value is None else f"{_name(pair)} => {value}"

    def branch(self, branch: tree.Branch, depth: int) -> None:
        text = self.branch_text(branch)
        if text is not None and len(text) + len(_INDENT) * depth <= WIDTH:
            self.new_line(depth, text)
            return
        at = branch.span.start
        for number, arm in enumerate(branch.arms):
            brace = self.find("{", arm.condition.span.end if arm.condition else arm.span.start)
            self.joint(branch, number, at, depth)
            self.head(arm, number, brace, depth)
            self.block(arm.body, brace + 1, arm.span.end - 1, depth + 1, self.statement)
            self.new_line(depth, "}")
            at = arm.span.end

    def joint(self, branch: tree.Branch, number: int, at: int, depth: int) -> None:
        """The beginning of an arm's line: behind the brace of the one before, or below comments."""
        arm = branch.arms[number]
        start = self.before_condition(arm)
        if number == 0:
            self.hoist(at, start, depth)
            self.new_line(depth)
        elif self.comments_in(at, start):
            self.gap(at, start, depth, opens=False, closes=True)
            self.new_line(depth)
        else:
            self.write(" ")

    def before_condition(self, arm: tree.Arm) -> int:
        return arm.condition.span.start if arm.condition else self.find("{", arm.span.start)

    def head(self, arm: tree.Arm, place: int, brace: int, depth: int) -> None:
        if arm.condition is None:
            self.write("else {")
            return
        self.write("if " if place == 0 else "else if ")
        self.condition(arm.condition, depth)
        self.write(" {")
        for comment in self.comments_in(arm.condition.span.end, brace):
            self.comment(comment, depth + 1, behind=True)

    def branch_text(self, branch: tree.Branch) -> str | None:
        """A branch of one arm and one statement that its author has put on one line."""
        (arm, *others), span = branch.arms, branch.span
        if (
            others
            or len(arm.body) != 1
            or "\n" in span.text
            or self.comments_in(span.start, span.end)
        ):
            return None
        inner = self.statement_text(arm.body[0])
        return (
            None
            if inner is None or arm.condition is None
            else f"if {condition_text(arm.condition)} {{ {inner} }}"
        )

    def condition(self, condition: tree.Condition, depth: int) -> None:
        span = condition.span
        if self.comments_in(span.start, span.end):
            self.write(span.text)
            return
        text = condition_text(condition)
        if "\n" not in span.text and self.column + len(text) + 2 <= WIDTH:
            self.write(text)
            return
        parts = joined(condition)
        self.write(parts[0])
        for part in parts[1:]:
            self.new_line(depth + 2, part)


def _bare_column(pair: Pair, depth: int) -> int:
    return len(_INDENT) * depth + len(_name(pair)) + len(" => ")


def _name(pair: Pair) -> str:
    return pair.name_span.text if isinstance(pair, tree.Attribute) else pair.key.span.text


def _parts(value: tree.Value) -> Sequence[Any]:
    return (
        value.items
        if isinstance(value, tree.Array)
        else value.entries
        if isinstance(value, tree.Hash)
        else ()
    )


def _is_short(parts: Sequence[Any]) -> bool:
    """Whether lines of their own would not help: one part, which has no parts itself."""
    if not parts:
        return True
    value = getattr(parts[0], "value", parts[0])
    return len(parts) == 1 and not _parts(value) and not isinstance(value, tree.Plugin)
