"""Roles that are assumed, against moto."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penstock.plugins.clients.aws import Aws, AwsOptions
from penstock.plugins.context import Context
from penstock.plugins.contract import Misconfigured, Output

ROLE = "arn:aws:iam::123456789012:role/writer"


class Ground(AwsOptions, Output, name="ground"):
    """A plugin that has AWS' options, and no more."""

    def prepare(self) -> None:
        self.aws = Aws(self, self)


def who(server: Any, **options: Any) -> str:
    """Who a client is, for the service."""
    made = Ground({"region": "eu-central-1", "endpoint": server.url, "role_arn": ROLE, **options}, Context())
    made.prepare()
    return str(made.aws.asked("role_arn", made.aws.client("sts").get_caller_identity)["Arn"])


@pytest.fixture(autouse=True)
def _endpoint(moto: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto.url)


def test_a_role_is_assumed_with_own_credentials(moto: Any) -> None:
    assert who(moto, access_key_id="a", secret_access_key="b").endswith(":assumed-role/writer/logstash")


def test_a_role_is_assumed_with_a_token_of_a_file(moto: Any, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("header.payload.signature")
    assert who(moto, web_identity_token_file=token, role_session_name="night").endswith(":assumed-role/writer/night")


def test_a_role_without_credentials_to_assume_it_with_is_said(moto: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(Misconfigured) as caught:
        who(moto)
    assert caught.value.option == "role_arn"
