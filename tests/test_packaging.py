"""What is installed is what is in the directories: the list of packages, their data, and the wheel, used as a zip."""
import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = ("dsl", "filters", "pipeline", "plugins")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def clean(directory: str, names: list[str]) -> set[str]:
    return {name for name in names if name == "__pycache__" or name.endswith((".egg-info", ".pyc"))}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built offline from a copy of the sources."""
    directory = tmp_path_factory.mktemp("build")
    for name in (*FLOORS, "penstock"):
        shutil.copytree(ROOT / name, directory / name, symlinks=True, ignore=clean)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, directory / name)
    build = "import setuptools.build_meta as backend; backend.build_wheel('dist')"
    done = subprocess.run([sys.executable, "-c", build], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = (directory / "dist").glob("*.whl")
    return built


def test_the_list_of_packages_has_every_directory() -> None:
    directories = {
        ".".join(["penstock", *path.parent.relative_to(ROOT).parts]) for floor in FLOORS for path in (ROOT / floor).rglob("__init__.py")
    }
    own = {"penstock", "penstock.testing"}
    assert {*own, *directories} == set(PROJECT["tool"]["setuptools"]["packages"])


def test_every_directory_with_modules_is_a_package() -> None:
    bare = {str(path.parent.relative_to(ROOT)) for floor in FLOORS for path in (ROOT / floor).rglob("*.py")}
    assert [directory for directory in sorted(bare) if not (ROOT / directory / "__init__.py").exists()] == []


def test_the_import_name_leads_to_the_directories() -> None:
    assert {path.name: path.resolve() for path in (ROOT / "penstock").iterdir() if path.is_symlink()} == {
        floor: ROOT / floor for floor in FLOORS
    }


def test_the_version_is_written_once_more_and_the_same() -> None:
    import penstock

    assert PROJECT["project"]["version"] == penstock.__version__


def test_the_wheel_has_all_that_the_directories_have(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if not name.partition("/")[0].endswith(".dist-info")}
    wanted = {
        f"penstock/{path.relative_to(ROOT).as_posix()}"
        for floor in FLOORS
        for path in (ROOT / floor).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == wanted | {f"penstock/{name}" for name in ("__init__.py", "__main__.py", "py.typed", "testing/__init__.py", "testing/connectors.py")}


def imported() -> dict[str, str]:
    """The packages of others that modules import, with one of the modules that do."""
    found: dict[str, str] = {}
    for path in (path for floor in FLOORS for path in (ROOT / floor).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            tops = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
            found |= dict.fromkeys(tops, str(path.relative_to(ROOT)))
    return found


AWAY = {"pyflink": ["apache-flink"], "py4j": ["apache-flink"]}
"""Packages that are in an environment of their own, and what brings them."""


def test_every_package_that_is_imported_is_declared() -> None:
    lists = [PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values()]
    declared = {re.split(r"[^\w-]", wanted)[0].lower().replace("_", "-") for wants in lists for wanted in wants}
    homes = {**AWAY, **packages_distributions()}
    lost = {name: where for name, where in imported().items() if not {home.lower().replace("_", "-") for home in homes.get(name, [name])} & declared}
    assert lost == {}


def in_zip(wheel: Path, tmp_path: Path, *arguments: str, stdin: str = "") -> str:
    """The output of Python with the wheel, as it is, on its path."""
    environment = {**os.environ, "PYTHONPATH": str(wheel), "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=tmp_path, env=environment, input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_works_as_a_zip(wheel: Path, tmp_path: Path) -> None:
    code = """
        import json, penstock
        assert ".whl" in penstock.__file__, penstock.__file__
        stage = penstock.compile('''filter {
          grok { match => { "message" => "%{HTTPD_COMMONLOG}" } }
          date { match => ["timestamp", "dd/MMM/yyyy:HH:mm:ss Z"] }
          useragent { source => "agent" }
        }''')
        line = '10.0.0.1 - ann [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5'
        print(json.dumps(stage([{"message": line, "agent": "curl/8.1"}])[0]))
    """
    event = json.loads(in_zip(wheel, tmp_path, "-c", "\n".join(line[8:] for line in code.splitlines())))
    assert event["@timestamp"] == "2015-05-17T10:05:03.000Z"
    assert event["source"]["address"] == "10.0.0.1"
    assert event["user_agent"]["name"] == "curl"


def test_the_commands_work_from_a_zip(wheel: Path, tmp_path: Path) -> None:
    assert json.loads(in_zip(wheel, tmp_path, "-m", "penstock", "run", "-e", "output { stdout { codec => json_lines } }", stdin="a\n"))
    assert "Unknown plugin" in in_zip(wheel, tmp_path, "-m", "penstock", "explain", "E201")
    assert "mutate" in in_zip(wheel, tmp_path, "-m", "penstock", "plugins", "list")
    assert "IPV4" in in_zip(wheel, tmp_path, "-m", "penstock", "plugins", "patterns")
