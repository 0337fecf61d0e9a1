"""The filter fingerprint: a digest of fields, the same whenever they are the same."""

from __future__ import annotations

import unicodedata
import uuid
from typing import Any

from ..dsl.reference import Event, FieldRef
from ..plugins.contract import Ecs, Filter
from ..plugins.declaration import Example, Secret, option
from ._digests import ALGORITHMS, Digest, canonical, cryptographic, murmur3, murmur3_128
from ._networks import masked

_METHODS = (*ALGORITHMS, "MURMUR3", "MURMUR3_128", "IPV4_NETWORK", "UUID", "PUNCTUATION")


class Fingerprint(Ecs, Filter, name="fingerprint"):
    """Set a field to a digest of other fields: an id that is the same for the same values.

    `SHA1`, `SHA256`, `SHA384`, `SHA512` and `MD5` are cryptographic digests, or HMACs when there is
    a `key`; `MURMUR3` (a number) and `MURMUR3_128` are fast and not for secrets. `IPV4_NETWORK` is
    the network of an address, with `key` as its prefix length. `PUNCTUATION` is what is left of a
    text when letters, digits and blanks are taken out. `UUID` is random.

    Of several sources the last that is there wins, and a list gives a list of digests. With
    `concatenate_sources` there is one digest of all of them: of the text `|name|value|name|value|`,
    the names sorted, missing fields empty. With `concatenate_all_fields` it is the same over all
    fields but `@metadata`, `@timestamp` among them. Maps and lists are rendered flat, `|` between
    keys and values, keys sorted.

    `MURMUR3` and `MURMUR3_128` need the package mmh3: `pip install 'penstock[fingerprint]'`.
    """

    source: list[FieldRef] = option("The fields to digest.", default=[FieldRef("message")])
    target: FieldRef | None = option(
        "The field for the digest. Default: `[event][hash]` with ECS, else `fingerprint`.",
        default=None,
    )
    method: str = option("How to digest.", default="SHA1", choices=_METHODS)
    key: Secret | None = option(
        "The key of an HMAC; for IPV4_NETWORK the prefix length.", default=None
    )
    base64encode: bool = option("Whether digests are in base64, not hexadecimal.", default=False)
    concatenate_sources: bool = option("Whether to digest all sources together.", default=False)
    concatenate_all_fields: bool = option(
        "Whether to digest all fields of the event together.", default=False
    )

    examples = (
        Example(
            "one digest of two fields",
            'fingerprint { source => ["host", "message"] concatenate_sources => true method =>'
            ' "MD5" target => "id" }',
            before={"host": "web1", "message": "up"},
            after={"host": "web1", "message": "up", "id": "dab538ab264f6f90e581abd4b1fceef2"},
        ),
        Example(
            "a network in place of an address",
            'fingerprint { source => "ip" method => "IPV4_NETWORK" key => "16" target => "ip" }',
            before={"ip": "192.168.77.5"},
            after={"ip": "192.168.0.0"},
        ),
        Example(
            "the shape of a line",
            'fingerprint { method => "PUNCTUATION" target => "shape" }',
            before={"message": "GET /a/b?c=1 [ok]"},
            after={"message": "GET /a/b?c=1 [ok]", "shape": "//?=[]"},
        ),
    )

    def prepare(self) -> None:
        self._target = self.target or FieldRef("[event][hash]" if self.ecs else "fingerprint")
        self._sorted = sorted(self.source, key=lambda ref: ref.text)
        self._together = self.concatenate_sources or self.concatenate_all_fields
        self._digest: Digest = canonical
        if self.method == "IPV4_NETWORK":
            self._digest = self._network_digest()
        elif self.method.startswith("MURMUR3"):
            try:
                self._digest = (
                    murmur3() if self.method == "MURMUR3" else murmur3_128(self.base64encode)
                )
            except ModuleNotFoundError:
                self.problem(
                    "method",
                    "MurmurHash3 needs the package `mmh3`",
                    "pip install 'penstock[fingerprint]'",
                    code="E202",
                )
        elif self.method in ALGORITHMS:
            self._digest = cryptographic(self.method, self.key, self.base64encode)

    def _network_digest(self) -> Digest:
        if self.key is None:
            message = "IPV4_NETWORK needs a `key`: the length of the network's prefix"
            self.problem("key", message, 'write key => "24"', code="E214")
            return canonical
        if not self.key.isdecimal() or int(self.key) > 128:
            self.problem(
                "key", "not a valid prefix length", 'give a number of bits, as key => "24"'
            )
            return canonical
        bits = int(self.key)
        return lambda value: masked(canonical(value), bits)

    def apply(self, event: Event) -> bool:
        if self.method == "UUID":
            self._target.set(event, str(uuid.uuid4()))
        elif self.method == "PUNCTUATION":
            self._punctuate(event)
        elif self._together:
            self._target.set(event, self._digest(self._all(event)))
        else:
            self._each(event)
        return True

    def _punctuate(self, event: Event) -> None:
        for ref in self._sorted:
            value = ref.get(event)
            if value is not None:
                self._target.set(event, punctuation(canonical(value)))

    def _each(self, event: Event) -> None:
        digest = self._digest
        for ref in self.source:
            value: Any = ref.get(event)
            if type(value) is list:
                self._target.set(event, [digest(item) for item in value])
            elif value is not None or ref.has(event):
                self._target.set(event, digest(value))

    def _all(self, event: Event) -> str:
        if self.concatenate_all_fields:
            parts = [
                f"|{name}|{canonical(event[name])}" for name in sorted(event) if name != "@metadata"
            ]
        else:
            parts = [f"|{ref.text}|{canonical(ref.get(event))}" for ref in self._sorted]
        return "".join(parts) + "|"


def punctuation(text: str) -> str:
    """The punctuation marks and symbols of a text, in order."""
    return "".join([char for char in text if unicodedata.category(char)[0] in "PS"])
