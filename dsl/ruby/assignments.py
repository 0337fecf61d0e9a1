"""Assignments: to variables, items and attributes, of one value or several, and ``||=``."""

from __future__ import annotations

from .frames import Code
from .literals import Literals
from .syntax import Node, named

_VARIABLES = ("identifier", "instance_variable", "global_variable", "class_variable", "constant")
_OPERATORS = {"+": "plus", "-": "minus", "*": "times", "/": "over"}


class Assignments(Literals):
    """The part of the compiler that knows assignments."""

    def assignment(self, node: Node, sink: str | None) -> Code:
        """An assignment; as a statement where ``sink`` is not None."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left.type == "left_assignment_list":
            return self._several(named(left), right)
        if right.type in ("right_assignment_list", "splat_argument"):
            code = Code(self._listed(right), "list")
        elif left.type == "identifier" and sink is not None:
            return self._stored(left, right)
        else:
            if left.type == "identifier":
                self._variable(left)
            code = self.value(right)
        if left.type == "identifier":
            return Code(f"({self._variable(left)} := {code})", code.kind)
        code = self.hold(code)
        self.store(left, code)
        return code

    def _stored(self, left: Node, right: Node) -> Code:
        """An assignment to a variable as a statement: branches assign by themselves."""
        name = self._variable(left)
        self.into(right, f"{name} = {{}}")
        return Code(name)

    def _variable(self, node: Node) -> str:
        return self.frame.assigned(self.text(node))

    def _listed(self, node: Node) -> Code:
        return (
            self.literal_array(node)
            if node.type == "right_assignment_list"
            else Code(f"list(splat({self.value(named(node)[0])}))", "list")
        )

    def store(self, left: Node, code: Code) -> None:
        """Assign a value that has a name."""
        kind = left.type
        if kind == "identifier":
            self.emit(f"{self._variable(left)} = {code}")
        elif kind in ("instance_variable", "class_variable"):
            self.emit(f"instance[{self.text(left)!r}] = {code}")
        elif kind == "global_variable":
            self.emit(f"shared[{self.text(left)!r}] = {code}")
        elif kind == "constant":
            self.emit(f"constants[{self.text(left)!r}] = {code}")
        elif kind == "element_reference":
            self._store_item(left, code)
        elif kind == "call":
            self._store_attribute(left, code)
        elif kind in ("destructured_left_assignment", "left_assignment_list"):
            self.spread_over(named(left), Code(f"spread({code})", "list"))
        else:
            raise self.unsupported(left, f"an assignment to {kind.replace('_', ' ')}")

    def _store_item(self, left: Node, code: Code) -> None:
        self.refuse_old_event(left)
        owner, *keys = self.item_parts(left)
        if len(keys) == 1:
            self.emit(f"set_item({owner}, {keys[0]}, {code})")
        else:
            table = self.method("[]=")
            held = self.hold(owner)
            self.emit(f"{table}[type({held})]({', '.join([held, *keys, code])})")

    def refuse_old_event(self, node: Node) -> None:
        """Refuse ``event['x']``."""
        raise NotImplementedError

    def item_parts(self, node: Node) -> list[Code]:
        """The owner and the indices of ``owner[index]``."""
        raise NotImplementedError

    def _store_attribute(self, left: Node, code: Code) -> None:
        receiver = left.child_by_field_name("receiver")
        name = self.text(left.child_by_field_name("method"))
        held = self.hold(self.value(receiver))
        if name == "default":
            self._store_default(left, receiver, held, code)
            return
        table = self.method(f"{name}=")
        call = f"{table}[type({held})]({held}, {code})"
        if self.text(left.child_by_field_name("operator")) == "&.":
            call = f"{held} is None or {call}"
        self.emit(call)

    def _store_default(self, left: Node, receiver: Node, held: Code, code: Code) -> None:
        """A default for a hash that a variable holds: a dict has no place for one."""
        if receiver.type not in _VARIABLES:
            raise self.unsupported(left, "`default=` of what is not a variable")
        self.store(receiver, self.hold(Code(f"with_default({held}, {code})")))

    def _several(self, targets: list[Node], right: Node) -> Code:
        """``a, b = …``"""
        if right.type in ("right_assignment_list", "splat_argument"):
            code = self._listed(right)
            given = self.hold(code)
            self.spread_over(targets, given)
            return given
        given = self.hold(self.value(right))
        self.spread_over(targets, Code(f"spread({given})", "list"))
        return given

    def spread_over(self, targets: list[Node], code: Code) -> None:
        """Assign the items of an array to several targets."""
        given = self.hold(code)
        splats = [at for at, target in enumerate(targets) if target.type == "rest_assignment"]
        splat = splats[0] if splats else len(targets)
        after = len(targets) - splat - 1
        for at, target in enumerate(targets):
            if at < splat:
                self.store(target, self.hold(Code(f"nth({given}, {at})")))
            elif at == splat:
                inner = named(target)
                if inner:
                    self.store(
                        inner[0], self.hold(Code(f"rest({given}, {splat}, {after})", "list"))
                    )
            else:
                place = Code(f"tail({given}, {splat}, {after}, {at - splat - 1})")
                self.store(target, self.hold(place))

    def operator_assignment(self, node: Node) -> Code:
        """``a += 1``, ``a ||= b``"""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = self.text(node.child_by_field_name("operator"))[:-1]
        current, held = self._current(left, operator)
        if operator in ("||", "&&"):
            return self._unless_set(held, current, right, operator)
        made: list[Code] = [current]
        self.add_value(made, right)
        code = self.binary_code(operator, made[0], made[1])
        if left.type == "identifier":
            name = self._variable(left)
            self.emit(f"{name} = {code}")
            return Code(name, code.kind)
        code = self.hold(code)
        self._put(held, code)
        return code

    def binary_code(self, operator: str, left: Code, right: Code) -> Code:
        """A binary operator."""
        raise NotImplementedError

    def _current(self, left: Node, operator: str) -> tuple[Code, tuple[Node, list[Code]]]:
        """What an assignment target holds now, and the target with its parts under names."""
        if left.type == "element_reference":
            self.refuse_old_event(left)
            parts = [self.hold(part) for part in self.item_parts(left)]
            if len(parts) != 2:
                raise self.unsupported(left, "an assignment operator on several indices")
            return self.owned_item(f"item({parts[0]}, {parts[1]})"), (left, parts)
        if left.type == "call":
            parts = [self.hold(self.value(left.child_by_field_name("receiver")))]
            name = self.text(left.child_by_field_name("method"))
            table = self.method(name)
            return Code(f"{table}[type({parts[0]})]({parts[0]})"), (left, parts)
        if left.type == "identifier":
            return Code(self._variable(left)), (left, [])
        if left.type == "constant" and operator == "||":
            return Code(f"constants.get({self.text(left)!r})"), (left, [])
        return self.value(left), (left, [])

    def owned_item(self, code: str) -> Code:
        """An item of something; of a string, a new string."""
        return Code(code)

    def _put(self, held: tuple[Node, list[Code]], code: Code) -> None:
        left, parts = held
        if left.type == "element_reference":
            self.emit(f"set_item({parts[0]}, {parts[1]}, {code})")
        elif left.type == "call":
            table = self.method(f"{self.text(left.child_by_field_name('method'))}=")
            self.emit(f"{table}[type({parts[0]})]({parts[0]}, {code})")
        else:
            self.store(left, code)

    def _unless_set(
        self, held: tuple[Node, list[Code]], current: Code, right: Node, operator: str
    ) -> Code:
        name = self.temporary()
        self.emit(f"{name} = {current}")
        test = self.truth(Code(name))
        with self.indented(f"if not {test}:" if operator == "||" else f"if {test}:"):
            self.into(right, f"{name} = {{}}")
            self._put(held, Code(name))
        return Code(name)
