"""The Common Event Format: headers, extensions, names and times."""
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.joda.names import ENGLISH
from penstock.dsl.joda.zones import get_zone
from penstock.dsl.reference import FieldRef
from penstock.dsl.template import Template
from penstock.dsl.timestamp import Timestamp
from penstock.plugins.codecs._cef_time import cef_time

HEAD = "CEF:0|v|p|1|id|n|5|"
FAILED = ["_cefparsefailure"]


def extension(codec: Any, text: str, **options: Any) -> dict[str, Any]:
    """The event of an extension, without the header's fields."""
    (event,) = codec("cef", ecs=False, **options).decode((HEAD + text).encode())
    header = ("cefVersion", "deviceVendor", "deviceProduct", "deviceVersion", "deviceEventClassId", "name", "severity")
    return {key: value for key, value in event.items() if key not in header}


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("CEF:0|v|p|1|id|n|5|", ["0", "v", "p", "1", "id", "n", "5"]),
        ("CEF:1|||||||", ["1", "", "", "", "", "", ""]),
        (r"CEF:0|a\|b|c\\|d\e|id|n|5|", ["0", "a|b", "c\\", r"d\e", "id", "n", "5"]),
    ],
)
def test_the_header_has_seven_fields(codec: Any, header: str, values: list[str]) -> None:
    (event,) = codec("cef", ecs=False).decode(header.encode())
    assert list(event.values()) == values
    (event,) = codec("cef").decode(header.encode())
    assert [event["cef"]["version"], *event["observer"].values()] == values[:4]
    assert [event["event"]["code"], event["cef"]["name"], event["event"]["severity"]] == values[4:]


def test_a_syslog_header_is_kept(codec: Any) -> None:
    data = f"<13>Jan  1 10:00:00 host {HEAD}".encode()
    (event,) = codec("cef", ecs=False).decode(data)
    assert (event["syslog"], event["cefVersion"]) == ("<13>Jan  1 10:00:00 host", "0")
    (event,) = codec("cef").decode(data)
    assert event["log"] == {"syslog": {"header": "<13>Jan  1 10:00:00 host"}}


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", {}),
        ("src=1.2.3.4 spt=80", {"sourceAddress": "1.2.3.4", "sourcePort": "80"}),
        ("  src=1.2.3.4   spt=80  ", {"sourceAddress": "1.2.3.4", "sourcePort": "80"}),
        ("sourceAddress=1.2.3.4", {"sourceAddress": "1.2.3.4"}),
        ("msg=several words here act=blocked", {"message": "several words here", "deviceAction": "blocked"}),
        ("cs1= cs1Label=Label", {"deviceCustomString1": "", "deviceCustomString1Label": "Label"}),
        ("cs15=x c6a7=::1", {"deviceCustomString15": "x", "deviceCustomIPv6Address7": "::1"}),
        (r"a=x\=y\\z\nq\r|w \other", {"a": "x=y\\z\nq\r|w \\other"}),
        ("a=b=c =d e=f", {"a": "b=c =d", "e": "f"}),
        ("ad.x=1 ad.y[0]=2 ad.y[1]=3 ad.Error_,Code=4", {"ad.x": "1", "ad.y": {"0": "2", "1": "3"}, "ad.Error_,Code": "4"}),
        ("slat=1.5 sourceLatitude=2.5", {"sourceGeoLatitude": "1.5", "sourceLatitude": "2.5"}),
        ("a=1 a=2", {"a": "2"}),
        ("msg=é ✓", {"message": "é ✓"}),
        ("rt=Sep 07 2018 14:50:39", {"deviceReceiptTime": "Sep 07 2018 14:50:39"}),
    ],
)
def test_pairs_become_fields(codec: Any, text: str, fields: dict[str, Any]) -> None:
    assert extension(codec, text) == fields
    assert extension(codec, text + "\r\n") == fields


