"""What travels to the machines that work: the texts of the configuration, its settings, and what
the driver alone can know, such as environment variables.

A shipment is plain data. Whoever gets one compiles it (``assembled``) and keeps what was made: the
digest says whether it is the same as before.
"""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from ...dsl.source import Source
from ...dsl.variables import content_of
from ..compile.instantiate import PRODUCTION, Assembly, Environment, assemble, variables_of
from ..runtime.stack import STACK

_NAME = re.compile(r"\$\{([a-zA-Z_.][a-zA-Z0-9_.]*)")
_FILE = re.compile(r"\$\{file:(/[^}]*)\}")


class ShippedFile(msgspec.Struct, frozen=True):
    """A file or a directory that an option names: the option's place, its path at the driver, and
    the files that travel, each with the name under which it does. ``source`` and ``start``: where
    the value stands in the text.
    """

    path: str
    members: tuple[tuple[str, str], ...]
    place: str
    source: str
    start: int


class Shipment(msgspec.Struct, frozen=True):
    """A configuration on its way: ``sources`` are pairs of a name and a text; ``variables`` what
    ``${NAME}`` stands for, resolved by the driver. ``digest`` is the same for the same
    configuration.
    """

    sources: tuple[tuple[str, str], ...]
    settings: dict[str, Any]
    variables: dict[str, str]
    digest: str
    files: tuple[ShippedFile, ...] = ()


def shipment_of(sources: Sequence[Source], settings: Mapping[str, Any]) -> Shipment:
    """A configuration to be sent, with the values of the variables that its texts name: secrets of
    the keystore and of files among them. Raises KeystoreError, UnreadableSecretError.
    """
    known = variables_of(PRODUCTION, settings)
    texts = [(source.name, source.text) for source in sources]
    names = {name for _, text in texts for name in _NAME.findall(text)}
    variables = {name: known[name] for name in names if name in known}
    for number, path in enumerate({path for _, text in texts for path in _FILE.findall(text)}):
        name = f"shipped.file.{number}"
        variables[name] = content_of(path)
        whole = f"${{file:{path}}}"
        texts = [(source, text.replace(whole, f"${{{name}}}")) for source, text in texts]
    content = tuple(texts), dict(settings), variables
    return Shipment(*content, blake2b(pickle.dumps(content, 5), digest_size=16).hexdigest())


def assembled(shipment: Shipment) -> Assembly:
    """The configuration compiled on arrival. Raises ConfigError where it does not hold here, such
    as without a package that a plugin needs.
    """
    sys.setrecursionlimit(max(sys.getrecursionlimit(), STACK))
    sources = [Source(name, text) for name, text in shipment.sources]
    settings = {**shipment.settings, "path.settings": None}  # the keystore is the driver's
    return assemble(sources, settings, Environment(variables=shipment.variables))
