"""Methods that Ruby has and that are not compiled, by class: a call of one is not a NoMethodError.

The list is held against Ruby itself by a test.
"""

from __future__ import annotations

from .dispatch import WITHOUT

WITHOUT["String"] = frozenset(
    [
        "parse_csv",
        "to_csv",
        "crypt",
        "each_codepoint",
        "each_grapheme_cluster",
        "setbyte",
        "to_c",
        "to_json_raw",
        "to_json_raw_object",
        "to_r",
        "undump",
        "unicode_normalized?",
    ]
)
WITHOUT["Symbol"] = frozenset(
    [
        "encoding",
    ]
)
WITHOUT["Integer"] = frozenset(
    [
        "abs2",
        "angle",
        "arg",
        "conj",
        "conjugate",
        "denominator",
        "gcdlcm",
        "i",
        "imag",
        "imaginary",
        "nobits?",
        "phase",
        "polar",
        "rationalize",
        "rect",
        "rectangular",
        "singleton_method_added",
        "to_c",
        "to_r",
    ]
)
WITHOUT["Float"] = frozenset(
    [
        "abs2",
        "angle",
        "arg",
        "conj",
        "conjugate",
        "denominator",
        "i",
        "imag",
        "imaginary",
        "next_float",
        "numerator",
        "phase",
        "polar",
        "prev_float",
        "rationalize",
        "rect",
        "rectangular",
        "singleton_method_added",
        "to_c",
        "to_r",
    ]
)
WITHOUT["Array"] = frozenset(
    [
        "to_csv",
        "bsearch_index",
        "chain",
        "lazy",
        "rassoc",
        "repeated_combination",
        "repeated_permutation",
        "slice_after",
        "slice_before",
    ]
)
WITHOUT["Hash"] = frozenset(
    [
        "chain",
        "compare_by_identity",
        "compare_by_identity?",
        "deconstruct_keys",
        "default=",
        "default_proc",
        "default_proc=",
        "lazy",
        "rassoc",
        "rehash",
        "slice_after",
        "slice_before",
        "to_proc",
    ]
)
WITHOUT["Set"] = frozenset(
    [
        "chain",
        "classify",
        "compact",
        "compare_by_identity",
        "compare_by_identity?",
        "divide",
        "flatten",
        "flatten!",
        "flatten_merge",
        "lazy",
        "pretty_print",
        "pretty_print_cycle",
        "reset",
        "slice_after",
        "slice_before",
    ]
)
WITHOUT["Range"] = frozenset(["bsearch", "chain", "compact", "lazy", "slice_after", "slice_before"])
WITHOUT["Time"] = frozenset(
    [
        "asctime",
        "ceil",
        "ctime",
        "dst?",
        "isdst",
        "rfc2822",
        "rfc822",
        "subsec",
        "to_date",
        "to_datetime",
        "to_r",
    ]
)
WITHOUT["Regexp"] = frozenset(["encoding", "fixed_encoding?", "named_captures", "~"])
WITHOUT["MatchData"] = frozenset(["match", "match_length"])
WITHOUT["Proc"] = frozenset(["binding", "parameters", "ruby2_keywords", "source_location"])
WITHOUT["NilClass"] = frozenset(["^", "rationalize", "to_c", "to_r"])
WITHOUT["Enumerator"] = frozenset(
    [
        "+",
        "chain",
        "compact",
        "feed",
        "lazy",
        "next",
        "next_values",
        "peek",
        "peek_values",
        "rewind",
        "slice_after",
        "slice_before",
    ]
)
WITHOUT["Object"] = frozenset(
    [
        "define_singleton_method",
        "display",
        "extend",
        "instance_eval",
        "instance_exec",
        "instance_variable_get",
        "instance_variable_set",
        "methods",
        "private_methods",
        "protected_methods",
        "public_method",
        "public_methods",
        "remove_instance_variable",
        "singleton_class",
        "singleton_method",
        "singleton_methods",
        "taint",
        "tainted?",
        "trust",
        "untaint",
        "untrust",
        "untrusted?",
    ]
)
