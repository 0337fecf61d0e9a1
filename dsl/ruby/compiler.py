"""The compiler: Ruby's syntax tree to functions of Python.

The lines of Python are parsed to a tree, and each of its nodes is given the place of the Ruby text
that it comes from, so that a traceback shows the configuration.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from ..values import copy
from . import arrays as _arrays  # noqa: F401 - they register their methods
from . import (
    comparison,
    enumerables,
    errors,
    hashes,
    inspection,
    kernel,
    library,
    mutable,
    objects,
    operators,
    patterns,
    ranges,
    times,
)
from . import encodings as _encodings  # noqa: F401
from . import searching as _searching  # noqa: F401
from .calls import Calls
from .dispatch import Dispatch
from .errors import RubySyntaxError
from .events import PLAIN, UNSHARED
from .frames import Code, Frame, Line, Place
from .mutable import MUTATORS
from .objects import MISSING, Proc, Shape, symbol
from .syntax import Node, Tree, named, walk

_RUNTIME: dict[str, Any] = {
    **{name: getattr(operators, name) for name in ["plus", "minus", "times", "over", "less", "less_equal", "more", "more_equal", "item", "set_item", "matches", "any_case", "spread", "nth", "rest", "tail", "yielded", "is_rescued", "undefined", "constant", "string_of", "loop_items", "tick", "case_equal"]},
    "equal": comparison.equal,
    "is_true": enumerables.is_true,
    "rescued": errors.rescued,
    "Jump": errors.Jump,
    "StandardError": errors.StandardError,
    "raised": kernel.raised,
    "splat": kernel.splat,
    "proc_of": kernel.proc_of,
    "to_s": inspection.to_s,
    "MutStr": objects.MutStr,
    "Range": objects.Range,
    "Proc": objects.Proc,
    "MISSING": MISSING,
    "symbol": symbol,
    "range_of": ranges.range_of,
    "with_pairs": hashes.with_pairs,
    "regexp": patterns.regexp,
    "last_group": patterns.last_group,
    "last_part": patterns.last_part,
    "wrap": mutable.wrap,
    "deep": mutable.deep,
    "copy": copy,
    "deep_copy": lambda value: mutable.deep(copy(value)),
    "PLAIN": PLAIN,
    "UNSHARED": UNSHARED,
}  # fmt: skip

_SHARED: dict[str, Any] = {}
"""Ruby's global variables, one for the process."""


def _last_named(name: str) -> Any:
    found = patterns.LAST.match
    return None if found is None else found.match[name]


def _symbol_block(table: Dispatch) -> Proc:
    shape = Shape(1, takes_rest=True, spreads=False)
    return Proc(lambda value, *rest: table[type(value)](value, *rest), shape)


def _named_options(given: dict[str, Any]) -> dict[Any, Any]:
    return {symbol(name.removeprefix("v_")): value for name, value in given.items()}


_RUNTIME |= {
    "last_named": _last_named,
    "symbol_block": _symbol_block,
    "named_options": _named_options,
}


class Origin(msgspec.Struct, frozen=True):
    """Where a Ruby text stands: the name of its file, the line and column of its start."""

    name: str
    line: int = 1
    column: int = 0


class Unit(msgspec.Struct, frozen=True):
    """A Ruby text: where it stands, and the parameters of the function that it becomes."""

    text: str
    origin: Origin
    parameters: tuple[str, ...] = ()
    wants_value: bool = False


class Compiled(msgspec.Struct):
    """What texts have become: a function for each, and the methods that they define."""

    functions: list[Callable[..., Any]]
    methods: dict[str, Callable[..., Any]]
    keeps_state: bool
    instance: dict[str, Any]


class Compiler(Calls):
    """Compiles one text."""

    def __init__(self, tree: Tree, names: dict[str, Any], facts: Facts, context: Any) -> None:
        super().__init__(tree, names, facts.mutable)
        self.methods, self.constants = facts.methods, facts.constants
        self.reassigned = facts.reassigned
        self.context = context
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
        if name == "__method__":
            return Code("None")
        from .subset import ELSEWHERE

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


class Facts(msgspec.Struct):
    """What must be known of all texts before one is compiled."""

    methods: dict[str, frozenset[str]]
    constants: frozenset[str]
    reassigned: frozenset[str]
    mutable: bool
    keeps_state: bool


class Everything(frozenset[str]):
    """The named arguments of a method that takes all."""

    def __contains__(self, name: object) -> bool:
        return name is not None


_ARRAYS = frozenset(
    ["map", "select", "reject", "split", "keys", "values", "to_a", "compact", "flatten", "uniq", "sort", "sort_by", "scan", "collect", "each_slice", "new", "Array", "reverse"]
)


def facts_of(trees: Iterable[Tree]) -> Facts:
    """Look through all texts."""
    methods: dict[str, frozenset[str]] = {}
    constants: set[str] = set()
    assigned: dict[str, set[str]] = {}
    keeps_state = False
    given = list(trees)
    for tree in given:
        for node in walk(tree.root, lambda n: n.is_named):
            if node.type == "method":
                methods[tree.of(node.child_by_field_name("name"))] = _keywords(tree, node)
            elif node.type in ("assignment", "operator_assignment"):
                keeps_state |= _note(tree, node, constants, assigned)
    mutable = any(_mutates(tree, assigned) for tree in given)
    return Facts(methods, frozenset(constants), frozenset(assigned), mutable, keeps_state)


