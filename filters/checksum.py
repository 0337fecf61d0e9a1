"""The filter checksum: a digest of some fields, superseded by fingerprint."""

from __future__ import annotations

import hashlib

from ..dsl.reference import Event, FieldRef
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option
from ._ruby import to_s

_ALGORITHMS = {"md5": "md5", "sha": "sha1", "sha1": "sha1", "sha256": "sha256", "sha384": "sha384"}


class Checksum(Filter, name="checksum"):
    """Set `logstash_checksum` to a digest of the values of some fields.

    The values are put together in the order of the fields' names, without anything between; missing
    ones are empty. Fields `a` and `b` of `1` and `23` have the same digest as those of `12` and
    `3`: the filter fingerprint, with `concatenate_sources`, does not confuse them.
    """

    keys: list[FieldRef] = option(
        "The fields to digest.",
        default=[FieldRef("message"), FieldRef("@timestamp"), FieldRef("type")],
    )
    algorithm: str = option("How to digest.", default="sha256", choices=tuple(_ALGORITHMS))

    examples = (
        Example(
            "of one field",
            'checksum { keys => ["message"] algorithm => "md5" }',
            before={"message": "foo bar"},
            after={"message": "foo bar", "logstash_checksum": "327b6f07435811239bc47e1544353273"},
        ),
        Example(
            "of two fields",
            'checksum { keys => ["b", "a"] algorithm => "sha1" }',
            before={"a": "foo", "b": "bar"},
            after={
                "a": "foo",
                "b": "bar",
                "logstash_checksum": "8843d7f92416211de9ebb963ff4ce28125932878",
            },
        ),
    )

    def prepare(self) -> None:
        self._values = [ref.get for ref in sorted(self.keys, key=lambda ref: ref.text)]
        self._new = getattr(hashlib, _ALGORITHMS[self.algorithm])

    def apply(self, event: Event) -> bool:
        text = "".join([to_s(get(event)) for get in self._values])
        data = text.encode("utf-8", "surrogatepass")
        event["logstash_checksum"] = self._new(data, usedforsecurity=False).hexdigest()
        return True
