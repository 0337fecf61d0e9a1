"""The output opensearch: that for Elasticsearch, with the names and defaults of OpenSearch's own
plugin for Logstash.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..declaration import Bytes, Secret, option
from ._bulk_output import BulkOutput


class Opensearch(BulkOutput, name="opensearch"):
    """Write events to OpenSearch.

    As the output `elasticsearch`, but that events go to `index` unless an option says of a data
    stream (`data_stream => true`, `data_stream_dataset => "nginx"`), for which an index template is
    set up, and that requests are not compressed unless `http_compression => true` or a
    `compression_level` says so. `ilm_enabled => true` rolls indices over by a policy of OpenSearch
    (ISM), which is set up as `ilm_policy` says.

    The output needs the package urllib3: `pip install 'penstock[opensearch]'`.

    Differs from Logstash: `auth_type` of `aws_iam` is an error: requests are not signed. Keys and
    certificates are PEM files. Data streams and policies are new; all else is as said of
    `elasticsearch`.
    """

    streams_by_default = False

    compression_level: int = option(
        "How hard requests are compressed, from 1 to 9; 0 for not at all.", default=0, at_least=0
    )
    http_compression: bool = option("Whether requests are compressed.", default=False)
    ilm_enabled: str = option(
        "Whether indices are rolled over by a policy (ISM).",
        default="false",
        choices=("true", "false", "auto"),
    )
    auth_type: dict[str, Any] = option(
        "How we say who we are: `type` is `basic`, with `user` and `password`.", default={}
    )
    ssl: bool = option("Whether hosts are talked to over TLS.", default=False)
    ssl_certificate_verification: bool = option(
        "Whether the server's certificate and name are verified.", default=True
    )
    cacert: Path | None = option("The authority that is trusted, a PEM file.", default=None)
    tls_certificate: Path | None = option(
        "The certificate to show to the server, a PEM file.", default=None
    )
    tls_key: Path | None = option("The key of that certificate, a PEM file.", default=None)
    keystore: str | None = option(
        "Gone.", default=None, obsolete="give PEM files: `tls_certificate` and `tls_key`"
    )
    keystore_password: Secret | None = option(
        "Gone.", default=None, obsolete="give PEM files: `tls_certificate` and `tls_key`"
    )
    truststore: str | None = option("Gone.", default=None, obsolete="give a PEM file: `cacert`")
    truststore_password: Secret | None = option(
        "Gone.", default=None, obsolete="give a PEM file: `cacert`"
    )
    target_bulk_bytes: Bytes | None = option(
        "About how large a request becomes; `batch_bytes` says the same.", default=None, at_least=1
    )
    legacy_template: bool = option(
        "Whether templates are set up with the older API.", default=False
    )
    default_server_major_version: int | None = option(
        "Has no effect: clusters that do not say their version are served all the same.",
        default=None,
    )

    def prepare(self) -> None:
        if "ssl" in self.given:
            self.ssl_enabled, self.given = self.ssl, self.given | {"ssl_enabled"}
        if not self.ssl_certificate_verification:
            self.ssl_verification_mode = "none"
        if self.cacert is not None:
            self.ssl_certificate_authorities = [self.cacert]
        self.ssl_certificate = self.tls_certificate or self.ssl_certificate
        self.ssl_key = self.tls_key or self.ssl_key
        if self.http_compression:
            self.compression_level = self.compression_level or 1
        self.http_compression = True  # the level says it now
        if self.legacy_template:
            self.template_api = "legacy"
        if self.target_bulk_bytes is not None and self.batch_bytes is None:
            self.batch_bytes = self.target_bulk_bytes
        self._take_auth_type()
        super().prepare()

    def _take_auth_type(self) -> None:
        kind = self.auth_type.get("type")
        if kind == "basic":
            self.user = self.auth_type.get("user", self.user)
            self.password = self.auth_type.get("password", self.password)
        elif self.auth_type:
            message = f"`{kind}` is not a way of authentication that there is"
            self.problem("auth_type", message, 'write user and password, or { type => "basic" … }')
