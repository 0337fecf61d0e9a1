"""The house: imports go down only, stay inside by being relative, and plugins keep to themselves.

    pipeline → filters → plugins → dsl
"""
import ast
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TypeGuard

import pytest

ROOT = Path(__file__).parents[1]
PLUGINS = (("plugins", "inputs"), ("plugins", "outputs"), ("plugins", "codecs"))
FLOORS = ("dsl", "plugins", "filters", "pipeline")


@dataclass(frozen=True)
class Import:
    """An import inside the package: who imports, and the dotted target as seen from the root of the package.

    ``is_typing``: it stands under ``if TYPE_CHECKING``, and does not happen when the program runs.
    """

    path: Path
    line: int
    target: str
    is_typing: bool

    @property
    def floor(self) -> str:
        return self.target.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.target}"


def modules() -> list[Path]:
    """All modules of the package, seen from the root."""
    return sorted(path.relative_to(ROOT) for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))


def imports(path: Path) -> Iterator[Import | str]:
    """The imports of other parts of the package in a module; a complaint for one that is not relative."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    blocks = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    typing = {inner for block in blocks for inner in ast.walk(block)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (f"{path}:{node.lineno}: absolute import of {a.name}" for a in node.names if is_ours(a.name))
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and is_ours(node.module or ""):
            yield f"{path}:{node.lineno}: absolute import of {node.module}"
        elif isinstance(node, ast.ImportFrom) and node.level:
            package = path.parent.parts[: len(path.parent.parts) - node.level + 1]
            base = ".".join([*package, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Import(path, node.lineno, f"{base}.{alias.name}".lstrip("."), node in typing)


def is_ours(name: str) -> bool:
    return name.partition(".")[0] in {"penstock", *FLOORS}


def inner(path: Path) -> list[Import]:
    return [found for found in imports(path) if isinstance(found, Import)]


def test_the_house_is_not_empty() -> None:
    assert {path.parts[0] for path in modules()} == set(FLOORS)
    assert sum(len(inner(path)) for path in modules()) > 100


@pytest.mark.parametrize("path", modules(), ids=str)
def test_imports_are_relative_and_go_down(path: Path) -> None:
    assert [found for found in imports(path) if isinstance(found, str)] == []
    own = FLOORS.index(path.parts[0])
    allowed = {*FLOORS[: own + 1], "__version__"}
    assert [str(found) for found in inner(path) if found.floor not in allowed] == []


@pytest.mark.parametrize("path", [p for p in modules() if p.parent == Path("filters") or p.parts[:2] in PLUGINS], ids=str)
def test_no_plugin_imports_another(path: Path) -> None:
    """What two share stands in a module with an underscore, or lower down."""
    directory = ".".join(path.parent.parts)
    siblings = [found for found in inner(path) if found.target.startswith(f"{directory}.") and not found.is_typing]
    names = [(found, found.target.removeprefix(f"{directory}.").partition(".")[0]) for found in siblings]
    plugins = {p.stem for p in (ROOT / path.parent).glob("*.py") if not p.stem.startswith("_")}
    assert [str(found) for found, name in names if name in plugins] == []


def test_the_language_knows_no_plugin_by_name() -> None:
    assert not any(found.floor != "dsl" for path in modules() if path.parts[0] == "dsl" for found in inner(path))


def test_modules_start_with_what_they_are_for() -> None:
    silent = [str(path) for path in modules() if not ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf-8")))]
    assert silent == []


def test_files_and_functions_keep_their_measure() -> None:
    """Files up to 400 lines, functions up to 60: what grows beyond wants a seam."""
    long = []
    for path in modules():
        text = (ROOT / path).read_text(encoding="utf-8")
        if text.count("\n") > 400:
            long.append(f"{path}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 60:
                long.append(f"{path}:{node.lineno}: {node.name}")
    assert long == []


def test_lines_are_calm() -> None:
    """Up to 100 characters, pragmas included, and at most one conditional expression or comprehension with a condition."""
    busy = []
    for path in modules():
        text = (ROOT / path).read_text(encoding="utf-8")
        busy += [f"{path}:{number}: {len(line)} characters" for number, line in enumerate(text.splitlines(), 1) if len(line) > 100]
        decisions = Counter(node.lineno for node in ast.walk(ast.parse(text)) if decides(node))
        busy += [f"{path}:{number}: {count} decisions" for number, count in decisions.items() if count > 1]
    assert busy == []


def decides(node: ast.AST) -> TypeGuard[ast.expr]:
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return any(part.ifs for part in node.generators)
    return isinstance(node, ast.IfExp)


def test_no_modules_import_in_a_circle() -> None:
    """Imports inside functions count, and those for types alone: who reads the code follows them, too."""
    paths = {".".join(path.with_suffix("").parts).removesuffix(".__init__"): path for path in modules()}
    needs: dict[str, set[str]] = {}
    for name, path in paths.items():
        wanted = {module_of(found.target, paths) for found in inner(path)}
        needs[name] = wanted - {name, ""}
    try:
        tuple(TopologicalSorter(needs).static_order())
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def module_of(target: str, known: Collection[str]) -> str:
    """The module that an import names, or takes a name of; an empty text for what is none of these."""
    return next((name for name in (target, target.rpartition(".")[0]) if name in known), "")
