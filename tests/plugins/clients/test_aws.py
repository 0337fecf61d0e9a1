"""What AWS' errors mean, where credentials come from, and which settings a client takes; without a server."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    CredentialRetrievalError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from penstock.plugins.clients.aws import Aws, AwsOptions
from penstock.plugins.clients.aws_errors import is_temporary, meaning
from penstock.plugins.clients.aws_settings import trusted
from penstock.plugins.context import Context
from penstock.plugins.contract import Disconnected, Misconfigured, Output, Retry

KEYS = ("access_key_id", "secret_access_key")


class Ground(AwsOptions, Output, name="ground"):
    """A plugin that has AWS' options, and no more."""

    def prepare(self) -> None:
        self.aws = Aws(self, self)


def ground(**options: Any) -> Any:
    """The plugin, prepared; with the first problem of its options where there is one."""
    made = Ground(options, Context())
    made.prepare()
    return made


def refused(code: str, status: int = 400, headers: dict[str, str] | None = None) -> ClientError:
    """What a service answers."""
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": headers or {}}
    return ClientError({"Error": {"Code": code, "Message": "why"}, "ResponseMetadata": metadata}, "SendMessage")  # type: ignore[typeddict-item]


MISCONFIGURED = {
    "an unknown key": ("InvalidClientTokenId", KEYS, "access_key_id"),
    "a key of S3 that is unknown": ("InvalidAccessKeyId", KEYS, "access_key_id"),
    "a wrong secret": ("SignatureDoesNotMatch", KEYS, "secret_access_key"),
    "an expired token": ("ExpiredToken", (*KEYS, "session_token"), "session_token"),
    "an expired token of a role": ("ExpiredTokenException", ("role_arn",), "role_arn"),
    "keys of a file": ("UnrecognizedClientException", ("aws_credentials_file",), "aws_credentials_file"),
    "a queue that is not there": ("AWS.SimpleQueueService.NonExistentQueue", KEYS, "resource"),
    "a bucket that is not there": ("NoSuchBucket", KEYS, "resource"),
    "a stream that is not there": ("ResourceNotFoundException", KEYS, "resource"),
    "a right that is missing": ("AccessDenied", KEYS, "resource"),
    "a bucket of another region": ("PermanentRedirect", KEYS, "region"),
}


@pytest.mark.parametrize(("code", "given", "option"), MISCONFIGURED.values(), ids=MISCONFIGURED.keys())
def test_an_option_is_to_blame_for(code: str, given: tuple[str, ...], option: str) -> None:
    found = meaning(refused(code), given, "eu-central-1", "resource")
    assert isinstance(found, Misconfigured)
    assert (found.option, code in found.reason) == (option, True)


def test_an_answer_without_a_body_is_judged_by_its_status() -> None:
    """HEAD has none: the code is the status."""
    found = [meaning(refused(str(status), status), (), "r", "bucket") for status in (301, 403, 404)]
    assert [each.option for each in found if isinstance(each, Misconfigured)] == ["region", "bucket", "bucket"]


@pytest.mark.parametrize(
    ("error", "after"),
    [
        (refused("ThrottlingException"), 1.0),
        (refused("SlowDown", 503), 1.0),
        (refused("RequestThrottled", headers={"retry-after": "7"}), 7.0),
        (refused("Whatever", 429, {"retry-after": "soon"}), 1.0),
        (refused("InternalFailure", 500), None),
        (refused("Whatever", 502), None),
    ],
)
def test_a_service_that_cannot_now_is_asked_later(error: ClientError, after: float | None) -> None:
    found = meaning(error, (), "r", "queue")
    assert isinstance(found, Retry)
    assert found.after == after


@pytest.mark.parametrize(
    "error",
    [
        ConnectionClosedError(endpoint_url="http://x"),
        ReadTimeoutError(endpoint_url="http://x"),
        EndpointConnectionError(endpoint_url="http://x", error=OSError("refused")),
        ConnectionResetError("gone"),
        refused("RequestTimeTooSkewed", 403),
        ResponseParserError("invalid XML received\nb'<html>'"),
    ],
)
def test_an_outage_is_waited_for(error: Exception) -> None:
    assert isinstance(meaning(error, ("endpoint",), "eu-central-1", "queue"), Disconnected)


@pytest.mark.parametrize(
    ("error", "option"),
    [
        (NoCredentialsError(), "access_key_id"),
        (CredentialRetrievalError(provider="p", error_msg="m"), "access_key_id"),
        (InvalidRegionError(region_name="Europe!"), "region"),
        (EndpointConnectionError(endpoint_url="https://sqs.moon-1.amazonaws.com", error=OSError("no such name")), "region"),
    ],
)
def test_what_the_library_says_of_options(error: Exception, option: str) -> None:
    found = meaning(error, (), "moon-1", "queue")
    assert isinstance(found, Misconfigured)
    assert found.option == option


@pytest.mark.parametrize("service", ["sqs", "sns", "kinesis"])
def test_no_message_is_refused_for_what_is_wrong_with_a_key_of_kms(service: str) -> None:
    """Each service has names of its own for that; all messages would become dead letters."""
    shapes = boto3.client(service, region_name="eu-central-1").meta.service_model.error_shapes
    codes = {shape.error_code for shape in shapes if shape.name.upper().startswith("KMS")}
    codes |= {"KMS.DisabledException", "KMS.InvalidStateException", "KMS.OptInRequired", "KMS.ThrottlingException"}
    found = {code: meaning(refused(code), (), "r", "resource") for code in codes}
    assert {code for code, each in found.items() if isinstance(each, Retry)} == {code for code in codes if "Throttl" in code}
    assert {each.option for each in found.values() if isinstance(each, Misconfigured)} == {"resource"}
    assert all(isinstance(each, (Retry, Misconfigured)) for each in found.values()), found
    assert all(is_temporary(code) for code in codes)


