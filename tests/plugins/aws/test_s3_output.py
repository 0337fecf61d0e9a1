"""What the output s3 makes of events, against moto: keys, rotation, parameters, uploads in parts, outages, kills, refusals."""
from __future__ import annotations

import errno
import gzip
import json
import os
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from servers import aws
from servers.aws_bucket import Bucket
from servers.certificates import Certificates
from servers.front import Front, Told
from servers.penstock_flow import write
from servers.penstock_process import Penstock
from servers.soak import Figures, Found, rounds

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble, inspect
from penstock.plugins.errors import Misconfigured, Retry
from penstock.plugins.outputs._s3_spool import SpoolFile

REFUSED = [
    ('bucket => ""', "the name is empty"),
    ('bucket => "b" prefix => "a^b"', "a prefix cannot have ^"),
    ('bucket => "b" ssekms_key_id => "k"', "it requires server_side_encryption_algorithm => aws:kms"),
    ('bucket => "b" canned_acl => "everybody"', "everybody"),
]
LINE = 'codec => line { format => "%{message}" }'


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_a_check_refuses(options: str, message: str) -> None:
    _, found = inspect([Source("test.conf", f"input {{ stdin {{ }} }} output {{ s3 {{ {options} }} }}")], settled({}))
    assert any(message in f"{each.message} {each.help}" for each in found), found


@pytest.fixture
def bucket(moto: Any) -> Bucket:
    return Bucket(moto.port)


def output(directory: Path, server: Any, bucket: str, options: str = "") -> Any:
    """The output, prepared, open and connected."""
    where = f'endpoint => "http://127.0.0.1:{server.port}" region => "{aws.REGION}" bucket => "{bucket}" {LINE}'
    assembly = assemble([Source("test.conf", f"input {{ stdin {{ }} }} output {{ s3 {{ {where} {options} }} }}")], settled({"path.data": str(directory)}))
    (made,) = assembly.plugins(assembly.program.outputs)
    made.open()
    cast(Any, made).connect()
    return made


def deliver(made: Any, *messages: str, **fields: str) -> None:
    for payload in made.pack([{"message": message, **fields} for message in messages]):
        made.deliver(payload)


def content(bucket: Bucket) -> list[str]:
    keys = bucket.keys()
    return sorted(line for key in keys for line in bucket.get(key).decode().splitlines())