def test_fields_have_the_names_of_the_schema(codec: Any) -> None:
    text = HEAD + "src=1.2.3.4 sourceGeoLatitude=1 slong=2 cn3=3 cn3Label=x dvc=1.1.1.1 dvchost=h deviceExternalId=9 zz=0"
    (event,) = codec("cef").decode(text.encode())
    assert event["source"] == {"ip": "1.2.3.4", "geo": {"location": {"lat": "1", "lon": "2"}}}
    assert event["cef"]["device_custom_number_3"] == {"value": "3", "label": "x"}
    assert event["observer"].items() >= {"ip": "1.1.1.1", "hostname": "h", "name": "9"}.items()
    assert event["zz"] == "0"
    (event,) = codec("cef", device="host").decode(text.encode())
    assert event["host"] == {"ip": "1.1.1.1", "name": "h", "id": "9"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no cef",
        "CEF:0|v|p|1|id|n|5",
        HEAD + "no pair",
        HEAD + "=x",
        HEAD + "a=1\nb=2",
        HEAD + "a=1 a[0]=2",
        "\\" * 5000,
        HEAD + "a." * 5000,
        HEAD + "x" * 5000 + " " + "y" * 5000,
    ],
)
def test_what_is_no_cef_is_kept_and_tagged(codec: Any, text: str) -> None:
    assert codec("cef", ecs=False).decode(text.encode()) == [{"message": text, "tags": FAILED}]


def test_bytes_that_are_no_text_are_kept_and_tagged(codec: Any) -> None:
    assert codec("cef").decode(HEAD.encode() + b"a=\xff") == [{"message": HEAD + "a=\ufffd", "tags": FAILED}]


def test_quotes_around_an_event_are_taken_off(codec: Any) -> None:
    (event,) = codec("cef", ecs=False).decode(f'"{HEAD}a=1"'.encode())
    assert event["a"] == "1"


def test_the_text_may_be_kept(codec: Any) -> None:
    (event,) = codec("cef", raw_data_field=FieldRef("[event][original]")).decode(f"{HEAD}a=1".encode())
    assert event["event"]["original"] == f"{HEAD}a=1"


def test_a_delimiter_may_be_written_with_backslashes(codec: Any) -> None:
    cef = codec("cef", ecs=False, delimiter=r"\r\n")
    assert [event["a"] for event in cef.decode(f"{HEAD}a=1\r\n{HEAD}a=2\r\n{HEAD}a=".encode())] == ["1", "2"]
    assert [event["a"] for event in [*cef.decode(b"3"), *cef.flush()]] == ["3"]


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("1500464384997", "UTC", "2017-07-19T11:39:44.997Z"),
        ("1500464384997.5", "UTC", "2017-07-19T11:39:44.997Z"),
        ("Jul 19 2017 10:50:21", "UTC", "2017-07-19T10:50:21.000Z"),
        ("Jul 19 2017 10:50:21.127", "Europe/Moscow", "2017-07-19T07:50:21.127Z"),
        ("Jul 19 2017 10:50:21.127 EST", "Europe/Moscow", "2017-07-19T14:50:21.127Z"),
        ("Jul 19 2017 10:50:21.123456 America/New_York", "UTC", "2017-07-19T14:50:21.123456Z"),
        ("Jul 19 2017 10:50:21.123456789 GMT", "UTC", "2017-07-19T10:50:21.123456789Z"),
        ("Mar 26 2017 02:30:00", "Europe/Berlin", "2017-03-26T01:30:00.000Z"),  # clocks jump over it
        ("May 06 07:00:00", "UTC", "2024-05-06T07:00:00.000Z"),
        ("May 08 07:00:00", "UTC", "2024-05-08T07:00:00.000Z"),  # two days ahead: a clock that is wrong
        ("May 09 07:00:00", "UTC", "2023-05-09T07:00:00.000Z"),
        ("Jan 01 00:00:00", "UTC", "2024-01-01T00:00:00.000Z"),
    ],
)
def test_times_become_instants(text: str, zone: str, instant: str) -> None:
    now = Timestamp("2024-05-06T07:08:09.000Z")
    assert cef_time(text, get_zone(zone), ENGLISH.months, now) == instant


def test_at_the_end_of_the_year_a_time_may_be_of_the_next() -> None:
    at = cef_time("Jan 01 00:30:00", get_zone("UTC"), ENGLISH.months, Timestamp("2023-12-31T23:00:00.000Z"))
    assert at == "2024-01-01T00:30:00.000Z"


