"""``penstock completion``: the script by which a shell completes commands, settings and files.

Bash takes `=` for the end of a word, so that a setting ``KEY=VALUE`` would reach click in pieces:
its script hands on the line as it stands, and takes off what the shell keeps.
"""

from __future__ import annotations

import os
from typing import Any

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

_FILES = {
    "bash": ("~/.bashrc", 'eval "$(penstock completion bash)"'),
    "zsh": ("~/.zshrc", 'eval "$(penstock completion zsh)"'),
    "fish": ("~/.config/fish/completions/penstock.fish", "penstock completion fish | source"),
}

_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' response kind value
    response=$(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash_complete "$1")
    for completion in $response; do
        kind=${completion%%%%,*} value=${completion#*,}
        case $kind in
            dir) COMPREPLY=(); compopt -o dirnames ;;
            file) COMPREPLY=(); compopt -o default ;;
            plain) COMPREPLY+=("$value") ; [[ $value == *= ]] && compopt -o nospace ;;
        esac
    done
    return 0
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


@add_completion_class
class Bash(BashComplete):
    """Completion for bash that knows words with `=` in them."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        incomplete = "" if not words or line[-1:].isspace() else words.pop()
        return words[1:], incomplete

    def format_completion(self, item: CompletionItem[Any]) -> str:
        _, incomplete = self.get_completion_args()
        kept = incomplete.rpartition("=")[0]
        value = str(item.value)
        return f"{item.type},{value.removeprefix(f'{kept}=') if kept else value}"


@click.command()
@click.argument("shell", type=click.Choice(list(_FILES)), required=False)
def completion(shell: str | None) -> None:
    """Print the script that completes commands, settings and files in a SHELL; without one, say
    where to put it.
    """
    if shell is None:
        click.echo("\n".join(f"{file}:\n    {line}" for file, line in _FILES.values()))
        return
    program = click.get_current_context().find_root().command
    complete = get_completion_class(shell)
    assert complete is not None
    click.echo(complete(program, {}, "penstock", "_PENSTOCK_COMPLETE").source())
