"""Protocol Buffers messages, of types that a descriptor set tells."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.reference import FieldRef
from penstock.dsl.timestamp import Timestamp

pb = pytest.importorskip("google.protobuf.descriptor_pb2")
from google.protobuf import timestamp_pb2  # noqa: E402

NOW = Timestamp("2024-05-06T07:08:09.000Z")
ALWAYS = {"@timestamp": NOW, "@version": "1"}
ORDER = b"\x08\x05\x12\x01\x61\x18\x01\x22\x02\x08\x07\x22\x00\x2a\x02\x01\x02\x32\x05\x0a\x01\x6b\x10\x09\x3a\x02\x08\x01\x42\x01\xff"
EVENT = {
    "id": 5, "name": "a", "state": "PAID", "items": [{"count": 7}, {"count": 0}], "codes": [1, 2], "stock": {"k": 9},
    "at": Timestamp("1970-01-01T00:00:01.000Z"), "raw": "\\xFF",
}  # fmt: skip


def descriptors() -> bytes:
    """What protoc would write for a small file."""
    file = pb.FileDescriptorProto(name="shop.proto", package="shop", syntax="proto3")
    file.dependency.append("google/protobuf/timestamp.proto")
    enum = file.enum_type.add(name="State")
    for number, name in enumerate(["NEW", "PAID"]):
        enum.value.add(name=name, number=number)
    item = file.message_type.add(name="Item")
    kinds = pb.FieldDescriptorProto
    item.field.add(name="count", number=1, type=kinds.TYPE_INT32, label=1)
    order = file.message_type.add(name="Order")
    entry = order.nested_type.add(name="StockEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=kinds.TYPE_STRING, label=1)
    entry.field.add(name="value", number=2, type=kinds.TYPE_INT64, label=1)
    order.oneof_decl.add(name="payment")
    for number, name, kind, label, of in (
        (1, "id", kinds.TYPE_INT64, 1, ""),
        (2, "name", kinds.TYPE_STRING, 1, ""),
        (3, "state", kinds.TYPE_ENUM, 1, ".shop.State"),
        (4, "items", kinds.TYPE_MESSAGE, 3, ".shop.Item"),
        (5, "codes", kinds.TYPE_INT32, 3, ""),
        (6, "stock", kinds.TYPE_MESSAGE, 3, ".shop.Order.StockEntry"),
        (7, "at", kinds.TYPE_MESSAGE, 1, ".google.protobuf.Timestamp"),
        (8, "raw", kinds.TYPE_BYTES, 1, ""),
    ):
        order.field.add(name=name, number=number, type=kind, label=label, type_name=of or None)
    order.field.add(name="card", number=9, type=kinds.TYPE_STRING, label=1, oneof_index=0)
    order.field.add(name="cash", number=10, type=kinds.TYPE_BOOL, label=1, oneof_index=0)
    stamp = pb.FileDescriptorProto()
    timestamp_pb2.DESCRIPTOR.CopyToProto(stamp)
    data: bytes = pb.FileDescriptorSet(file=[stamp, file]).SerializeToString()
    return data


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The options for a codec of orders."""
    path: Path = tmp_path_factory.mktemp("protobuf") / "shop.desc"
    path.write_bytes(descriptors())
    return {"class_name": "shop.Order", "class_file": path}


def test_a_message_is_an_event(codec: Any, order: dict[str, Any]) -> None:
    assert codec("protobuf", **order).decode(ORDER) == [ALWAYS | EVENT]
    assert codec("protobuf", target=FieldRef("o"), **order).decode(ORDER) == [{"o": EVENT}]


def test_fields_that_are_not_set_have_their_default_or_are_left_out(codec: Any, order: dict[str, Any]) -> None:
    (event,) = codec("protobuf", **order).decode(b"\x18\x63")
    assert event == ALWAYS | {"id": 0, "name": "", "state": 99, "items": [], "codes": [], "stock": {}, "raw": ""}


def test_the_choices_of_oneofs_may_be_told(codec: Any, order: dict[str, Any]) -> None:
    (event,) = codec("protobuf", pb3_add_oneof_metainfo=True, **order).decode(b"\x50\x00")
    assert (event["cash"], event["@metadata"]) == (False, {"pb_oneof": {"payment": "cash"}})


@given(st.binary(max_size=60))
def test_any_payload_becomes_an_event(codec: Any, order: dict[str, Any], data: bytes) -> None:
    (event,) = codec("protobuf", **order).decode(data)
    assert event.get("tags") == ["_protobufdecodefailure"] or "id" in event


def test_an_event_is_a_message(codec: Any, order: dict[str, Any]) -> None:
    event = {key: value for key, value in EVENT.items() if key != "raw"} | {"other": 1, "@metadata": {"x": 1}, "@timestamp": NOW}
    protobuf = codec("protobuf", **order)
    (got,) = protobuf.decode(protobuf.encode([event]))
    assert got == ALWAYS | EVENT | {"raw": ""}


def test_an_event_that_does_not_fit_is_left_out(codec: Any, order: dict[str, Any]) -> None:
    assert codec("protobuf", **order).encode([{"id": "x"}, {"id": 5}]) == b"\x08\x05"


def test_bad_options_are_refused(problems: Any, order: dict[str, Any], tmp_path: Path) -> None:
    (found,) = problems("protobuf", **order | {"class_name": "shop.Ordre"})
    assert (found.option, "shop.Item, shop.Order" in found.help) == ("class_name", True)
    (tmp_path / "bad").write_bytes(b"\xff\xff")
    assert [p.option for p in problems("protobuf", **order | {"class_file": tmp_path / "bad"})] == ["class_file"]
