"""Calls: of methods, of functions, of classes; and operators."""

from __future__ import annotations

from typing import Any

from .blocks import python_name
from .classes import CLASSES, class_named
from .dispatch import CONSTANTS, METHODS, SINGLETONS, is_known
from .errors import EXCEPTIONS, NoJava
from .event_calls import EventCalls
from .frames import Code
from .objects import Shape
from .subset import ELSEWHERE, KEYWORDS, KINDS, LIBRARIES
from .syntax import Node, named

_SHORT = {"+": "plus", "-": "minus", "*": "times", "/": "over"}
_ORDERS = {"<": "less", "<=": "less_equal", ">": "more", ">=": "more_equal"}
_NUMBERS = ("int", "float")
_ANY = Shape(takes_rest=True, is_lambda=True)


class Arguments:
    """The arguments of a call: values in their order, names of those given by name, a block."""

    def __init__(self, receiver: list[Code]) -> None:
        self.codes = receiver
        self.skipped = len(receiver)
        self.named: list[tuple[int, str]] = []
        self.block: Code | None = None

    def text(self, prefix: str = "", block: str = "block") -> str:
        """The arguments as Python writes them; ``prefix`` goes before names."""
        labels = dict(self.named)
        shown: list[str] = []
        for at, code in enumerate(self.codes[self.skipped :], self.skipped):
            label = labels.get(at)
            shown.append(f"{prefix}{label}={code}" if label else code)
        if self.block is not None:
            shown.append(f"{block}={self.block}")
        return ", ".join(shown)