@pytest.mark.parametrize("text", ["soon", "Foo 01 2020 00:00:00", "Jan 32 2020 00:00:00", "Jan 01 2020 25:00:00", "0", "-5"])
def test_a_time_that_is_none_makes_the_event_fail(codec: Any, text: str) -> None:
    assert codec("cef").decode(f"{HEAD}start={text}".encode())[0]["tags"] == FAILED
    assert codec("cef", ecs=False).decode(f"{HEAD}start={text}".encode())[0]["startTime"] == text


def test_an_empty_time_is_null(codec: Any) -> None:
    (event,) = codec("cef").decode(f"{HEAD}rt= start= end=1".encode())
    assert "@timestamp" not in event
    assert (event["event"]["start"], event["event"]["end"]) == (None, "1970-01-01T00:00:00.001Z")


def test_the_device_s_zone_and_the_locale_count(codec: Any) -> None:
    cef = codec("cef", default_timezone="+02:00", locale="de_DE")
    (event,) = cef.decode(f"{HEAD}start=März 07 2018 14:00:00 end=Okt. 07 2018 14:00:00".encode())
    assert event["event"]["start"] == "2018-03-07T12:00:00.000Z"
    assert event["event"]["end"] == "2018-10-07T12:00:00.000Z"
    (event,) = cef.decode(f"{HEAD}dtz=Asia/Tokyo start=Mai 07 2018 14:00:00".encode())
    assert event["event"]["start"] == "2018-05-07T05:00:00.000Z"


def test_bad_options_are_refused(problems: Any) -> None:
    assert [problem.option for problem in problems("cef", default_timezone="Mars")] == ["default_timezone"]


EVENT = {
    "source": {"ip": "1.2.3.4"},
    "deviceAction": "a=b\\c\r\nd|e",
    "n": 1.0,
    "l": [1, {"a": "="}],
    "at": Timestamp("2020-01-01T00:00:00.000Z"),
    "none": None,
}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "CEF:0|Elasticsearch|Logstash|1.0|Logstash|Logstash|6|"),
        ({"vendor": Template("a|b\\\n%{n}"), "name": Template("")}, r"CEF:0|a\|b\\ 1.0|Logstash|1.0|Logstash|Logstash|6|"),
        ({"severity": Template("%{n}")}, "CEF:0|Elasticsearch|Logstash|1.0|Logstash|Logstash|1|"),
        ({"severity": Template("11")}, "CEF:0|Elasticsearch|Logstash|1.0|Logstash|Logstash|6|"),
        ({"severity": Template("5.5")}, "CEF:0|Elasticsearch|Logstash|1.0|Logstash|Logstash|6|"),
    ],
)
def test_a_header_is_written(codec: Any, options: dict[str, Any], text: str) -> None:
    assert codec("cef", **options).encode([EVENT]).decode() == text


@pytest.mark.parametrize(
    ("fields", "short", "text"),
    [
        (["[source][ip]", "nope", "none"], False, "sourceAddress=1.2.3.4"),
        (["[source][ip]", "deviceAction"], True, r"src=1.2.3.4 act=a\=b\\c\nd|e"),
        (["n", "l", "at"], False, r'n=1.0 l=[1,{"a":"\="}] at=2020-01-01T00:00:00.000Z'),
    ],
)
def test_fields_are_written(codec: Any, fields: list[str], short: bool, text: str) -> None:
    cef = codec("cef", fields=[FieldRef(field) for field in fields], reverse_mapping=short, delimiter="\n")
    assert cef.encode([EVENT]).decode().partition("|6|")[2] == text + "\n"


NAMES = {"src": "sourceAddress", "dst": "destinationAddress", "msg": "message", "cs1": "deviceCustomString1", "foo": "foo"}


@given(st.dictionaries(st.sampled_from(sorted(NAMES)), st.text("ab=\\|\né")))
def test_what_is_written_is_read_again(codec: Any, event: dict[str, str]) -> None:
    """Where no value has a space in it: what follows one may look like a key."""
    cef = codec("cef", ecs=False, fields=[FieldRef(key) for key in event])
    (got,) = cef.decode(cef.encode([event]))
    assert {key: got[NAMES[key]] for key in event} == event
