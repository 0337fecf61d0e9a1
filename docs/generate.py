"""Writes the pages of docs/ that come from the program: plugins, diagnostics, samples, the options
of commands.

    python docs/generate.py

Nothing on them is written twice; ``tests/test_docs.py`` holds that they are up to date.
"""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

from penstock.dsl.codes import Page, pages
from penstock.dsl.lalr import TABLES
from penstock.dsl.lark_grammar import written_tables
from penstock.dsl.settings_table import INERT, INERT_GROUPS, SETTINGS, SettingSpec
from penstock.pipeline.commands.plugin_reference import (
    SECTIONS,
    Block,
    Code,
    Heading,
    Option,
    Text,
    page,
    plugins,
)
from penstock.pipeline.observe.alerts import ALERTS, rules
from penstock.pipeline.observe.dashboard import dashboard
from penstock.pipeline.observe.metric_table import METRICS
from penstock.pipeline.testing import test_file_schema
from penstock.pipeline.testing.matchers import MATCHERS
from penstock.pipeline.testing.schema import Key
from penstock.plugins import registry
from penstock.plugins.contract import Plugin
from penstock.plugins.unsupported import ELSEWHERE

DOCS = Path(__file__).parent
SAMPLES = DOCS.parent / "samples"
NOTE = "<!-- Written by docs/generate.py: change the program instead. -->\n\n"
SHOWN_LINES = 3


