"""The input beats: a server for Filebeat and its kin."""

from __future__ import annotations

from ._beats_listener import BeatsListener


class Beats(BeatsListener, name="beats"):
    """Listen for Beats (Filebeat, Winlogbeat, Metricbeat …), Elastic Agent, and whatever else
    speaks Lumberjack, version 1 or 2.

    What a Beat sends is the event, with the `[@metadata]` that it sends (`beat`, `type`,
    `version`, `pipeline`). Its text, in `message` (or `line`, as Logstash-Forwarder and the output
    `lumberjack` have it), goes through the codec; events get all the rest that was sent, in the
    place of what the codec gave. `enrich` says what is added:

    | value | field without ECS | field with ECS |
    |---|---|---|
    | `codec_metadata` | the tag `beats_input_codec_plain_applied` | the same |
    | | the tag `beats_input_raw_event`, where there is no text | the same |
    | `source_metadata` | `[@metadata][ip_address]` | `[@metadata][input][beats][host][ip]` |
    | `ssl_peer_metadata` | `[@metadata][tls_peer][status]`: `verified` or `unverified` | the same |
    | | `[@metadata][tls_peer][subject]` | `[@metadata][input][beats][tls][client][subject]` |
    | | `[@metadata][tls_peer][protocol]` | `[@metadata][input][beats][tls][version_protocol]` |
    | | `[@metadata][tls_peer][cipher_suite]` | `[@metadata][input][beats][tls][cipher]` |

    A client hears that events were taken when every output has them (or the dead letters); with the
    disk queue (`queue.type: persisted`) when they are on the disk. Large windows are acknowledged
    piece by piece. While events are not delivered, or there is no room for more, the client hears
    every three seconds that it is to wait. Where they could not be delivered, and when Penstock
    stops, the connection is closed: clients send again what was not acknowledged, so events may
    come twice, and none is lost.

    Differs from Logstash: what is not JSON is an event with the tag `_jsonparsefailure`, so that
    it is not sent for ever. A frame over `max_frame_bytes`, packed or unpacked, closes the
    connection, and so does a packed frame in another one. What is held in all is bounded by
    `max_pending_bytes`. Tags of the codec, such as `_jsonparsefailure`, stay beside those that were
    sent. `ssl_peer_metadata` is a value of `enrich`.
    """
