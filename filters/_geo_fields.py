"""What databases of MaxMind hold, and what Logstash names it.

A kind of database is known by its type's name; each kind has fields that it can give, and some that
it gives unless asked. A field is read off a record by a function; one that a record lacks is None
and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """A record, the address that it was found for, and the network that it is about."""

    record: Record
    address: str
    network: str


Reader = Callable[[Found], Any]

PATHS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "autonomous_system_number": (("as", "number"), ("asn",)),
    "autonomous_system_organization": (("as", "organization", "name"), ("as_org",)),
    "city_name": (("geo", "city_name"), ("city_name",)),
    "country_name": (("geo", "country_name"), ("country_name",)),
    "continent_code": (("geo", "continent_code"), ("continent_code",)),
    "continent_name": (("geo", "continent_name"), ("continent_name",)),
    "country_code2": (("geo", "country_iso_code"), ("country_code2",)),
    "country_code3": ((), ("country_code3",)),
    "domain": (("domain",), ("domain",)),
    "ip": (("ip",), ("ip",)),
    "isp": (("mmdb", "isp"), ("isp",)),
    "postal_code": (("geo", "postal_code"), ("postal_code",)),
    "dma_code": (("mmdb", "dma_code"), ("dma_code",)),
    "region_name": (("geo", "region_name"), ("region_name",)),
    "region_code": (("geo", "region_code"), ("region_code",)),
    "region_iso_code": (("geo", "region_iso_code"), ("region_iso_code",)),
    "timezone": (("geo", "timezone"), ("timezone",)),
    "location": (("geo", "location"), ("location",)),
    "latitude": (("geo", "location", "lat"), ("latitude",)),
    "longitude": (("geo", "location", "lon"), ("longitude",)),
    "organization": (("mmdb", "organization"), ("organization",)),
    "network": (("ip_traits", "network"), ("network",)),
    "hosting_provider": (("ip_traits", "hosting_provider"), ("hosting_provider",)),
    "tor_exit_node": (("ip_traits", "tor_exit_node"), ("tor_exit_node",)),
    "anonymous_vpn": (("ip_traits", "anonymous_vpn"), ("anonymous_vpn",)),
    "anonymous": (("ip_traits", "anonymous"), ("anonymous",)),
    "public_proxy": (("ip_traits", "public_proxy"), ("public_proxy",)),
    "residential_proxy": (("ip_traits", "residential_proxy"), ("residential_proxy",)),
}
"""Every field that can be asked for, in the order of setting: its path with ECS (none: left out),
and without.
"""


def _at(*keys: str) -> Reader:
    """Reads the value at a path of a record."""

    def read(found: Found) -> Any:
        value: Any = found.record
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    return read


def _subdivision(*keys: str) -> Reader:
    """Reads a value of the most specific subdivision, which is the last."""
    within = _at(*keys)

    def read(found: Found) -> Any:
        several = found.record.get("subdivisions")
        if not isinstance(several, list) or not several or not isinstance(several[-1], dict):
            return None
        return within(Found(several[-1], "", ""))

    return read


def _location(found: Found) -> Any:
    latitude, longitude = _LATITUDE(found), _LONGITUDE(found)
    return None if latitude is None or longitude is None else {"lat": latitude, "lon": longitude}


def _region_iso_code(found: Found) -> Any:
    country, region = _COUNTRY(found), _REGION(found)
    return None if country is None or region is None else f"{country}-{region}"


def _flag(*keys: str) -> Reader:
    """Reads a boolean, which a record only has when it is true."""
    read = _at(*keys)
    return lambda found: bool(read(found))


_LATITUDE, _LONGITUDE = _at("location", "latitude"), _at("location", "longitude")
_COUNTRY, _REGION = _at("country", "iso_code"), _subdivision("iso_code")

_PLACE: dict[str, Reader] = {
    "ip": lambda found: found.address,
    "city_name": _at("city", "names", "en"),
    "continent_name": _at("continent", "names", "en"),
    "country_name": _at("country", "names", "en"),
    "country_code2": _COUNTRY,
    "region_name": _subdivision("names", "en"),
    "region_iso_code": _region_iso_code,
    "timezone": _at("location", "time_zone"),
    "location": _location,
}
_CITY: dict[str, Reader] = {
    **_PLACE,
    "continent_code": _at("continent", "code"),
    "country_code3": _COUNTRY,
    "postal_code": _at("postal", "code"),
    "dma_code": _at("location", "metro_code"),
    "region_code": _REGION,
    "latitude": _LATITUDE,
    "longitude": _LONGITUDE,
}
_SYSTEM: dict[str, Reader] = {
    "ip": lambda found: found.address,
    "autonomous_system_number": _at("autonomous_system_number"),
    "autonomous_system_organization": _at("autonomous_system_organization"),
}
_FLAGS = (
    "hosting_provider",
    "tor_exit_node",
    "anonymous_vpn",
    "anonymous",
    "public_proxy",
    "residential_proxy",
)


def _network(found: Found) -> str:
    return found.network


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of database: what it gives unless asked, and how each field that it can give is read.

    ``located``: a record without coordinates counts as not found.
    """

    default: tuple[str, ...]
    fields: Mapping[str, Reader]
    located: bool = False


_KINDS: dict[str, Kind] = {
    "City": Kind(
        tuple(
            name
            for name in _CITY
            if name not in ("continent_name", "region_code", "region_iso_code")
        ),
        _CITY,
        located=True,
    ),
    "Country": Kind(
        ("ip", "country_code2", "country_name", "continent_name"),
        {name: _PLACE[name] for name in ("ip", "country_code2", "country_name", "continent_name")},
    ),
    "GeoIP2-Domain": Kind(("domain",), {"domain": _at("domain")}),
    "GeoLite2-ASN": Kind(tuple(_SYSTEM), {**_SYSTEM, "network": _network}),
    "GeoIP2-ISP": Kind(
        (*_SYSTEM, "isp", "organization"),
        {**_SYSTEM, "isp": _at("isp"), "organization": _at("organization")},
    ),
    "Enterprise": Kind(
        tuple(name for name in _PLACE if name != "timezone"),
        {
            **_PLACE,
            "autonomous_system_number": _at("traits", "autonomous_system_number"),
            "autonomous_system_organization": _at("traits", "autonomous_system_organization"),
            "network": _network,
            **{flag: _flag("traits", f"is_{flag}") for flag in _FLAGS},
        },
    ),
    "GeoIP2-Anonymous-IP": Kind(
        _FLAGS,
        {"ip": lambda found: found.address, **{flag: _flag(f"is_{flag}") for flag in _FLAGS}},
    ),
}


def kind_of(database_type: str) -> Kind | None:
    """The kind of a database of this type, None for one that is not known."""
    return next((kind for part, kind in _KINDS.items() if part in database_type), None)


def has_place(record: Record) -> bool:
    """Whether a record has a latitude or a longitude."""
    found = Found(record, "", "")
    return _LATITUDE(found) is not None or _LONGITUDE(found) is not None


def kinds() -> list[str]:
    """The types that are known, for a message."""
    return list(_KINDS)


def defaults(kind: Kind, ecs: bool) -> tuple[str, ...]:
    """What a database of a kind gives unless asked; a city's region has another code with ECS."""
    if not kind.located:
        return kind.default
    return *kind.default, "region_iso_code" if ecs else "region_code"
