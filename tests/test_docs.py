"""The documentation is true: generated pages are up to date, links lead somewhere, examples work."""
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import penstock
from penstock.dsl.settings_table import DEFAULTS, INERT, SETTINGS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CHANGELOG.md"]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_what_the_program_says(generator: ModuleType) -> None:
    stale = [name for name, text in generator.generated().items() if not is_written(DOCS / name, text)]
    assert stale == [], "run `make docs`"


def is_written(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def test_no_page_is_left_of_a_plugin_that_is_gone(generator: ModuleType) -> None:
    there = {str(path.relative_to(DOCS)) for path in (DOCS / "plugins").rglob("*.md")}
    assert there <= set(generator.generated())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]*)(?:#[^)\s]*)?\)", re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)):
        if target and "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_anchors_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]*)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            text = ((page.parent / target) if target else page).read_text(encoding="utf-8")
            headings = {re.sub(r"[^\w-]+", "", h.lower().replace(" ", "-")) for h in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
            assert anchor in headings | set(re.findall(r'<a name="([^"]+)"', text)), anchor


@pytest.mark.parametrize("example", re.findall(r"```conf\n(.*?)```", (DOCS / "language.md").read_text(encoding="utf-8"), re.DOTALL))
def test_configurations_of_the_language_page_are_right(example: str) -> None:
    penstock.compile(example)


@pytest.mark.parametrize(("left", "right"), re.findall(r"^(\[a\].*?) {2,}is {2,}(.*)$", (DOCS / "language.md").read_text(encoding="utf-8"), re.MULTILINE))
def test_precedence_is_as_the_language_page_says(left: str, right: str) -> None:
    stages = [penstock.compile(f"filter {{ if {text} {{ mutate {{ add_tag => 'yes' }} }} }}") for text in (left, right)]
    events = [{name: 1 for bit, name in enumerate("abcd") if number >> bit & 1} for number in range(16)]
    first, second = ([event.get("tags") for event in stage(events)] for stage in stages)
    assert first == second


def test_every_setting_is_described() -> None:
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z_.]+)` \|", text, re.MULTILINE) == list(DEFAULTS)
    assert all(f"`{key}`" in text for key in INERT)
    for key, default in re.findall(r"^\| `([a-z_.]+)` \| `([^`]+)` \|", text, re.MULTILINE):
        assert default in (str(DEFAULTS[key]).lower(), SETTINGS[key].default_text.strip("`"))


def test_the_generator_runs_as_the_makefile_calls_it() -> None:
    code = "import runpy; runpy.run_path('docs/generate.py', run_name='not_main')"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
