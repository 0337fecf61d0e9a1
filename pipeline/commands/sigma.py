"""``penstock sigma``: Sigma rules as filter blocks, with tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...dsl.diagnostics import PenstockError
from .configuration import PATH, os_error_text

if TYPE_CHECKING:
    from ..sigma.fields import Fields
    from ..sigma.rules import Translated


@click.command()
@click.argument("paths", nargs=-1, required=True, type=PATH, metavar="FILE|DIR…")
@click.option(
    "--field",
    "renamed",
    multiple=True,
    metavar="OLD=NEW",
    help="A field of the rules, and the field of events that it stands for: Image=process.path.",
)
@click.option(
    "-o",
    "--output",
    "directory",
    type=PATH,
    metavar="DIR",
    help="Write NN-NAME.conf and NN-NAME.test.yml for each rule instead of printing all.",
)
@click.option(
    "--keep-going",
    is_flag=True,
    help="Write what can be kept although other rules are refused.",
)
def sigma(
    paths: tuple[str, ...], renamed: tuple[str, ...], directory: str | None, keep_going: bool
) -> None:
    """Translate Sigma rules and correlations to filters.

    An event that a rule matches gets the tag `sigma_NAME`; an alert of a correlation is an event
    with that tag. A rule that cannot be kept whole is refused, with what to write instead; then
    nothing is written. Exits with 1 if a rule is refused.
    """
    _need_pysigma()
    from ..sigma.fields import Fields
    from ..sigma.rules import translate

    try:
        fields = Fields(dict(map(_pair, renamed)))
        made = translate(_files(paths), fields)
    except OSError as error:
        raise click.UsageError(os_error_text(error)) from None
    except PenstockError as error:
        raise click.UsageError(str(error)) from None
    for refusal in made.refused:
        click.echo(refusal, err=True)
    if not made.refused or keep_going:
        if directory is None:
            click.echo("\n".join(one.text for one in made.rules), nl=False)
        else:
            _write(made.rules, Path(directory), fields)
    if made.refused:
        raise SystemExit(1)


def _write(rules: list[Translated], directory: Path, fields: Fields) -> None:
    """Write a configuration and a test file for each rule; later ones need earlier ones."""
    from ..sigma.case_files import case_file

    numbers = {id(one): f"{at:02}-{one.name}" for at, one in enumerate(rules, 1)}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for one in rules:
            stem = numbers[id(one)]
            configs = [f"{numbers[id(each)]}.conf" for each in one.chain()]
            made = case_file(one, configs, fields)
            (directory / f"{stem}.conf").write_text(one.text, "utf-8")
            (directory / f"{stem}.test.yml").write_text(made.text, "utf-8")
            for gap in made.gaps:
                click.echo(f"{stem}.test.yml: {gap}", err=True)
    except OSError as error:
        raise click.UsageError(os_error_text(error)) from None


def _need_pysigma() -> None:
    try:
        import sigma as _  # noqa: F401 - asked for here, where its lack can be told
    except ModuleNotFoundError:
        raise click.UsageError(
            "the command sigma needs the package pysigma: pip install 'penstock[sigma]'"
        ) from None


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise click.UsageError(f"`--field {text}` is not OLD=NEW")
    return old, new


def _files(paths: tuple[str, ...]) -> list[Path]:
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += sorted(file for file in path.rglob("*.y*ml") if file.is_file())
        else:
            found.append(path)
    if not found:
        raise click.UsageError("no rules: no *.yml below the directories")
    return found
