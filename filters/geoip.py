"""The filter geoip: where an address is, and whose, from a MaxMind database.

What is found for an address is kept ready as a tree of fields, in a cache by the address's text: an
event costs one look-up there and a copy.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import maxminddb

from ..dsl.diagnostics import did_you_mean
from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef
from ..plugins.clients.cache import lru_stats
from ..plugins.contract import Ecs, Filter
from ..plugins.declaration import Example, option
from ..plugins.former import renamed
from ._addresses import address_text, network_text, parse_address
from ._geo_fields import PATHS, Found, defaults, has_place, kind_of, kinds
from ._merge_tree import Tree, map_at, nest, plain_key

_WHERE_FROM = (
    "get GeoLite2-{}.mmdb, free with an account, from"
    " https://dev.maxmind.com/geoip/geolite2-free-geolocation-data and give its path in `database`,"
    " or put it into /usr/share/GeoIP"
)
USUAL_DIRECTORIES = ("/usr/share/GeoIP", "/usr/local/share/GeoIP", "/var/lib/GeoIP")
"""Where a database is looked for that is not given."""
EXPIRED = "_geoip_expired_database"
"""The tag of events that come while there is no database."""


class Geoip(Ecs, Filter, name="geoip"):
    """Add what a MaxMind database knows of an IP address: city, country, coordinates, provider.

    `database` is a file in MaxMind's format, of any of the kinds City, Country, ASN, ISP, Domain,
    Anonymous-IP and Enterprise; Penstock brings none. What a database gives depends on its kind;
    `fields` asks for a part of it, or for more: `city_name`, `continent_code`, `continent_name`,
    `country_name`, `country_code2`, `country_code3`, `region_name`, `region_code`,
    `region_iso_code`, `postal_code`, `dma_code`, `timezone`, `location`, `latitude`, `longitude`,
    `ip`, `autonomous_system_number`, `autonomous_system_organization`, `isp`, `organization`,
    `domain`, `network`, `anonymous`, `anonymous_vpn`, `hosting_provider`, `public_proxy`,
    `residential_proxy` and `tor_exit_node`.

    With `ecs_compatibility`, the fields have the names of the Elastic Common Schema
    (`[geo][city_name]`, `[as][number]`), and `target` is where the address stands when `source`
    ends in `[ip]`; it must be given otherwise. Without, they have their own names and stand in
    `geoip`. The address itself is set again, in the form in which it was looked up: this normalizes
    `[client][ip]` when `source` is that field.

    An address that is not found, and a string that is not an address, get the tags of
    `tag_on_failure`, and an empty `target` where there was nothing. An event without the field gets
    the tags only. Of a list the first item is taken.

    Without `database`, one is looked for where the setting `penstock.geoip.database` says, and in
    /usr/share/GeoIP, /usr/local/share/GeoIP and /var/lib/GeoIP: GeoLite2-City.mmdb, or
    GeoLite2-ASN.mmdb, or their paid twins. Where there is none, `check` warns, and every event that
    gets here is tagged `_geoip_expired_database` and goes on, as in a Logstash whose database has
    expired.

    Differs from Logstash: no database is bundled or kept up to date. Host names are not resolved:
    they count as not found. A database of another kind, and one that is broken, is an error of the
    configuration. A value that is neither text nor a list counts as not found.
    """

    former = renamed({"lru_cache_size": "cache_size"})

    source: FieldRef = option("The field with the address.")
    target: FieldRef | None = option(
        "The field to put the result in. Default: `geoip`, or with ECS the field that"
        " `source` is the `[ip]` of.",
        default=None,
    )
    database: Path | None = option(
        "The path of the database; default: one of the usual places.", default=None
    )
    default_database_type: str = option(
        "Which database is looked for when none is given.",
        default="City",
        choices=("City", "ASN"),
    )
    fields: list[str] = option(
        "The fields to add. Default: those usual for the type of database.", default=[]
    )
    cache_size: int = option("How many addresses to cache.", default=1000)
    tag_on_failure: list[str] = option(
        "Tags for an event whose address is not found.", default=["_geoip_lookup_failure"]
    )

    examples = (
        Example(
            "the place of a client, with ECS",
            """geoip {
  source => "[client][ip]"
  database => "tests/data/geoip/GeoLite2-City-Test.mmdb"
  fields => ["city_name", "country_code2", "location"]
}""",
            before={"client": {"ip": "81.2.69.142"}},
            after={
                "client": {
                    "ip": "81.2.69.142",
                    "geo": {
                        "city_name": "London",
                        "country_iso_code": "GB",
                        "location": {"lat": 51.5142, "lon": -0.0931},
                    },
                }
            },
        ),
        Example(
            "the network of an address, with the names from before ECS",
            """geoip {
  source => "clientip"
  database => "tests/data/geoip/GeoLite2-ASN-Test.mmdb"
  ecs_compatibility => disabled
}""",
            before=[{"clientip": "1.128.0.0"}, {"clientip": "192.168.0.1"}],
            after=[
                {
                    "clientip": "1.128.0.0",
                    "geoip": {"ip": "1.128.0.0", "asn": 1221, "as_org": "Telstra Pty Ltd"},
                },
                {"clientip": "192.168.0.1", "geoip": {}, "tags": ["_geoip_lookup_failure"]},
            ],
        ),
    )

    _reader: maxminddb.Reader | None = None

    def prepare(self) -> None:
        wanted = self._wanted()
        self._target = self._settled_target()
        self._reader = self._open()
        kind = kind_of(self._reader.metadata().database_type) if self._reader else None
        if kind is None:
            return
        wanted = wanted or {*defaults(kind, self.ecs)}
        form = 0 if self.ecs else 1
        given = [name for name in PATHS if name in wanted and name in kind.fields]
        self._read = [(PATHS[name][form], kind.fields[name]) for name in given]
        self._located = kind.located
        self._look_up = lru_cache(maxsize=self.cache_size)(self._find)

    def _wanted(self) -> set[str]:
        legacy = {paths[1][0]: name for name, paths in PATHS.items()}
        for place, name in enumerate(self.fields):
            if name.lower() not in PATHS:
                other = legacy.get(name.lower())
                near = f"did you mean `{other}`?" if other else did_you_mean(name, PATHS)
                help = near or "one of " + ", ".join(PATHS)
                self.problem("fields", f"geoip has no field `{name}`", help, path=(place,))
        return {name.lower() for name in self.fields}

    def _settled_target(self) -> FieldRef:
        if self.target is not None:
            return self.target
        if not self.ecs:
            return FieldRef("geoip")
        source = self.source.text
        if source.endswith("[ip]") and len(source) > 4:
            return FieldRef(source[:-4])
        message = "with ECS, geoip needs a `target` unless its `source` ends in [ip]"
        self.problem(
            "target",
            message,
            'write target => "client", or "source", "destination", "host"',
            code="E214",
        )
        return FieldRef("geoip")

    def _usual(self) -> Path | None:
        """A database in one of the usual places, None with a warning where there is none."""
        wanted = str(self.context.settings.get("penstock.geoip.database") or "")
        places = [Path(wanted)] if wanted else []
        for place in (*places, *map(Path, USUAL_DIRECTORIES)):
            if place.is_file():
                return place
            for family in ("GeoLite2", "GeoIP2"):
                path = place / f"{family}-{self.default_database_type}.mmdb"
                if path.is_file():
                    return path
        self.problem(
            "database",
            f"geoip finds no database; events will be tagged {EXPIRED}",
            _WHERE_FROM.format(self.default_database_type),
            code="W307",
        )
        return None

    def _open(self) -> maxminddb.Reader | None:
        path = self.database or self._usual()
        if path is None:
            return None
        try:
            reader = maxminddb.open_database(path)
            database_type = reader.metadata().database_type
        except (maxminddb.InvalidDatabaseError, OSError, ValueError) as error:
            self.problem(
                "database",
                f"not a valid MaxMind database: {error}",
                "download it again",
            )
            return None
        if kind_of(database_type) is None:
            known = ", ".join(kinds())
            self.problem(
                "database",
                f"geoip does not support databases of the type {database_type}",
                f"it knows {known}",
            )
            reader.close()
            return None
        return reader

    def run(self, events: list[Event]) -> list[Event]:
        if self._reader is None:
            for event in events:
                add_tag(event, EXPIRED)
            return events
        get, look_up, decorate, key = (
            self.source.get,
            self._look_up,
            self.decorate,
            plain_key(self._target),
        )
        for event in events:
            try:
                text = get(event)
                if key is None or key in event or type(text) is not str or not text.strip():
                    found = self.apply(event)
                else:
                    fields = look_up(text)
                    event[key] = {} if fields is None else fields.copy()
                    found = fields is not None or self._not_found(event)
                if found and decorate is not None:
                    decorate(event)
            except Exception as error:
                self.failed(event, error)
        return events

    def apply(self, event: Event) -> bool:
        text = self.source.get(event)
        if type(text) is list:
            text = text[0] if text else None
        if type(text) is not str or not text.strip():
            return self._not_found(event)
        fields = self._look_up(text)
        into = map_at(event, self._target)
        if fields is None:
            return self._not_found(event)
        fields.graft(into)
        return True

    def _not_found(self, event: Event) -> bool:
        self.failures += 1
        for tag in self.tag_on_failure:
            add_tag(event, tag)
        return False

    def _find(self, text: str) -> Tree | None:
        """What the database holds of an address, as a tree; None where it holds nothing or is
        broken there.
        """
        address = parse_address(text)
        if address is None or self._reader is None:
            return None
        try:
            record, bits = self._reader.get_with_prefix_len(address)
        except (maxminddb.InvalidDatabaseError, ValueError):
            return None
        if not isinstance(record, dict) or (self._located and not has_place(record)):
            return None
        found = Found(record, address_text(address), network_text(address, bits))
        pairs = {path: value for path, read in self._read if (value := read(found)) is not None}
        if not pairs:
            return None
        pairs.pop((), None)
        return nest(pairs)

    def stats(self) -> dict[str, int | float]:
        """How often an address was remembered."""
        if self._reader is None:
            return {}
        return lru_stats(self._look_up.cache_info())

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
