"""Literals: strings with what is interpolated, symbols, numbers, arrays, hashes, ranges,
expressions.
"""

from __future__ import annotations

import re
from typing import Any

from .core import Core
from .errors import RegexpError, RubySyntaxError
from .frames import Code
from .patterns import EXTENDED, IGNORECASE, MULTILINE, regexp
from .syntax import Node, named

_SIMPLE = {"n": 10, "t": 9, "r": 13, "e": 27, "s": 32, "a": 7, "b": 8, "f": 12, "v": 11, "0": 0}
_ESCAPE = re.compile(
    r"\\(?:u\{([0-9a-fA-F\s]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{1,2})|([0-7]{1,3})|(\n)|(.))",
    re.DOTALL,
)


def unescaped(text: str) -> str:
    """A double-quoted string's content with its escapes read."""
    parts: list[bytes] = []
    at = 0
    for found in _ESCAPE.finditer(text):
        parts += [text[at : found.start()].encode("utf-8", "surrogatepass"), _escape(found)]
        at = found.end()
    parts.append(text[at:].encode("utf-8", "surrogatepass"))
    return b"".join(parts).decode("utf-8", "surrogateescape")


def _escape(found: re.Match[str]) -> bytes:
    many, four, hexa, octal, newline, char = found.groups()
    if many is not None:
        return "".join([chr(int(code, 16)) for code in many.split()]).encode()
    if four is not None:
        return chr(int(four, 16)).encode("utf-8", "surrogatepass")
    if hexa is not None:
        return bytes([int(hexa, 16)])
    if octal is not None:
        return bytes([int(octal, 8) & 255])
    if newline is not None:
        return b""
    return bytes([_SIMPLE[char]]) if char in _SIMPLE else char.encode()