def _keywords(tree: Tree, node: Node) -> frozenset[str]:
    parameters = node.child_by_field_name("parameters")
    if parameters is None:
        return frozenset()
    if any(p.type == "hash_splat_parameter" for p in named(parameters)):
        return Everything()
    found = [p for p in named(parameters) if p.type == "keyword_parameter"]
    return frozenset(tree.of(p.child_by_field_name("name")) for p in found)


def _note(tree: Tree, node: Node, constants: set[str], assigned: dict[str, set[str]]) -> bool:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    targets = [left] if left.type != "left_assignment_list" else named(left)
    for target in targets:
        if target.type == "constant":
            constants.add(tree.of(target))
        elif target.type in ("identifier", "instance_variable"):
            kind = _kind(tree, right) if len(targets) == 1 else "?"
            assigned.setdefault(tree.of(target), set()).add(kind)
    return any(
        t.type in ("instance_variable", "global_variable", "class_variable") for t in targets
    )


def _kind(tree: Tree, node: Node) -> str:
    if node.type in ("array", "right_assignment_list", "string_array", "splat_argument"):
        return "array"
    method = node.child_by_field_name("method") if node.type == "call" else None
    if method is None or tree.of(method) not in _ARRAYS:
        return "?"
    owner = node.child_by_field_name("receiver")
    is_made = tree.of(method) != "new" or (owner is not None and tree.of(owner) in ("Array", "Set"))
    return "array" if is_made else "?"


_AMBIGUOUS = frozenset(
    {"<<", "concat", "insert", "clear", "replace", "reverse!", "slice!", "prepend", "delete!"}
)


def _mutates(tree: Tree, assigned: dict[str, set[str]]) -> bool:
    """Whether a text may change a string in place."""
    for node in walk(tree.root, lambda n: n.type == "block_argument"):
        if tree.of(node)[2:] in MUTATORS:
            return True
    for node in walk(tree.root, lambda n: n.type in ("call", "binary", "assignment")):
        if node.type == "binary":
            name, owner = (
                tree.of(node.child_by_field_name("operator")),
                node.child_by_field_name("left"),
            )
        elif node.type == "call":
            method = node.child_by_field_name("method")
            name = tree.of(method) if method is not None else ""
            owner = node.child_by_field_name("receiver")
            if name in ("frozen?", "equal?", "object_id"):
                return True
        else:
            left = node.child_by_field_name("left")
            if left.type != "element_reference":
                continue
            name, owner = "[]=", left.child_by_field_name("object")
            index = named(left)[1:]
            if not index or index[0].type not in ("integer", "range", "regex", "unary"):
                continue
        if name in MUTATORS and not (
            name in _AMBIGUOUS | {"[]="} and _is_array(tree, owner, assigned)
        ):
            return True
    return False


def _is_array(tree: Tree, owner: Node | None, assigned: dict[str, set[str]]) -> bool:
    if owner is None:
        return False
    if owner.type == "parenthesized_statements":
        inner = named(owner)[-1]
        return (
            inner.type == "operator_assignment"
            and _kind(tree, inner.child_by_field_name("right")) == "array"
        )
    if owner.type == "binary":
        return _is_array(tree, owner.child_by_field_name("left"), assigned)
    return _kind(tree, owner) == "array" or assigned.get(tree.of(owner)) == {"array"}


def compile_units(units: list[Unit], context: dict[tuple[str, str], Any], logger: Any) -> Compiled:
    """Compile texts that belong together. Raises NotCompiled or RubySyntaxError, whose places are
    in the text at the index ``error.unit``.
    """
    trees: list[Tree] = []
    at = 0
    instance: dict[str, Any] = {}
    names = {**_RUNTIME, "instance": instance, "shared": _SHARED, "constants": {}, "logger": logger}
    context = {**library.CONTEXT, **context}
    functions: list[Callable[..., Any]] = []
    try:
        for at, unit in enumerate(units):
            trees.append(Tree(unit.text))
        facts = facts_of(trees)
        for at, (unit, tree) in enumerate(zip(units, trees, strict=True)):
            lines = Compiler(tree, names, facts, context).unit(unit, f"code{at}")
            _execute(lines, unit.origin, names)
            functions.append(names[f"code{at}"])
    except (errors.NotCompiled, RubySyntaxError, Exception) as error:
        error.unit = at  # type: ignore[union-attr]
        raise
    from .blocks import python_name

    methods = {name: names.get(f"u_{python_name(name)}") for name in facts.methods}
    return Compiled(functions, {k: v for k, v in methods.items() if v}, facts.keeps_state, instance)


def _execute(lines: list[Line], origin: Origin, names: dict[str, Any]) -> None:
    text = "\n".join(["    " * line.indent + line.text for line in lines])
    module = ast.parse(text)
    places = [_place(line.at, origin) for line in lines]
    for node in ast.walk(module):
        if hasattr(node, "lineno"):
            place = places[node.lineno - 1]
            node.lineno, node.col_offset, node.end_lineno, node.end_col_offset = place  # type: ignore[attr-defined]
    exec(compile(module, origin.name, "exec"), names)


def _place(at: Place, origin: Origin) -> Place:
    row, column, end_row, end_column = at
    return (
        origin.line + row,
        column + (origin.column if row == 0 else 0),
        origin.line + end_row,
        end_column + (origin.column if end_row == 0 else 0),
    )


__all__ = ["Compiled", "Origin", "Unit", "compile_units", "times"]
