"""The index templates that are built in: how fields are mapped where nobody has said it.

Texts are keywords, but for `message`, which is searched word by word; times, addresses and places
have the types that searches want. Without ECS every text is searched word by word, and has a
keyword beside it, as Logstash has always done.
"""

from __future__ import annotations

from typing import Any

_LONGEST_KEYWORD = 1024


def built_in(is_ecs: bool, patterns: list[str]) -> dict[str, Any]:
    """A composable template for indices of these names."""
    return {
        "index_patterns": patterns,
        "priority": 200,
        "template": {
            "settings": {"index": {"refresh_interval": "5s"}},
            "mappings": _ecs_mappings() if is_ecs else _plain_mappings(),
        },
        "_meta": {"description": "set up by Penstock"},
    }


def for_streams(kind: str) -> dict[str, Any]:
    """A template that makes data streams of all names of a type; Elasticsearch has its own."""
    made = built_in(True, [f"{kind}-*-*"])
    return {**made, "priority": 100, "data_stream": {}}


def as_legacy(template: dict[str, Any]) -> dict[str, Any]:
    """A composable template in the older form."""
    return {"index_patterns": template["index_patterns"], "order": 0, **template["template"]}


def _dynamic(name: str, mapping: dict[str, Any], **match: Any) -> dict[str, Any]:
    return {name: {**match, "mapping": mapping}}


def _ecs_mappings() -> dict[str, Any]:
    keyword = {"type": "keyword", "ignore_above": _LONGEST_KEYWORD}
    text = {"type": "text", "norms": False}
    address = {"type": "ip", "ignore_malformed": True}
    return {
        "date_detection": False,
        "dynamic_templates": [
            _dynamic("texts_to_search", text, path_match="message", match_mapping_type="string"),
            _dynamic("reasons", text, path_match="error.message", match_mapping_type="string"),
            _dynamic("addresses", address, match="ip", match_mapping_type="string"),
            _dynamic("places", {"type": "geo_point"}, path_match="*.geo.location"),
            _dynamic("texts", keyword, match_mapping_type="string"),
        ],
        "properties": {"@timestamp": {"type": "date"}, "@version": {"type": "keyword"}},
    }


def _plain_mappings() -> dict[str, Any]:
    keyword = {"keyword": {"type": "keyword", "ignore_above": 256}}
    text = {"type": "text", "norms": False}
    return {
        "dynamic_templates": [
            _dynamic("message", text, path_match="message", match_mapping_type="string"),
            _dynamic("texts", {**text, "fields": keyword}, match_mapping_type="string"),
        ],
        "properties": {
            "@timestamp": {"type": "date"},
            "@version": {"type": "keyword"},
            "geoip": {
                "dynamic": True,
                "properties": {
                    "ip": {"type": "ip"},
                    "location": {"type": "geo_point"},
                    "latitude": {"type": "half_float"},
                    "longitude": {"type": "half_float"},
                },
            },
        },
    }
