"""Control flow: conditions, loops, cases, exceptions, and the ways out of them."""

from __future__ import annotations

from .assignments import Assignments
from .frames import Code, Line, Loop
from .syntax import Node, named, statements, walk

_NEW_SCOPES = frozenset({"method", "block", "do_block", "lambda", "class", "module"})


class Control(Assignments):
    """The part of the compiler that knows control flow."""

    def control_if(self, node: Node, sink: str) -> None:
        """``if``, ``elsif``, ``unless`` and the modifiers."""
        test, then, otherwise = self._parts(node)
        code = self.condition(test)
        with self.captured() as yes:
            self.body(then, sink)
        with self.captured() as no:
            if otherwise or sink:
                self.body(otherwise, sink)
        if self._is_negative(node):
            yes, no = no, yes
            code = Code(f"not {code}", "bool") if not yes else code
            yes, no = (no, []) if not yes else (yes, no)
        self.place(f"if {code}:", yes)
        if no:
            self.place("else:", no)

    def value_if(self, node: Node) -> Code:
        """A condition as a value."""
        test, then, otherwise = self._parts(node)
        code = self.condition(test)
        if self._is_negative(node):
            return self.choice(code, otherwise, then)
        return self.choice(code, then, otherwise)

    def _is_negative(self, node: Node) -> bool:
        return node.type in ("unless", "unless_modifier")

    def _parts(self, node: Node) -> tuple[Node, list[Node], list[Node]]:
        test = node.child_by_field_name("condition")
        if node.type in ("if_modifier", "unless_modifier"):
            return test, [node.child_by_field_name("body")], []
        otherwise = node.child_by_field_name("alternative")
        rest = (
            [otherwise]
            if otherwise is not None and otherwise.type == "elsif"
            else statements(otherwise)
        )
        return test, statements(node.child_by_field_name("consequence")), rest

    def control_while(self, node: Node, sink: str) -> None:
        """``while``, ``until`` and the modifiers."""
        result = self.temporary() if sink else None
        if result:
            self.emit(f"{result} = None")
        body = node.child_by_field_name("body")
        first = None
        if node.type.endswith("_modifier") and body.type == "begin":
            first = self.temporary()
            self.emit(f"{first} = True")
        with self.captured() as before:
            test = self.condition(node.child_by_field_name("condition"))
        if not node.type.startswith("until"):
            test = Code(f"not {test}", "bool")
        with self.indented("while True:"):
            self.emit("tick()")
            if first:
                self.place(
                    f"if not {first}:",
                    [*before, Line(self.indent + 1, f"if {test}: break", self.at)],
                )
                self.emit(f"{first} = False")
            else:
                self.lines += [line._replace(indent=line.indent) for line in before]
                self.emit(f"if {test}: break")
            self._loop_body(statements(body), result)
        if result:
            self.finish(result, sink)

    def _loop_body(self, nodes: list[Node], result: str | None) -> None:
        self.frame.loops.append(Loop(result))
        self.body(nodes, "")
        self.frame.loops.pop()

    def control_for(self, node: Node, sink: str) -> None:
        """``for x in y``"""
        over = self.hold(self.value(named(node.child_by_field_name("value"))[0]))
        target = node.child_by_field_name("pattern")
        name = self.temporary()
        result = self.temporary() if sink else None
        if result:
            self.emit(f"{result} = {over}")
        targets = named(target) if target.type == "left_assignment_list" else [target]
        with self.indented(f"for {name} in loop_items({over}):"):
            self.emit("tick()")
            if len(targets) == 1:
                self.store(targets[0], Code(name))
            else:
                self.spread_over(targets, Code(f"spread({name})", "list"))
            self._loop_body(statements(node.child_by_field_name("body")), result)
        if result:
            self.finish(result, sink)

    def control_case(self, node: Node, sink: str) -> None:
        """``case``"""
        subject = node.child_by_field_name("value")
        held = self.hold(self.value(subject)) if subject is not None else None
        deeper = 0
        clauses = [child for child in node.named_children if child.type in ("when", "else")]
        has_else = any(clause.type == "else" for clause in clauses)
        for at, clause in enumerate(clauses):
            if clause.type == "else":
                self._else(statements(clause), sink, at == 0)
                continue
            with self.captured(0) as before:
                test = self._when(clause, held)
            if at and before:
                self.emit("else:")
                self.indent += 1
                deeper += 1
                self.lines += [line._replace(indent=line.indent + 1) for line in before]
            else:
                self.lines += before
            head = "if" if at == 0 or before else "elif"
            with self.indented(f"{head} {test}:"):
                self.body(statements(clause.child_by_field_name("body")), sink)
        if not has_else and sink:
            self._else([], sink, False)
        self.indent -= deeper

    def _else(self, nodes: list[Node], sink: str, alone: bool) -> None:
        with self.indented("else:" if not alone else "if True:"):
            self.body(nodes, sink)

    def _when(self, clause: Node, held: Code | None) -> Code:
        tests: list[str] = []
        for pattern in clause.children_by_field_name("pattern"):
            inner = named(pattern)[0] if pattern.type == "pattern" else pattern
            tests.append(self._pattern_test(inner, held))
        return Code(f"({' or '.join(tests)})", "bool")

    def _pattern_test(self, node: Node, held: Code | None) -> Code:
        if held is None:
            return self.condition(node)
        if node.type == "splat_argument":
            return Code(f"any_case({self.value(named(node)[0])}, {held})", "bool")
        code = self.literal_string(node, frozen=True) if node.type == "string" else self.value(node)
        if code.kind == "regexp" and code.startswith("x"):
            return Code(f"matches({code}, {held})", "bool")
        if code.kind in ("str", "int", "symbol", "nil", "bool"):
            return Code(f"equal({code}, {held})", "bool")
        return self.truth(Code(f"case_equal({code}, {held})"))

    def control_begin(self, node: Node, sink: str) -> None:
        """``begin … rescue … else … ensure … end``, and the bodies of methods and blocks."""
        clauses = {"rescue": [], "else": [], "ensure": []}  # type: dict[str, list[Node]]
        body: list[Node] = []
        for child in named(node):
            clauses.get(child.type, body).append(child)
        if not clauses["rescue"] and not clauses["ensure"]:
            self.body([*body, *[n for clause in clauses["else"] for n in statements(clause)]], sink)
            return
        retries = any(self._retries(clause) for clause in clauses["rescue"])
        if retries:
            self._refuse_jumps(node)
            self.emit("while True:")
            self.indent += 1
        self._try(body, clauses, sink)
        if retries:
            self.emit("break")
            self.indent -= 1

    def _retries(self, clause: Node) -> bool:
        return any(True for _ in walk(clause, lambda n: n.type == "retry"))

    def _refuse_jumps(self, node: Node) -> None:
        if not self.frame.loops:
            return
        for jump in walk(node, lambda n: n.type in ("break", "next")):
            raise self.unsupported(jump, "`retry` around a jump out of a loop")

    def _try(self, body: list[Node], clauses: dict[str, list[Node]], sink: str) -> None:
        has_else = bool(clauses["else"])
        with self.indented("try:"):
            self.body(body, "" if has_else else sink)
        if clauses["rescue"]:
            self._handlers(clauses["rescue"], sink)
        if has_else and clauses["rescue"]:
            with self.indented("else:"):
                self.body(statements(clauses["else"][0]), sink)
        if clauses["ensure"]:
            with self.indented("finally:"):
                self.body(statements(clauses["ensure"][0]), "")

    def _handlers(self, clauses: list[Node], sink: str) -> None:
        name = self.temporary()
        with self.indented(f"except Exception as {name}_:"):
            self.emit(f"{name} = rescued({name}_)")
            before, self.frame.error = self.frame.error, name
            deeper = 0
            for at, clause in enumerate(clauses):
                with self.captured(0) as lines:
                    test = self._rescue_test(clause, name)
                if at:
                    self.emit("else:")
                    self.indent += 1
                    deeper += 1
                    lines = [line._replace(indent=line.indent + 1) for line in lines]
                self.lines += lines
                with self.indented(f"if {test}:"):
                    self._handler(clause, name, sink)
            with self.indented("else:"):
                self.emit("raise")
            self.indent -= deeper
            self.frame.error = before

    def _handler(self, clause: Node, name: str, sink: str) -> None:
        variable = clause.child_by_field_name("variable")
        if variable is not None:
            self.store(named(variable)[0], Code(name))
        self.body(statements(clause.child_by_field_name("body")), sink)

    def _rescue_test(self, clause: Node, name: str) -> str:
        given = clause.child_by_field_name("exceptions")
        if given is None:
            return f"isinstance({name}, StandardError)"
        tests: list[str] = []
        for node in named(given):
            inner = named(node)[0] if node.type == "splat_argument" else node
            tests.append(f"is_rescued({name}, {self.value(inner)})")
        return " or ".join(tests)

    def control_rescue_modifier(self, node: Node, sink: str) -> None:
        """``a rescue b``"""
        with self.indented("try:"):
            self.into(node.child_by_field_name("body"), sink)
        name = self.temporary()
        with self.indented(f"except Exception as {name}_:"):
            self.emit(f"{name} = rescued({name}_)")
            self.emit(f"if not isinstance({name}, StandardError): raise")
            before, self.frame.error = self.frame.error, name
            self.into(node.child_by_field_name("handler"), sink)
            self.frame.error = before

    def control_return(self, node: Node) -> None:
        """``return``"""
        code = self._jump_value(node)
        method = self.frame.method()
        if method is self.frame:
            self.emit(f"return {code}")
            return
        method.return_tag = method.return_tag or self.temporary()
        self.emit(f"raise Jump({method.return_tag}, {code})")

    def control_next(self, node: Node) -> None:
        """``next``"""
        code = self._jump_value(node)
        if self.frame.loops:
            if code not in ("None",):
                self.finish(code, "")
            self.emit("continue")
        else:
            self.emit(f"return {code}")

    def control_break(self, node: Node) -> None:
        """``break``"""
        code = self._jump_value(node)
        if self.frame.loops:
            result = self.frame.loops[-1].result
            if result:
                self.emit(f"{result} = {code}")
            self.emit("break")
        elif self.frame.break_tag is not None:
            self.emit(f"raise Jump({self.frame.break_tag}, {code})")
        else:
            self.emit(f"return {code}")

    def _jump_value(self, node: Node) -> Code:
        given = [child for child in named(node) if child.type == "argument_list"]
        arguments = named(given[0]) if given else []
        if not arguments:
            return Code("None", "nil")
        if len(arguments) == 1 and arguments[0].type not in ("splat_argument", "pair"):
            return self.value(arguments[0])
        return self.literal_array(given[0])

    def breaks(self, block: Node) -> bool:
        """Whether a block ends the call that it belongs to."""
        loops = ("while", "until", "for", "while_modifier", "until_modifier")
        pending = list(block.children)
        while pending:
            at = pending.pop()
            if at.type == "break" and at.is_named:
                return True
            if at.type not in _NEW_SCOPES and at.type not in loops:
                pending += at.children
        return False
