"""The compiler: Ruby's syntax tree to lines of Python, node by node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import NoJava
from .facts import Facts
from .frames import Code, Frame, Line
from .operations import Operations
from .subset import ELSEWHERE
from .syntax import Node, Tree, named
from .texts import Unit


class Compiler(Operations):
    """Compiles one text."""

    def __init__(self, tree: Tree, names: dict[str, Any], facts: Facts, context: Any) -> None:
        super().__init__(tree, names, facts.mutable)
        self.methods, self.constants = facts.methods, facts.constants
        self.reassigned = facts.reassigned
        self.context, self.ticks = context, facts.ticks
        self.module: list[Line] = []

    def unit(self, unit: Unit, name: str) -> list[Line]:
        """The function of a text."""
        frame = self.frame = Frame("code")
        for parameter in unit.parameters:
            frame.declare(parameter, True)
        frame.event = "event" if "event" in unit.parameters else None
        self.indent = 1
        nodes = named(self.tree.root)
        sink = "return {}" if unit.wants_value else ""
        body = [node for node in nodes if node.type != "heredoc_body"]
        if any(node.type in ("rescue", "ensure") for node in body):
            raise self.unsupported(self.tree.root, "`rescue` outside of begin")
        self.body(body, sink)
        written = self._catching(frame)
        head = Line(0, f"def {name}({', '.join([f'v_{p}' for p in unit.parameters])}):", self.at)
        return [*self.module, head, *frame.opening(1, self.at), *written, Line(1, "pass", self.at)]

    def _catching(self, frame: Frame) -> list[Line]:
        if frame.return_tag is None:
            return self.lines
        tag, inner = frame.return_tag, [x._replace(indent=x.indent + 1) for x in self.lines]
        self.lines = []
        frame.functions.insert(0, Line(1, f"{tag} = object()", self.at))
        self.place("try:", inner)
        with self.indented("except Jump as jump:"):
            self.emit(f"if jump.tag is not {tag}: raise")
            self.emit("return jump.value")
        return self.lines

    def filters_events(self, node: Node) -> bool:
        return node.child_by_field_name("parameters") is not None

    # --- nodes

    def into(self, node: Node, sink: str) -> None:
        before, self.at = self.at, (*node.start_point, *node.end_point)
        write = _STATEMENTS.get(node.type)
        if write is not None:
            write(self, node, sink)
        elif node.type in ("assignment", "operator_assignment"):
            code = (
                self.assignment(node, sink)
                if node.type == "assignment"
                else self.operator_assignment(node)
            )
            self.finish(code, sink)
        else:
            self.finish(self.value(node), sink)
        self.at = before

    def value(self, node: Node) -> Code:
        before = self.at
        if node.type in _STATEMENTS and node.type not in _VALUES:
            name = self.temporary()
            self.emit(f"{name} = None")
            self.into(node, f"{name} = {{}}")
            return Code(name)
        read = _VALUES.get(node.type)
        if read is None:
            raise self.unsupported(node, f"`{node.type.replace('_', ' ')}`")
        self.at = (*node.start_point, *node.end_point)
        code = read(self, node)
        self.at = before
        return code

    def name_value(self, node: Node) -> Code:
        name = self.text(node)
        found = self.frame.find(name)
        if found is not None:
            return Code(found[1])
        if (
            name in self.methods
            or self.function("Kernel", name)
            or hasattr(self, f"own_{name.replace('?', '_p')}")
        ):
            return self.own_call(node, name, None)
        if name in ("java", "javax"):
            raise NoJava(f"`{name}`", *self.tree.span(node))
        if name == "__method__":
            return Code("None")
        if name in ELSEWHERE:
            raise self.unsupported(node, f"the method `{name}`")
        return Code(f"undefined({name!r}, False)")

    def parentheses(self, node: Node) -> Code:
        """Statements in parentheses."""
        return self.body_value(named(node))

    def variable(self, node: Node) -> Code:
        """An instance, class or global variable."""
        name = self.text(node)
        if node.type != "global_variable":
            return Code("logger") if name == "@logger" else Code(f"instance.get({name!r})")
        if name[1:].isdigit() and name != "$0":
            return self.owned(f"last_group({name[1:]})")
        if name in ("$~", "$&", "$`", "$'", "$+"):
            return self.owned(f"last_part({name!r})")
        if name == "$!":
            return Code(self.frame.error or "None")
        if name in ("$stdout", "$stderr", "$stdin", "$0", "$:", "$LOAD_PATH", "$PROGRAM_NAME"):
            raise self.unsupported(node, f"`{name}`")
        return Code(f"shared.get({name!r})")

    def yields(self, node: Node) -> Code:
        """``yield``"""
        given = [child for child in named(node) if child.type == "argument_list"]
        literal = self.literal_array_items(named(given[0])) if given else ""
        return Code(f"yielded(block_{', ' if literal else ''}{literal})")

    def lambda_(self, node: Node) -> Code:
        """``->(x) { }``"""
        return self.block(node, is_lambda=True)

    def defines(self, node: Node, sink: str) -> None:
        """``def``"""
        self.method_definition(node)
        self.finish(self.symbol(self.text(node.child_by_field_name("name"))), sink)

    def jumps(self, node: Node, sink: str) -> None:
        """``return``, ``next``, ``break`` and ``retry``."""
        if node.type == "retry":
            self.emit("tick()")
            self.emit("continue")
        else:
            getattr(self, f"control_{node.type}")(node)

    def ternary(self, node: Node) -> Code:
        """``a ? b : c``"""
        test = self.condition(node.child_by_field_name("condition"))
        consequence = node.child_by_field_name("consequence")
        return self.choice(test, [consequence], [node.child_by_field_name("alternative")])

    def nothing(self, node: Node, sink: str) -> None:
        """An empty statement."""


_VALUES: dict[str, Callable[[Any, Node], Code]] = {
    "identifier": Compiler.name_value,
    "integer": Compiler.literal_number,
    "float": Compiler.literal_number,
    "string": Compiler.literal_string,
    "chained_string": Compiler.literal_chained_string,
    "heredoc_beginning": Compiler.literal_heredoc,
    "character": Compiler.literal_character,
    "simple_symbol": Compiler.literal_symbol,
    "delimited_symbol": Compiler.literal_symbol,
    "hash_key_symbol": Compiler.literal_symbol,
    "array": Compiler.literal_array,
    "right_assignment_list": Compiler.literal_array,
    "string_array": Compiler.literal_words,
    "symbol_array": Compiler.literal_words,
    "hash": Compiler.literal_hash,
    "range": Compiler.literal_range,
    "regex": Compiler.literal_regexp,
    "nil": lambda self, node: Code("None", "nil"),
    "true": lambda self, node: Code("True", "bool"),
    "false": lambda self, node: Code("False", "bool"),
    "self": lambda self, node: Code("instance"),
    "constant": Compiler.constant_value,
    "scope_resolution": Compiler.constant_value,
    "instance_variable": Compiler.variable,
    "class_variable": Compiler.variable,
    "global_variable": Compiler.variable,
    "call": Compiler.call,
    "element_reference": Compiler.item,
    "binary": Compiler.binary,
    "unary": Compiler.unary,
    "assignment": lambda self, node: self.assignment(node, None),
    "operator_assignment": Compiler.operator_assignment,
    "parenthesized_statements": Compiler.parentheses,
    "conditional": Compiler.ternary,
    "if": Compiler.value_if,
    "elsif": Compiler.value_if,
    "unless": Compiler.value_if,
    "if_modifier": Compiler.value_if,
    "unless_modifier": Compiler.value_if,
    "lambda": Compiler.lambda_,
    "yield": Compiler.yields,
}
_STATEMENTS: dict[str, Callable[[Any, Node, str], None]] = {
    "if": Compiler.control_if,
    "elsif": Compiler.control_if,
    "unless": Compiler.control_if,
    "if_modifier": Compiler.control_if,
    "unless_modifier": Compiler.control_if,
    "while": Compiler.control_while,
    "until": Compiler.control_while,
    "while_modifier": Compiler.control_while,
    "until_modifier": Compiler.control_while,
    "for": Compiler.control_for,
    "case": Compiler.control_case,
    "begin": Compiler.control_begin,
    "rescue_modifier": Compiler.control_rescue_modifier,
    "return": Compiler.jumps,
    "next": Compiler.jumps,
    "break": Compiler.jumps,
    "retry": Compiler.jumps,
    "method": Compiler.defines,
    "empty_statement": Compiler.nothing,
}
