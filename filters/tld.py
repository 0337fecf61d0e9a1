"""The filter tld: the parts of a domain name."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from publicsuffixlist import PublicSuffixList

from ..dsl.reference import Event, FieldRef
from ..plugins.clients.cache import lru_stats
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option
from ._merge_tree import map_at


class Tld(Filter, name="tld"):
    """Split a domain name by the Public Suffix List (https://publicsuffix.org).

    `tld` is the suffix below which names are registered (`co.uk`), `sld` the label that was
    registered, `trd` the labels before it, `domain` the registered domain and `subdomain` the whole
    name if it has more than that; `top_level_domain` is the same as `tld`. What is not there is
    null. A string that is not a name, or a suffix alone, or below no known suffix, leaves the event
    untouched.

    The list is that of the installed package publicsuffixlist, which this filter needs: `pip
    install 'penstock[tld]'`.
    """

    source: FieldRef = option("The field with the name.", default=FieldRef("message"))
    target: FieldRef = option("The field to put the parts in.", default=FieldRef("tld"))

    examples = (
        Example(
            "a name in Britain",
            'tld { source => "host" }',
            before={"host": "www.example.co.uk"},
            after={
                "host": "www.example.co.uk",
                "tld": {
                    "tld": "co.uk",
                    "sld": "example",
                    "trd": "www",
                    "domain": "example.co.uk",
                    "subdomain": "www.example.co.uk",
                    "top_level_domain": "co.uk",
                },
            },
        ),
        Example(
            "no domain name",
            'tld { source => "host" }',
            before={"host": "localhost"},
            after={"host": "localhost"},
        ),
    )

    def prepare(self) -> None:
        self._list = PublicSuffixList(accept_unknown=False)
        self._parts = lru_cache(maxsize=10_000)(self._split)

    def stats(self) -> dict[str, int | float]:
        """How often a value was remembered."""
        return lru_stats(self._parts.cache_info())

    def apply(self, event: Event) -> bool:
        name = self.source.get(event)
        parts = self._parts(name) if type(name) is str else None
        if parts is None:
            return False
        map_at(event, self.target).update(parts)
        return True

    def _split(self, text: str) -> dict[str, Any] | None:
        name = text.strip().removesuffix(".").lower()
        if not name or name.startswith(".") or ".." in name or len(name) > 253 or " " in name:
            return None
        domain = self._list.privatesuffix(name)
        if domain is None:
            return None
        registered, _, suffix = domain.partition(".")
        before = name[: -len(domain) - 1] or None
        return {
            "tld": suffix,
            "sld": registered,
            "trd": before,
            "domain": domain,
            "subdomain": name if before else None,
            "top_level_domain": suffix,
        }
