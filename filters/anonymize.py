"""The filter anonymize: values replaced by keyed digests."""

from __future__ import annotations

from typing import Any

from ..dsl.reference import Event, FieldRef
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option
from ._digests import ALGORITHMS, Digest, canonical, cryptographic, murmur3
from ._networks import masked


class Anonymize(Filter, name="anonymize"):
    """Replace the values of fields by digests, the same digest for the same value and key.

    `SHA1`, `SHA256`, `SHA384`, `SHA512` and `MD5` are HMACs with `key`. `MURMUR3` is a number, made
    without the key: few bits, for grouping only. `IPV4_NETWORK` leaves of an address its network,
    `key` being the length of the prefix. A list is replaced item by item; a field that is not there
    stays away.

    A value that is not an address stays with `IPV4_NETWORK`, and the event gets the tag
    `_anonymize_exception`: drop such events where nothing may slip through.

    The filter fingerprint does the same and more. `MURMUR3` needs the package mmh3: `pip install
    'penstock[anonymize]'`.

    Differs from Logstash: values that are not strings are digested as text (Logstash fails on
    them), and the common options take effect.
    """

    fields: list[FieldRef] = option("The fields to replace.")
    key: str = option("The key; for IPV4_NETWORK the prefix length.")
    algorithm: str = option(
        "How to digest.", default="SHA1", choices=(*ALGORITHMS, "MURMUR3", "IPV4_NETWORK")
    )

    examples = (
        Example(
            "hide users",
            'anonymize { fields => ["user"] key => "secret" algorithm => "MD5" }',
            before={"user": "jo"},
            after={"user": "81913fc92f20396352742aab32e45c4c"},
        ),
        Example(
            "keep networks only",
            'anonymize { fields => ["ip"] key => 24 algorithm => "IPV4_NETWORK" }',
            before={"ip": ["233.255.13.44", "10.1.2.3"]},
            after={"ip": ["233.255.13.0", "10.1.2.0"]},
        ),
    )

    def prepare(self) -> None:
        self._digest: Digest = canonical
        if self.algorithm == "IPV4_NETWORK":
            if not self.key.isdecimal() or int(self.key) > 128:
                self.problem(
                    "key", "not a valid prefix length", "give a number of bits, as key => 24"
                )
                return
            bits = int(self.key)
            self._digest = lambda value: masked(canonical(value), bits)
        elif self.algorithm == "MURMUR3":
            try:
                self._digest = murmur3()
            except ModuleNotFoundError:
                help = "pip install 'penstock[anonymize]'"
                self.problem("algorithm", "MurmurHash3 needs the package `mmh3`", help, code="E202")
        else:
            self._digest = cryptographic(self.algorithm, self.key)

    def apply(self, event: Event) -> bool:
        digest = self._digest
        for ref in self.fields:
            value: Any = ref.get(event)
            if type(value) is list:
                ref.set(event, [digest(item) for item in value])
            elif value is not None:
                ref.set(event, digest(value))
        return True
