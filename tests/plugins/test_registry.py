"""Finding plugins: by file, by entry point, and what is said of those that cannot be had."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.dsl.check import UnusablePlugin
from penstock.plugins import registry
from penstock.plugins.contract import Filter


def test_a_file_is_a_plugin_of_its_name() -> None:
    found = registry.plugin_class("filter", "mutate")
    assert found is not None
    assert issubclass(found, Filter)
    assert found.spec.name == "mutate"


def test_what_is_not_there_is_none() -> None:
    assert registry.spec("filter", "nothing") is None
    assert registry.spec("input", "mutate") is None


def test_names_of_logstash_lead_to_plugins_of_another_name() -> None:
    for section in registry.ROOTS:
        for alias in registry.aliases(section):
            found = registry.spec(section, alias)
            assert found is not None
            assert found.name != alias
            assert found is registry.spec(section, found.name)
    assert registry.aliases("filter") >= {"jdbc_static", "jdbc_streaming"}


def test_modules_with_an_underscore_are_no_plugins() -> None:
    assert not [name for section in registry.ROOTS for name in registry.names(section) if name.startswith("_")]
    assert registry.plugin_class("filter", "_ruby") is None


@pytest.mark.parametrize("section", registry.ROOTS)
def test_every_name_leads_to_a_plugin_of_its_section(section: str) -> None:
    for name in registry.names(section):
        found = registry.spec(section, name)
        assert found is not None
        assert found.section == section


def test_a_package_that_is_missing_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError("No module named 'rare.part'", name="rare.part")

    monkeypatch.setattr(registry.importlib, "import_module", missing)
    with pytest.raises(UnusablePlugin, match="the filter `kafka` needs the package `rare`") as refused:
        registry._own("filter", "kafka")
    assert refused.value.help == "pip install 'penstock[kafka]'"


def test_a_fault_of_the_module_itself_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise ModuleNotFoundError("No module named 'penstock.dsl.nothing'", name="penstock.dsl.nothing")

    monkeypatch.setattr(registry.importlib, "import_module", broken)
    with pytest.raises(ModuleNotFoundError):
        registry._own("filter", "kafka")


THIRD = '''
"""A plugin of another package."""
from penstock.plugins.contract import Filter
from penstock.plugins.declaration import option


class Shout(Filter, name="shout"):
    """Make a field loud."""

    field: str = option("The field.")

    def apply(self, event):
        event[self.field] = event[self.field].upper() + "!"
        return True


class Silent:
    """Not a filter."""
'''
ENTRIES = """
[penstock.filters]
shout = third:Shout
silent = third:Silent
lost = third:Nothing
broken = no_such_module:Filter
"""


@pytest.fixture
def third(tmp_path: Path) -> dict[str, str]:
    """An environment in which another package brings filters."""
    (tmp_path / "third.py").write_text(THIRD)
    info = tmp_path / "third-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: third\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    return {**os.environ, "PYTHONPATH": str(tmp_path)}


def check(text: str, environment: dict[str, str]) -> str:
    command = [sys.executable, "-m", "penstock", "check", "-e", text]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stderr


def test_a_package_brings_plugins_as_entry_points(third: dict[str, str]) -> None:
    code = "import penstock; print(penstock.compile('filter { shout { field => m1 } }')([{'m1': 'hey'}])[0]['m1'])"
    done = subprocess.run([sys.executable, "-c", code], env=third, capture_output=True, text=True, check=True)
    assert done.stdout == "HEY!\n"
    assert "did you mean `field`?" in check("filter { shout { feild => m1 } }", third)
    assert "did you mean `shout`?" in check("filter { shuot { } }", third)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("silent", "`third:Silent` of the package `third` declares no filter"),
        ("lost", "the filter `lost` of the package `third` cannot be imported: AttributeError"),
        ("broken", "cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_a_plugin_of_another_package_that_is_broken_is_a_diagnostic(name: str, words: str, third: dict[str, str]) -> None:
    said = check(f"filter {{ {name} {{ }} }}", third)
    assert "error[E202]" in said
    assert words in said
