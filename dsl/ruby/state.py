"""Whether code keeps state from event to event: in instance, class or global variables.

A variable that `init` or `register(params)` sets once, and that is only read after that, is a
constant: `@names = ["ts", "uid"]`, `@field = params["field"]`. What is made to be filled (`{}`,
`[]`, `Hash.new`), holds lists or hashes, is handed on, or is changed by a method is state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .syntax import Node, Tree, named, walk

_VARIABLES = ("instance_variable", "class_variable", "global_variable")
_LITERALS = frozenset(
    [
        "string",
        "integer",
        "float",
        "regex",
        "true",
        "false",
        "nil",
        "simple_symbol",
        "delimited_symbol",
        "range",
        "unary",
        "hash_key_symbol",
        "string_array",
        "symbol_array",
    ]
)
_READING = frozenset(
    [
        "[]",
        "zip",
        "index",
        "find_index",
        "include?",
        "key?",
        "has_key?",
        "member?",
        "value?",
        "fetch",
        "dig",
        "key",
        "values_at",
        "invert",
        "length",
        "size",
        "count",
        "empty?",
        "nil?",
        "any?",
        "all?",
        "none?",
        "first",
        "last",
        "min",
        "max",
        "sum",
        "join",
        "keys",
        "values",
        "map",
        "each",
        "each_pair",
        "each_with_index",
        "select",
        "reject",
        "find",
        "detect",
        "match",
        "match?",
        "=~",
        "==",
        "is_a?",
        "to_s",
        "to_i",
        "to_f",
        "to_sym",
        "start_with?",
        "end_with?",
        "downcase",
        "upcase",
        "strip",
        "split",
        "sub",
        "gsub",
        "get",
        "call",
        "between?",
        "cover?",
        "round",
    ]
)
_GIVING = frozenset(
    ["[]", "fetch", "freeze", "to_s", "to_i", "to_f", "to_sym", "strip", "downcase", "upcase"]
)
_EVENT = frozenset(["get", "set", "remove", "include?", "tag", "sprintf"])
_ASKING = frozenset(
    [
        "split",
        "sub",
        "gsub",
        "partition",
        "start_with?",
        "end_with?",
        "include?",
        "key?",
        "has_key?",
        "match",
        "match?",
        "scan",
        "index",
        "tr",
        "delete",
        "count",
        "join",
        "round",
        "strftime",
        "strptime",
        "between?",
    ]
)
_LOOKED_AT = frozenset(
    [
        "interpolation",
        "if",
        "unless",
        "if_modifier",
        "unless_modifier",
        "binary",
        "unary",
        "when",
        "conditional",
        "case",
        "parenthesized_statements",
        "pattern",
        "while",
        "elsif",
    ]
)


def keeps_state(trees: Sequence[Tree], mutable: bool) -> bool:
    """Whether texts keep state; ``mutable``: whether any changes strings in place."""
    assigned = [(tree, at, node) for at, tree in enumerate(trees) for node in _assignments(tree)]
    names = {tree.of(target) for tree, _, node in assigned for target in _targets(node)}
    if mutable and names:
        return True
    return any(not _is_constant(name, trees) for name in names)


def _assignments(tree: Tree) -> Iterator[Node]:
    for node in walk(tree.root, lambda n: n.type in ("assignment", "operator_assignment")):
        if any(_targets(node)):
            yield node


def _targets(node: Node) -> list[Node]:
    left = node.child_by_field_name("left")
    found = [left] if left.type != "left_assignment_list" else named(left)
    return [target for target in found if target.type in _VARIABLES]


def _is_constant(name: str, trees: Sequence[Tree]) -> bool:
    is_set = False
    for at, tree in enumerate(trees):
        for node in walk(tree.root, lambda n: n.type in _VARIABLES):
            if tree.of(node) != name:
                continue
            starts = _is_at_start(tree, node, at, len(trees))
            if _is_set(tree, node):
                if not (starts and _is_settled(tree, node.parent)):
                    return False
                is_set = True
            elif not (_is_read(tree, node) or (starts and node.parent.type == "array")):
                return False
    return is_set


def _is_set(tree: Tree, node: Node) -> bool:
    parent = node.parent
    is_target = parent is not None and parent.type in ("assignment", "operator_assignment")
    return is_target and parent.child_by_field_name("left") == node


def _is_at_start(tree: Tree, node: Node, at: int, count: int) -> bool:
    """Whether a place is run once: in `init`, or in `register`, and in no block or other method."""
    above = node.parent
    while above is not None and above.type not in ("method", "block", "do_block", "lambda"):
        above = above.parent
    if above is None:
        return count > 1 and at == 0
    is_method = above.type == "method"
    return is_method and tree.of(above.child_by_field_name("name")) == "register"


def _is_settled(tree: Tree, assignment: Node) -> bool:
    if assignment.type != "assignment":
        return False
    right = assignment.child_by_field_name("right")
    if right.type in ("array", "hash"):
        return bool(named(right)) and all(_is_plain(tree, item) for item in named(right))
    return _is_plain(tree, right)


def _is_plain(tree: Tree, node: Node) -> bool:
    """Whether a value is one that the code writes, or comes from the parameters."""
    if node.type in _LITERALS:
        return not any(inner.type == "interpolation" for inner in named(node))
    if node.type in ("pair", "element_reference", "binary", "argument_list"):
        return all(_is_plain(tree, inner) for inner in named(node))
    if node.type != "call":
        return tree.of(node) == "params" or node.type == "instance_variable"
    method, owner = node.child_by_field_name("method"), node.child_by_field_name("receiver")
    given = node.child_by_field_name("arguments")
    if owner is None or tree.of(method) not in _GIVING:
        return False
    is_list = owner.type in ("array", "hash") and all(_is_plain(tree, i) for i in named(owner))
    return (is_list or _is_plain(tree, owner)) and (given is None or _is_plain(tree, given))


def _is_read(tree: Tree, node: Node) -> bool:
    """Whether a variable, or an item of it, is only looked at."""
    at, parent = node, node.parent
    while parent.type == "element_reference" and parent.child_by_field_name("object") == at:
        at, parent = parent, parent.parent
    if parent.type == "call" and parent.child_by_field_name("receiver") == at:
        return tree.of(parent.child_by_field_name("method")) in _READING
    if parent.type in ("assignment", "operator_assignment"):
        return at is not node and parent.child_by_field_name("right") == at
    if parent.type == "argument_list":
        return _is_asked(tree, parent.parent)
    operator = parent.child_by_field_name("operator") if parent.type == "binary" else None
    if operator is not None and tree.of(operator) == "<<":
        return False
    return parent.type in _LOOKED_AT or (parent.type == "element_reference" and at is not parent)


def _is_asked(tree: Tree, call: Node) -> bool:
    """Whether a call keeps nothing of its arguments: of the event, or of a method of strings."""
    owner, method = call.child_by_field_name("receiver"), call.child_by_field_name("method")
    if owner is None or method is None:
        return False
    name = tree.of(method)
    return name in _EVENT if tree.of(owner) == "event" else name in _ASKING
