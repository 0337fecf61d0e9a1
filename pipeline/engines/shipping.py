"""What travels to the machines that work: the texts of the configuration, its settings, and what
the driver alone can know, such as environment variables and files that options name.

A shipment is plain data. Whoever gets one compiles it (``assembled``): values of options that name
files are rewritten to where the files are there, before anything is checked. The digest says
whether a configuration is the same as before.
"""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import msgspec

from ...dsl import tree
from ...dsl.diagnostics import ConfigError, Diagnostic
from ...dsl.source import Source, Span
from ...dsl.variables import content_of
from ..compile.instantiate import PRODUCTION, Assembly, Environment, assemble, variables_of
from ..runtime.stack import STACK

_NAME = re.compile(r"\$\{([a-zA-Z_.][a-zA-Z0-9_.]*)")
_SECRET = re.compile(r"\$\{file:(/[^}]*)\}")

Fetch = Callable[[str], str]
"""Gives the local path of a file that travelled under a name."""


class Member(msgspec.Struct, frozen=True):
    """A file that travels: the name under which it does, its path at the driver, and its path below
    what the option names, nothing where that is the file itself.
    """

    name: str
    path: str
    below: str = ""


class ShippedFile(msgspec.Struct, frozen=True):
    """What an option names, a file or a directory: its path at the driver, the files that travel,
    and where the value stands in the text.
    """

    path: str
    members: tuple[Member, ...]
    place: str
    source: str
    start: int
    is_pattern: bool = False
    """Whether it names what lies in a directory, and not the directory."""


class Shipment(msgspec.Struct, frozen=True):
    """A configuration on its way: ``sources`` are pairs of a name and a text; ``variables`` what
    ``${NAME}`` stands for, resolved by the driver, and ``secrets`` the variable that stands for
    the content of each file of a secret. ``digest`` is the same for the same configuration.
    """

    sources: tuple[tuple[str, str], ...]
    settings: dict[str, Any]
    variables: dict[str, str]
    secrets: dict[str, str]
    files: tuple[ShippedFile, ...]
    digest: str

    @property
    def members(self) -> list[Member]:
        """The files that must travel with it, each once."""
        found = {member.name: member for file in self.files for member in file.members}
        return list(found.values())


def shipment_of(
    sources: Sequence[Source], settings: Mapping[str, Any], files: Iterable[ShippedFile] = ()
) -> Shipment:
    """A configuration to be sent, with the values of the variables that its texts name: secrets of
    the keystore and of files among them. Raises KeystoreError, UnreadableSecretError.
    """
    known = variables_of(PRODUCTION, settings)
    texts = tuple((source.name, source.text) for source in sources)
    names = {name for _, text in texts for name in _NAME.findall(text)}
    variables = {name: known[name] for name in sorted(names) if name in known}
    paths = sorted({path for _, text in texts for path in _SECRET.findall(text)})
    secrets = {path: f"shipped.secret.{number}" for number, path in enumerate(paths)}
    variables |= {name: content_of(path) for path, name in secrets.items()}
    content = texts, dict(settings), variables, secrets, tuple(files)
    return Shipment(*content, blake2b(pickle.dumps(content, 5), digest_size=16).hexdigest())


def assembled(shipment: Shipment, fetch: Fetch | None = None) -> Assembly:
    """The configuration compiled on arrival; ``fetch`` says where its files are, None: where they
    were at the driver. Raises ConfigError where it does not hold here, such as without a package
    that a plugin needs.
    """
    sys.setrecursionlimit(max(sys.getrecursionlimit(), STACK))
    sources = [Source(name, text) for name, text in shipment.sources]
    settings = {**shipment.settings, "path.settings": None}  # the keystore is the driver's
    arrival = _Arrival(shipment, fetch)
    environment = Environment(variables=shipment.variables, rewritten=arrival.rewritten)
    return assemble(sources, settings, environment)


class _Arrival:
    """Rewrites the texts of a configuration for this machine."""

    def __init__(self, shipment: Shipment, fetch: Fetch | None) -> None:
        self._secrets = shipment.secrets
        self._paths: dict[tuple[str, int], str] = {}
        for file in shipment.files if fetch is not None else ():
            assert fetch is not None
            self._paths[file.source, file.start] = _local(file, fetch)

    def rewritten(self, trees: list[tree.Tree]) -> list[tree.Tree]:
        """The trees with local paths, and without files of secrets."""
        if not (self._paths or self._secrets):
            return trees
        return [self._node(each) for each in trees]

    def _node(self, node: Any) -> Any:
        if isinstance(node, tree.Text | tree.Bareword):
            return self._text(node)
        if isinstance(node, tuple):
            return tuple(self._node(each) for each in node)
        if not isinstance(node, msgspec.Struct) or isinstance(node, Span | tree.Number):
            return node
        changes = {}
        for name in node.__struct_fields__:
            value = getattr(node, name)
            if isinstance(value, tuple | msgspec.Struct):
                changes[name] = self._node(value)
        return msgspec.structs.replace(node, **changes)

    def _text(self, node: tree.Text | tree.Bareword) -> tree.Text | tree.Bareword:
        path = self._paths.get((node.span.source.name, node.span.start))
        if path is not None:
            return tree.Text(path, node.span)
        value = _SECRET.sub(lambda match: f"${{{self._secrets[match[1]]}}}", node.value)
        return node if value == node.value else msgspec.structs.replace(node, value=value)


def _local(file: ShippedFile, fetch: Fetch) -> str:
    """Where a file is on this machine; a directory is made of links to its files."""
    try:
        found = [(member.below, Path(fetch(member.name)).resolve()) for member in file.members]
        for _, path in found:
            path.stat()
    except OSError as error:
        message = f"`{file.path}` has not come with the configuration: {error}"
        raise ConfigError([Diagnostic("E264", message)]) from error
    if len(found) == 1 and not found[0][0]:
        return str(found[0][1])
    directory = Path(mkdtemp(prefix="penstock-"))
    for below, path in found:
        (directory / below).parent.mkdir(parents=True, exist_ok=True)
        (directory / below).symlink_to(path)
    return str(directory / "*" if file.is_pattern else directory)
