"""Runs tests again when a file is saved: those that the file touches, and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from .session import FileRun, Plan, run_file

_STEP, _SETTLED = 20, 60
"""Milliseconds between looks, and of quiet after which a save is taken for complete."""


def watch(
    plan: Plan,
    find: Callable[[], list[Path]],
    roots: list[Path],
    show: Callable[[list[FileRun]], None],
) -> None:
    """Run all files, then those that changes touch, until KeyboardInterrupt; ``find`` gives the
    files that there are.
    """
    runs = {path: run_file(plan, path) for path in plan.files}
    show(list(runs.values()))

    def watched() -> list[Path]:
        return directories([*roots, *(path for run in runs.values() for path in run.watched)])

    for changed in changes(watched):
        files = find()
        for path in [path for path in runs if path not in files]:
            del runs[path]
        known = {path: {file.resolve() for file in run.watched} for path, run in runs.items()}
        again = touched(changed, known) + [path for path in files if path not in runs]
        fresh = {path: run_file(plan, path) for path in again}
        runs.update(fresh)
        show(list(fresh.values()))


def touched(changed: Iterable[Path], known: dict[Path, set[Path]]) -> list[Path]:
    """The test files to run again. A file that none is known to need concerns those in its
    directory and above, else all.
    """
    affected: dict[Path, None] = {}
    for path in changed:
        owners = [file for file, needed in known.items() if path in needed]
        near = [
            file
            for file in known
            if path.parent in file.resolve().parents or file.resolve().parent in path.parents
        ]
        affected |= dict.fromkeys(owners or near or known)
    return list(affected)


def directories(paths: Iterable[Path]) -> list[Path]:
    """The directories of files, none that lies in another."""
    found = sorted({path.resolve() if path.is_dir() else path.resolve().parent for path in paths})
    return [
        directory for directory in found if not any(other in directory.parents for other in found)
    ]


def changes(roots: Callable[[], list[Path]]) -> Iterator[set[Path]]:
    """Sets of files that were saved, as it happens; what is watched may change on the way."""
    import watchfiles

    while True:
        watched = roots()
        for batch in watchfiles.watch(*watched, debounce=_SETTLED, step=_STEP):
            found = {Path(name).resolve() for _, name in batch if _matters(Path(name))}
            if found:
                yield found
            if roots() != watched:
                break


def _matters(path: Path) -> bool:
    is_scratch = path.name.startswith((".", "4913")) or path.name.endswith(("~", ".swp", ".tmp"))
    return not is_scratch and "__pycache__" not in path.parts
