"""Operators: items of things, arithmetic, comparisons, conditions, ``defined?``."""

from __future__ import annotations

from .calls import Arguments, Calls
from .classes import CLASSES
from .core import TRUE_KINDS
from .dispatch import CONSTANTS, PRIVATE, SINGLETONS
from .frames import Code
from .syntax import Node, named

_SHORT = {"+": "plus", "-": "minus", "*": "times", "/": "over"}
_ORDERS = {"<": "less", "<=": "less_equal", ">": "more", ">=": "more_equal"}
_NUMBERS = ("int", "float")


class Operations(Calls):
    """The part of the compiler that knows operators."""

    def item_parts(self, node: Node) -> list[Code]:
        owner = node.child_by_field_name("object")
        codes = [self.value(owner)]
        for child in named(node)[1:]:
            if child.type == "splat_argument":
                raise self.unsupported(child, "a splat as an index")
            if child.type == "string" and len(named(node)) == 2:
                mark = len(self.lines)
                self.add_code(codes, mark, self.literal_string(child, frozen=True))
            else:
                self.add_value(codes, child)
        return codes

    def item(self, node: Node) -> Code:
        """``a[b]``"""
        self.refuse_old_event(node)
        owner = node.child_by_field_name("object")
        if owner.type in ("constant", "scope_resolution"):
            name = self.constant_name(owner)
            function = None if self.is_own_constant(name) else self.function(name, "[]")
            if function is not None:
                literal = self.literal_array_items(named(node)[1:])
                return Code(f"{function}({literal})")
        codes = self.item_parts(node)
        if len(codes) == 2:
            return self.owned(f"item({codes[0]}, {codes[1]})")
        held = self.temporary()
        rest = "".join([f", {code}" for code in codes[1:]])
        return self.owned(f"{self.method('[]')}[type({held} := {codes[0]})]({held}{rest})")

    def literal_array_items(self, nodes: list[Node]) -> str:
        """Arguments in brackets."""
        arguments = Arguments([])
        pairs = [node for node in nodes if node.type in ("pair", "hash_splat_argument")]
        for node in nodes:
            if node.type == "splat_argument":
                arguments.codes.append(Code(f"*splat({self.value(named(node)[0])})"))
            elif node not in pairs:
                self.add_value(arguments.codes, node)
        if pairs:
            arguments.codes.append(self.pairs(pairs))
        return arguments.text()

    def owned_item(self, code: str) -> Code:
        return self.owned(code)

    def binary(self, node: Node) -> Code:
        """A binary operator."""
        operator = self.text(node.child_by_field_name("operator"))
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if operator in ("&&", "||", "and", "or"):
            return self._short_circuit(operator in ("&&", "and"), left, right)
        if operator == "=~" and left.type == "regex":
            return self._named_match(left, right)
        codes: list[Code] = []
        for side in (left, right):
            if side.type == "string" and operator in ("==", "!="):
                mark = len(self.lines)
                self.add_code(codes, mark, self.literal_string(side, frozen=True))
            else:
                self.add_value(codes, side)
        return self.binary_code(operator, codes[0], codes[1])

    def _named_match(self, left: Node, right: Node) -> Code:
        codes = self.values([left, right])
        held = self.temporary()
        match = Code(f"{self.method('=~')}[type({held} := {codes[0]})]({held}, {codes[1]})")
        known = self.names.get(codes[0])
        if known is None or not known.named:
            return match
        result = self.hold(match)
        for name in known.named:
            self.emit(f"{self.frame.assigned(name)} = last_named({name!r})")
        return result

    def binary_code(self, operator: str, left: Code, right: Code) -> Code:
        numbers = left.kind in _NUMBERS and right.kind in _NUMBERS
        if operator in _SHORT:
            if numbers and operator != "/":
                kind = "int" if left.kind == right.kind == "int" else "float"
                return Code(f"({left} {operator} {right})", kind)
            kind = (
                "float"
                if numbers and "float" in (left.kind, right.kind)
                else "int"
                if numbers
                else ""
            )
            return self.owned(f"{_SHORT[operator]}({left}, {right})", kind)
        if operator in _ORDERS:
            if numbers:
                return Code(f"({left} {operator} {right})", "bool")
            return Code(f"{_ORDERS[operator]}({left}, {right})", "bool")
        if operator in ("==", "!="):
            other = left if right == "None" else right
            if "None" in (left, right) and other.kind not in TRUE_KINDS and other != "None":
                return Code(f"({other} {'is' if operator == '==' else 'is not'} None)", "bool")
            same = f"equal({left}, {right})"
            return Code(same if operator == "==" else f"(not {same})", "bool")
        if operator == "!~":
            return Code(f"(not {self.truth(self.binary_code('=~', left, right))})", "bool")
        if operator == "===":
            return Code(f"case_equal({left}, {right})")
        table, held = self.method(operator), self.temporary()
        return self.owned(f"{table}[type({held} := {left})]({held}, {right})")

    def _short_circuit(self, is_and: bool, left: Node, right: Node) -> Code:
        first = self.value(left)
        with self.captured() as lines:
            second = self.value(right)
        if lines:
            held = self.temporary()
            self.emit(f"{held} = {first}")
            test = self.truth(Code(held, first.kind))
            self.place(f"if {test}:" if is_and else f"if not {test}:", [*lines])
            self.indent += 1
            self.emit(f"{held} = {second}")
            self.indent -= 1
            return Code(held)
        if first.kind == "bool":
            kind = "bool" if second.kind == "bool" else ""
            return Code(f"({first} {'and' if is_and else 'or'} {second})", kind)
        name = self.temporary()
        holds = f"(({name} := {first}) is not None and {name} is not False)"
        if is_and:
            return Code(f"({second} if {holds} else {name})")
        return Code(f"({name} if {holds} else {second})")

    def condition(self, node: Node) -> Code:
        """Whether a node is true, as Python's truth."""
        if node.type == "parenthesized_statements" and len(named(node)) == 1:
            return self.condition(named(node)[0])
        operator = node.child_by_field_name("operator") if node.type == "binary" else None
        if operator is None or self.text(operator) not in ("&&", "||", "and", "or"):
            return self.truth(self.value(node))
        is_and = self.text(operator) in ("&&", "and")
        first = self.condition(node.child_by_field_name("left"))
        with self.captured() as lines:
            second = self.condition(node.child_by_field_name("right"))
        if not lines:
            return Code(f"({first} {'and' if is_and else 'or'} {second})", "bool")
        held = self.temporary()
        self.emit(f"{held} = {first}")
        self.place(f"if {held}:" if is_and else f"if not {held}:", lines)
        self.indent += 1
        self.emit(f"{held} = {second}")
        self.indent -= 1
        return Code(held, "bool")

    def unary(self, node: Node) -> Code:
        """A unary operator."""
        operator = self.text(node.child_by_field_name("operator"))
        operand = node.child_by_field_name("operand")
        if operator in ("!", "not"):
            return Code(f"(not {self.condition(operand)})", "bool")
        if operator == "defined?":
            return self.defined(operand)
        code = self.value(operand)
        if operator == "-" and code.kind in _NUMBERS:
            return Code(f"-{code}" if code[:1].isdigit() else f"(-{code})", code.kind)
        table, held = (
            self.method(f"{operator}@" if operator in "+-" else operator),
            self.temporary(),
        )
        return self.owned(f"{table}[type({held} := {code})]({held})")

    def defined(self, node: Node) -> Code:
        """``defined?``"""
        while node.type == "parenthesized_statements":
            node = named(node)[0]
        name = self.text(node)
        if node.type == "identifier":
            if self.frame.find(name) is not None:
                return Code("'local-variable'")
            is_method = name in self.methods or name in PRIVATE or name in ("logger", "p")
            return Code("'method'" if is_method else "None")
        if node.type == "instance_variable":
            return Code(f"('instance-variable' if {name!r} in instance else None)")
        if node.type == "global_variable":
            return Code(f"('global-variable' if {name!r} in shared else None)")
        if node.type == "constant":
            return Code(
                f"('constant' if {name!r} in constants else None)"
                if self.is_own_constant(name)
                else "'constant'"
                if name in CLASSES or name in SINGLETONS or name in CONSTANTS
                else "None"
            )
        raise self.unsupported(node, "`defined?` of an expression")
