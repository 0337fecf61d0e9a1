"""Host names to addresses and back: hosts files first, then name servers.

Name servers are asked by dnspython, which keeps its time-outs; nothing of the system's resolver is
used, so that an answer that does not come costs no more than it may.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from pathlib import Path

import dns.exception
import dns.resolver
import dns.reversename

from ..dsl.diagnostics import PenstockError


class TimedOutError(PenstockError):
    """No answer came in time."""


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


class Hosts:
    """What hosts files say; the first to name a host or an address counts."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.addresses: dict[str, str] = {}
        self.names: dict[str, str] = {}
        for text in texts:
            for line in text.splitlines():
                address, *names = line.partition("#")[0].split() or [""]
                if names and is_address(address):
                    self.names.setdefault(address, names[0])
                    for name in names:
                        self.addresses.setdefault(name.lower(), address)


def read_hosts(paths: Sequence[Path]) -> Hosts:
    """The hosts files, in order; one that cannot be read is passed over."""
    texts = []
    for path in paths:
        try:
            texts.append(path.read_text("utf-8-sig", "replace"))
        except OSError:
            continue
    return Hosts(texts)


class Names:
    """Asks hosts files and then a resolver, which may be None."""

    def __init__(self, hosts: Hosts, resolver: dns.resolver.Resolver | None, tries: int) -> None:
        self._hosts, self._resolver, self._tries = hosts, resolver, tries

    def address(self, name: str) -> str | None:
        """The address of a name, IPv4 before IPv6; None if it has none. Raises TimedOutError."""
        if is_address(name):
            return name
        known = self._hosts.addresses.get(name.lower())
        return known or self._asked(name, "A", "AAAA")

    def name(self, address: str) -> str | None:
        """The name of an address; None if it has none. Raises TimedOutError."""
        known = self._hosts.names.get(address)
        return known or self._asked(dns.reversename.from_address(address), "PTR")

    def _asked(self, name: str | dns.name.Name, *kinds: str) -> str | None:
        """The first answer of the first kind that has one."""
        for kind in kinds if self._resolver is not None else ():
            try:
                return self._answer(name, kind)
            except dns.resolver.NoAnswer:
                continue
            except (dns.exception.DNSException, OSError, ValueError):
                return None
        return None

    def _answer(self, name: str | dns.name.Name, kind: str) -> str:
        assert self._resolver is not None
        for _ in range(self._tries):
            try:
                (first, *_others) = self._resolver.resolve(name, kind)
            except dns.exception.Timeout:
                continue
            return str(first).removesuffix(".")
        raise TimedOutError