class Literals(Core):
    """The part of the compiler that knows literals."""

    def literal_string(self, node: Node, frozen: bool = False) -> Code:
        """A string."""
        parts = self.parts(node)
        if all(isinstance(part, str) for part in parts):
            return self.string("".join(parts), frozen)
        return self._interpolated(parts)

    def _interpolated(self, parts: list[Any]) -> Code:
        codes: list[Code] = []
        for part in parts:
            if isinstance(part, str):
                codes.append(Code(repr(part), "str"))
            else:
                mark = len(self.lines)
                self.add_code(codes, mark, self.body_value(named(part)))
        shown = [c if c.kind == "str" and c[0] in "'\"" else f"to_s({c})" for c in codes]
        joined = f"({' + '.join(shown)})" if len(shown) < 8 else f"string_of([{', '.join(codes)}])"
        return Code(f"MutStr({joined})" if self.mutable else joined, "str")

    def parts(self, node: Node) -> list[Any]:
        """The parts of a string: texts, and nodes that are interpolated."""
        opening = self.text(node.children[0]) if node.children else ""
        raw = opening.startswith(("'", "%q")) or (opening.startswith("%w") or opening == "%i[")
        if not any(c.type == "interpolation" for c in node.children):
            return [self._content(node, raw)]
        found: list[Any] = []
        for child in node.children[1:-1]:
            if child.type == "interpolation":
                found.append(child)
            else:
                found.append(unescaped(self.text(child)))
        return found

    def _content(self, node: Node, raw: bool) -> str:
        if len(node.children) < 2:
            return ""
        start, end = node.children[0].end_byte, node.children[-1].start_byte
        inner = self.tree.data[start:end].decode("utf-8", "surrogatepass")
        if not raw:
            return unescaped(inner)
        opening = self.text(node.children[0])
        ends = re.escape(
            opening[-1] + {"(": ")", "[": "]", "{": "}", "<": ">"}.get(opening[-1], "")
        )
        return re.sub(rf"\\([\\{ends}])", r"\1", inner)

    def literal_chained_string(self, node: Node) -> Code:
        """Strings that stand one behind the other."""
        parts = [part for child in named(node) for part in self.parts(child)]
        if all(isinstance(part, str) for part in parts):
            return self.string("".join(parts))
        return self._interpolated(parts)

    def literal_heredoc(self, node: Node) -> Code:
        """A heredoc."""
        opening, body = self.text(node), self.tree.heredocs[node.start_byte]
        raw = "'" in opening
        parts: list[Any] = []
        content = [c for c in body.children if c.type != "heredoc_end"]
        at = body.start_byte + 1
        for child in content:
            if child.type == "interpolation":
                parts += [self._between(at, child.start_byte), child]
                at = child.end_byte
        end = next(c for c in body.children if c.type == "heredoc_end")
        parts.append(self._between(at, end.start_byte))
        last = parts[-1]
        parts[-1] = last[: last.rindex("\n") + 1] if "\n" in last else ""
        if "~" in opening:
            parts = _dedented(parts)
        if not raw:
            parts = [unescaped(part) if isinstance(part, str) else part for part in parts]
        if all(isinstance(part, str) for part in parts):
            return self.string("".join(parts))
        return self._interpolated(parts)

    def _between(self, start: int, end: int) -> str:
        return self.tree.data[start:end].decode("utf-8", "surrogatepass")

    def literal_character(self, node: Node) -> Code:
        """``?a``"""
        return self.string(unescaped(self.text(node)[1:]))

    def literal_symbol(self, node: Node) -> Code:
        """A symbol."""
        if node.type == "simple_symbol":
            return self.symbol(self.text(node)[1:])
        if node.type == "hash_key_symbol":
            return self.symbol(self.text(node))
        parts = self.parts(node)
        if all(isinstance(part, str) for part in parts):
            return self.symbol("".join(parts))
        return Code(f"symbol(to_s({self._interpolated(parts)}))", "symbol")

    def literal_number(self, node: Node) -> Code:
        """A number."""
        text = self.text(node).replace("_", "").lower()
        if node.type == "float":
            return Code(repr(float(text)), "float")
        if re.fullmatch(r"0\d+", text):
            return Code(str(int(text, 8)), "int")
        return Code(str(int(text.replace("0d", ""), 0)), "int")

    def literal_array(self, node: Node) -> Code:
        """An array."""
        codes: list[Code] = []
        pairs = [child for child in named(node) if child.type == "pair"]
        for child in named(node):
            if child.type == "pair":
                continue
            if child.type == "splat_argument":
                mark = len(self.lines)
                inner = self.value(named(child)[0])
                self.add_code(codes, mark, Code(f"*splat({inner})"))
            else:
                self.add_value(codes, child)
        if pairs:
            mark = len(self.lines)
            self.add_code(codes, mark, self.pairs(pairs))
        return Code(f"[{', '.join(codes)}]", "list")

    def literal_words(self, node: Node) -> Code:
        """``%w[a b]`` and ``%i[a b]``"""
        made: list[Code] = []
        interpolates = self.text(node.children[0])[1] in "WI"
        for child in named(node):
            parts = [
                unescaped(self.text(c)) if interpolates else self.text(c) for c in child.children
            ] or [self.text(child)]
            if any(c.type == "interpolation" for c in child.children):
                raise self.unsupported(child, "interpolation in %W")
            word = re.sub(r"\\(.)", r"\1", "".join(parts))
            made.append(self.symbol(word) if node.type == "symbol_array" else self.string(word))
        return Code(f"[{', '.join(made)}]", "list")

    def literal_hash(self, node: Node) -> Code:
        """A hash."""
        return self.pairs(named(node))

    def pairs(self, nodes: list[Node]) -> Code:
        """A hash of pairs and splats."""
        codes: list[Code] = []
        simple = True
        for node in nodes:
            mark = len(self.lines)
            if node.type == "hash_splat_argument":
                simple = False
                self.add_code(codes, mark, self.value(named(node)[0]))
                continue
            key, value = self.pair(node)
            is_plain = key[0] in "'\"y" and not key.startswith("y_")
            simple = simple and is_plain
            self.add_code(codes, mark, Code(f"{key}\0{value}"))
        if simple:
            return Code("{" + ", ".join([code.replace("\0", ": ") for code in codes]) + "}", "dict")
        shown = [f"({code.replace(chr(0), ', ')})" if "\0" in code else code for code in codes]
        return Code(f"with_pairs({', '.join(shown)})", "dict")

    def pair(self, node: Node) -> tuple[Code, Code]:
        """Key and value of a pair."""
        key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
        if key.type == "hash_key_symbol":
            name = self.symbol(self.text(key))
            return name, self.name_value(key) if value is None else self.value(value)
        if key.type == "string" and self.text(node)[key.end_byte - node.start_byte :][:1] == ":":
            return self.literal_symbol(key), self.value(value)
        made: list[Code] = []
        if key.type == "string":
            made.append(self.literal_string(key, frozen=True))
        else:
            made.append(self.value(key))
        self.add_value(made, value)
        return made[0], made[1]

    def name_value(self, node: Node) -> Code:
        """The value of a name: a variable, or a call."""
        raise NotImplementedError

    def literal_range(self, node: Node) -> Code:
        """A range."""
        ends = [node.child_by_field_name("begin"), node.child_by_field_name("end")]
        codes: list[Code] = []
        for end in ends:
            if end is None:
                codes.append(Code("None"))
            else:
                self.add_value(codes, end)
        exclusive = self.text(node.child_by_field_name("operator")) == "..."
        numbers = all(re.fullmatch(r"-?\d+|None", code) for code in codes)
        if numbers:
            return Code(f"Range({codes[0]}, {codes[1]}, {exclusive})", "range")
        return Code(f"range_of({codes[0]}, {codes[1]}, {exclusive})", "range")

    def literal_regexp(self, node: Node) -> Code:
        """A regular expression."""
        letters = re.sub(r"[^imxounse]", "", self.text(node.children[-1])[1:])
        options = sum(
            {"i": IGNORECASE, "m": MULTILINE, "x": EXTENDED}.get(letter, 0)
            for letter in set(letters)
        )
        parts: list[Any] = []
        at = node.children[0].end_byte
        for child in node.children[1:-1]:
            if child.type == "interpolation":
                parts += [self._between(at, child.start_byte), child]
                at = child.end_byte
        parts.append(self._between(at, node.children[-1].start_byte))
        slash = self.text(node.children[0]) == "/"
        parts = [p.replace("\\/", "/") if slash and isinstance(p, str) else p for p in parts]
        if len(parts) == 1:
            return self._static(node, parts[0], options)
        codes: list[Code] = []
        for part in parts:
            if isinstance(part, str):
                codes.append(Code(repr(part)))
            else:
                mark = len(self.lines)
                self.add_code(codes, mark, self.body_value(named(part)))
        shown = [c if at % 2 == 0 else f"to_s({c})" for at, c in enumerate(codes)]
        return Code(f"regexp({' + '.join(shown)}, {options})", "regexp")

    def _static(self, node: Node, source: str, options: int) -> Code:
        try:
            made = regexp(source, options)
        except RegexpError as error:
            raise RubySyntaxError(str(error), *self.tree.span(node)) from None
        return Code(self.keep((source, options), made, "x"), "regexp")


def _dedented(parts: list[Any]) -> list[Any]:
    """The parts of a heredoc without the white space that all its lines start with."""
    joined = "".join([part if isinstance(part, str) else "\0" for part in parts])
    lines = [line for line in joined.split("\n") if line.strip(" \t")]
    widths = [len(line) - len(line.lstrip(" \t")) for line in lines]
    width = min(widths, default=0)
    made: list[Any] = []
    starts = True
    for part in parts:
        if not isinstance(part, str):
            made.append(part)
            starts = False
            continue
        pattern = rf"(?:(?<=\n)|\A)[ \t]{{0,{width}}}" if starts else rf"(?<=\n)[ \t]{{0,{width}}}"
        made.append(re.sub(pattern, "", part))
        starts = False
    return made