def test_keys_have_the_prefix_of_their_events(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    made = output(tmp_path, moto, bucket.name, 'prefix => "/logs/%{kind}/"')
    deliver(made, "one", "two", kind="a")
    deliver(made, "three", kind="../b^c")
    deliver(made, "four", kind="a")
    assert bucket.keys() == []
    made.close()
    keys = sorted(bucket.keys())
    name = r"ls\.s3\.[0-9a-f-]{36}\.\d{4}-\d\d-\d\dT\d\d\.\d\d\.part[01]\.txt"
    assert re.fullmatch(rf"logs/\.\./b_c/{name}", keys[0])
    assert re.fullmatch(rf"logs/a/{name}", keys[1])
    assert [bucket.get(key) for key in keys] == [b"three\n", b"one\ntwo\nfour\n"]


@pytest.mark.parametrize(
    ("options", "objects"),
    [
        ("size_file => 10 time_file => 100", 2),
        ("size_file => 1000000 time_file => 0", 4),
        ('size_file => 10 time_file => 100 rotation_strategy => "time"', 1),
        ('size_file => 1000000 time_file => 0 rotation_strategy => "size"', 1),
    ],
)
def test_files_are_uploaded_by_size_and_by_age(options: str, objects: int, tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    made = output(tmp_path, moto, bucket.name, f"{options} upload_queue_size => 100")
    for message in ("first", "second", "third", "fourth"):  # two of them have ten bytes and more
        deliver(made, message)
    made.close()
    assert len(bucket.keys()) == objects
    assert content(bucket) == ["first", "fourth", "second", "third"]


def test_a_file_is_uploaded_by_age_while_nothing_comes(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    made = output(tmp_path, moto, bucket.name, "time_file => 0.0001")
    deliver(made, "one")
    while not bucket.keys():
        made.tend(0)
    assert not made.tending_is_due
    made.close()


def test_what_objects_are_asked_to_be(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    options = 'encoding => "gzip" storage_class => "STANDARD_IA" server_side_encryption => true canned_acl => "public-read"'
    made = output(tmp_path, moto, bucket.name, options)
    deliver(made, "one")
    deliver(made, "two")
    made.close()
    (key,) = bucket.keys()
    head = bucket.head(key)
    assert key.endswith(".part0.txt.gz")
    assert (head["ContentEncoding"], head["StorageClass"], head["ServerSideEncryption"]) == ("gzip", "STANDARD_IA", "AES256")
    assert gzip.decompress(bucket.get(key)) == b"one\ntwo\n"
    grants = bucket.client.get_object_acl(Bucket=bucket.name, Key=key)["Grants"]
    assert any(grant["Permission"] == "READ" and "AllUsers" in grant["Grantee"].get("URI", "") for grant in grants)


def between(rule: Callable[[Any], Told | None], server: Any) -> Front:
    front = Front(server.port)
    front.rules.append(rule)
    return front


def test_an_upload_in_parts_goes_on_with_the_parts_that_are_missing(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    """The second part fails at first; a start later only it is sent."""
    size = 8 << 20
    text = "x" * (size + 1000)
    common = "upload_multipart_threshold => 1000 size_file => 100000000"
    with between(lambda asked: Told(500, b"") if "partNumber=2" in asked.path else None, moto) as front:
        made = output(tmp_path, front, bucket.name, f"{common} retry_count => 0")
        deliver(made, text)
        made.close()
        assert [asked.method for asked in front.asked if "partNumber=1" in asked.path] == ["PUT"]
    assert bucket.keys() == []
    with between(lambda asked: None, moto) as front:
        made = output(tmp_path, front, bucket.name, common)
        made.close()
        sent = [asked.path.partition("partNumber=")[2][0] for asked in front.asked if "partNumber=" in asked.path and asked.method == "PUT"]
    assert sent == ["2"]
    (key,) = bucket.keys()
    assert bucket.get(key) == f"{text}\n".encode()


def test_an_upload_in_parts_that_s3_has_forgotten_begins_anew(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    text, common = "x" * 6_000_000, "upload_multipart_threshold => 1000 size_file => 100000000"
    with between(lambda asked: Told(500, b"") if "partNumber=1" in asked.path else None, moto) as front:
        made = output(tmp_path, front, bucket.name, f"{common} retry_count => 0")
        deliver(made, text)
        made.close()
    (upload,) = bucket.client.list_multipart_uploads(Bucket=bucket.name)["Uploads"]
    bucket.client.abort_multipart_upload(Bucket=bucket.name, Key=upload["Key"], UploadId=upload["UploadId"])
    output(tmp_path, moto, bucket.name, common).close()
    (key,) = bucket.keys()
    assert (key, bucket.get(key)) == (upload["Key"], f"{text}\n".encode())


def test_while_s3_is_away_files_wait_and_then_the_events_do(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    away = [True]
    with between(lambda asked: Told(503, b"") if away[0] and asked.method == "PUT" else None, moto) as front:
        made = output(tmp_path, front, bucket.name, "size_file => 1 upload_queue_size => 1 upload_workers_count => 1 retry_delay => 0.01")
        deliver(made, "one")
        deliver(made, "two")
        with pytest.raises(Retry, match="upload_queue_size"):
            deliver(made, "three")
        away[0] = False
        while made.stats()["upload_backlog"]:
            pass
        deliver(made, "three")
        made.close()
    assert content(bucket) == ["one", "three", "two"]


def test_what_could_not_be_uploaded_is_uploaded_by_the_next_start_under_its_key(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    keys: list[str] = []

    def away(asked: Any) -> Told | None:
        if asked.method == "PUT":
            keys.append(asked.path.split("?")[0].rpartition("/")[2])
        return Told(503, b"") if asked.method == "PUT" else None

    with between(away, moto) as front:
        made = output(tmp_path, front, bucket.name)
        deliver(made, "one")
        made.close()
    output(tmp_path, moto, bucket.name, "restore => false").close()
    assert bucket.keys() == []
    output(tmp_path, moto, bucket.name).close()
    assert (set(bucket.keys()), content(bucket)) == (set(keys), ["one"])
    assert not [path for path in (tmp_path / "plugins" / "outputs" / "s3").rglob("*") if path.suffix == ".data"]


def test_a_file_that_s3_refuses_is_kept_and_holds_up_no_other(tmp_path: Path, moto: Any, bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    refusal = b"<Error><Code>InvalidRequest</Code><Message>never</Message></Error>"
    left = [Told(400, refusal)]
    with between(lambda asked: left.pop() if left and asked.method == "PUT" else None, moto) as front:
        made = output(tmp_path, front, bucket.name, "size_file => 1")
        deliver(made, "one")
        deliver(made, "two")
        made.close()
    assert content(bucket) == ["two"]
    (kept,) = tmp_path.rglob("*.data")
    assert (kept.parent.name, kept.read_text()) == ("refused", "one\n")
    assert "S3 refuses" in caplog.text


def test_a_file_that_cannot_be_removed_holds_up_no_other(
    tmp_path: Path, moto: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The thread that has uploaded it goes on; what is left of it is uploaded again by the next start, as the same object."""
    with monkeypatch.context() as patch:
        patch.setattr(SpoolFile, "remove", refuse_to_remove)
        made = output(tmp_path, moto, bucket.name, "size_file => 1 upload_workers_count => 1")
        deliver(made, "one")
        deliver(made, "two")
        made.close()
    assert content(bucket) == ["one", "two"]
    assert "cannot be removed: Read-only file system" in caplog.text
    output(tmp_path, moto, bucket.name).close()
    assert content(bucket) == ["one", "two"]
    assert not list(tmp_path.rglob("*.data"))


def refuse_to_remove(file: SpoolFile) -> None:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


@pytest.mark.parametrize("is_checked", [True, False])
def test_a_user_who_may_only_write_below_a_prefix_needs_no_test_object(is_checked: bool, tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    """Such a user may neither look at the bucket nor write at its root, so that the check is to be turned off."""

    def of_the_prefix(asked: Any) -> Told | None:
        return None if asked.path.startswith(f"/{bucket.name}/mine/") else Told(403, b"")

    options = f'prefix => "mine/" validate_credentials_on_root_bucket => {str(is_checked).lower()}'
    with between(of_the_prefix, moto) as front:
        if is_checked:
            with pytest.raises(Misconfigured, match="access denied"):
                output(tmp_path, front, bucket.name, options)
            return
        made = output(tmp_path, front, bucket.name, options)
        deliver(made, "one")
        made.close()
    assert content(bucket) == ["one"]


def test_after_a_kill_a_file_has_what_counts_as_delivered(tmp_path: Path) -> None:
    """What was written and not noted is cut off: it comes again."""
    file = SpoolFile.make(tmp_path / "00000001", "key")
    file.append(b"one\n")
    with file.data.open("ab") as data:
        data.write(b"tw")
    again = SpoolFile.found(tmp_path / "00000001")
    assert again is not None
    assert (again.key, again.size, again.data.read_bytes()) == ("key", 4, b"one\n")
    (tmp_path / "00000001.length").write_bytes(b"\n4\n\n1")  # a length that was cut off
    assert cast(SpoolFile, SpoolFile.found(tmp_path / "00000001")).size == 4
    again.append(b"two\n")
    assert cast(SpoolFile, SpoolFile.found(tmp_path / "00000001")).size == 8
    (tmp_path / "00000001.length").write_bytes(b"\n4\n\n800\n")  # more than the file has
    assert cast(SpoolFile, SpoolFile.found(tmp_path / "00000001")).size == 4
    file = SpoolFile.make(tmp_path / "00000002", "empty")
    assert SpoolFile.found(tmp_path / "00000002") is None


def test_two_processes_may_share_a_directory(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    """Neither takes what the other has, as long as that lives."""
    directory = f'temporary_directory => "{tmp_path}/shared"'
    one = output(tmp_path, moto, bucket.name, directory)
    deliver(one, "one")
    other = output(tmp_path, moto, bucket.name, directory)
    other.close()
    assert bucket.keys() == []
    one.close()
    assert content(bucket) == ["one"]


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured) as caught:
        output(tmp_path, moto, bucket.name, f'temporary_directory => "{tmp_path}/file"')
    assert caught.value.option == "temporary_directory"


def where(server: Any) -> str:
    return f'endpoint => "http://127.0.0.1:{server.port}" region => "{aws.REGION}"'


def test_events_of_a_run_with_workers_over_tls(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    certificates = Certificates(tmp_path)
    with Front(moto.port, identity=certificates.pair("server")) as front:
        trust = f'additional_settings => {{ "ssl_ca_bundle" => "{certificates.ca}" }}'
        options = f'endpoint => "{front.url}" region => "{aws.REGION}" bucket => "{bucket.name}" {trust} {LINE}'
        write(tmp_path, f"s3 {{ {options} }}", [json.dumps({"message": f"line {n}"}) for n in range(200)], "-w", "2")
    assert content(bucket) == sorted(f"line {n}" for n in range(200))


def test_files_are_uploaded_with_credentials_that_were_changed_meanwhile(tmp_path: Path, asking: Any) -> None:
    """A key is deleted, and what is written from then on waits; then there is another one in the file."""
    key, secret = asking.users["ann"]
    own = {"aws_access_key_id": key, "aws_secret_access_key": secret}
    iam, client = (aws.client(service, asking.port, **own) for service in ("iam", "s3"))
    login, prefix = tmp_path / "login.yml", aws.fresh("p")

    def note() -> str:
        made = iam.create_access_key(UserName="ann")["AccessKey"]
        name = str(made["AccessKeyId"])
        login.write_text(f":access_key_id: {name}\n:secret_access_key: {made['SecretAccessKey']}\n")
        return name

    def uploaded() -> int:
        return int(client.list_objects_v2(Bucket="bucket", Prefix=prefix)["KeyCount"])

    first = note()
    options = f'aws_credentials_file => "{login}" size_file => 1 retry_delay => 0 prefix => "{prefix}"'
    config = f'input {{ stdin {{ }} heartbeat {{ interval => 1 }} }} output {{ s3 {{ {where(asking)} bucket => "bucket" {options} }} }}'
    with Penstock(tmp_path, config) as run:
        run.until(lambda: uploaded() > 0, "a file is uploaded")
        iam.delete_access_key(UserName="ann", AccessKeyId=first)
        run.until(lambda: "cannot be uploaded" in run.said(), "a file is refused")
        count = uploaded()
        second = note()
        run.until(lambda: uploaded() > count, "files are uploaded again")
        run.stop()
    iam.delete_access_key(UserName="ann", AccessKeyId=second)


LOGINS = {
    "an unknown key": ("AKIANOBODY", "x", "access_key_id"),
    "a wrong secret": ("ann", "guess", "secret_access_key"),
    "a user without rights": ("bob", "", "bucket"),
}


@pytest.mark.parametrize(("user", "secret", "option"), LOGINS.values(), ids=LOGINS.keys())
def test_a_run_ends_at_once_and_shows_the_option_with(user: str, secret: str, option: str, tmp_path: Path, asking: Any) -> None:
    key, own = asking.users.get(user, (user, secret))
    config = f"""input {{ stdin {{ }} }} output {{ s3 {{
        access_key_id => "{key}"
        secret_access_key => "{secret or own}"
        {where(asking)}
        bucket => "bucket"
    }} }}"""
    with Penstock(tmp_path, config, stdin=b"x\n") as run:
        assert run.wait() == 1, run.said()
    said = run.said()
    assert "Traceback" not in said
    shown, mark = next((line, below.index("^")) for line, below in pairwise(said.splitlines()) if "^" in below)
    assert shown[:mark].endswith(f"{option} => ") or shown[mark:].startswith(option), said


def killed(tmp_path: Path, port: int, kills: int) -> Figures:
    """Penstock is killed again and again while it writes; each line arrives."""
    bucket = Bucket(port)
    log = tmp_path / "log"
    options = f'endpoint => "http://127.0.0.1:{port}" region => "{aws.REGION}" bucket => "{bucket.name}" size_file => 5000 time_file => 0.01 {LINE}'
    lines_of = f'path => "{log}" start_position => "beginning" stat_interval => 0.1 sincedb_write_interval => 0.1'
    config = f'input {{ file {{ {lines_of} }} }} output {{ s3 {{ {options} }} }}'
    wanted: set[str] = set()
    for number in range(kills):
        lines = [f"line {number}-{n}" for n in range(1000)]
        wanted |= set(lines)
        with log.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
        before = len(bucket.keys())
        with Penstock(tmp_path, config) as run:
            run.until(lambda seen=before: len(bucket.keys()) > seen, "it uploads")  # type: ignore[misc]
            run.kill()
    wanted.add("the last")
    with log.open("a") as file:
        file.write("the last\n")  # what only the last life can write: it has started then
    with Penstock(tmp_path, config) as run:
        run.until(lambda: set(content(bucket)) == wanted, "nothing is lost")
        run.stop()
    arrived = content(bucket)
    assert not (set(arrived) - wanted)  # no line is torn
    return Figures(kills, len(wanted), len(arrived) - len(wanted))


@pytest.mark.servers
def test_twenty_kills_lose_nothing(tmp_path: Path, moto: Any) -> None:
    killed(tmp_path, moto.port, rounds(20))


@pytest.mark.soak("S3", "moto")
def test_two_hundred_kills_lose_nothing(tmp_path: Path, moto: Any, found: Found) -> None:
    found(killed(tmp_path, moto.port, rounds()))
