"""The filter translate: values looked up in a dictionary. Reading and searching dictionaries is
``_dictionaries``'.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..dsl.reference import Event, FieldRef, lookup, place
from ..dsl.template import Template
from ..dsl.values import is_finite
from ..plugins.contract import Ecs, Filter, complain
from ..plugins.declaration import Example, option
from . import _dictionaries as dictionaries
from . import _ruby as ruby
from ._dictionaries import MISSING, DictionaryError, DictionaryFile
from ._translate_loop import Loop, translating_loop


class Translate(Ecs, Filter, name="translate"):
    """Look a field up in a dictionary, and set what is found there.

    The dictionary stands in the configuration, or in a file: YAML, JSON, or CSV with two columns,
    told by its ending. Keys are strings, and the field is looked up as text: `200` finds `"200"`. A
    value may be a list or a map. Of a list in the field, the first item is looked up.

    With `exact => false`, every key that is found anywhere in the text is replaced by its value.
    With `regex`, keys are regular expressions, and the first that matches counts.

    What is found goes to `target`: the field itself, or `translation` where names of the Elastic
    Common Schema are off. A target that is there is not overwritten, unless it is the field itself
    or `override` says so. Where nothing is found, `fallback` is set, if there is one; if not, the
    event stays as it is, without the common options.

    With `iterate_on`, all items of a list are looked up: with the name of the source, its items,
    and the target is a list with null for what is not found; with the name of another field,
    `source` and `target` are fields of each map in it.

    The file is looked at every `refresh_interval` seconds, when events come: up to 300 it is read
    only if it changed. Entries that are gone from it stay, unless `refresh_behaviour` is `replace`.
    A file that cannot be read any more leaves the dictionary as it is, and a warning in the log.

    Differs from Logstash: keys of YAML that are not strings (`200:`, `1.10:`, `NO:`) are taken as
    they are written, and are found.
    """

    source: FieldRef | None = option("The field to look up.", default=None)
    field: FieldRef | None = option(
        "An old name of `source`.", default=None, deprecated="write `source`"
    )
    target: FieldRef | None = option("Where the value goes.", default=None)
    destination: FieldRef | None = option(
        "An old name of `target`.", default=None, deprecated="write `target`"
    )
    dictionary: dict[str, Any] = option("Keys and their values.", default={})
    dictionary_path: Path | None = option(
        "A file with keys and values: .yml, .yaml, .json or .csv.", default=None
    )
    refresh_interval: float = option(
        "The seconds between looks at the file; 0 for never.", default=300
    )
    refresh_behaviour: str = option(
        "Whether entries that were removed from the file are kept.",
        default="merge",
        choices=("merge", "replace"),
    )
    exact: bool = option(
        "Whether the whole string is looked up; otherwise keys found in it are replaced.",
        default=True,
    )
    regex: bool = option("Whether keys are regular expressions; only with `exact`.", default=False)
    fallback: Template | None = option(
        "The value where nothing is found.", default=None, literal=True
    )
    override: bool | None = option("Whether a target that is there is overwritten.", default=None)
    iterate_on: FieldRef | None = option(
        "A list whose items are looked up, each by itself.", default=None
    )
    yaml_dictionary_code_point_limit: int | None = option(
        "The most characters that YAML may have.", default=None
    )
    yaml_load_strategy: str = option(
        "No matter.", default="one_shot", choices=("streaming", "one_shot")
    )

    examples = (
        Example(
            "status codes",
            'translate { source => "code" target => "meaning" fallback => "?"'
            ' dictionary => { "200" => "fine" "404" => "not found" } }',
            before=[{"code": 404}, {"code": "500"}],
            after=[{"code": 404, "meaning": "not found"}, {"code": "500", "meaning": "?"}],
        ),
        Example(
            "keys as regular expressions",
            'translate { source => "host" target => "site" regex => true'
            ' dictionary => { "^ber" => "Berlin" "\\.example$" => "elsewhere" } }',
            before={"host": "ber-web-1"},
            after={"host": "ber-web-1", "site": "Berlin"},
        ),
        Example(
            "each map of a list",
            'translate { iterate_on => "users" source => "id" target => "name" dictionary => { "7"'
            ' => "Ann" } }',
            before={"users": [{"id": 7}, {"id": 8}]},
            after={"users": [{"id": 7, "name": "Ann"}, {"id": 8}]},
        ),
    )

    def prepare(self) -> None:
        """Find the fields and load the dictionary."""
        source = self._one_of("source", "field")
        if source is None:
            self.problem(
                "source", "the option `source` is missing", "name the field to look up", code="E214"
            )
            return
        self.looked_up: FieldRef = source
        self.place: FieldRef = self._one_of("target", "destination") or (
            source if self.ecs else FieldRef("translation")
        )
        self.in_place = self.place == source
        self.overrides = self.in_place if self.override is None else self.override
        self.update = self._update_one
        if self.iterate_on is not None:
            self.update = self._update_items if self.iterate_on == source else self._update_maps
        self.file: DictionaryFile | None = None
        self._loop: Loop | None = None
        self._load()

    def changes(self) -> frozenset[tuple[str, ...]] | None:
        return self.changes_of([str(self.iterate_on or self.place)])

    def _one_of(self, name: str, old_name: str) -> FieldRef | None:
        given: FieldRef | None = getattr(self, name)
        old: FieldRef | None = getattr(self, old_name)
        if given is not None and old is not None:
            self.problem(
                old_name,
                f"`{old_name}` is an old name of `{name}`, which is also given",
                f"keep `{name}`",
            )
        return given if given is not None else old

    def _load(self) -> None:
        path, limit = self.dictionary_path, self.yaml_dictionary_code_point_limit
        if path is not None and self.dictionary:
            self.problem(
                "dictionary",
                "`dictionary` and `dictionary_path` are both given",
                "keep one of the two",
            )
        if limit is not None and (
            path is None or path.suffix not in (".yml", ".yaml") or limit < 1
        ):
            reason = (
                "it limits YAML, and the dictionary is not YAML"
                if limit > 0
                else "must be at least 1"
            )
            self.problem("yaml_dictionary_code_point_limit", reason, "remove it")
        if path is not None and path.suffix not in dictionaries.SUFFIXES:
            known = ", ".join(dictionaries.SUFFIXES)
            self.problem(
                "dictionary_path",
                f"`{path.name}` does not end in one of {known}",
                "rename the file",
            )
            return
        option = "dictionary" if path is None else "dictionary_path"
        try:
            if path is not None:
                replaces = self.refresh_behaviour == "replace"
                self.file = DictionaryFile(path, self.refresh_interval, replaces, limit or 1 << 27)
            self._search(self.dictionary if self.file is None else self.file.entries)
        except DictionaryError as error:
            self.problem(option, str(error))

    @property
    def finite(self) -> bool:
        return self.file is None and is_finite(self.dictionary)

    def _search(self, entries: dictionaries.Entries) -> None:
        self.matches, self._loop = self.regex, None
        if not self.exact:
            self.find = dictionaries.substituting(entries)
        else:
            self.find = (
                dictionaries.by_expressions(entries, self.compiled)
                if self.regex
                else dictionaries.exact(entries)
            )
            if self.update == self._update_one and not self.regex:
                leaves = self.fallback is None and not self.in_place
                leaves_null = leaves and "" not in entries
                self._loop = translating_loop(
                    self.looked_up, self.place, self.overrides, leaves, leaves_null
                )

    def run(self, events: list[Event]) -> list[Event]:
        """Translate each event; the same list."""
        if self.file is not None:
            self._refresh(self.file)
        if self._loop is not None:
            decorate = None if self.decorate is None else self._decorated
            self._loop(events, self.find, self.looked_up.get, self._translate, decorate)
            return events
        for event in events:
            self._translate(event)
        return events

    def _translate(self, event: Event) -> None:
        try:
            if self.update(event) and self.decorate is not None:
                self.decorate(event)
        except Exception as error:
            self.failed(event, error)

    def _decorated(self, event: Event) -> None:
        assert self.decorate is not None
        self.decorated(event, self.decorate)

    def _refresh(self, file: DictionaryFile) -> None:
        try:
            if file.refreshed():
                self._search(file.entries)
        except DictionaryError as error:
            where = self.context.where
            complain(
                where, "%s: cannot reload the dictionary, keeping the old one: %s", where, error
            )

    def _may_set(self, event: Event, value: Any) -> bool:
        """Whether the source is there and the target may be set."""
        if value is None and not self.looked_up.has(event):
            return False
        return self.overrides or not self.place.has(event)

    def _update_one(self, event: Event) -> bool:
        value = self.looked_up.get(event)
        if not self._may_set(event, value):
            return False
        if type(value) is list:
            value = value[0] if value else None
        found = self.find(value if type(value) is str else ruby.to_s(value))
        if found is MISSING:
            if self.fallback is None:
                return self.in_place
            found = self.fallback.render(event)
        self.place.set(event, found)
        return True

    def _update_items(self, event: Event) -> bool:
        value = self.looked_up.get(event)
        if not self._may_set(event, value):
            return False
        instead = None if self.fallback is None else self.fallback.render(event)
        found = [self.find(ruby.to_s(item)) for item in _array(value)]
        made = [instead if item is MISSING else item for item in found]
        self.place.set(event, made)
        return self.in_place or any(item is not None and item is not False for item in made)

    def _update_maps(self, event: Event) -> bool:
        assert self.iterate_on is not None
        matched, on = self.in_place, self.iterate_on
        for index in range(len(_array(on.get(event)))):
            at = (*on.keys, str(index))
            found = self.find(ruby.to_s(lookup(event, at + self.looked_up.keys)))
            if found is MISSING and self.fallback is not None:
                found = self.fallback.render(event)
            if found is not MISSING:
                place(event, at + self.place.keys, found)
                matched = True
        return matched


def _array(value: Any) -> list[Any]:
    if type(value) is list:
        return value
    return [] if value is None else [value]
