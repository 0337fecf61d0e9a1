"""The filter geoip, against MaxMind's test databases."""
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.pipeline.compile.stage import Stage

DATA = Path(__file__).parent.parent / "data" / "geoip"


def compiled(database: str, options: str = "", ecs: str = "disabled") -> Stage:
    config = f'filter {{ geoip {{ source => "[c][ip]" database => "{DATA}/{database}.mmdb" {options} }} }}'
    return penstock.compile(config, settings={"pipeline.ecs_compatibility": ecs})


def found(database: str, address: Any, options: str = "", ecs: str = "disabled") -> Any:
    (out,) = compiled(database, options, ecs)([{"c": {"ip": address}}])
    return out["geoip"] if ecs == "disabled" else out["c"]


@pytest.mark.parametrize(
    ("database", "address", "fields"),
    [
        ("GeoLite2-ASN-Test", "12.81.92.0", {"ip": "12.81.92.0", "asn": 7018, "as_org": "AT&T Services"}),
        (
            "GeoIP2-ISP-Test",
            "149.101.100.0",
            {
                "ip": "149.101.100.0",
                "asn": 6167,
                "as_org": "CELLCO-PART",
                "isp": "Verizon Wireless",
                "organization": "Verizon Wireless",
            },
        ),
        ("GeoIP2-Domain-Test", "71.160.223.0", {"domain": "verizon.net"}),
        (
            "GeoIP2-Country-Test",
            "2001:218::1",
            {
                "ip": "2001:218:0:0:0:0:0:1",
                "country_name": "Japan",
                "country_code2": "JP",
                "continent_name": "Asia",
            },
        ),
        (
            "GeoIP2-Anonymous-IP-Test",
            "71.160.223.0",
            {
                "anonymous": True,
                "hosting_provider": True,
                "anonymous_vpn": False,
                "public_proxy": False,
                "residential_proxy": False,
                "tor_exit_node": False,
            },
        ),
        (
            "GeoIP2-Enterprise-Test",
            "149.101.100.0",
            {
                "ip": "149.101.100.0",
                "country_name": "United States",
                "country_code2": "US",
                "continent_name": "North America",
                "location": {"lat": 37.751, "lon": -97.822},
            },
        ),
    ],
)
def test_what_each_kind_of_database_gives(database: str, address: str, fields: dict[str, Any]) -> None:
    assert found(database, address) == fields


def test_a_city_with_ecs() -> None:
    assert found("GeoLite2-City-Test", "216.160.83.56", ecs="v8") == {
        "ip": "216.160.83.56",
        "geo": {
            "city_name": "Milton",
            "continent_code": "NA",
            "country_iso_code": "US",
            "country_name": "United States",
            "location": {"lat": 47.2513, "lon": -122.3149},
            "postal_code": "98354",
            "region_iso_code": "US-WA",
            "region_name": "Washington",
            "timezone": "America/Los_Angeles",
        },
        "mmdb": {"dma_code": 819},
    }


@pytest.mark.parametrize(
    ("fields", "ecs", "given"),
    [
        ('["CITY_NAME"]', "disabled", {"city_name": "Milton"}),
        ('["region_code", "region_iso_code"]', "disabled", {"region_code": "WA", "region_iso_code": "US-WA"}),
        ('["latitude", "longitude"]', "disabled", {"latitude": 47.2513, "longitude": -122.3149}),
        ('["latitude"]', "v8", {"ip": "216.160.83.56", "geo": {"location": {"lat": 47.2513}}}),
        ('["country_code3"]', "v8", {"ip": "216.160.83.56"}),
    ],
)
def test_the_fields_that_are_asked_for(fields: str, ecs: str, given: dict[str, Any]) -> None:
    assert found("GeoLite2-City-Test", "216.160.83.56", f"fields => {fields}", ecs) == given


def test_the_network_of_an_address() -> None:
    options = 'fields => ["network"]'
    assert found("GeoLite2-ASN-Test", "1.130.5.6", options) == {"network": "1.128.0.0/11"}
    assert found("GeoLite2-ASN-Test", "2600:6000::1", options) == {"network": "2600:6000:0:0:0:0:0:0/20"}


@pytest.mark.parametrize(
    "address", ["81.2.69.142", "::ffff:81.2.69.142", "81.2.17806", "1359103374", ["81.2.69.142", "8.8.8.8"]]
)
def test_an_address_may_be_written_in_many_ways(address: Any) -> None:
    out = found("GeoLite2-City-Test", address, 'fields => ["city_name", "ip"]')
    assert out == {"ip": "81.2.69.142", "city_name": "London"}


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "0.0.0.0", "8.8.8.8", "256.1.1.1", "1.2.3.4.5", "81.2.69.142:80", "fe80::1%eth0", "-", "²"],
)
def test_an_address_that_is_not_found_gets_a_tag_and_an_empty_target(address: str) -> None:
    (out,) = compiled("GeoLite2-City-Test", "add_field => { never => 1 }")([{"c": {"ip": address}}])
    assert (out["geoip"], out["tags"], "never" in out) == ({}, ["_geoip_lookup_failure"], False)