class Calls(EventCalls):
    """The part of the compiler that knows calls."""

    context: dict[tuple[str, str], Any]
    methods: dict[str, frozenset[str]]
    constants: frozenset[str]

    def call(self, node: Node) -> Code:
        """A call."""
        receiver = node.child_by_field_name("receiver")
        method = node.child_by_field_name("method")
        name = "call" if method is None else self.text(method)
        block = node.child_by_field_name("block")
        if block is not None and self.breaks(block) and name not in ("lambda", "proc"):
            return self._ended(node, receiver, name, block)
        return self._call(node, receiver, name, None)

    def _ended(self, node: Node, receiver: Node | None, name: str, block: Node) -> Code:
        """A call that its block may end."""
        tag, result = self.temporary(), self.temporary()
        self.emit(f"{tag} = object()")
        with self.captured() as lines:
            code = self._call(node, receiver, name, tag)
            self.emit(f"{result} = {code}")
        self.place("try:", lines)
        with self.indented("except Jump as jump:"):
            self.emit(f"if jump.tag is not {tag}: raise")
            self.emit(f"{result} = jump.value")
        return Code(result)

    def _call(self, node: Node, receiver: Node | None, name: str, tag: str | None) -> Code:
        if receiver is None or receiver.type == "self":
            return self.own_call(node, name, tag)
        if receiver.type in ("constant", "scope_resolution"):
            constant = self.constant_name(receiver)
            if not self.is_own_constant(constant):
                return self.class_call(node, constant, name, tag)
        if self.is_event(receiver):
            code = self.event_call(node, name)
            if code is not None:
                return code
        operator = node.child_by_field_name("operator")
        if operator is not None and self.text(operator) == "&.":
            return self.safe_call(node, receiver, name, tag)
        if name == "encode":
            source = self._named_encoding(receiver)
            if source is not None:
                return self._encoded_from(node, receiver, source)
        arguments = Arguments([self.value(receiver)])
        self.arguments(node, name, arguments, tag)
        return self.sent(node, name, arguments)

    def _named_encoding(self, node: Node) -> Node | None:
        """The encoding that ``x.force_encoding(NAME)`` names in the code."""
        method = node.child_by_field_name("method") if node.type == "call" else None
        if method is None or self.text(method) != "force_encoding":
            return None
        given = named(node.child_by_field_name("arguments"))
        is_named = given[0].type in ("string", "scope_resolution") and node.child_count
        return given[0] if is_named else None

    def _encoded_from(self, node: Node, receiver: Node, source: Node) -> Code:
        """``x.force_encoding(A).encode(B)``: strings in other encodings than UTF-8 are not kept."""
        arguments = Arguments([self.value(receiver.child_by_field_name("receiver"))])
        self.arguments(node, "encode", arguments, None)
        names = {at for at, _ in arguments.named}
        places = [at for at in range(1, len(arguments.codes)) if at not in names]
        if len(places) > 1:
            return self.sent(node, "encode", arguments)
        target = arguments.codes[places[0]] if places else Code("'UTF-8'")
        options = [code for at, code in enumerate(arguments.codes) if at in names]
        made = Arguments([arguments.codes[0]])
        made.codes += [target, self.value(source), *options]
        made.named = [(3 + at, label) for at, (_, label) in enumerate(arguments.named)]
        return self.sent(node, "encode", made)

    def sent(self, node: Node, name: str, arguments: Arguments) -> Code:
        """A call of a method by the receiver's type."""
        if not is_known(name) and not name.endswith("="):
            raise self.unsupported(node, f"the method `{name}`")
        receiver = arguments.codes[0]
        table = self.method(name, arguments.block is not None)
        given = arguments.text()
        rest = f", {given}" if given else ""
        if receiver.isidentifier():
            code = f"{table}[type({receiver})]({receiver}{rest})"
        else:
            held = self.temporary()
            code = f"{table}[type({held} := {receiver})]({held}{rest})"
        return self.owned(code, KINDS.get(name, ""))

    def safe_call(self, node: Node, receiver: Node, name: str, tag: str | None) -> Code:
        """``a&.b``"""
        held = self.temporary()
        code = self.value(receiver)
        with self.captured() as lines:
            arguments = Arguments([Code(held)])
            self.arguments(node, name, arguments, tag)
            called = self.sent(node, name, arguments)
        if not lines:
            return Code(f"(None if ({held} := {code}) is None else {called})")
        self.emit(f"{held} = {code}")
        return self.branches(f"{held} is None", ([], Code("None")), (lines, called))

    def arguments(
        self,
        node: Node,
        name: str,
        into: Arguments,
        tag: str | None,
        keywords: frozenset[str] | None = None,
    ) -> None:
        """Read the arguments of a call."""
        given = node.child_by_field_name("arguments")
        pairs: list[Node] = []
        for child in named(given) if given is not None else []:
            if child.type in ("pair", "hash_splat_argument"):
                pairs.append(child)
            elif child.type == "block_argument":
                into.block = self.block_argument(child)
            elif child.type == "splat_argument":
                mark = len(self.lines)
                inner = self.value(named(child)[0])
                self.add_code(into.codes, mark, Code(f"*splat({inner})"))
            else:
                self.add_value(into.codes, child)
        self._pairs(pairs, KEYWORDS.get(name, frozenset()) if keywords is None else keywords, into)
        block = node.child_by_field_name("block")
        if block is not None:
            into.block = self.block(block, name == "lambda", tag)

    def _pairs(self, pairs: list[Node], keywords: frozenset[str], into: Arguments) -> None:
        if not pairs:
            return
        keys = [self._keyword(pair) for pair in pairs]
        if not all(key in keywords for key in keys):
            mark = len(self.lines)
            self.add_code(into.codes, mark, self.pairs(pairs))
            return
        for key, pair in zip(keys, pairs, strict=True):
            mark = len(self.lines)
            self.add_code(into.codes, mark, self.pair(pair)[1])
            into.named.append((len(into.codes) - 1, str(key)))

    def _keyword(self, pair: Node) -> str | None:
        key = pair.child_by_field_name("key") if pair.type == "pair" else None
        if key is None:
            return None
        text = self.text(key)
        return (
            text
            if key.type == "hash_key_symbol"
            else text[1:]
            if key.type == "simple_symbol"
            else None
        )

    def block_argument(self, node: Node) -> Code:
        """``&block``, ``&:name``"""
        inner = named(node)
        if not inner:
            return Code("block_")
        if inner[0].type == "simple_symbol":
            name = self.text(inner[0])[1:]
            if not is_known(name):
                raise self.unsupported(inner[0], f"the method `{name}`")
            return Code(f"symbol_block({self.method(name)})", "proc")
        if inner[0].type == "call" and self.text(inner[0]).startswith("method("):
            found = self._method_object(inner[0])
            if found is not None:
                return found
        return Code(f"proc_of({self.value(inner[0])})")

    def _method_object(self, node: Node) -> Code | None:
        """``method(:name)`` of a function of the code's own, or of Ruby's."""
        given = named(node.child_by_field_name("arguments"))
        name = self.text(given[0]).lstrip(":").strip("'\"")
        shape = self.keep("any", _ANY, "s")
        if name in self.methods:
            return Code(f"Proc(u_{python_name(name)}, {shape})", "proc")
        function = self.function("Kernel", name)
        return Code(f"Proc({function}, {shape})", "proc") if function else None

    # --- without a receiver

    def own_call(self, node: Node, name: str, tag: str | None) -> Code:
        """A call without a receiver."""
        if name in self.methods:
            arguments = Arguments([])
            self.arguments(node, name, arguments, tag, self.methods[name])
            return Code(f"u_{python_name(name)}({arguments.text('v_', 'block_')})")
        special = getattr(self, f"own_{name.replace('?', '_p')}", None)
        if special is not None:
            made: Code = special(node)
            return made
        if self.frame.find(name) and node.child_by_field_name("arguments") is None:
            return self.name_value(node.child_by_field_name("method"))
        function = self.function("Kernel", name)
        if function is not None:
            arguments = Arguments([])
            self.arguments(node, name, arguments, tag)
            return self.owned(f"{function}({arguments.text()})")
        if name in ELSEWHERE or name[:1].isupper():
            raise self.unsupported(node, f"the method `{name}`")
        return Code(f"undefined({name!r}, True)")

    def function(self, cls: str, name: str) -> str | None:
        """A name for a function of a class or module."""
        found = self.context.get((cls, name)) or SINGLETONS.get(cls, {}).get(name)
        return None if found is None else self.keep((cls, name), found, "f")

    def own_require(self, node: Node) -> Code:
        """``require``"""
        given = named(node.child_by_field_name("arguments"))
        library = (
            "".join(map(str, self.parts(given[0]))) if given and given[0].type == "string" else ""
        )
        if library.split("/")[0] not in LIBRARIES:
            raise self.unsupported(node, f"the library `{library}`")
        return Code("True", "bool")

    def own_raise(self, node: Node) -> Code:
        """``raise``"""
        arguments = Arguments([])
        self.arguments(node, "raise", arguments, None)
        given = arguments.text()
        self.emit(f"raise raised(({given}{',' if given else ''}), {self.frame.error})")
        return Code("None", "nil")

    own_fail = own_raise

    def own_block_given_p(self, node: Node) -> Code:
        """``block_given?``"""
        return Code(
            "(block_ is not None)" if self.frame.method().kind == "method" else "False", "bool"
        )

    def own_lambda(self, node: Node) -> Code:
        """``lambda { }``"""
        block = node.child_by_field_name("block")
        if block is None:
            raise self.unsupported(node, "`lambda` without a block")
        return self.block(block, is_lambda=True)

    def own_method(self, node: Node) -> Code:
        """``method(:name)``"""
        found = self._method_object(node)
        if found is None:
            raise self.unsupported(node, f"`{self.text(node)}`")
        return found

    def own_logger(self, node: Node) -> Code:
        """``logger``"""
        return Code("logger")

    # --- classes

    def constant_name(self, node: Node) -> str:
        """The full name of a constant."""
        return self.text(node).replace(" ", "").removeprefix("::")

    def is_own_constant(self, name: str) -> bool:
        """Whether a constant is the code's own."""
        return name in self.constants

    def constant_value(self, node: Node) -> Code:
        """A constant."""
        name = self.constant_name(node)
        if self.is_own_constant(name):
            return Code(f"constant(constants, {name!r})")
        if name in CONSTANTS:
            return Code(self.keep(("constant", name), CONSTANTS[name]))
        if name in CLASSES or name in SINGLETONS or name in METHODS:
            return Code(self.keep(("class", name), class_named(name)))
        if name.split("::")[0] == "Java":
            raise NoJava(f"`{name}`", *self.tree.span(node))
        raise self.unsupported(node, f"the constant `{name}`")

    def class_call(self, node: Node, cls: str, name: str, tag: str | None) -> Code:
        """A call of a class or module."""
        if cls in CONSTANTS and cls not in SINGLETONS:
            arguments = Arguments([Code(self.keep(("constant", cls), CONSTANTS[cls]))])
            self.arguments(node, name, arguments, tag)
            return self.sent(node, name, arguments)
        function = self.function(cls, name)
        known = cls in CLASSES or cls in SINGLETONS or cls in METHODS
        if function is None and cls in EXCEPTIONS and name in ("new", "exception"):
            function = self.keep(("class", cls), class_named(cls))
        if (
            function is None
            and known
            and (name in METHODS["Class"] or name in METHODS["Object"])
            and name != "new"
        ):
            arguments = Arguments([Code(self.keep(("class", cls), class_named(cls)))])
            self.arguments(node, name, arguments, tag)
            return self.sent(node, name, arguments)
        if function is None and cls.split("::")[0] == "Java":
            raise NoJava(f"`{cls}`", *self.tree.span(node))
        if function is None:
            raise self.unsupported(node, f"`{cls}.{name}`")
        arguments = Arguments([])
        self.arguments(node, name, arguments, tag)
        code = f"{function}({arguments.text()})"
        return (
            Code(f"deep({code})")
            if self.mutable
            else Code(code, KINDS.get(name, "") if cls != "Regexp" else "")
        )
