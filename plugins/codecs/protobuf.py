"""Protocol Buffers messages, one for each payload, of a type that a descriptor file tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import DecodeError, EncodeError, Message

from ...dsl.reference import Event, FieldError, FieldRef
from ...dsl.timestamp import Timestamp
from ..contract import Codec, OptionProblem, complain
from ..declaration import option
from ._foreign import text_of
from ._json import bare, plain
from ._target import check_target, placed

_GONE = "remove it: the descriptor file holds all files that it needs"
_MAKE = "make one with `protoc --include_imports --descriptor_set_out=FILE YOURS.proto`"
_DEEPEST = 100


class Protobuf(Codec, name="protobuf"):
    """Protocol Buffers messages, one for each payload.

    `class_file` is a descriptor set, as `protoc --include_imports --descriptor_set_out=FILE` writes
    it. Decoding: fields have the names of the `.proto` file; enums are their names, bytes are text,
    a `google.protobuf.Timestamp` is an instant. What is not a message of the type is an event with
    the payload as `message`, tagged `_protobufdecodefailure`. Encoding: the fields that the type
    has; an event that does not fit it is left out, with a warning in the log.

    Differs from Logstash: it takes Ruby files that protoc wrote; here it is the descriptor set.
    """

    class_name: str = option("The type of the messages, with its package: `shop.Order`.")
    class_file: Path = option("A descriptor set that holds the type.")
    protobuf_version: int = option("Has no effect: the descriptor says it.", default=3)
    target: FieldRef | None = option(
        "The field to put messages under, instead of the event's root.", default=None
    )
    include_path: list[str] = option("Removed.", default=[], obsolete=_GONE)
    protobuf_root_directory: str | None = option("Removed.", default=None, obsolete=_GONE)
    stop_on_error: bool = option(
        "Has no effect: a payload that is not a valid message becomes a tagged event.",
        default=False,
    )
    pb3_encoder_autoconvert_types: bool = option(
        "Has no effect: values are always converted.", default=True
    )
    pb3_add_oneof_metainfo: bool = option(
        "Whether `[@metadata][pb_oneof]` says which field of each oneof is set.", default=False
    )

    def prepare(self) -> None:
        check_target(self)
        files, pool = descriptor_pb2.FileDescriptorSet(), descriptor_pool.DescriptorPool()
        try:
            files.ParseFromString(self.class_file.read_bytes())
            for file in files.file:
                pool.Add(file)
        except (OSError, DecodeError, TypeError) as error:
            raise OptionProblem(
                "class_file", f"not a valid descriptor set: {error}", _MAKE
            ) from None
        try:
            found = pool.FindMessageTypeByName(self.class_name.replace("::", ".").strip("."))
        except KeyError:
            names = sorted(
                f"{file.package}.{m.name}".strip(".")
                for file in files.file
                for m in file.message_type
            )
            raise OptionProblem(
                "class_name", f"unknown type `{self.class_name}`", "one of " + ", ".join(names)
            ) from None
        self._class = message_factory.GetMessageClass(found)

    def decode(self, data: bytes) -> list[Event]:
        message = self._class()
        try:
            message.ParseFromString(data)
            event = placed(self.target, _fields(message, 0), self.context.now())
        except (DecodeError, ValueError, FieldError, RecursionError):
            return [{"message": text_of(data), "tags": ["_protobufdecodefailure"]}]
        if self.pb3_add_oneof_metainfo:
            event.setdefault("@metadata", {})["pb_oneof"] = {
                oneof.name: message.WhichOneof(oneof.name) for oneof in message.DESCRIPTOR.oneofs
            }
        return [event]

    def encode(self, events: list[Event]) -> bytes:
        return b"".join([self._encoded(event) for event in events])

    def _encoded(self, event: Event) -> bytes:
        message = self._class()
        try:
            json_format.ParseDict(plain(bare(event)), message, ignore_unknown_fields=True)
            found: bytes = message.SerializeToString()
        except (json_format.ParseError, EncodeError, ValueError, TypeError) as error:
            where = self.context.where
            complain(
                f"{where} protobuf",
                "%s: an event does not fit %s: %s",
                where,
                self.class_name,
                error,
            )
            return b""
        return found


def _fields(message: Message, depth: int) -> dict[str, Any]:
    """The fields of a message; those that always have a value have it, the others only if they are
    set.
    """
    if depth > _DEEPEST:
        raise ValueError("the message is nested too deep")
    found: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        if field.has_presence and not message.HasField(field.name):
            continue
        value = getattr(message, field.name)
        entry = (
            field.message_type
            if field.message_type is not None and field.message_type.GetOptions().map_entry
            else None
        )
        if entry is not None:
            of_value = entry.fields_by_name["value"]
            found[field.name] = {str(key): _value(of_value, value[key], depth) for key in value}
        elif (
            isinstance(value, str | bytes)
            or not hasattr(value, "__len__")
            or isinstance(value, Message)
        ):
            found[field.name] = _value(field, value, depth)
        else:
            found[field.name] = [_value(field, item, depth) for item in value]
    return found


def _value(field: Any, value: Any, depth: int) -> Any:
    if field.message_type is not None:
        if field.message_type.full_name == "google.protobuf.Timestamp":
            return Timestamp.of_nanos(value.seconds * 10**9 + value.nanos)
        return _fields(value, depth + 1)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known is not None else value
    return text_of(value) if isinstance(value, bytes) else value
