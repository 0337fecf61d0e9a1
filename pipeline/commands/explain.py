"""``penstock explain``: the page of a diagnostic's code."""

from __future__ import annotations

import re

import click
from click.shell_completion import CompletionItem

from ...dsl.codes import Page, pages
from ...dsl.diagnostics import did_you_mean


def _complete(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    known = pages().values()
    return [
        CompletionItem(page.code, help=page.title)
        for page in known
        if page.code.startswith(incomplete.upper())
    ]


@click.command()
@click.argument("code", required=False, shell_complete=_complete)
def explain(code: str | None) -> None:
    """Show the page of a diagnostic's code, such as E201; without one, list the codes."""
    if code is None:
        click.echo("\n".join(f"{page.code}  {page.title}" for page in pages().values()))
        return
    page = pages().get(code.upper())
    if page is None:
        help = did_you_mean(code, pages()) or "`penstock explain` lists the codes"
        raise click.UsageError(f"unknown code `{code}`: {help}")
    click.echo(_drawn(page))


def _drawn(page: Page) -> str:
    head = click.style(
        f"{page.kind}[{page.code}]", fg="red" if page.kind == "error" else "yellow", bold=True
    )
    parts = [f"{head}: {page.title}"]
    parts += [
        click.wrap_text(paragraph.replace("\n", " "), 80)
        for paragraph in page.text.split("\n\n")
        if paragraph
    ]
    for title, example in (("Wrong:", page.wrong), ("Right:", page.right)):
        if example:
            parts.append(
                click.style(title, bold=True)
                + "\n"
                + re.sub(r"^", "    ", example, flags=re.MULTILINE)
            )
    return "\n\n".join(parts)
