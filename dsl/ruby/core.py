"""What all parts of the compiler stand on: values of nodes, where results go, names for constants.

A node becomes an expression of Python's (``value``). What Python says only with statements is
written before it; operands that come earlier are put into names then, so that the order stays.
"""

from __future__ import annotations

import re
from typing import Any

from .dispatch import Dispatch
from .errors import NotCompiled
from .frames import Code, Writer
from .objects import symbol
from .syntax import Node, Tree

TRUE_KINDS = frozenset({"int", "float", "str", "list", "dict", "symbol", "proc", "regexp", "range"})
_ATOM = re.compile(r"(?:t\d+|None|True|False|-?\d+(?:\.\d+)?|'[^'\\]*'|[cy]\d+)\Z")
_NAME = re.compile(r"\w+\Z")
_DEEP = 60


class Core(Writer):
    """The state of a compilation, and the ways of values."""

    def __init__(self, tree: Tree, names: dict[str, Any], mutable: bool) -> None:
        super().__init__()
        self.tree, self.names, self.mutable = tree, names, mutable
        self._constants: dict[tuple[str, Any], str] = {}

    # --- what the parts define

    def value(self, node: Node) -> Code:
        """The expression that a node is."""
        raise NotImplementedError

    def into(self, node: Node, sink: str) -> None:
        """Write a node as statements; ``sink`` says where its value goes (``return {}``)."""
        raise NotImplementedError

    # --- names

    def text(self, node: Node) -> str:
        """The text of a node."""
        return self.tree.of(node)

    def unsupported(self, node: Node, what: str) -> NotCompiled:
        """What is not compiled, with its place."""
        return NotCompiled(what, *self.tree.span(node))

    def keep(self, key: Any, value: Any, prefix: str = "c") -> str:
        """A name for a value that the code uses."""
        found = self._constants.get((prefix, key))
        if found is None:
            found = f"{prefix}{len(self.names)}"
            self._constants[prefix, key] = found
            self.names[found] = value
        return found

    def method(self, name: str, has_block: bool = False) -> str:
        """A name for the table of a method."""
        table = Dispatch(name, has_block, self.mutable)
        return self.keep((name, has_block), table, "m")

    def symbol(self, name: str) -> Code:
        """A symbol."""
        return Code(self.keep(name, symbol(name), "y"), "symbol")

    def string(self, content: str, frozen: bool = False) -> Code:
        """A string of the code."""
        if self.mutable and not frozen:
            return Code(f"MutStr({content!r})", "str")
        return Code(repr(content), "str")

    def owned(self, code: str, kind: str = "") -> Code:
        """The result of a call: a string of it may be changed where strings change in place."""
        if not self.mutable or kind in ("bool", "int", "float", "nil"):
            return Code(code, kind)
        return Code(f"wrap({code})", kind)

    # --- values

    def hold(self, code: Code) -> Code:
        """The value under a name, so that it can be used twice."""
        if _ATOM.match(code) or (_NAME.match(code) and code.startswith("v_")):
            return code
        name = self.temporary()
        self.emit(f"{name} = {code}")
        return Code(name, code.kind)

    def values(self, nodes: list[Node]) -> list[Code]:
        """The values of several nodes, in their order."""
        made: list[Code] = []
        for node in nodes:
            self.add_value(made, node)
        return made

    def add_value(self, made: list[Code], node: Node) -> None:
        """One more value behind others; what must be written before it comes after theirs."""
        mark = len(self.lines)
        self.add_code(made, mark, self.value(node))

    def add_code(self, made: list[Code], mark: int, code: Code) -> None:
        """One more value, for which lines may have been written since a mark."""
        if len(self.lines) > mark:
            behind = self.lines[mark:]
            del self.lines[mark:]
            for at, before in enumerate(made):
                if not _ATOM.match(before):
                    name = self.temporary()
                    self.emit(f"{name} = {before}")
                    made[at] = Code(name, before.kind)
            self.lines += behind
        made.append(self.shallow(code))

    def shallow(self, code: Code) -> Code:
        """An expression that is not nested too deeply for Python's parser."""
        if len(code) < 400:
            return code
        depth = most = 0
        for char in code:
            depth += (char in "([{") - (char in ")]}")
            most = max(most, depth)
        if most < _DEEP:
            return code
        name = self.temporary()
        self.emit(f"{name} = {code}")
        return Code(name, code.kind)

    def condition(self, node: Node) -> Code:
        """Whether a node is true, as Python's truth."""
        return self.truth(self.value(node))

    def truth(self, code: Code) -> Code:
        """Whether a value is true."""
        if code.kind == "bool":
            return code
        if code.kind in TRUE_KINDS:
            return Code(f"({code}, True)[1]" if not _ATOM.match(code) else "True", "bool")
        if _NAME.match(code):
            return Code(f"({code} is not None and {code} is not False)", "bool")
        name = self.temporary()
        return Code(f"(({name} := {code}) is not None and {name} is not False)", "bool")

    def run(self, node: Node) -> None:
        """Write a node whose value nobody wants."""
        self.into(node, "")

    def finish(self, code: str, sink: str) -> None:
        """Send a value where it goes."""
        if sink:
            self.emit(sink.replace("{}", code, 1))
        elif not (_ATOM.match(code) or _NAME.match(code)):
            self.emit(code)

    def body(self, nodes: list[Node], sink: str) -> None:
        """Write statements; the last one's value goes into the sink."""
        for node in nodes[:-1]:
            self.run(node)
        if nodes:
            self.into(nodes[-1], sink)
        else:
            self.finish("None", sink)

    def body_value(self, nodes: list[Node]) -> Code:
        """The value of statements."""
        for node in nodes[:-1]:
            self.run(node)
        return self.value(nodes[-1]) if nodes else Code("None", "nil")

    def choice(self, test: Code, then: list[Node], otherwise: list[Node]) -> Code:
        """One value or another: an expression, if both can be."""
        with self.captured() as yes:
            first = self.body_value(then)
        with self.captured() as no:
            second = self.body_value(otherwise)
        kind = first.kind if first.kind == second.kind else ""
        if not yes and not no:
            return Code(f"({first} if {test} else {second})", kind)
        return self.branches(test, (yes, first), (no, second), kind)

    def branches(self, test: str, yes: Any, no: Any, kind: str = "") -> Code:
        """One value or another, by an if statement."""
        name = self.temporary()
        for head, (lines, code) in ((f"if {test}:", yes), ("else:", no)):
            self.place(head, lines)
            self.indent += 1
            self.emit(f"{name} = {code}")
            self.indent -= 1
        return Code(name, kind)
