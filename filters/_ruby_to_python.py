"""Ruby code of a configuration as Python, as far as that is plain: what the error for the filter
ruby proposes.

It is a proposal for a person, not a compiler. Statements, blocks and the calls that such code is
made of most of the time are rewritten; a line that is still Ruby after that is said to be so, in a
comment behind it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

_TEXT = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
_HELD = re.compile(r"\x00(\d+)\x00")
_INTERPOLATED = re.compile(r"#\{([^}]*)\}")

#: What a call without arguments becomes: its receiver stands for {}.
_CALLS = {
    "to_i": "int({})",
    "to_f": "float({})",
    "to_s": "str({})",
    "length": "len({})",
    "size": "len({})",
    "nil?": "{} is None",
    "empty?": "not {}",
    "first": "{}[0]",
    "last": "{}[-1]",
    "reverse": "{}[::-1]",
    "abs": "abs({})",
    "upcase": "{}.upper()",
    "downcase": "{}.lower()",
    "capitalize": "{}.capitalize()",
    "strip": "{}.strip()",
    "lstrip": "{}.lstrip()",
    "rstrip": "{}.rstrip()",
    "chomp": "{}.rstrip('\\n')",
    "keys": "list({})",
    "values": "list({}.values())",
    "sort": "sorted({})",
    "round": "round({})",
    "dup": "{}.copy()",
    "compact": "[x for x in {} if x is not None]",
    "to_hash": "{}.to_hash()",
    "cancel": "{}.cancel()",
    "clone": "{}.clone()",
    "uncancel": "{}.uncancel()",
    "to_json": "{}.to_json()",
}
_CALL = re.compile(rf"\.({'|'.join(map(re.escape, _CALLS))})(?:\(\))?(?![\w(?])")
#: Words and calls that are only called something else.
_RENAMED = [
    (re.compile(pattern), by)
    for pattern, by in (
        (r"\bnew_event_block\.call\(", "emit("),
        (r"\bLogStash::Event\.new\(([^{}()]*=>[^{}()]*)\)", r"Event({\1})"),
        (r"\bLogStash::Event\.new\b", "Event"),
        (r"\.start_with\?", ".startswith"),
        (r"\.end_with\?", ".endswith"),
        (r"\bnil\b(?!\?)", "None"),
        (r"\btrue\b", "True"),
        (r"\bfalse\b", "False"),
        (r"\s*&&\s*", " and "),
        (r"(\w+)\[(\x00\d+\x00|\w+)\]\s*\|\|=\s*(.+)", r"\1.setdefault(\2, \3)"),
        (r"\s*\|\|\s*(?!=)", " or "),
        (r"!(?=[\w(\x00])", "not "),
        (r"\.push\(", ".append("),
        (r"(?<![\w:]):(\w+)", r"'\1'"),
        (r"\s*=>\s*", ": "),
        (r"\bputs\s+(.+)", r"print(\1)"),
        (r"(\w+(?:\[[^\]]*\])*)\s*<<\s*(.+)", r"\1.append(\2)"),
        (r"\bTime\.now(?:\.to_[fi])?", "time.time()"),
        (r"@(\w+)", r"state['\1']"),
        (r"(\S+)\s*=~\s*/((?:[^/\\]|\\.)*)/", r"re.search(r'\2', \1)"),
        (r"\bevent\.include\?", "event.include"),
    )
]
#: Calls with arguments: the receiver stands for {0}, the arguments for {1} and {2}.
_CALLS_WITH = [
    (re.compile(pattern), by)
    for pattern, by in (
        (r"\.(?:include|key|has_key|member)\?\(([^()]*)\)", "{1} in {0}"),
        (r"\.join\(([^()]*)\)", "{1}.join(map(str, {0}))"),
        (r"\.gsub\(/((?:[^/\\]|\\.)*)/,\s*([^()]*)\)", "re.sub(r'{1}', {2}, {0})"),
        (r"\.gsub\(([^()/]*),\s*([^()]*)\)", "{0}.replace({1}, {2})"),
        (r"\.is_a\?\(?String\)?", "isinstance({0}, str)"),
        (r"\.is_a\?\(?Array\)?", "isinstance({0}, list)"),
        (r"\.is_a\?\(?Hash\)?", "isinstance({0}, dict)"),
    )
]
_ONE_LINE = re.compile(r"(.+\.(?:each|each_pair|each_with_index|times)) \{ ?(\|[^|]*\|) ?(.*?) ?\}")
_BLOCKS = [
    (re.compile(pattern), by)
    for pattern, by in (
        (r"if (.+?)(?: then)?", "if {0}:"),
        (r"unless (.+?)(?: then)?", "if not ({0}):"),
        (r"while (.+?)(?: do)?", "while {0}:"),
        (r"(.+)\.each_with_index do \|\s*(\w+),\s*(\w+)\s*\|", "for {2}, {1} in enumerate({0}):"),
        (r"(.+)\.each(?:_pair)? do \|\s*(\w+),\s*(\w+)\s*\|", "for {1}, {2} in {0}.items():"),
        (r"(.+)\.each do \|\s*(\w+)\s*\|", "for {1} in {0}:"),
        (r"(.+)\.times do \|\s*(\w+)\s*\|", "for {1} in range({0}):"),
        (r"begin", "try:"),
        (r"def (\w+)(\(.*\))?", "def {0}{1}:"),
    )
]
_TURNS = [
    (re.compile(pattern), by)
    for pattern, by in (
        (r"els(?:e )?if (.+?)(?: then)?", "elif {0}:"),
        (r"else", "else:"),
        (r"rescue\s*=>\s*(\w+)", "except Exception as {0}:"),
        (r"rescue(?: \w+)?", "except Exception:"),
        (r"ensure", "finally:"),
    )
]
_ENDED = re.compile(r"(.+?)\s+(if|unless)\s+(.+)")


def translated(code: str) -> str:
    """Ruby as Python, with `# still Ruby` where a line could not be rewritten."""
    held: list[str] = []
    bare = _TEXT.sub(lambda match: _hold(match[0], held), code)
    lines: list[str] = []
    depth = 0
    for line in _statements(bare):
        statement, _, comment = (part.strip() for part in line.partition("#"))
        if statement == "end":
            depth = max(depth - 1, 0)
            continue
        shown = _rewritten(statement, depth) or ([(0, "")] if comment else [])
        if comment:
            shift, text = shown[0]
            shown[0] = shift, f"{text}  # {comment}" if text else f"# {comment}"
        lines += ["    " * (depth + shift) + _filled(text, held) for shift, text in shown]
        depth += any(pattern.fullmatch(statement) for pattern, _ in _BLOCKS)
    return _doubted("\n".join(lines))


def needed(code: str) -> list[str]:
    """What translated code needs to be defined before it, as lines of Python."""
    lines = [f"import {name}" for name in ("re", "time") if re.search(rf"\b{name}\.\w+\(", code)]
    return lines + (["state = {}"] if "state[" in code else [])


def _statements(code: str) -> Iterator[str]:
    """The statements of code, one a line; a block on one line becomes three."""
    for line in code.replace(";", "\n").splitlines():
        block = _ONE_LINE.fullmatch(line.strip())
        if block:
            yield from (f"{block[1]} do {block[2]}", block[3], "end")
        else:
            yield line.strip()


def _hold(text: str, held: list[str]) -> str:
    """Put a text aside, so that nothing in it is taken for code; one with code in it becomes an
    f-string.
    """
    if text[0] == '"' and "#{" in text:
        inside = _INTERPOLATED.sub(
            lambda match: "{" + _expression(match[1]).replace('"', "'") + "}", text
        )
        text = "f" + inside
    held.append(text)
    return f"\x00{len(held) - 1}\x00"


def _filled(text: str, held: list[str]) -> str:
    return _HELD.sub(lambda match: held[int(match[1])], text)


def _rewritten(statement: str, depth: int) -> list[tuple[int, str]]:
    """The lines of a statement, each with how much it is shifted."""
    for table, shift in ((_BLOCKS, 0), (_TURNS, -1 if depth else 0)):
        for pattern, by in table:
            match = pattern.fullmatch(statement)
            if match:
                return [(shift, by.format(*[_expression(part or "") for part in match.groups()]))]
    match = _ENDED.fullmatch(statement)
    if match:
        condition = _expression(match[3])
        head = f"if {condition}:" if match[2] == "if" else f"if not ({condition}):"
        return [(0, head), (1, _expression(match[1]))]
    return [(0, _expression(statement))] if statement else []


def _expression(text: str) -> str:
    """An expression with its calls and words rewritten."""
    for pattern, by in _RENAMED:
        text = pattern.sub(by, text)
    for pattern, by in _CALLS_WITH:
        if match := pattern.search(text):
            start = _receiver(text, match.start())
            text = (
                text[:start]
                + by.format(text[start : match.start()], *match.groups())
                + text[match.end() :]
            )
    done = 0
    while match := _CALL.search(text, done):
        start = _receiver(text, match.start())
        made = text[:start] + _CALLS[match[1]].format(text[start : match.start()])
        text, done = made + text[match.end() :], len(made)
    return text


def _receiver(text: str, end: int) -> int:
    """Where the expression begins that a call at ``end`` is made on."""
    at = end
    while at > 0:
        char = text[at - 1]
        if char in ")]":
            at = _opening(text, at - 1)
        elif char.isalnum() or char in "_.@\x00?":
            at -= 1
        else:
            break
    return at


def _opening(text: str, close: int) -> int:
    depth = 0
    for at in range(close, -1, -1):
        depth += (text[at] in ")]") - (text[at] in "([")
        if depth == 0:
            return at
    return 0


def _doubted(code: str) -> str:
    """The code with a mark behind the lines that are no Python, found one after the other."""
    lines = code.splitlines()
    for _ in range(len(lines)):
        try:
            ast.parse("\n".join(lines))
            break
        except SyntaxError as error:
            at = min(max((error.lineno or 1) - 1, 0), len(lines) - 1)
            if "# still Ruby" in lines[at]:
                break
            shown = lines[at].strip()
            indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
            lines[at] = f"{indent}pass  # still Ruby: {shown}"
    return "\n".join(lines)
