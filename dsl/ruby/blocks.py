"""Functions: blocks, lambdas and methods with their parameters."""

from __future__ import annotations

from .control import Control
from .frames import Code, Frame, Line
from .objects import Shape
from .syntax import Node, descend, named, statements

_SCOPES = frozenset({"method", "block", "do_block", "lambda"})


class Blocks(Control):
    """The part of the compiler that knows functions."""

    module: list[Line]
    ticks: bool

    def block(self, node: Node, is_lambda: bool = False, tag: str | None = None) -> Code:
        """A block or lambda as a proc."""
        frame = Frame("lambda" if is_lambda else "block", self.frame)
        frame.break_tag = tag
        frame.event = self.frame.event
        frame.error = self.frame.error
        name = f"b{len(self.names)}"
        self.names[name] = None
        parameters = node.child_by_field_name("parameters")
        body = node.child_by_field_name("body")
        if body is not None and body.type in ("block", "do_block"):
            body = body.child_by_field_name("body")
        shape, lines = self._function(frame, name, parameters, body, node)
        self.frame.functions += lines
        known = self.keep(f"shape of {name}", shape, "s")
        return Code(f"Proc({name}, {known})", "proc")

    def _function(
        self, frame: Frame, name: str, parameters: Node | None, body: Node | None, node: Node
    ) -> tuple[Shape, list[Line]]:
        outer, lines, indent = self.frame, self.lines, self.indent
        self.frame, self.lines = frame, []
        self.indent = self.function_indent() + 1 if frame.kind != "method" else 1
        inner = self.indent
        try:
            signature, shape = self._signature(parameters, frame, body)
            if self.ticks:
                self.emit("tick()")
            self._whole(frame, body)
            written = self.lines
        finally:
            self.frame, self.lines, self.indent = outer, lines, indent
        opening = frame.opening(inner, self.at)
        head = Line(inner - 1, f"def {name}({signature}):", self.at)
        return shape, [head, *opening, *written, Line(inner, "pass", self.at)]

    def function_indent(self) -> int:
        """How deep the functions in the present one are written."""
        frame, depth = self.frame, 0
        while frame.outer is not None:
            frame, depth = frame.outer, depth + 1
        return depth

    def _whole(self, frame: Frame, body: Node | None) -> None:
        """The body of a function; ``return`` inside of its blocks ends it."""
        at = len(self.lines)
        self._body_of(body)
        if frame.return_tag is None:
            return
        inner = [line._replace(indent=line.indent + 1) for line in self.lines[at:]]
        del self.lines[at:]
        tag = frame.return_tag
        frame.functions.insert(0, Line(self.indent, f"{tag} = object()", self.at))
        self.place("try:", inner)
        with self.indented("except Jump as jump:"):
            self.emit(f"if jump.tag is not {tag}: raise")
            self.emit("return jump.value")

    def _body_of(self, body: Node | None) -> None:
        if body is not None and body.type == "body_statement":
            self.control_begin(body, "return {}")
        else:
            self.body(statements(body), "return {}")

    def _signature(
        self, parameters: Node | None, frame: Frame, body: Node | None
    ) -> tuple[str, Shape]:
        given = named(parameters) if parameters is not None else self._numbered(body)
        plain: list[str] = []
        keywords: list[str] = []
        prelude: list[tuple[str, Node]] = []
        counts = {"required": 0, "optional": 0, "after": 0}
        splat = options = None
        for node in given:
            kind = node.type
            if kind == "identifier" and not self._is_local(parameters, node):
                self._required(node, frame, plain, counts, splat)
            elif kind == "destructured_parameter":
                name = self.temporary()
                counts["after" if splat else "required"] += 1
                plain.append(name)
                prelude.append((name, node))
            elif kind == "optional_parameter":
                name = frame.declare(self.text(node.child_by_field_name("name")), True)
                counts["optional"] += 1
                plain.append(f"{name}=MISSING")
                prelude.append((name, node))
            elif kind == "splat_parameter":
                splat = self._collecting(node, frame)
                plain.append(f"*{splat}")
            elif kind == "keyword_parameter":
                name = frame.declare(self.text(node.child_by_field_name("name")), True)
                has_default = node.child_by_field_name("value") is not None
                keywords.append(f"{name}=MISSING" if has_default else name)
                prelude += [(name, node)] if has_default else []
            elif kind == "hash_splat_parameter":
                options = self._collecting(node, frame)
            elif kind == "block_parameter":
                keywords += self._block_parameter(node, frame)
            elif self._is_local(parameters, node):
                frame.declare(self.text(node))
            else:
                raise self.unsupported(node, f"a {kind.replace('_', ' ')}")
        if counts["after"]:
            raise self.unsupported(given[0], "parameters behind a splat")
        self._prelude(prelude, splat, options)
        commas = parameters is not None and self.text(parameters)[:-1].rstrip().endswith(",")
        shape = Shape(
            counts["required"],
            counts["optional"],
            splat is not None,
            frame.kind == "lambda",
            commas or None,
            frozenset(word.partition("=")[0].removeprefix("v_") for word in keywords),
        )
        parts = [*plain, *(["*"] if keywords and not splat else []), *keywords]
        if frame.kind == "method":
            parts += ["block_=None"] if splat or keywords else ["*", "block_=None"]
        return ", ".join([*parts, *([f"**{options}"] if options else [])]), shape

    def _collecting(self, node: Node, frame: Frame) -> str:
        """The name of a splat, which may have none in Ruby."""
        inner = node.child_by_field_name("name")
        return self.temporary() if inner is None else frame.declare(self.text(inner), True)

    def _block_parameter(self, node: Node, frame: Frame) -> list[str]:
        """``&block``: of a method, the block that every method takes here."""
        name = self.text(node.child_by_field_name("name"))
        made = frame.declare(name, True)
        if frame.kind != "method":
            return [f"{made}=None"]
        frame.variables[name] = "block_"
        frame.parameters.add("block_")
        return []

    def _is_local(self, parameters: Node | None, node: Node) -> bool:
        if parameters is None or parameters.type == "method_parameters":
            return False
        return any(node == found for found in parameters.children_by_field_name("locals"))

    def _required(
        self, node: Node, frame: Frame, plain: list[str], counts: dict[str, int], splat: str | None
    ) -> None:
        name = self.text(node)
        if name == "_" and "_" in frame.variables:
            plain.append(self.temporary())
        else:
            plain.append(frame.declare(name, True))
        counts["after" if splat else "required"] += 1

    def _numbered(self, body: Node | None) -> list[Node]:
        if body is None:
            return []
        found: dict[str, Node] = {}
        for node in descend(body, into=_SCOPES):
            if node.type == "identifier" and self.text(node) in ("_1", "_2"):
                found.setdefault(self.text(node), node)
        if "_2" in found and "_1" not in found:
            raise self.unsupported(found["_2"], "`_2` without `_1`")
        return [found[name] for name in sorted(found)]

    def _prelude(
        self, prelude: list[tuple[str, Node]], splat: str | None, options: str | None
    ) -> None:
        if splat:
            self.emit(f"{splat} = list({splat})")
        if options:
            self.emit(f"{options} = named_options({options})")
        for name, node in prelude:
            if node.type == "destructured_parameter":
                self._destructure(node, Code(f"spread({name})", "list"))
            else:
                with self.indented(f"if {name} is MISSING:"):
                    self.into(node.child_by_field_name("value"), f"{name} = {{}}")

    def _destructure(self, node: Node, code: Code) -> None:
        given = self.hold(code)
        parts = named(node)
        splats = [at for at, part in enumerate(parts) if part.type == "splat_parameter"]
        splat = splats[0] if splats else len(parts)
        after = len(parts) - splat - 1
        for at, part in enumerate(parts):
            if at == splat:
                inner = part.child_by_field_name("name")
                if inner is not None:
                    name = self.frame.declare(self.text(inner), True)
                    self.emit(f"{name} = rest({given}, {splat}, {after})")
                continue
            place = (
                f"nth({given}, {at})"
                if at < splat
                else f"tail({given}, {splat}, {after}, {at - splat - 1})"
            )
            if part.type == "destructured_parameter":
                self._destructure(part, Code(f"spread({place})", "list"))
            else:
                self.emit(f"{self.frame.declare(self.text(part), True)} = {place}")

    def method_definition(self, node: Node) -> None:
        """``def``"""
        name = self.text(node.child_by_field_name("name"))
        frame = Frame("method")
        if name == "filter" and self.filters_events(node):
            parameters = named(node.child_by_field_name("parameters"))
            frame.event = self.text(parameters[0])
        _, lines = self._function(
            frame,
            f"u_{python_name(name)}",
            node.child_by_field_name("parameters"),
            node.child_by_field_name("body"),
            node,
        )
        self.module += lines

    def filters_events(self, node: Node) -> bool:
        """Whether a method is the one that is given events."""
        raise NotImplementedError


def python_name(name: str) -> str:
    """The name of a method as one of Python's."""
    return name.replace("?", "_p").replace("!", "_b").replace("=", "_e")
