"""Definitions of flow fields by the user, in the YAML that Logstash takes: ``number: [:type,
:name]``, for IPFIX under the enterprise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ._flow_fields import Field

_KINDS = {
    "ip4_addr": "ip",
    "ip6_addr": "ip",
    "mac_addr": "mac",
    "string": "string",
    "skip": "skip",
    "octetarray": "octets",
    "float": "float",
    "float32": "float",
    "double": "float",
    "forwarding_status": "forwarding",
    "application_id": "application",
    "acl_id_asa": "acl",
    "mpls_label_stack_octets": "mpls",
}


def definitions(path: Path, nested: bool) -> dict[int, dict[int, Field]]:
    """The fields that a file defines, by enterprise (0 where there is none) and number; raises
    OSError or ValueError.
    """
    import yaml

    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"not valid YAML: {error}") from None
    groups = found if nested else {0: found}
    if not isinstance(groups, dict) or not all(
        isinstance(group, dict) for group in groups.values()
    ):
        raise ValueError(
            "it is not a map of field numbers" if not nested else "it is not a map of enterprises"
        )
    return {
        int(key): {int(number): _field(number, field) for number, field in group.items()}
        for key, group in groups.items()
    }


def _field(number: Any, field: Any) -> Field:
    words = (
        [str(word).strip().removeprefix(":") for word in field] if isinstance(field, list) else []
    )
    if not words or (len(words) < 2 and words != ["skip"]):
        raise ValueError(f"the field {number} must be a list of a type and a name")
    kind = words[0].lower()
    if kind.isdigit() or kind.startswith("uint"):
        kind = "uint"
    elif kind.startswith("int"):
        kind = "int"
    elif kind not in _KINDS:
        raise ValueError(f"unknown type `{words[0]}` of the field {number}")
    return (words[1] if len(words) > 1 else ""), _KINDS.get(kind, kind)
