"""What was probably meant where the text does not parse: rules from the mistakes that people make,
the first that fits.

Each rule looks at what stands at the fault, at the tokens before it and at the open brackets, and
answers with a help text, or an empty one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from .brackets import CLOSER, Reading
from .source import Source


class Fault(msgspec.Struct, frozen=True):
    """A place where a text does not parse: what was found, the terminals that would have been
    accepted, what stands before.
    """

    source: Source
    offset: int
    found: str
    accepted: frozenset[str]
    before: Reading

    @property
    def innermost(self) -> str:
        """The bracket that is open, or nothing."""
        return self.before.opened[-1].text if self.before.opened else ""

    def word(self, back: int = 1) -> str:
        """The text of a token before the fault."""
        token = self.before.last(back)
        return token.text if token else ""

    @property
    def adjacent(self) -> bool:
        """Whether the fault follows the token before it without a space."""
        token = self.before.last()
        return token is not None and token.end == self.offset


Rule = Callable[[Fault], str]
_RULES: list[Rule] = []


def help_for(fault: Fault) -> str:
    """The help text of the first rule that has one, or an empty text."""
    return next(filter(None, (rule(fault) for rule in _RULES)), "")


def _rule(rule: Rule) -> Rule:
    _RULES.append(rule)
    return rule


@_rule
def _no_text(fault: Fault) -> str:
    return "this is a binary file, not a configuration" if "\0" in fault.source.text else ""


@_rule
def _odd_character(fault: Fault) -> str:
    if fault.found in "“”„‟«»":
        return 'write straight quotes: "…"'
    if fault.found in "‘’‚‛`´":
        return "write straight quotes: '…'"
    if not fault.found.isascii() and (fault.found.isspace() or not fault.found.isprintable()):
        return "this character only looks like a space: replace it with a space"
    return ""


@_rule
def _comment(fault: Fault) -> str:
    starts = ("//", "/*", "--", "<!--")
    return (
        "a comment starts with # and extends to the end of the line"
        if fault.source.text.startswith(starts, fault.offset)
        else ""
    )


@_rule
def _run_on_string(fault: Fault) -> str:
    token = fault.before.last()
    if token is not None and token.kind == "name":
        token = fault.before.last(2)
    if token is None or token.kind != "string":
        return ""
    quote = token.text[0]
    if "\n" in token.text:
        return (
            f"the string of line {fault.before.row(token)} ends only here: is its closing {quote}"
            " missing?"
        )
    if "\\" + quote in token.text:
        return (
            f"\\{quote} does not end the string {_short(token.text)}: write [\\\\] for a backslash"
            " in a pattern"
        )
    following = fault.source.text[token.end : token.end + 1]
    if following.isalnum() or following in "_\"'":
        return (
            f"write a quote inside a string as \\{quote}, or use the other kind of quotes around it"
        )
    return ""


def _short(text: str) -> str:
    return text if len(text) <= 30 else text[:29] + "…"


@_rule
def _separator(fault: Fault) -> str:
    if fault.found == "," and fault.innermost == "[":
        return "write one comma between two items"
    if fault.found == ";" and fault.innermost == "[":
        return "write `,` between the items of a list"
    if fault.found in (",", ";"):
        return "separate options, hash entries and plugins with a space or a line break only"
    if fault.innermost == "[" and "_COMMA" in fault.accepted and fault.found == "=>":
        return 'a list has no `=>`: write { "key" => "value" } for a hash'
    if (
        fault.innermost == "["
        and "_COMMA" in fault.accepted
        and re.match(r"[\"'A-Za-z0-9]", fault.found)
    ):
        return "put a comma between the items of a list"
    return ""


@_rule
def _missing_value(fault: Fault) -> str:
    if fault.found == "=>" and fault.word(2) == "=>":
        return f"`{fault.word(3)} =>` has no value"
    if fault.word() == "=>" and fault.found in ("}", "=>"):
        return f"`{fault.word(2)} =>` has no value"
    if fault.found == "=>" and "_ARROW" not in fault.accepted and fault.innermost == "{":
        return "write a name before `=>`"
    return ""


@_rule
def _arrow(fault: Fault) -> str:
    if "_ARROW" in fault.accepted and fault.found in ("=", ":", "==", "->", "-", "=>>"):
        return "write `=>` between a name and its value"
    return ""


@_rule
def _else(fault: Fault) -> str:
    word = fault.word()
    if word == "elif" or (fault.found == "elif" and "ELSE" in fault.accepted):
        return "write `else if`"
    if "_ARROW" in fault.accepted and "else" in (word, fault.before.opener().partition(" ")[0]):
        return "this `else` has no `if` before it"
    if word == "else" and fault.found != "{":
        return "write `else if` before a condition, `else {` without one"
    if word.lower() in ("if", "unless") and word != "if" and fault.found in ("[", "("):
        return "write `if` in lower case" if word.lower() == "if" else "write `if !( … )`"
    if fault.found == "{" and word in (
        "if",
        "elseif",
        "elsif",
        "and",
        "or",
        "xor",
        "nand",
        "not",
        "!",
        "in",
    ):
        return (
            f"after `{word}` a condition is missing"
            if word != "in"
            else "after `in` a list or a field is missing"
        )
    return ""


_JOINING = ("and", "or", "xor", "nand")


@_rule
def _condition(fault: Fault) -> str:
    found, accepted = fault.found, fault.accepted
    if "COMPARE" in accepted and found in ("=", "===", "eq", "is", "equals"):
        return "write `==` to compare"
    if "COMPARE" in accepted and found in ("<>", "ne", "=!", "!"):
        return "write `!=` to test for inequality"
    if "MATCH" in accepted and found in ("~", "like", "matches", "=~~", "contains"):
        return (
            'write `=~ /pattern/` to match a regular expression, `"part" in [field]` to find a part'
        )
    if "AND" in accepted and found in ("&", "&&", "|", "||", "AND", "OR"):
        return "write `and` or `or`"
    if fault.word() in _JOINING and fault.word(2) in _JOINING:
        return f"remove one of `{fault.word(2)} {fault.word()}`"
    if fault.word() == "not" and "IN" in accepted:
        return "write `not in` between two values, `not` before a condition"
    if "REGEXP" in accepted and found == "/":
        return (
            "this regular expression is never closed: end it with /, and write \\/ for a slash"
            " inside"
        )
    if "AND" in accepted and fault.word() == "]" and re.match(r"[=!<>]|in\b", found):
        return (
            "write `!( … )` around the whole comparison: `!` before a field binds to the field"
            " alone"
        )
    if "REGEXP" in accepted and "SELECTOR" not in accepted and fault.word() in ("~", "=~"):
        return "the right side of `=~` must be a /pattern/ or a string"
    if fault.word(2) == "[" and "RSQB" in accepted and re.match(r"[=!<>]|in\b", found):
        return f"close the field's bracket: [{fault.word()}]"
    return _operand(fault)


def _operand(fault: Fault) -> str:
    found = fault.found
    if "AND" in fault.accepted and fault.word() == "]" and fault.adjacent and found[0] in ".[":
        return "write nested fields as [outer][inner], each name in its own brackets"
    if "SELECTOR" in fault.accepted and re.match(r"[A-Za-z_]", found):
        return f"write a field in brackets, [{found}], and a string in quotes"
    if "SELECTOR" in fault.accepted and found in "%$@":
        return 'write a field as [outer][inner]; put a string or a "${VARIABLE}" in quotes'
    return ""


@_rule
def _closing(fault: Fault) -> str:
    found, opened = fault.found, fault.before.opened
    if found not in ("}", "]", ")") or (opened and CLOSER[opened[-1].text] == found):
        return ""
    if not any(CLOSER[opener.text] == found for opener in opened):
        return f"`{found}` closes no open bracket: remove it"
    opener = opened[-1]
    row, title = fault.before.row(opener), fault.before.title(opener)
    return f"`{title}` of line {row} is still open: close it with `{CLOSER[opener.text]}` first"


@_rule
def _open_parenthesis(fault: Fault) -> str:
    if fault.found == "{" and fault.innermost == "(":
        return "close the `(` of the condition with `)` first"
    if fault.found == "{" and fault.innermost == "[" and "RSQB" in fault.accepted:
        return "close the list with `]` first"
    return ""


@_rule
def _unclosed_before(fault: Fault) -> str:
    """A plugin where an option is expected: what stands before was not closed."""
    if fault.found != "{" or "_ARROW" not in fault.accepted or not fault.before.opened:
        return ""
    before = fault.before
    list_ = next((o for o in before.opened if o.text != "{"), None)
    if list_ is not None:
        return (
            f"`{list_.text}` of line {before.row(list_)} is not closed: add the missing"
            f" `{CLOSER[list_.text]}`"
        )
    section = next(
        (
            o
            for o in before.opened[1:]
            if re.fullmatch(r"(input|filter|output) \{", before.title(o))
        ),
        None,
    )
    if section is not None or (fault.word() in _SECTIONS and before.askew is None):
        outer, inner = before.opened[0], before.title(section) if section else fault.word()
        return (
            f"`{before.title(outer)}` of line {before.row(outer)} is not closed before `{inner}`:"
            " add the missing `}`"
        )
    if before.askew is not None:
        return (
            f"`{before.title(before.askew)}` of line {before.row(before.askew)} is not closed: add"
            " the missing `}`"
        )
    opener = before.opened[-1]
    return (
        f"write `=>` after the option `{fault.word()}`; or, if it is a plugin, "
        f"close `{before.title(opener)}` of line {before.row(opener)} with `}}` before it"
    )


_SECTIONS = ("input", "filter", "output")


@_rule
def _braces(fault: Fault) -> str:
    last = fault.before.last()
    if "LBRACE" not in fault.accepted or last is None:
        return ""
    if (
        fault.accepted == {"LBRACE"}
        and last.kind in ("name", "string")
        and (fault.before.opened or last.text in _SECTIONS)
    ):
        return f"write {last.text} {{ … }}"
    if "AND" in fault.accepted and re.match(r"[A-Za-z_}]", fault.found):
        return "write `{` after the condition of `if`; join conditions with `and`, `or`"
    return ""


@_rule
def _outside(fault: Fault) -> str:
    if not fault.before.opened:
        return "a configuration consists of the sections input { … }, filter { … } and output { … }"
    return ""


@_rule
def _unquoted(fault: Fault) -> str:
    last = fault.before.last()
    if (
        fault.found == "["
        and fault.innermost == "{"
        and "STRING" in fault.accepted
        and "LSQB" not in fault.accepted
    ):
        return 'put the name in quotes: "[…]"'
    if last is not None and last.kind == "name" and fault.adjacent and fault.found[0] in "./:@%$*+":
        return (
            "put a value with characters other than letters, digits and _ in quotes, as"
            f' "{last.text}{fault.found}"'
        )
    if fault.word() in ("=>", ",", "[") and re.match(r"[.+]|-?[0-9]", fault.found):
        return "write a number as 5, -5 or 0.5"
    if fault.word() in ("=>", ",", "[") and "LSQB" in fault.accepted:
        return "put a string in quotes; write a list as [ … ], a hash as { … }"
    return ""
