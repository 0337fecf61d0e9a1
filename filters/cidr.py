"""The filter cidr: whether an address is in a network."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path

from ..dsl.reference import Event, FieldRef
from ..dsl.template import Template
from ..dsl.values import to_text
from ..plugins.clients.cache import lru_stats
from ..plugins.contract import Filter, complain
from ..plugins.declaration import Example, option
from ._networks import Networks, parse_network


class Cidr(Filter, name="cidr"):
    """Apply the common options to events with an address in one of some networks.

    Addresses are given as strings with templates (`address`), or by a field that holds one or a
    list of them (`address_field`). Networks are given in the configuration, with templates, one in
    each string or several with commas between, or in a file, which is read again when it has
    changed, every `refresh_interval` seconds at most. The first match is enough. What is neither an
    address nor a network is skipped.
    """

    address: list[Template] = option("The addresses, with templates.", default=[])
    address_field: FieldRef | None = option(
        "A field with an address or a list of them; not together with `address`.", default=None
    )
    network: list[Template] = option("The networks, such as 10.0.0.0/8 and fe80::/64.", default=[])
    network_path: Path | None = option(
        "A file with networks; not together with `network`.", default=None
    )
    refresh_interval: float = option(
        "How often to look whether the file has changed, in seconds.", default=600
    )
    separator: str = option(
        "What stands between the networks in the file.", default="\n", literal=True
    )

    examples = (
        Example(
            "tag internal clients",
            'cidr { address => ["%{ip}"] network => ["10.0.0.0/8", "fe80::/64"] add_tag =>'
            ' ["internal"] }',
            before=[{"ip": "10.20.30.40"}, {"ip": "fe80::1"}, {"ip": "8.8.8.8"}],
            after=[
                {"ip": "10.20.30.40", "tags": ["internal"]},
                {"ip": "fe80::1", "tags": ["internal"]},
                {"ip": "8.8.8.8"},
            ],
        ),
        Example(
            "any address of a list, networks from the event",
            'cidr { address_field => "[host][ip]" network => ["%{nets}"] add_field => { "known" =>'
            ' "yes" } }',
            before={
                "host": {"ip": ["8.8.8.8", "192.168.1.1"]},
                "nets": "10.0.0.0/8, 192.168.0.0/16",
            },
            after={
                "host": {"ip": ["8.8.8.8", "192.168.1.1"]},
                "nets": "10.0.0.0/8, 192.168.0.0/16",
                "known": "yes",
            },
        ),
    )

    def prepare(self) -> None:
        if self.address and self.address_field is not None:
            self.problem(
                "address_field",
                "`address` and `address_field` exclude each other",
                "remove one of them",
            )
        if self.network and self.network_path is not None:
            self.problem(
                "network_path",
                "`network` and `network_path` cannot both be given",
                "remove one of them",
            )
        self._templates = [template for template in self.network if not template.is_constant]
        constants: list[str] = []
        for place, template in enumerate(self.network):
            if template.is_constant:
                constants += self._checked(template.text.split(","), place)
        self._use(constants)
        self._stamp: tuple[int, int] | None = None
        self._next_look = 0.0
        if self.network_path is not None:
            self._look()

    def _checked(self, texts: list[str], place: int) -> list[str]:
        for text in texts:
            if parse_network(text) is None:
                self.problem(
                    "network",
                    f"`{text}` is not a valid network",
                    "write 10.0.0.0/8",
                    path=(place,),
                    code="W305",
                )
        return texts

    def _use(self, texts: list[str]) -> None:
        networks = [network for text in texts if (network := parse_network(text)) is not None]
        held = Networks(networks).holds

        def known(address: str) -> bool:
            parsed = parse_network(address)
            return parsed is not None and held(parsed)

        self._known = lru_cache(maxsize=10_000)(known)

    def stats(self) -> dict[str, int | float]:
        """How often a value was remembered."""
        return lru_stats(self._known.cache_info())

    def _look(self) -> None:
        """Read the file if it has changed; networks that were read stay when it cannot be read."""
        assert self.network_path is not None
        self._next_look = time.monotonic() + self.refresh_interval
        try:
            status = self.network_path.stat()
            stamp = status.st_mtime_ns, status.st_size
            if stamp == self._stamp:
                return
            texts = self.network_path.read_text("utf-8-sig").split(self.separator or "\n")
        except (OSError, UnicodeDecodeError) as error:
            if self._stamp is None:
                self.problem("network_path", f"the file cannot be read: {error}", "", code="E210")
            complain(
                self.context.where,
                "%s: the file of networks cannot be read: %s",
                self.context.where,
                error,
            )
            return
        self._stamp = stamp
        self._use([text for text in texts if text.strip()])

    def run(self, events: list[Event]) -> list[Event]:
        if self.network_path is not None and time.monotonic() >= self._next_look:
            self._look()
        return super().run(events)

    def apply(self, event: Event) -> bool:
        addresses = self._addresses(event)
        known = self._known
        if any(map(known, addresses)):
            return True
        return bool(self._templates) and self._in_own_networks(event, addresses)

    def _addresses(self, event: Event) -> list[str]:
        addresses = [template.render(event) for template in self.address]
        if self.address_field is not None:
            value = self.address_field.get(event)
            addresses += [to_text(item) for item in (value if type(value) is list else [value])]
        return addresses

    def _in_own_networks(self, event: Event, addresses: list[str]) -> bool:
        """Whether an address is in a network that the event itself names."""
        texts = [text for template in self._templates for text in template.render(event).split(",")]
        holds = Networks(
            [network for text in texts if (network := parse_network(text)) is not None]
        ).holds
        return any(
            holds(parsed) for address in addresses if (parsed := parse_network(address)) is not None
        )
