"""Dictionaries for translate: where they come from, how they are looked up in, and when their files
are read again.

A file is looked at when a batch comes and its time is up, so no thread is needed and a batch sees
one state of it. A file that cannot be read later on leaves the dictionary as it was.
"""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from ..dsl.diagnostics import PenstockError
from ..dsl.regex import RegexError
from ..dsl.values import copy
from . import _ruby as ruby

Entries = dict[str, Any]
Find = Callable[[str], Any]

MISSING: Any = object()
"""What a look-up gives where there is nothing."""

SUFFIXES = (".yml", ".yaml", ".json", ".csv")


class DictionaryError(PenstockError, ValueError):
    """A dictionary that cannot be used; says why."""


def exact(entries: Entries) -> Find:
    """A look-up of whole keys."""
    get = entries.get

    def find(text: str) -> Any:
        found = get(text, MISSING)
        return copy(found) if type(found) in (dict, list) else found

    return find


def by_expressions(entries: Entries, compiled: Callable[[str], Any] = ruby.pattern) -> Find:
    """A look-up that takes the keys as regular expressions; the first that matches counts. Raises
    DictionaryError.
    """
    patterns = []
    for key, value in entries.items():
        try:
            patterns.append((compiled(key).search, value))
        except RegexError as error:
            raise DictionaryError(
                f"the key `{key}` is not a valid regular expression: {error}"
            ) from None

    def find(text: str) -> Any:
        return next((copy(value) for search, value in patterns if search(text)), MISSING)

    return find


def substituting(entries: Entries) -> Find:
    """Replaces all keys found in a text; gives nothing where there are none, or the text stays the
    same.
    """
    if not entries:
        return lambda text: MISSING
    sub = re.compile("|".join(map(re.escape, entries))).sub

    def find(text: str) -> Any:
        made = sub(lambda match: ruby.to_s(entries[match[0]]), text)
        return made if made != text else MISSING

    return find


class DictionaryFile:
    """A file that holds a dictionary, read again after ``interval`` seconds, never if that is 0.

    An interval of 300 or less reads it only if it changed. Entries that are gone stay, unless
    ``replaces``. Raises DictionaryError where it cannot be read for the first time.
    """

    def __init__(
        self,
        path: Path,
        interval: float,
        replaces: bool,
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.path, self.interval, self.replaces, self.most, self.clock = (
            path,
            interval,
            replaces,
            most,
            clock,
        )
        self.changed: Any = None
        self.entries: Entries = {}
        self.due = clock() + interval
        self._read()

    def refreshed(self) -> bool:
        """Whether the entries are new, the time having come to look. Raises DictionaryError, and
        keeps the old ones.
        """
        if self.interval <= 0 or self.clock() < self.due:
            return False
        self.due = self.clock() + self.interval
        return self._read(only_changed=self.interval <= 300)

    def _read(self, only_changed: bool = False) -> bool:
        try:
            changed = self.path.stat().st_mtime_ns
            if only_changed and changed == self.changed:
                return False
            entries = load(self.path, self.most)
        except (OSError, UnicodeDecodeError) as error:
            raise DictionaryError(f"the dictionary `{self.path}` cannot be read: {error}") from None
        self.changed = changed
        self.entries = entries if self.replaces else {**self.entries, **entries}
        return True


def load(path: Path, most: int) -> Entries:
    """The entries of a file; raises OSError, UnicodeDecodeError or DictionaryError."""
    text = path.read_text(encoding="utf-8-sig")
    suffix = path.suffix
    found = (
        _yaml(text, most)
        if suffix in (".yml", ".yaml")
        else _json(text)
        if suffix == ".json"
        else _csv(text)
    )
    return {key if type(key) is str else ruby.to_s(key): value for key, value in found}


def _yaml(text: str, most: int) -> Iterable[tuple[Any, Any]]:
    if len(text) > most:
        raise DictionaryError(
            f"the dictionary has more than {most} characters; raise"
            " `yaml_dictionary_code_point_limit`"
        )
    try:
        import yaml
    except ModuleNotFoundError:
        raise DictionaryError(
            "YAML needs the package PyYAML: pip install 'penstock[yaml]'"
        ) from None
    try:
        documents = list(yaml.load_all(text, Loader=_loader(yaml)))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DictionaryError(f"the dictionary is not valid YAML: {error}") from None
    return [entry for document in documents if document is not None for entry in _of_map(document)]


def _loader(yaml: Any) -> Any:
    """A loader of plain data: keys are text as it is written (`1.10`, `NO`, `007`), dates stay
    text, and an ordered map may be written as a map.
    """

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        yaml_implicit_resolvers: ClassVar[dict[Any, Any]] = {
            first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            if not isinstance(node, yaml.MappingNode):
                raise yaml.constructor.ConstructorError(problem="expected a map")
            self.flatten_mapping(node)
            return {self._key(key): self.construct_object(item, deep) for key, item in node.value}

        def _key(self, node: Any) -> Any:
            if isinstance(node, yaml.ScalarNode):
                return node.value
            return ruby.to_s(_plain(self.construct_object(node, deep=True)))

    def ordered(loader: Any, node: Any) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        return {
            key: value
            for item in node.value
            for key, value in loader.construct_mapping(item, deep=True).items()
        }

    for tag in ("tag:yaml.org,2002:omap", "!omap"):
        Loader.add_constructor(tag, ordered)
    return Loader


def _json(text: str) -> Iterable[tuple[Any, Any]]:
    import msgspec

    try:
        return _of_map(msgspec.json.decode(text))
    except (msgspec.DecodeError, RecursionError) as error:
        raise DictionaryError(f"the dictionary is not valid JSON: {error}") from None


def _csv(text: str) -> Iterable[tuple[Any, Any]]:
    try:
        rows = [row for row in csv.reader(text.splitlines(keepends=True), strict=True) if row]
    except csv.Error as error:
        raise DictionaryError(f"the dictionary is not valid CSV: {error}") from None
    return [(row[0], row[1] if len(row) > 1 else None) for row in rows]


def _of_map(value: Any) -> Iterable[tuple[Any, Any]]:
    if not isinstance(value, Mapping):
        raise DictionaryError("the dictionary must be a map of keys to values")
    return [(key, _plain(item)) for key, item in value.items()]


def _plain(value: Any) -> Any:
    """A value with nothing in it but what events hold."""
    if isinstance(value, dict):
        return {
            key if type(key) is str else ruby.to_s(key): _plain(item) for key, item in value.items()
        }
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)
