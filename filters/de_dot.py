"""The filter de_dot: dots out of field names."""

from __future__ import annotations

from typing import Any

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldError, FieldRef, lookup, place
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option

Path = tuple[str, ...]


class DeDot(Filter, name="de_dot"):
    """Rename fields that have dots in their names.

    Dots become `separator`, or with `nested` the name becomes fields within fields: `a.b` is
    `[a][b]`. Without `fields` all fields at the top are looked at, with `recursive` those below
    them too; fields in lists are not. Where `a.b` shall become a field of `a` and `a` holds no map,
    or where the name starts or ends with a dot, the field stays and the event gets the tag of
    `tag_on_failure`.

    Fields of `fields` are moved alone: what stands beside `[a.b][c.d]` stays below `[a.b]`, which
    goes when nothing is left.
    """

    separator: str = option("What to put in the place of dots.", default="_")
    nested: bool = option("Whether to make fields within fields.", default=False)
    recursive: bool = option("Whether to look at fields within fields.", default=False)
    fields: list[FieldRef] | None = option(
        "The fields to rename. Default: all at the top level.", default=None
    )
    tag_on_failure: str = option(
        "The tag for an event with a field that cannot be renamed.", default="_de_dot_error"
    )

    examples = (
        Example("a separator", "de_dot { }", before={"a.b": 1, "c": 2}, after={"c": 2, "a_b": 1}),
        Example(
            "fields within fields",
            "de_dot { nested => true }",
            before={"host.name": "web1", "host": {"os": "linux"}},
            after={"host": {"os": "linux", "name": "web1"}},
        ),
        Example(
            "below a field too",
            "de_dot { recursive => true }",
            before={"a": {"b.c": {"d.e": 1}}},
            after={"a": {"b_c": {"d_e": 1}}},
        ),
    )

    def prepare(self) -> None:
        if "." in self.separator:
            self.problem(
                "separator", "`separator` must not contain a dot", "choose another one, such as `_`"
            )
        self._paths = [ref.keys for ref in self.fields or [] if any("." in key for key in ref.keys)]
        self._roots = [ref.keys for ref in self.fields or []]

    def apply(self, event: Event) -> bool:
        try:
            if self.fields is not None:
                for path in self._paths:
                    self._move(event, path)
                for root in self._roots if self.recursive else ():
                    self._rename_in(lookup(event, self._renamed(root)))
            else:
                self._rename_in(event)
        except FieldError:
            self.failures += 1
            add_tag(event, self.tag_on_failure)
            return False
        return True

    def _rename_in(self, fields: Any) -> None:
        """Rename the fields of a map, and those below when asked to."""
        if type(fields) is not dict:
            return
        for name in list(fields):
            if self.recursive and name != "@metadata":
                self._rename_in(fields[name])
            if "." in name:
                self._put(fields, self._renamed((name,)), fields[name])
                del fields[name]

    def _renamed(self, path: Path) -> Path:
        if not self.nested:
            return tuple(key.replace(".", self.separator) for key in path)
        parts = tuple(part for key in path for part in key.split("."))
        if not all(parts):
            raise FieldError("a name starts or ends with a dot")
        return parts

    def _move(self, event: Event, path: Path) -> None:
        value = lookup(event, path)
        if value is None:
            return
        self._put(event, self._renamed(path), value)
        parents = [lookup(event, path[:depth]) for depth in range(1, len(path))]
        for parent, key in zip([event, *parents][::-1], path[::-1], strict=True):
            if type(parent) is dict:
                del parent[key]
            if parent or "." not in "".join(path):
                break

    @staticmethod
    def _put(fields: Event, path: Path, value: Any) -> None:
        if len(path) == 1:
            fields[path[0]] = value
        elif path[0] == "tags":
            raise FieldError("`tags` must be a string or a list of strings")
        else:
            place(fields, path, value)
