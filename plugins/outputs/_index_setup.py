"""What is set up in a cluster before the first event: an index template, and where indices are
rolled over, a policy, an alias and the first index.

It is done once, when the first connection is made, and only where it is missing, so that what an
operator has changed stays. Elasticsearch calls policies ILM, OpenSearch ISM; their APIs differ, and
what they are for is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from ..clients.elastic_client import ElasticClient, Refused, Server
from ..errors import Disconnected, Misconfigured
from ._bulk_options import BulkOptions
from ._index_templates import as_legacy, built_in, for_streams

DEFAULT_POLICY = "logstash-policy"
_COMPOSABLE_SINCE = (8,)
_POLICIES_SINCE = (7,)
_FORBIDDEN, _EXISTS = 403, 400
_LARGEST, _OLDEST = "50gb", "30d"

_ISM = "/_plugins/_ism/policies/"
_ILM = "/_ilm/policy/"


class IndexSetup:
    """Sets up what one output needs. ``name``: what templates and aliases are called by default;
    ``has_index``: whether the options name an index.
    """

    def __init__(
        self, output: BulkOptions, name: str, *, has_index: bool, uses_streams: bool
    ) -> None:
        self._output, self._name = output, name
        self._has_index, self._uses_streams = has_index, uses_streams
        self.alias = output.ilm_rollover_alias or name

    def run(self, client: ElasticClient, server: Server) -> str | None:
        """Set up what is missing; the alias that is to be written to, if indices are rolled over.
        Raises Misconfigured, and Disconnected where the cluster fails.
        """
        output = self._output
        if self._uses_streams:
            if server.is_opensearch and "manage_template" not in output.given:
                kind = output.data_stream_type
                self._put_template(client, kind, for_streams(kind), is_legacy=False)
            return None
        rolls = self._rolls_over(server)
        if rolls:
            self._put_policy(client, server)
        if output.manage_template:
            self._set_up_template(client, server, rolls)
        if rolls:
            self._put_alias(client)
        return self.alias if rolls else None

    def _rolls_over(self, server: Server) -> bool:
        output = self._output
        if output.ilm_enabled == "false":
            return False
        is_asked_for = not self._has_index or output.ilm_rollover_alias not in (None, self._name)
        if not is_asked_for:
            return False
        is_serverless = server.flavor == "serverless"
        if output.ilm_enabled == "true":
            if is_serverless:
                reason = "a serverless Elasticsearch has no lifecycle management"
                raise Misconfigured("ilm_enabled", reason, "remove it")
            return True
        knows_policies = not server.is_opensearch and server.version >= _POLICIES_SINCE
        return knows_policies and not is_serverless

    def _set_up_template(self, client: ElasticClient, server: Server, rolls: bool) -> None:
        output = self._output
        name = output.template_name or (self.alias if rolls else self._name)
        template = self._template(rolls)
        is_legacy = self._is_legacy(server, template)
        if is_legacy and "template" in template and output.template is None:
            template = as_legacy(template)
        if rolls:
            _add_rollover(template, self._rollover_settings(server), self.alias)
        self._put_template(client, name, template, is_legacy)

    def _template(self, rolls: bool) -> dict[str, Any]:
        path = self._output.template
        if path is None:
            return built_in(self._output.ecs, [f"{self.alias if rolls else self._name}-*"])
        try:
            found = msgspec.json.decode(path.read_bytes())
        except (OSError, msgspec.DecodeError) as error:
            raise Misconfigured("template", f"`{path}` cannot be read: {error}") from error
        if type(found) is not dict:
            raise Misconfigured("template", f"`{path}` does not hold a JSON object")
        return found

    def _is_legacy(self, server: Server, template: Mapping[str, Any]) -> bool:
        api = self._output.template_api
        if api != "auto":
            return api == "legacy"
        if self._output.template is not None and server.is_opensearch:
            # Both APIs are there: the file says for which of them it was written.
            return "template" not in template and "composed_of" not in template
        return not server.is_opensearch and server.version < _COMPOSABLE_SINCE

    def _put_template(
        self, client: ElasticClient, name: str, template: dict[str, Any], is_legacy: bool
    ) -> None:
        path = f"/{'_template' if is_legacy else '_index_template'}/{quote(name, '')}"
        option = "template" if self._output.template is not None else "manage_template"
        try:
            if self._output.template_overwrite or not client.exists(path):
                client.call("PUT", path, template)
                self._output.context.log.info("the index template `%s` is set up", name)
        except Refused as error:
            self._cannot(error, option, f"the index template `{name}`")

    def _put_policy(self, client: ElasticClient, server: Server) -> None:
        policy = self._output.ilm_policy
        path = (_ISM if server.is_opensearch else _ILM) + quote(policy, "")
        try:
            if self._is_there(client, path):
                return
            if policy != DEFAULT_POLICY:
                reason = f"the cluster has no policy `{policy}`"
                raise Misconfigured("ilm_policy", reason, "make it, or remove the option")
            client.call("PUT", path, self._policy(server))
        except Refused as error:
            self._cannot(error, "ilm_enabled", f"the policy `{policy}`")

    def _is_there(self, client: ElasticClient, path: str) -> bool:
        """Whether there is something at a path that cannot be asked with HEAD."""
        try:
            client.call("GET", path)
        except Refused as error:
            if error.status != 404:
                raise
            return False
        return True

    def _policy(self, server: Server) -> dict[str, Any]:
        if not server.is_opensearch:
            rollover = {"max_primary_shard_size": _LARGEST, "max_age": _OLDEST}
            if server.version < _COMPOSABLE_SINCE:
                rollover = {"max_size": _LARGEST, "max_age": _OLDEST}
            return {"policy": {"phases": {"hot": {"actions": {"rollover": rollover}}}}}
        rollover = {"min_primary_shard_size": _LARGEST, "min_index_age": _OLDEST}
        state = {"name": "hot", "actions": [{"rollover": rollover}], "transitions": []}
        return {
            "policy": {
                "description": "rolls indices over",
                "default_state": "hot",
                "states": [state],
                "ism_template": [{"index_patterns": [f"{self.alias}-*"], "priority": 100}],
            }
        }

    def _rollover_settings(self, server: Server) -> dict[str, str]:
        if server.is_opensearch:
            return {"plugins.index_state_management.rollover_alias": self.alias}
        return {
            "index.lifecycle.name": self._output.ilm_policy,
            "index.lifecycle.rollover_alias": self.alias,
        }

    def _put_alias(self, client: ElasticClient) -> None:
        """Make the first index with the alias, where there is nothing of that name."""
        first = quote(f"<{self.alias}-{self._output.ilm_pattern}>", "")
        try:
            if not client.exists(f"/{quote(self.alias, '')}"):
                client.call("PUT", f"/{first}", {"aliases": {self.alias: {"is_write_index": True}}})
        except Refused as error:
            if error.kind != "resource_already_exists_exception":
                self._cannot(error, "ilm_rollover_alias", f"the alias `{self.alias}`")

    def _cannot(self, error: Refused, option: str, what: str) -> None:
        """What was to be set up was refused. Who may not set it up may still write."""
        if error.status == _FORBIDDEN:
            self._output.context.log.warning("%s may not be set up: %s", what, error)
            return
        if error.status >= 500 or error.status == 429:
            raise Disconnected(f"{what} cannot be set up yet: {error}") from error
        raise Misconfigured(option, f"{what} is refused: {error}") from error


def _add_rollover(template: dict[str, Any], settings: dict[str, str], alias: str) -> None:
    """Have the indices of a template rolled over: those of the alias, whatever it said."""
    template["index_patterns"] = [f"{alias}-*"]
    inner: Any = template.get("template")
    if isinstance(inner, dict):
        inner["settings"] = {**inner.get("settings", {}), **settings}
    else:
        template.pop("template", None)  # a pattern, as templates of old had it
        template["settings"] = {**template.get("settings", {}), **settings}
