"""The filter ruby: events through compiled Ruby and through a real one, scripts, and what is refused."""
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.dsl.diagnostics import ConfigError
from penstock.plugins.filter import Filter

Filtered = Callable[..., list[dict[str, Any]]]

ENGINES = ("compiled", "process")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each route; the second needs a real ruby, which continuous integration has."""
    if request.param == "process":
        request.getfixturevalue("real_ruby")
    return str(request.param)


@pytest.fixture
def real_ruby() -> None:
    """A test that needs a real ruby is skipped where there is none."""
    if shutil.which("ruby") is None and not os.environ.get("CI"):
        pytest.skip("no `ruby` is installed: apt-get install ruby")


def ruby(code: str, options: str = "", engine: str = "auto") -> str:
    return f'ruby {{ code => "{code}" engine => {engine} {options} }}'


EVENTS = [
    ("event.set('n', event.get('a').to_i + 1)", {"a": "41 ms"}, [{"a": "41 ms", "n": 42}]),
    ("event.set('[x][y]', event.get('[p][q]'))", {"p": {"q": [1]}}, [{"p": {"q": [1]}, "x": {"y": [1]}}]),
    ("event.set('s', :sym); event.set('h', { k: nil })", {}, [{"s": "sym", "h": {"k": None}}]),
    ("event.set('gone', event.remove('a'))", {"a": 1}, [{"gone": 1}]),
    ("event.tag('t'); event.tag('t')", {}, [{"tags": ["t"]}]),
    ("event.cancel", {"a": 1}, []),
    ("event.cancel; event.uncancel if event.cancelled?", {"a": 1}, [{"a": 1}]),
    ("event.set('has', [event.include?('a'), event.include?('[b][c]')])", {"a": None}, [{"a": None, "has": [True, False]}]),
    ("event.set('t', event.sprintf('%{a}-%{[b][c]}-%{no}'))", {"a": 1, "b": {"c": "x"}}, [{"a": 1, "b": {"c": "x"}, "t": "1-x-%{no}"}]),
    ("event.get('l') << 2; event.get('h')['k'] = 1", {"l": [1], "h": {}}, [{"l": [1], "h": {}}]),
    ("l = event.get('l'); l << 2; event.set('l', l)", {"l": [1]}, [{"l": [1, 2]}]),
    ("event.set('keys', event.to_hash.keys.reject { |k| k[0] == '@' }.sort)", {"b": 1, "a": 2}, [{"b": 1, "a": 2, "keys": ["a", "b"]}]),
    ("c = event.clone; c.set('n', 2); new_event_block.call(c)", {"n": 1}, [{"n": 1}, {"n": 2}]),
    ("new_event_block.call(LogStash::Event.new('n' => 1)); event.cancel", {}, [{"n": 1}]),
    ("return if event.get('a') == 1; event.set('b', 1)", {"a": 1}, [{"a": 1}]),
    ("event.set('ms', (event.get('@timestamp').to_f * 1000).round)", {"@timestamp": "2024-01-01T00:00:00.123Z"}, [{"@timestamp": "2024-01-01T00:00:00.123Z", "ms": 1704067200123}]),
    ("event.set('@timestamp', LogStash::Timestamp.at(5))", {"@timestamp": "2024-01-01T00:00:00.000Z"}, [{"@timestamp": "1970-01-01T00:00:05.000Z"}]),
    ("event.overwrite(LogStash::Event.new('a' => 1)); event.set('b', 2)", {"z": 1}, [{"a": 1, "b": 2}]),
    ("event.append(LogStash::Event.new('a' => 'y', 'n' => 1))", {"a": "x"}, [{"a": ["x", "y"], "n": 1}]),
    ("event.set('[a][b]', 1) if event.get('[@metadata][x]') == 'm'", {"@metadata": {"x": "m"}}, [{"@metadata": {"x": "m"}, "a": {"b": 1}}]),
    ("event.set('w', event.get('a').force_encoding('UTF-8').valid_encoding?)", {"a": "é"}, [{"a": "é", "w": True}]),
    ("raise 'no' if event.get('a')", {"a": 1}, [{"a": 1, "tags": ["_rubyexception"]}]),
    ("event.set('a', 2); raise 'no'", {"a": 1}, [{"a": 2, "tags": ["_rubyexception"]}]),
    ("event.remove('a'); event.remove('[b][c]'); event.remove('none')", {"a": 1, "b": {"c": 1}}, [{"b": {}}]),
    ("event.set('[a]', 1); event.remove('a')", {"b": 1}, [{"b": 1}]),
    ("event.overwrite(LogStash::Event.new('a' => 1)); event.remove('a'); event.set('b', 2)", {"z": 1}, [{"b": 2}]),
]  # fmt: skip


ORDERS = [
    ("event.set('a', 3)", "a b"),
    ("event.set('c', 3); event.set('a', 3)", "a b c"),
    ("event.set('a', event.remove('a'))", "b a"),
    ("event.remove('a'); event.set('c', 1); event.set('a', 1)", "b c a"),
    ("event.set('c', 1); event.set('d', 1); event.remove('c'); event.set('c', 1)", "a b d c"),
]


@pytest.mark.parametrize(("code", "names"), ORDERS)
def test_fields_keep_their_order_and_new_ones_stand_last(filtered: Filtered, engine: str, code: str, names: str) -> None:
    (out,) = filtered(ruby(code, engine=engine), {"a": 1, "b": 2})
    assert [name for name in out if name in "abcd"] == names.split()


@pytest.mark.parametrize(("code", "event", "after"), EVENTS)
def test_code_does_to_events_what_it_does_in_logstash(filtered: Filtered, engine: str, code: str, event: dict[str, Any], after: list[Any]) -> None:
    assert filtered(ruby(code, engine=engine), event) == after


def test_the_common_options_are_for_events_on_which_the_code_did_not_raise(filtered: Filtered, engine: str) -> None:
    code = "raise ArgumentError, 'odd' if event.get('a') == 1; new_event_block.call(LogStash::Event.new('z' => 1))"
    out = filtered(ruby(code, "add_tag => 'ok' tag_on_exception => 'bad' tag_with_exception_message => true", engine), {"a": 1}, {"a": 2})
    assert out == [{"a": 1, "tags": ["bad", "bad: odd"]}, {"a": 2, "tags": ["ok"]}, {"z": 1}]


def test_init_defines_what_the_code_uses(filtered: Filtered, engine: str) -> None:
    init = "init => 'require \"json\"; @n = 0; LIMIT = 2; def twice(x) x * 2 end'"
    code = "@n += 1; event.set('n', twice(@n)) if @n <= LIMIT"
    assert filtered(ruby(code, init, engine), {}, {}, {}) == [{"n": 2}, {"n": 4}, {}]


SCRIPT = """
def register(params)
  @factor = params["factor"]