@pytest.mark.parametrize("value", [None, "", "  ", [], [None], 5, {"a": 1}])
def test_what_is_no_text_gets_a_tag_only(value: Any) -> None:
    (out,) = compiled("GeoLite2-City-Test", 'tag_on_failure => ["a", "b"]')([{"c": {"ip": value}}])
    assert (out["tags"], "geoip" in out) == (["a", "b"], False)


def test_results_are_not_shared_between_events() -> None:
    stage = compiled("GeoLite2-City-Test", 'add_field => { "[c][geo][city_name]" => "x" }', ecs="v8")
    for out in stage([{"c": {"ip": "81.2.69.142"}}, {"c": {"ip": "81.2.69.142"}}]):
        assert out["c"]["geo"]["city_name"] == ["London", "x"]


def test_what_was_remembered_is_counted() -> None:
    stage = compiled("GeoLite2-City-Test")
    stage([{"c": {"ip": address}} for address in ("81.2.69.142", "81.2.69.142", "192.168.0.1")])
    (made,) = stage.assembly.made.values()
    assert made.stats() == {"cache_hits": 1, "cache_misses": 2, "cache_entries": 2}


def test_a_target_that_holds_no_map_is_reported_on_the_event() -> None:
    (out,) = compiled("GeoLite2-City-Test", 'target => "t"')([{"c": {"ip": "81.2.69.142"}, "t": "text"}])
    assert (out["t"], out["tags"]) == ("text", ["_geoip_exception"])


CITY = f'database => "{DATA}/GeoLite2-City-Test.mmdb"'


@pytest.mark.parametrize(
    ("config", "code", "said"),
    [
        ('source => "[c][ip]" database => "nowhere.mmdb"', "E210", "nowhere.mmdb"),
        ('source => "ip" ' + CITY, "E214", "`target`"),
        ('source => "[ip]" ' + CITY, "E214", "`target`"),
        ('source => "[c][ip]" fields => ["citty_name"] ' + CITY, "E220", "did you mean `city_name`"),
        ('source => "[c][ip]" fields => ["asn"] ' + CITY, "E220", "did you mean `autonomous_system_number`"),
        (f'source => "[c][ip]" database => "{DATA}/GeoIP2-Connection-Type-Test.mmdb"', "E220", "Connection-Type"),
        (f'source => "[c][ip]" database => "{DATA}/LICENSE"', "E220", "not a valid MaxMind database"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(config: str, code: str, said: str) -> None:
    with pytest.raises(penstock.ConfigError) as error:
        penstock.compile(f"filter {{ geoip {{ {config} }} }}")
    (message,) = [f"{d.message}; {d.help}" for d in error.value.diagnostics if d.code == code]
    assert said in message


@pytest.mark.parametrize("kind", ["City", "ASN"])
@pytest.mark.parametrize("where", ["directory", "file"])
def test_a_database_is_looked_for_where_the_setting_says(tmp_path: Path, kind: str, where: str) -> None:
    path = tmp_path / f"GeoLite2-{kind}.mmdb"
    path.write_bytes((DATA / f"GeoLite2-{kind}-Test.mmdb").read_bytes())
    settings = {"penstock.geoip.database": str(tmp_path if where == "directory" else path)}
    config = f'filter {{ geoip {{ source => "[c][ip]" default_database_type => "{kind}" }} }}'
    stage = penstock.compile(config, settings=settings)
    (out,) = stage([{"c": {"ip": "81.2.69.142" if kind == "City" else "1.128.0.0"}}])
    assert "tags" not in out
    assert ("geo" if kind == "City" else "as") in out["c"]


@pytest.mark.parametrize("kind", ["City", "ASN"])
def test_without_any_database_events_are_tagged_and_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("penstock.filters.geoip.USUAL_DIRECTORIES", (str(tmp_path),))
    config = f'filter {{ geoip {{ source => "ip" target => "g" default_database_type => "{kind}" add_tag => ["found"] }} }}'
    stage = penstock.compile(config)
    (warning,) = stage.warnings
    assert warning.code == "W307"
    assert f"GeoLite2-{kind}.mmdb" in warning.help
    (out,) = stage([{"ip": "81.2.69.142"}])
    assert out["tags"] == ["_geoip_expired_database"]
    assert "g" not in out


BROKEN = sorted(path.stem for path in (DATA / "bad").iterdir())


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_database_is_refused_or_finds_nothing(name: str) -> None:
    try:
        stage = compiled(f"bad/{name}")
    except penstock.ConfigError:
        return
    for out in stage([{"c": {"ip": address}} for address in ("81.2.69.142", "2001:218::1", "1.1.1.1")]):
        assert out["tags"] == ["_geoip_lookup_failure"]
