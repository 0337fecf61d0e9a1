"""What ``${NAME}`` stands for: the keystore first, then the environment; and ``${file:/path}``, the
content of a file, as orchestrators hand out secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from .diagnostics import PenstockError
from .secrets import hide

VARIABLE = re.compile(r"\$\{([a-zA-Z_.][a-zA-Z0-9_.]*)(?::((?:\$\{[^}]*\}|[^}])*))?\}")
"""A variable in a text: its name, and its default, which may have variables in it."""

_FILE = "file"
"""The name before a path: `${file:/run/secrets/token}`."""


class UnreadableSecretError(PenstockError):
    """The file of a secret cannot be read; ``help`` says what it must be."""

    help = "it must be a file of text that this user can read"


class Variables(Mapping[str, str]):
    """The variables of a configuration. Values of the keystore are hidden when they are read."""

    def __init__(self, environment: Mapping[str, str], keystore: Mapping[str, str]) -> None:
        self._environment, self._keystore = environment, keystore

    def __getitem__(self, name: str) -> str:
        if name in self._keystore:
            value = self._keystore[name]
            hide(value)
            return value
        return self._environment[name]

    def __contains__(self, name: object) -> bool:
        return name in self._keystore or name in self._environment

    def __iter__(self) -> Iterator[str]:
        yield from self._keystore
        yield from (name for name in self._environment if name not in self._keystore)

    def __len__(self) -> int:
        return len(list(iter(self)))


def content_of(path: str) -> str:
    """The content of a file of a secret, without the line break at its end; raises
    UnreadableSecretError.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # the latter: not UTF-8, or a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        message = f"the file of the secret cannot be read: `{path}`: {reason}"
        raise UnreadableSecretError(message) from error
    value = text.removesuffix("\n").removesuffix("\r")
    hide(value)
    return value


def names_a_file(name: str, default: str | None) -> bool:
    """Whether `${name:default}` means a file: its name is `file`, and a path follows."""
    return name == _FILE and default is not None and default.startswith("/")
