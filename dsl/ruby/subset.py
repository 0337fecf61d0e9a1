"""What the compiler knows of Ruby's names: libraries, methods with named arguments, what methods
give, and names that take the route through a real ruby.
"""

from __future__ import annotations

from ..diagnostics import PenstockError

LIBRARIES = frozenset(
    [
        "json",
        "digest",
        "base64",
        "uri",
        "ipaddr",
        "securerandom",
        "zlib",
        "set",
        "csv",
        "time",
        "date",
        "logstash",
        "English",
        "socket",
        "cgi",
        "pp",
        "thread",
        "monitor",
        "bigdecimal",
        "stringio",
        "openssl",
        "ostruct",
        "timeout",
        "benchmark",
        "logger",
        "yaml",
        "erb",
        "resolv",
        "net",
        "open3",
        "tempfile",
        "fileutils",
        "pathname",
        "java",
    ]
)
"""Libraries whose ``require`` needs nothing; what is not compiled is met where it is used."""

KEYWORDS: dict[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in {
        "round": "half",
        "Integer": "exception",
        "Float": "exception",
        "parse": "symbolize_names max_nesting allow_nan object_class create_additions",
        "parse_line": "col_sep quote_char liberal_parsing headers",
        "generate": "allow_nan max_nesting",
        "lines": "chomp",
        "each_line": "chomp",
        "encode": "invalid undef replace universal_newline crlf_newline xml",
        "encode!": "invalid undef replace universal_newline crlf_newline xml",
        "step": "by to",
        "new": "in",
        "at": "in",
        "now": "in",
        "clone": "freeze",
        "full_message": "highlight order",
        "unpack": "offset",
        "unpack1": "offset",
    }.items()
}
"""The arguments that methods take by name."""

KINDS: dict[str, str] = {
    **dict.fromkeys(["to_i", "length", "size", "bytesize", "hex", "oct", "ord", "to_int"], "int"),
    **dict.fromkeys(["to_f", "fdiv"], "float"),
    **dict.fromkeys(
        [
            "nil?",
            "empty?",
            "include?",
            "key?",
            "has_key?",
            "is_a?",
            "kind_of?",
            "any?",
            "all?",
            "none?",
            "one?",
            "start_with?",
            "end_with?",
            "match?",
            "zero?",
            "even?",
            "odd?",
            "between?",
            "positive?",
            "negative?",
            "respond_to?",
            "member?",
            "value?",
            "cancelled?",
            "instance_of?",
            "frozen?",
            "equal?",
            "eql?",
        ],
        "bool",
    ),
}
"""What the values of methods are, whatever the receiver."""

ELSEWHERE = frozenset(
    [
        "open",
        "system",
        "exec",
        "spawn",
        "fork",
        "trap",
        "exit",
        "abort",
        "at_exit",
        "gets",
        "readline",
        "readlines",
        "eval",
        "binding",
        "instance_eval",
        "class_eval",
        "define_method",
        "load",
        "require_relative",
        "autoload",
        "caller",
        "caller_locations",
        "set_trace_func",
        "srand",
        "syscall",
        "test",
        "warn",
        "putc",
        "printf",
        "display",
        "select",
        "`",
    ]
)
"""Functions of Ruby's that are not compiled."""


class Outdated(PenstockError):
    """``event['field']``, which Logstash has not had since version 5."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__("`event['field']` is the event API of Logstash before version 5")
        self.start, self.end = start, end
