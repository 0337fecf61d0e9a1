"""Small programs made by a grammar give in compiled form what they give in Ruby: values, exceptions and messages."""
import importlib.util
import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("penstock_tests_real_ruby", HERE / "real_ruby.py")
assert _spec is not None
assert _spec.loader is not None
real_ruby = importlib.util.module_from_spec(_spec)
sys.modules["penstock_tests_real_ruby"] = real_ruby
_spec.loader.exec_module(real_ruby)

NUMBERS = st.sampled_from(["0", "1", "-3", "7", "2.5", "-0.5", "10", "a", "n"])
TEXTS = st.sampled_from(['"ab"', '""', '"12 ms"', "s", '"a,b,,c"', '"x#{n}y"', "'q'"])
LISTS = st.sampled_from(["[1, 2, 3]", "[]", "l", '["b", nil, "a"]', "[[1, 2], [3]]"])
HASHES = st.sampled_from(["{ 'k' => 1 }", "{}", "h", "{ a: nil, b: 2 }"])
ANY = NUMBERS | TEXTS | LISTS | HASHES | st.sampled_from(["nil", "true", "false", ":sym"])
TEMPLATES = [
    "({0} + {1})", "({0} * {1})", "({0} == {1})", "({0} <=> {1})", "({0} && {1})", "({0} || {1})", "(!{0})",
    "({0} ? {1} : {0})", "{0}.to_s", "{0}.to_i", "{0}.to_f", "{0}.inspect", "{0}.nil?", "{0}.class.name", "[{0}, {1}]", "{{ {0} => {1} }}",
    "{0}.length", "{0}.empty?", "{0}[0]", "{0}[{1}]", "{0}.first", "{0}.to_a", "Array({0})", "{0}.is_a?(String)", "{0}.dup",
    "{0}.map {{ |x| x.to_s }}", "{0}.select {{ |x| x }}", "{0}.reverse", "{0}.include?({1})", "{0}.upcase", "{0}.split(',')",
    "{0}.round(1)", "({0} / {1})", "({0} % {1})", "({0} > {1})", "({0} - {1})", "{0}&.size", "{0}.sort", "{0}.join('-')",
    "{0}.each_with_index.map {{ |x, i| [i, x] }}", "{0}.sum", "{0}.max", "{0}.uniq", "{0}.compact", "{0}.flatten", "{0}.keys",
    "({0} rescue {1})", "(x = {0}; x)", "(case {0} when {1} then 1 when String then 2 else 3 end)", "(if {0} then {1} end)",
    "{0}.zip({1})", "{0}.merge({1})", "{0}.fetch({1})", "{0}.key?({1})", "{0}.gsub('a', 'b')", "{0}.strip", "format('%s', {0})",
]  # fmt: skip
EXPRESSIONS = st.recursive(ANY, lambda inner: st.builds(lambda form, a, b: form.format(a, b), st.sampled_from(TEMPLATES), inner, inner), max_leaves=6)
STATEMENTS = st.sampled_from(["a", "n", "s", "l", "h"]).flatmap(lambda name: EXPRESSIONS.map(lambda code: f"{name} = {code}")) | EXPRESSIONS
PROGRAMS = st.lists(STATEMENTS, min_size=1, max_size=4).map(lambda lines: "\n".join(["a = 4; n = 3; s = 'text'; l = [3, 1]; h = { 'k' => 'v' }", *lines]))


@pytest.fixture(scope="module")
def _real_ruby() -> None:
    if real_ruby.RUBY is None and not os.environ.get("CI"):
        pytest.skip("no `ruby` is installed: apt-get install ruby")


@pytest.mark.usefixtures("_real_ruby")
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(PROGRAMS, min_size=150, max_size=150))
def test_small_programs_give_what_ruby_gives(programs: list[str]) -> None:
    for program, theirs in zip(programs, real_ruby.asked(programs), strict=True):
        ours = real_ruby.compiled(program)
        if "comparison of" in theirs.get("message", ""):
            ours, theirs = {"error": ours.get("error", "")}, {"error": theirs["error"]}  # which pair a sort looks at first differs
        if "not compiled" not in ours and not real_ruby.same(ours, theirs):
            raise AssertionError(f"{program}\ncompiled: {ours}\nruby:     {theirs}")
