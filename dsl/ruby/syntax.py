"""Text to Ruby's syntax tree, by tree-sitter; and what is said of text that is not Ruby."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .errors import RubySyntaxError

Node = Any
"""A node of tree-sitter's."""


class Tree:
    """A text and its syntax tree."""

    def __init__(self, text: str) -> None:
        import tree_sitter
        import tree_sitter_ruby

        self.text = text
        self.data = text.encode("utf-8", "surrogatepass")
        self._starts = [0]
        for line in self.data.split(b"\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)
        parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_ruby.language()))
        self.root: Node = parser.parse(self.data).root_node
        self.heredocs = _heredocs(self.root)
        if self.root.has_error:
            raise self._problem()

    def of(self, node: Node) -> str:
        """The text of a node."""
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "surrogatepass")

    def offset(self, byte: int) -> int:
        """An offset in characters."""
        return len(self.data[:byte].decode("utf-8", "replace"))

    def span(self, node: Node) -> tuple[int, int]:
        """Where a node starts and ends, in characters."""
        return self.offset(node.start_byte), self.offset(node.end_byte)

    def _problem(self) -> RubySyntaxError:
        node = next(walk(self.root, lambda n: n.is_missing), None)
        if node is not None:
            wanted = node.type if not node.is_named else node.type.replace("_", " ")
            return RubySyntaxError(f"syntax error: `{wanted}` is missing", *self.span(node))
        node = _innermost(next(walk(self.root, lambda n: n.is_error)))
        start, end = self.span(node)
        shown = self.text[start:end].strip().split("\n")[0][:40]
        if not shown:
            return RubySyntaxError("syntax error: the code ends too early", start, end)
        return RubySyntaxError(f"syntax error at `{shown}`", start, end)


def _innermost(node: Node) -> Node:
    inner = [found for child in node.children for found in walk(child, lambda n: n.is_error)]
    return inner[-1] if inner else node


def walk(node: Node, holds: Any) -> Iterator[Node]:
    """The nodes of a tree of which something holds, in the order of the text."""
    pending = [node]
    while pending:
        at = pending.pop()
        if holds(at):
            yield at
        pending += reversed(at.children)


def descend(node: Node, *, into: frozenset[str] | None = None) -> Iterator[Node]:
    """All nodes below, but not those inside of nodes of some kinds."""
    for child in node.children:
        yield child
        if into is None or child.type not in into:
            yield from descend(child, into=into)


def _heredocs(root: Node) -> dict[int, Node]:
    """The body of each heredoc, by where its beginning stands."""
    beginnings = walk(root, lambda n: n.type == "heredoc_beginning")
    bodies = walk(root, lambda n: n.type == "heredoc_body")
    ordered = sorted(beginnings, key=lambda n: n.start_byte)
    return {
        start.start_byte: body
        for start, body in zip(ordered, sorted(bodies, key=lambda n: n.start_byte), strict=False)
    }


def named(node: Node) -> list[Node]:
    """The children that are not punctuation or comments."""
    skipped = ("comment", "heredoc_body", "empty_statement")
    return [child for child in node.named_children if child.type not in skipped]


def statements(node: Node | None) -> list[Node]:
    """The statements of a body."""
    if node is None:
        return []
    bodies = (
        "body_statement",
        "block_body",
        "then",
        "else",
        "do",
        "program",
        "begin",
        "ensure",
        "parenthesized_statements",
    )
    return named(node) if node.type in bodies else [node]