end

def filter(event)
  return [] if event.get("drop")
  copy = event.clone
  copy.set("n", event.get("n") * @factor)
  [event, copy]
end

test "multiplies" do
  parameters { { "factor" => 3 } }
  in_event { { "n" => 2 } }
  expect("two events") { |events| events.size == 2 }
  expect("the product") { |events| events[1].get("n") == 6 }
end
"""


def test_a_script_is_registered_and_filters(filtered: Filtered, engine: str, tmp_path: Path) -> None:
    (tmp_path / "script.rb").write_text(SCRIPT)
    config = f'ruby {{ path => "{tmp_path}/script.rb" script_params => {{ "factor" => 5 }} engine => {engine} }}'
    assert filtered(config, {"n": 2}, {"n": 1, "drop": True}) == [{"n": 2}, {"n": 10}]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [("== 6", "== 7", "the product"), ("* @factor", "* nil", ""), ("events[1].get", "events[9].get", "the product .undefined method")],
)
def test_a_failing_test_of_a_script_is_a_problem(tmp_path: Path, engine: str, before: str, after: str, said: str) -> None:
    config = f'filter {{ ruby {{ path => "{tmp_path}/script.rb" engine => {engine} }} }}'
    (tmp_path / "script.rb").write_text(SCRIPT)
    penstock.compile(config).close()
    (tmp_path / "script.rb").write_text(SCRIPT.replace(before, after))
    with pytest.raises(ConfigError, match=f"the test `multiplies` failed: {said}"):
        penstock.compile(config)


def refused(options: str, **settings: Any) -> Any:
    with pytest.raises(ConfigError) as found:
        penstock.compile(f"filter {{\n  ruby {{\n    {options}\n  }}\n}}", {k.replace("__", "."): v for k, v in settings.items()})
    return found.value.diagnostics


PROBLEMS = [
    ('code => "event.set(\'a\', 1"', "3:14", "syntax error", ""),
    ('code => "\n  x = 1\n  event[\'a\'] = 1"', "5:3", "before version 5", "event.set('field', value)"),
    ('engine => compiled code => "File.read(event.get(\'f\'))"', "3:33", "`File.read` is not compiled", "a real ruby"),
    ('code => "" path => "pyproject.toml"', "3:13", "one of `code` and `path`", ""),
    ('init => "raise \'no\'" code => ""', "3:13", "RuntimeError: no in line 3", ""),
]  # fmt: skip


@pytest.mark.parametrize(("options", "place", "message", "remedy"), PROBLEMS)
def test_what_cannot_run_is_refused_at_its_place(options: str, place: str, message: str, remedy: str) -> None:
    (found,) = refused(options)
    assert message in found.message
    assert remedy in found.help
    assert found.place == f"(config):{place}" or message == "syntax error"


@pytest.mark.parametrize(
    ("line", "said"),
    [("File.read('x')", "`File.read` is not compiled"), ("event['x'] = 1", "before version 5"), ("java.util.UUID", "a class of Java"), ("x = (1", "syntax error")],
)
def test_a_problem_of_a_script_says_its_line(tmp_path: Path, line: str, said: str) -> None:
    script = tmp_path / "script.rb"
    script.write_text(f"def filter(event)\n  {line}\n  [event]\nend\n")
    (found,) = refused(f'path => "{script}" engine => compiled')
    assert said in found.message
    assert f" of `{script}`)" in found.message
    assert found.place == "(config):3:13"


HANGS = "sleep(60) if event.get('hang'); event.set('ok', true)"


@pytest.mark.usefixtures("real_ruby")
def test_a_process_that_takes_too_long_is_ended_and_its_batch_tagged() -> None:
    stage = penstock.compile(f'filter {{ ruby {{ engine => process code => "{HANGS}" }} }}', {"penstock.limits.match": 1000})
    try:
        first, second = stage([{"hang": True}]), stage([{}])
    finally:
        stage.close()
    assert first[0]["tags"] == ["_rubyexception"]
    assert second[0]["ok"] is True


def test_without_a_real_ruby_the_method_is_named_with_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    (found,) = refused('code => "event.set(\'a\', File.read(\'x\'))"')
    assert found.message == "`File.read` is not compiled"
    assert "apt install ruby" in found.help


def test_a_setting_closes_the_route_through_a_real_ruby() -> None:
    (found,) = refused('code => "event.set(\'a\', File.read(\'x\'))"', penstock__ruby__process=False)
    assert "penstock.ruby.process" in found.help


@pytest.mark.usefixtures("real_ruby")
def test_what_is_not_compiled_runs_in_a_real_ruby(filtered: Filtered, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("content")
    assert filtered(ruby(f"event.set('a', File.read('{tmp_path}/x'))"), {}) == [{"a": "content"}]


ROUTES = [
    ("event.set('t', Time.parse(event.get('w')).to_i)", {"w": "2024-01-01T00:00:00Z"}, {"w": "20240101T000000Z?"}, 1704067200),
    ("event.set('t', [event.get('w')].pack(event.get('f')).unpack1('H*'))", {"w": 1, "f": "C"}, {"w": 300, "f": "w"}, "01"),
]  # fmt: skip


@pytest.mark.usefixtures("real_ruby")
@pytest.mark.parametrize(("code", "compiled", "other", "value"), ROUTES)
def test_a_value_that_is_not_compiled_takes_the_block_to_a_real_ruby(filtered: Filtered, code: str, compiled: dict[str, Any], other: dict[str, Any], value: Any) -> None:
    marked = f"event.set('before', event.get('before').to_i + 1); {code}"
    first, second, third = filtered(ruby(marked), compiled, other, compiled)
    assert (first, third) == (compiled | {"before": 1, "t": value}, compiled | {"before": 1, "t": value})
    assert second["before"] == 1
    assert "tags" not in second


def test_where_there_is_no_real_ruby_such_a_value_is_an_exception(filtered: Filtered, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    code = "event.set('t', Time.parse(event.get('w')).to_i)"
    out = filtered(ruby(code), {"w": "2024-01-01 +1 day"}, {"w": "2024-01-01T00:00:00Z"})
    assert [event.get("t") for event in out] == [None, 1704067200]
    assert out[0]["tags"] == ["_rubyexception"]
    assert "Time.parse of" in caplog.text


@pytest.mark.usefixtures("real_ruby")
def test_an_init_that_is_not_compiled_takes_the_block_to_a_real_ruby(filtered: Filtered) -> None:
    options = "init => \"@h = {}; @h.default_proc = proc { |h, k| h[k] = k * 2 }\""
    assert filtered(ruby("event.set('n', @h[event.get('n')])", options), {"n": 2}) == [{"n": 4}]


JAVA = ["java.util.UUID.randomUUID.to_s", "Java::JavaUtil::UUID.randomUUID", "Java::java.lang.System.currentTimeMillis"]


@pytest.mark.parametrize("code", JAVA)
def test_classes_of_java_are_refused(code: str) -> None:
    (found,) = refused(f"code => \"event.set('a', {code})\"")
    assert "names a class of Java" in found.message


@pytest.mark.usefixtures("real_ruby")
def test_an_event_on_which_code_raises_in_a_process_counts_as_a_failure() -> None:
    stage = penstock.compile("filter { ruby { engine => process code => \"event.set('n', 1 / event.get('d'))\" } }")
    (plugin,) = stage.assembly.made.values()
    assert isinstance(plugin, Filter)
    stage([{"d": 1}, {"d": 0}, {"d": 0}])
    stage.close()
    assert plugin.failures == 2


@pytest.mark.usefixtures("real_ruby")
def test_a_process_that_dies_is_started_again_and_its_batch_tagged() -> None:
    stage = penstock.compile("filter { ruby { engine => process code => \"exit!(1) if event.get('die'); event.set('ok', true)\" } }")
    first, second = stage([{"die": True}]), stage([{}])
    stage.close()
    assert first[0]["tags"] == ["_rubyexception"]
    assert second[0]["ok"] is True


@pytest.mark.parametrize("code", ["while true; end", "loop { }", "i = 0; i += 1 until false", "('a' * 40 + 'b') =~ /(a+)+$/"])
def test_code_that_does_not_end_is_ended(filtered: Filtered, code: str) -> None:
    (out,) = filtered(ruby(code, engine="compiled"), {"a": 1}, penstock__limits__match=50)
    assert out == {"a": 1, "tags": ["_rubyexception"]}


ITERATORS = ["loop { }", "(1..).each { }", "1.step { }", "[1].cycle { }", "(10**12).times { }", "(1..10**12).select(&:even?)", "begin; raise 'x'; rescue; retry; end", "loop { begin; raise 'q'; rescue; end }"]


@pytest.mark.parametrize("code", ITERATORS)
def test_iterators_are_ended_in_threads_that_no_signal_reaches(code: str) -> None:
    found: list[Any] = []

    def run() -> None:
        stage = penstock.compile(f'filter {{ ruby {{ code => "{code}" engine => compiled }} }}', {"penstock.limits.match": 50})
        found.extend(stage([{"a": 1}]))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(60)
    assert [event["tags"] for event in found] == [["_rubyexception"]]


def test_an_error_says_the_line_of_the_configuration(filtered: Filtered, caplog: pytest.LogCaptureFixture) -> None:
    filtered(ruby("\n  x = nil\n  [1].each { |i|\n    x.upcase\n  }\n"), {})
    assert "NoMethodError: undefined method `upcase' for nil:NilClass in line 4: x.upcase" in caplog.text


def is_stateful(config: str) -> bool:
    stage = penstock.compile(f"filter {{ {config} }}")
    return any(plugin.stateful for plugin in stage.assembly.made.values())  # type: ignore[attr-defined]


STATE = [
    ("n = 1", "", False),
    ("@n = 1", "", True),
    ("$n = 1", "", True),
    ("@@n ||= 1", "", True),
    ("event.set('n', @names.zip(event.get('m').split(',')).to_h)", "@names = ['a', 'b']", False),
    ("event.set('n', @map[event.get('m')] || @map.fetch('x', 1)) if @map", "@map = { 'x' => 1 }", False),
    ("event.set('n', event.get(@field)) if event.get(@field).to_i > @limit", "@field = 'a'; @limit = 5 * 60", False),
    ("event.set('n', 'x') if event.get('m') =~ @pattern", "@pattern = /a/", False),
    ("x = @map['a']; event.set('x', x)", "@map = { 'a' => 1 }.freeze", False),
    ("@seen[event.get('m')] = 1", "@seen = { 'x' => 1 }", True),
    ("@seen['x'] += 1", "@seen = { 'x' => 1 }", True),
    ("@seen['x']['y'] = 1", "@seen = { 'x' => { 'y' => 0 } }", True),
    ("@seen << 1", "@seen = [2]", True),
    ("@seen.push(1)", "@seen = [2]", True),
    ("@seen.each { |x| x['n'] += 1 }", "@seen = [{ 'n' => 1 }]", True),
    ("s = @seen; s << 1", "@seen = [2]", True),
    ("keep(@seen)", "@seen = [2]; def keep(x) x << 1 end", True),
    ("event.set('n', @seen.length)", "@seen = []", True),
    ("event.set('n', @seen[event.get('m')])", "@seen = Hash.new { |h, k| h[k] = k }", True),
    ("event.set('n', @n)", "@n = 1; @n = 2 if ENV['X']", False),
    ("event.set('n', @n)", "@n = 1; [2].each { |x| @n = x }", True),
    ("event.set('n', @n)", "@n = 1; def more() @n += 1 end", True),
    ("event.set('n', event.get('m').split(@by))", "@by = ','", False),
    ("@s << 'x'; event.set('s', @s)", "@s = 'a'", True),
]  # fmt: skip


@pytest.mark.parametrize(("code", "init", "stateful"), STATE)
def test_code_that_keeps_state_needs_one_worker(code: str, init: str, stateful: bool) -> None:
    """A variable that is set once and then read is a constant."""
    assert is_stateful(f'ruby {{ code => "{code}" init => "{init or 1}" }}') is stateful


def test_a_script_that_keeps_its_parameters_keeps_no_state(tmp_path: Path) -> None:
    script = tmp_path / "script.rb"
    script.write_text('def register(params)\n  @field = params["field"].to_s\n  @all = params.fetch("all", "a") || "b"\n  @all = [@all] unless @all.is_a?(Array)\nend\ndef filter(event)\n  event.set("n", event.get(@field))\n  [event]\nend\n')
    assert not is_stateful(f'ruby {{ path => "{script}" }}')
    script.write_text(script.read_text().replace('event.set("n",', '@n = 1; event.set("n",'))
    assert is_stateful(f'ruby {{ path => "{script}" }}')


@pytest.mark.usefixtures("real_ruby")
def test_state_needs_one_worker_in_a_process_too() -> None:
    assert is_stateful('ruby { code => "@n = Date.today" }')
    assert not is_stateful('ruby { code => "n = Date.today" }')


def test_filters_have_variables_of_their_own(filtered: Filtered) -> None:
    code = "@n = (@n || 0) + 1; event.set('n', event.get('n').to_i + @n)"
    assert filtered(ruby(code) + ruby(code), {}, {}) == [{"n": 2}, {"n": 4}]