def _beside(name: str) -> ModuleType:
    """A module of this directory, from wherever this one is loaded."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_command_options = _beside("command_options")
_cell = _command_options.cell


def generated() -> dict[str, str]:
    """All files that are generated, by their paths from docs/."""
    made = {
        f"plugins/{cls.spec.section}s/{cls.spec.name}.md": plugin_page(cls) for cls in plugins()
    }
    made[f"../dsl/{TABLES}"] = written_tables()
    made["plugins/README.md"] = plugin_index()
    made["plugins/differences.md"] = plugin_differences()
    made["diagnostics.md"] = diagnostics_page()
    made["samples.md"] = samples_page()
    made["settings.md"] = settings_page()
    made["commands.md"] = with_options((DOCS / "commands.md").read_text(encoding="utf-8"))
    made["connectors.md"] = with_missing((DOCS / "connectors.md").read_text(encoding="utf-8"))
    made["streams.svg"] = timeline()
    made["monitoring.md"] = with_metrics((DOCS / "monitoring.md").read_text(encoding="utf-8"))
    made["monitoring/dashboard.json"] = dashboard()
    made["monitoring/alerts.yml"] = rules()
    made["soak.md"] = NOTE + _beside("soak_page").page()
    made["testing.md"] = with_keys((DOCS / "testing.md").read_text(encoding="utf-8"))
    made["performance.md"] = with_figures((DOCS / "performance.md").read_text(encoding="utf-8"))
    made["schema/test-file.schema.json"] = (
        json.dumps(test_file_schema.schema(), indent=2, ensure_ascii=False) + "\n"
    )
    return made


def timeline() -> str:
    """The drawing of windows, watermark and lateness, made of what a window says of some events."""
    return str(_beside("timeline").drawing())


def plugin_page(cls: type[Plugin]) -> str:
    """The reference page of a plugin."""
    blocks = list(page(cls))
    parts = []
    for block, before in zip(blocks, [None, *blocks], strict=False):
        parts.append(_markdown(block, isinstance(before, Option)))
    return NOTE + "\n".join(parts).rstrip() + "\n"


def _markdown(block: Block, in_table: bool) -> str:
    if isinstance(block, Heading):
        return ("\n" if in_table else "") + f"{'#' * block.level} {block.text}\n"
    if isinstance(block, Code):
        return f"```{'json' if block.language == 'json' else 'conf'}\n{block.text}\n```\n"
    if isinstance(block, Option):
        head = "" if in_table else "| Option | Type | Default | Description |\n|---|---|---|---|\n"
        default = {"required": "**required**", "": ""}.get(block.default, f"`{block.default}`")
        return (
            head
            + f"| `{block.name}` | {_cell(block.takes)} | {_cell(default)} | {_cell(block.doc)} |"
        )
    assert isinstance(block, Text)
    return block.text + "\n"


def plugin_index() -> str:
    """The list of all plugins."""
    parts = [NOTE + "# Plugins\n"]
    for section in SECTIONS:
        parts.append(f"## {section.capitalize()}s\n\n| Plugin | Description |\n|---|---|")
        for cls in plugins(section):
            summary = cls.spec.doc.split("\n\n")[0].replace("\n", " ")
            parts.append(f"| [{cls.spec.name}]({section}s/{cls.spec.name}.md) | {_cell(summary)} |")
        parts.append("")
    parts.append("What differs from Logstash, plugin by plugin: [differences.md](differences.md).")
    return "\n".join(parts) + "\n"


def plugin_differences() -> str:
    """What the pages say of differences from Logstash, in one place."""
    parts = [NOTE + "# What differs from Logstash, plugin by plugin\n"]
    for cls in plugins():
        spec = cls.spec
        found = [
            text.replace("\n", " ")
            for text in spec.doc.split("\n\n")
            if text.startswith("Differs from Logstash:")
        ]
        for text in found:
            said = text.removeprefix("Differs from Logstash:").strip()
            parts.append(
                f"**[{spec.name}]({spec.section}s/{spec.name}.md)** ({spec.section}): {said}\n"
            )
    return "\n".join(parts)


def diagnostics_page() -> str:
    """The pages of all codes."""
    intro = (
        "# Diagnostics\n\nErrors (E) refuse a configuration, warnings (W) do not. `penstock explain"
        " CODE` shows the same.\n"
    )
    rows = [f"- [{found.code}](#{found.code.lower()}) {found.title}" for found in pages().values()]
    return NOTE + "\n".join([intro, *rows, "", *(_code(found) for found in pages().values())])


def _code(found: Page) -> str:
    parts = [f'## <a name="{found.code.lower()}"></a>{found.code}: {found.title}\n']
    if found.text:
        parts.append(f"{found.text}\n")
    for title, example in (("Wrong:", found.wrong), ("Right:", found.right)):
        if example:
            parts.append(f"{title}\n\n```{found.language}\n{example}\n```\n")
    return "\n".join(parts)


def samples_page() -> str:
    """The samples, each with its pipeline and the first of its events."""
    intro = (
        "# Samples\n\nEach is a directory of `samples/`: a pipeline, an input, and the"
        " events that it"
        " gives, which the tests compare. Start them from the root of the"
        " repository:\n\n```console\npenstock run -f samples/apache/pipeline.conf <"
        " samples/apache/input.log\n```\n"
    )
    directories = sorted(
        directory for directory in SAMPLES.iterdir() if (directory / "pipeline.conf").exists()
    )
    return NOTE + "\n".join([intro, *map(_sample, directories)])


def _sample(directory: Path) -> str:
    readme = re.sub(r"^#", "##", (directory / "README.md").read_text(encoding="utf-8"))
    pipeline = (directory / "pipeline.conf").read_text(encoding="utf-8").rstrip()
    (source,) = directory.glob("input.*")
    lines = source.read_text(encoding="utf-8", errors="replace").splitlines()[:SHOWN_LINES]
    events = (directory / "expected.jsonl").read_text(encoding="utf-8").splitlines()
    first = json.dumps(json.loads(events[0]), ensure_ascii=False, indent=2)
    return "\n".join(
        [
            readme,
            f"`samples/{directory.name}/pipeline.conf`:\n\n```conf\n{pipeline}\n```\n",
            f"The input begins with:\n\n```text\n{chr(10).join(lines)}\n```\n",
            f"The first event (without the name of the machine):\n\n```json\n{first}\n```\n",
        ]
    )


def settings_page() -> str:
    """All settings with their defaults."""
    groups = ", ".join(f"`{group}.*`" for group in INERT_GROUPS)
    keys = ", ".join(f"`{key}`" for key in INERT)
    rows = [
        f"| `{setting.key}` | {_setting_default(setting)} | {_cell(_setting_doc(setting))} |"
        for setting in SETTINGS.values()
    ]
    intro = (
        "# Settings\n\nSettings have Logstash's keys. They are given in `penstock.yml` (or"
        " `logstash.yml`) of the directory `path.settings`, with `-S KEY=VALUE`, with a flag of the"
        " same name (`--queue.type persisted`), or from Python: `penstock.compile(text,"
        ' settings={"pipeline.ecs_compatibility": "disabled"})`. The command line takes precedence.'
        " A key or value that does not exist is refused ([E230](diagnostics.md#e230)).\n"
    )
    inert = (
        f"Known to Logstash and accepted, so that its settings can be kept, but without effect"
        f" ([W311](diagnostics.md#w311)): {keys}, and all of {groups}.\n"
    )
    head = "| Setting | Default | Description |\n|---|---|---|"
    return NOTE + "\n".join([intro, head, *rows, "", inert, PIPELINES_PAGE])


def _setting_default(setting: SettingSpec) -> str:
    if setting.default_text or setting.default in ("", None):
        return setting.default_text
    default = str(setting.default)
    return f"`{default.lower() if isinstance(setting.default, bool) else default}`"


def _setting_doc(setting: SettingSpec) -> str:
    others = ", ".join(f"`{choice}`" for choice in setting.choices)
    most = f" At most {setting.at_most}." if setting.at_most is not None else ""
    return setting.doc + (f" One of {others}." if others else "") + most


PIPELINES_PAGE = """## Directory of settings

