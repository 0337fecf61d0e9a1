"""What must be known of all texts before one is compiled: methods and constants that they define,
variables that they set, and whether strings change in place.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from .mutable import MUTATORS
from .state import keeps_state
from .syntax import Node, Tree, named, walk


class Facts(msgspec.Struct):
    """What must be known of all texts before one is compiled."""

    methods: dict[str, frozenset[str]]
    constants: frozenset[str]
    reassigned: frozenset[str]
    mutable: bool
    keeps_state: bool
    in_part: bool
    ticks: bool = False


class Everything(frozenset[str]):
    """The named arguments of a method that takes all."""

    def __contains__(self, name: object) -> bool:
        return name is not None


_ARRAYS = frozenset(
    [
        "map",
        "select",
        "reject",
        "split",
        "keys",
        "values",
        "to_a",
        "compact",
        "flatten",
        "uniq",
        "sort",
        "sort_by",
        "scan",
        "collect",
        "each_slice",
        "new",
        "Array",
        "reverse",
    ]
)


_IN_PART = frozenset(
    ["force_encoding", "encode", "encode!", "parse", "strptime", "pack", "unpack", "unpack1"]
)
"""Methods of which only the values that come show whether they are compiled: ``Time.parse``."""


def facts_of(trees: Iterable[Tree]) -> Facts:
    """Look through all texts."""
    methods: dict[str, frozenset[str]] = {}
    constants: set[str] = set()
    assigned: dict[str, set[str]] = {}
    in_part = False
    given = list(trees)
    for tree in given:
        for node in walk(tree.root, lambda n: n.is_named):
            if node.type == "method":
                methods[tree.of(node.child_by_field_name("name"))] = _keywords(tree, node)
            elif node.type == "call":
                method = node.child_by_field_name("method")
                in_part |= method is not None and tree.of(method) in _IN_PART
            elif node.type in ("assignment", "operator_assignment"):
                _note(tree, node, constants, assigned)
    mutable = any(_mutates(tree, assigned) for tree in given)
    is_state = keeps_state(given, mutable)
    return Facts(methods, frozenset(constants), frozenset(assigned), mutable, is_state, in_part)


def _keywords(tree: Tree, node: Node) -> frozenset[str]:
    parameters = node.child_by_field_name("parameters")
    if parameters is None:
        return frozenset()
    if any(p.type == "hash_splat_parameter" for p in named(parameters)):
        return Everything()
    found = [p for p in named(parameters) if p.type == "keyword_parameter"]
    return frozenset(tree.of(p.child_by_field_name("name")) for p in found)


def _note(tree: Tree, node: Node, constants: set[str], assigned: dict[str, set[str]]) -> None:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    targets = [left] if left.type != "left_assignment_list" else named(left)
    for target in targets:
        if target.type == "constant":
            constants.add(tree.of(target))
        elif target.type in ("identifier", "instance_variable"):
            kind = _kind(tree, right) if len(targets) == 1 else "?"
            assigned.setdefault(tree.of(target), set()).add(kind)


def _kind(tree: Tree, node: Node) -> str:
    if node.type in ("array", "right_assignment_list", "string_array", "splat_argument"):
        return "array"
    if node.type in ("string", "chained_string", "heredoc_beginning"):
        return "string"
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
            is_part = index and index[0].type in ("integer", "range", "regex", "unary")
            if not is_part and "string" not in assigned.get(tree.of(owner), ()):
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