@pytest.mark.parametrize("operation", ["AssumeRole", "AssumeRoleWithWebIdentity"])
def test_a_role_that_may_not_be_assumed_is_to_blame_and_not_what_it_was_for(operation: str) -> None:
    said = {"Error": {"Code": "AccessDenied", "Message": "why"}}
    found = meaning(ClientError(said, operation), (*KEYS, "role_arn"), "r", "queue")  # type: ignore[arg-type]
    assert isinstance(found, Misconfigured)
    assert found.option == "role_arn"


def test_a_code_that_is_not_known_stays_as_it_is() -> None:
    error = refused("InvalidParameterValue")
    assert meaning(error, (), "r", "queue") is error


def test_codes_of_entries() -> None:
    codes = ("InternalError", "ServiceUnavailable", "RequestThrottled", "InvalidMessageContents", "InvalidParameterValue")
    assert [is_temporary(code) for code in codes] == [True, True, True, False, False]


def credentials(made: Any) -> tuple[str, bool]:
    """The key that a client signs with, and whether it has a token."""
    query = parse_qs(urlsplit(made.aws.client("s3").generate_presigned_url("list_buckets")).query)
    return query["AWSAccessKeyId"][0], "x-amz-security-token" in query


def test_credentials_are_those_of_the_options_then_of_the_file_then_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    file = tmp_path / "credentials.yaml"
    file.write_text(':access_key_id: "file"\n:secret_access_key: "secret"\n')
    given = {"access_key_id": "option", "secret_access_key": "secret", "session_token": "token"}
    assert credentials(ground(**given, aws_credentials_file=file)) == ("option", True)
    assert credentials(ground(aws_credentials_file=file)) == ("file", False)
    assert credentials(ground()) == ("environment", False)


def test_a_credentials_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "credentials.yaml"
    file.write_text("access_key_id: one\nsecret_access_key: secret\n")
    made = ground(aws_credentials_file=file)
    assert credentials(made)[0] == "one"
    file.write_text("access_key_id: two\nsecret_access_key: secret\n")
    os.utime(file, (2_000_000_000, 2_000_000_000))
    assert credentials(made)[0] == "two"


@pytest.mark.parametrize("text", ["", "- a list", ":access_key_id: x", "{broken"])
def test_a_credentials_file_without_keys_is_said_at_its_option(text: str, tmp_path: Path) -> None:
    file = tmp_path / "credentials.yaml"
    file.write_text(text)
    with pytest.raises(Misconfigured) as caught:
        ground(aws_credentials_file=file).aws.client("sqs")
    assert caught.value.option == "aws_credentials_file"


def test_a_credentials_file_that_is_gone_is_said_at_its_option(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="does not exist") as caught:
        ground(aws_credentials_file=tmp_path / "nothing.yaml").aws.client("sqs")
    assert caught.value.option == "aws_credentials_file"


def test_plugins_of_a_pipeline_share_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """It loads megabytes of descriptions."""
    made: list[Any] = []
    real = boto3.session.Session
    monkeypatch.setattr("boto3.session.Session", lambda **how: made.append(how) or real(**how))
    context = Context()
    for key in ("a", "a", "c"):
        plugin = Ground({"access_key_id": key, "secret_access_key": "b"}, context)
        plugin.prepare()
        plugin.aws.client("sqs")
    assert len(made) == 2


PROBLEMS = {
    "a key without its secret": ({"access_key_id": "a"}, "access_key_id"),
    "a token alone": ({"session_token": "a"}, "session_token"),
    "a web identity without a role": ({"web_identity_token_file": Path("x")}, "web_identity_token_file"),
    "no region": ({"region": ""}, "region"),
    "an unknown setting": ({"additional_settings": {"force_path_stile": True}}, "additional_settings"),
    "a setting of another kind": ({"additional_settings": {"http_read_timeout": "long"}}, "additional_settings"),
    "authorities that are not there": ({"additional_settings": {"ssl_ca_bundle": "/nowhere.pem"}}, "additional_settings"),
}


@pytest.mark.parametrize(("options", "option"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_a_check_reports(options: dict[str, Any], option: str) -> None:
    made = ground(**options)
    assert [problem.option for problem in made.context.problems] == [option]


def test_settings_of_the_ruby_library_reach_the_client() -> None:
    settings = {"force_path_style": True, "http_read_timeout": "7", "http_open_timeout": 3, "retry_limit": 5}
    made = ground(access_key_id="a", secret_access_key="b", additional_settings=settings, proxy_uri="http://proxy:3128")
    assert made.context.problems == []
    config = made.aws.client("s3").meta.config
    assert (config.s3["addressing_style"], config.read_timeout, config.connect_timeout) == ("path", 7.0, 3.0)
    assert config.proxies["https"] == "http://proxy:3128"
    assert config.retries["total_max_attempts"] == 1


def test_which_authorities_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    assert trusted(False, True) is False
    assert trusted("own.pem", True) == "own.pem"
    assert str(trusted(None, True)).endswith("cacert.pem")
    monkeypatch.setenv("AWS_CA_BUNDLE", "theirs.pem")
    assert trusted(None, True) is None


def test_a_region_or_an_endpoint_that_cannot_be_used_is_said_at_its_option() -> None:
    for options, option in (({"region": "not a region"}, "region"), ({"endpoint": "nonsense"}, "endpoint")):
        with pytest.raises(Misconfigured) as caught:
            ground(access_key_id="a", secret_access_key="b", **options).aws.client("sqs")
        assert caught.value.option == option
