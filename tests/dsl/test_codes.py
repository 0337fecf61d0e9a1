"""The pages of codes are true: complete, and their examples do what they say."""
import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import penstock
from penstock.dsl.codes import Page, pages
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.commands.main import main
from penstock.pipeline.compile.instantiate import inspect
from penstock.pipeline.testing.suite import read_suite

ROOT = Path(__file__).parents[2]
SHOWN = [page for page in pages().values() if page.wrong]


def used() -> set[str]:
    """The codes that stand in the program's text."""
    directories = ("dsl", "plugins", "filters", "pipeline")
    texts = (path.read_text(encoding="utf-8") for directory in directories for path in (ROOT / directory).rglob("*.py"))
    return {code for text in texts for code in re.findall(r'"([EW]\d{3})"', text)}


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert set(pages()) == used()


def test_pages_are_in_order() -> None:
    assert list(pages()) == sorted(pages())


def test_only_what_no_text_can_show_lacks_examples() -> None:
    assert {page.code for page in pages().values() if not page.wrong or not page.right} == {"E202", "E231", "E232", "E245", "E250", "E251", "E265", "E299", "W309", "W323"}


def findings(example: str) -> list[str]:
    """The codes that a configuration gives."""
    return [found.code for found in inspect([Source("example.conf", example)], settled(None))[1]]


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory that has the files which examples name."""
    shutil.copy(ROOT / "samples" / "benchmark" / "GeoLite2-City.mmdb", tmp_path)
    (tmp_path / "pipeline.conf").write_text("filter { drop { } }\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ids(page: Page) -> str:
    return page.code


@pytest.mark.parametrize("page", [page for page in SHOWN if page.language == "conf"], ids=ids)
@pytest.mark.usefixtures("directory")
def test_the_wrong_configuration_gives_the_code_and_the_right_one_is_clean(page: Page) -> None:
    assert set(findings(page.wrong)) == {page.code}
    assert findings(page.right) == []


@pytest.mark.parametrize("page", [page for page in SHOWN if page.language == "console"], ids=ids)
@pytest.mark.usefixtures("directory")
def test_the_wrong_command_gives_the_code_and_the_right_one_works(page: Page) -> None:
    wrong, right = (CliRunner().invoke(main, shlex.split(line)[1:]) for line in (page.wrong, page.right))
    assert wrong.exit_code == {"E230": 2}.get(page.code, int(page.kind == "error"))
    assert f"{page.kind}[{page.code}]" in wrong.output
    assert f"[{page.code}]" not in right.output
    assert right.exit_code == 0, right.output


def findings_in_tests(example: str, path: Path) -> list[str]:
    """The codes that a test file gives."""
    path.write_text(example, encoding="utf-8")
    try:
        return [found.code for found in read_suite(path).warnings]
    except penstock.ConfigError as error:
        return [found.code for found in error.diagnostics]


@pytest.mark.parametrize("page", [page for page in SHOWN if page.language == "yaml"], ids=ids)
def test_the_wrong_test_file_gives_the_code_and_the_right_one_is_clean(page: Page, directory: Path) -> None:
    assert set(findings_in_tests(page.wrong, directory / "example.test.yml")) == {page.code}
    assert findings_in_tests(page.right, directory / "example.test.yml") == []


def test_an_error_refuses_a_configuration() -> None:
    with pytest.raises(penstock.ConfigError):
        penstock.compile(pages()["E201"].wrong)