`--path.settings DIR` (or the variable `LS_SETTINGS_DIR`) names a directory with `penstock.yml`
or `logstash.yml`, and, for several pipelines, `pipelines.yml`: a list of maps, each with its own
settings and with `path.config` or `config.string`.

```yaml
- pipeline.id: web
  path.config: /etc/penstock/web
- pipeline.id: audit
  config.string: "input { generator { count => 1 } } output { stdout { } }"
  queue.type: persisted
```

Keys may be written flat or nested, and `${NAME}` or `${NAME:default}` stands for a variable of the
environment.
"""

_MISSING = re.compile(
    r"(?<=<!-- missing: written by docs/generate.py -->\n).*?(?=<!-- end of missing -->)", re.DOTALL
)
_METRICS = re.compile(
    r"(?<=<!-- metrics: written by docs/generate.py -->\n).*?(?=<!-- end of metrics -->)", re.DOTALL
)
_RUNS = re.compile(
    r"(?<=<!-- runs: written by docs/generate.py -->\n).*?(?=<!-- end of runs -->)", re.DOTALL
)
_MARKED = re.compile(
    r"(?<=<!-- options: written by docs/generate.py -->\n).*?(?=<!-- end of options -->)", re.DOTALL
)


_SHOWN_ELSEWHERE = frozenset({"steady", "stream-keys", "stream-memory"})


def with_figures(text: str) -> str:
    """The page on performance with the figures of the latest run of the benchmarks."""
    results = DOCS.parent / "benchmarks" / "results"
    plots = "\n".join(
        f"![µs of CPU an event over {p.stem}](../benchmarks/results/{p.name})"
        for p in sorted(results.glob("*.svg"))
        if p.stem not in _SHOWN_ELSEWHERE
    )
    figures = (results / "table.md").read_text(encoding="utf-8").strip()
    head, start, rest = text.partition("<!-- figures -->\n")
    _, end, tail = rest.partition("<!-- end of figures -->\n")
    return f"{head}{start}\n{figures}\n\nHow the cost of an event grows:\n\n{plots}\n\n{end}{tail}"


def with_metrics(text: str) -> str:
    """The page on monitoring with the metrics and the alerts put in between the marks."""
    metrics = "\n".join(
        f"| `{spec.series}` | {', '.join(spec.labels)} | {_cell(spec.help)} |"
        for spec in METRICS.values()
    )
    alerts = "\n".join(
        f"| {alert.name} | {alert.severity} | {_cell(alert.help)} |" for alert in ALERTS
    )
    made = (
        f"\n| Metric | Labels | Description |\n|---|---|---|\n{metrics}\n\n"
        f"| Alert | Severity | What to do |\n|---|---|---|\n{alerts}\n\n"
    )
    text = _METRICS.sub(lambda match: made, text)
    return _RUNS.sub(lambda match: _runs(), text)


def _runs() -> str:
    """What being watched costs, and how a run of an hour went, from the results of both."""
    results = DOCS.parent / "benchmarks" / "results"
    cost, hour = (
        json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("observed", "steady")
    )
    return (
        f"\nOn the apache job of the benchmarks the API and its figures cost"
        f" {cost['percent_more']} % more instructions an event ({cost['watched']:,} instead of"
        f" {cost['instructions_an_event']:,}; `benchmarks/observed.py`).\n\n"
        f"### The run of an hour\n\n"
        f"`benchmarks/steady.py` ran for {hour['minutes']:g} minutes at {hour['rate']:g} events a"
        f" second, while its scraper, a real Prometheus, was killed {hour['kills']} times."
        f" {hour['written']:,} lines were written and {hour['arrived']:,} arrived; it used"
        f" {hour['cpu_percent']:g} % of a processor. Resident memory was"
        f" {hour['memory_first']:g} MiB once it was warm, {hour['memory_last']:g} MiB at the end,"
        f" and at most {max(row['memory'] for row in hour['rows']):.1f} MiB.\n\n"
        f"![memory, CPU and lag over time](../benchmarks/results/steady.svg)\n\n"
    )


def with_keys(text: str) -> str:
    """The page of tests with the keys of test files and the matchers put in between the marks."""
    own = {key.name for key in test_file_schema.SHARED}
    tables = {
        "Of a file": [key for key in test_file_schema.SUITE.keys if key.name not in own],
        "Of a test": [key for key in test_file_schema.TEST.keys if key.name not in own],
        "Of both; where a test has one too, it goes before the file's": list(
            test_file_schema.SHARED
        ),
        "Of an expected event, beside its fields": list(test_file_schema.KEYWORD_KEYS),
    }
    keys = "\n".join(
        f"{title}:\n\n| Key | Description |\n|---|---|\n{_key_rows(rows)}\n"
        for title, rows in tables.items()
    )
    matchers = "\n".join(
        f"| `{name}` | {_cell(matcher.doc)} |" for name, matcher in MATCHERS.items()
    )
    made = {"keys": keys, "matchers": f"| Matcher | Description |\n|---|---|\n{matchers}\n"}
    return re.sub(
        r"(<!-- (keys|matchers): [^>]*-->\n).*?(<!-- end -->)",
        lambda match: f"{match[1]}\n{made[match[2]]}\n{match[3]}",
        text,
        flags=re.DOTALL,
    )


def _key_rows(keys: list[Key]) -> str:
    return "\n".join(
        f"| `{key.name}`{' (required)' if key.required else ''} | {_cell(key.doc)} |"
        for key in keys
    )


def with_options(text: str) -> str:
    """The page of commands with its options put in between the marks."""
    made = "\n" + _command_options.sections() + "\n"
    return _MARKED.sub(lambda match: made, text)


def with_missing(text: str) -> str:
    """The page of connectors with what is not there put in between the marks."""
    made = ""
    for section in ("input", "output"):
        names = sorted(ELSEWHERE[section] - set(registry.names(section)))
        made += f"\n{section.capitalize()}s: " + ", ".join(f"`{name}`" for name in names) + ".\n"
    return _MISSING.sub(lambda match: made + "\n", text)


def write() -> None:
    """Write all generated pages; take out those of plugins that are gone."""
    made = generated()
    for path in (DOCS / "plugins").rglob("*.md"):
        if str(path.relative_to(DOCS)) not in made:
            path.unlink()
    for name, text in made.items():
        path = DOCS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
