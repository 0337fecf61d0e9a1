"""What the input s3 does with objects, against moto: which are read, how far, and what becomes of them; kills; notifications."""
from __future__ import annotations

import datetime as dt
import errno
import gzip
import json
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from servers import aws
from servers.aws_bucket import Bucket
from servers.aws_queue import Queue
from servers.certificates import Certificates
from servers.front import Front, Told
from servers.penstock_flow import Arrivals
from servers.penstock_process import Penstock
from servers.soak import Figures, Found, rounds

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble, inspect
from penstock.plugins.context import Context
from penstock.plugins.errors import EndOfInput, Misconfigured, Undelivered
from penstock.plugins.input import Outcome
from penstock.plugins.inputs import _s3_bookmark
from penstock.plugins.inputs._s3_bookmark import Bookmark, Progress
from penstock.plugins.inputs._s3_notices import objects_of

REFUSED = [
    ("", "`bucket` is missing"),
    ('bucket => "b" backup_to_bucket => "b"', "an object would be copied onto itself"),
    ('bucket => "b" sincedb_path => "/tmp"', "`/tmp` is a directory"),
    ('bucket => "b" exclude_pattern => "("', "the parenthesis is not closed"),
    ('queue => "q" visibility_timeout => 50000', "SQS takes 43200 seconds at most"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_a_check_refuses(options: str, message: str) -> None:
    _, found = inspect([Source("test.conf", f"input {{ s3 {{ {options} }} }} output {{ null {{ }} }}")], settled({}))
    assert any(message in f"{each.message} {each.help}" for each in found), found


@pytest.fixture
def bucket(moto: Any) -> Bucket:
    return Bucket(moto.port)


def where(server: Any) -> str:
    return f'endpoint => "http://127.0.0.1:{server.port}" region => "{aws.REGION}"'


ONCE = "cutoff_second => 0 watch_for_new_files => false"


class Reading:
    """The input in this process, one read after the other."""

    def __init__(self, directory: Path, options: str) -> None:
        text = f"input {{ s3 {{ {options} }} }} output {{ null {{ }} }}"
        assembly = assemble([Source("test.conf", text)], settled({"path.data": str(directory)}))
        (made,) = assembly.plugins(assembly.program.inputs)
        self.source = cast(Any, made)
        self.source.open()
        self.source.connect()
        self.lines: list[str] = []
        self.keys: list[str] = []

    def batch(self) -> Any:
        """The next batch, noted and not settled; None at the end."""
        while True:
            try:
                found = self.source.read(0.1)
            except EndOfInput:
                return None
            if found is not None:
                for chunk in found.chunks:
                    self.lines += chunk.data.decode().splitlines()
                    self.keys.append(chunk.origin["@metadata"]["s3"]["key"])
                return found

    def settle(self, batch: Any, error: Exception | None = None) -> None:
        behind = {part.partition: part.position for part in batch.parts} if error is None else {}
        self.source.settle([Outcome(batch.token, error)], behind)

    def all(self) -> list[str]:
        """All lines, settled as they come, until the input ends by itself."""
        while (batch := self.batch()) is not None:
            self.settle(batch)
        self.source.close()
        return self.lines


def test_objects_are_read_by_time_and_key_without_those_that_are_left_out(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    for key in ("logs/b", "logs/a", "other/c", "logs/skip.tmp", "logs/directory/", "done/logs/x", "logs/empty"):
        bucket.put(key, "" if key == "logs/empty" else f"{key}\n")
    options = f'bucket => "{bucket.name}" {where(moto)} prefix => "logs/" exclude_pattern => "\\.tmp$" {ONCE}'
    assert Reading(tmp_path, options).all() == ["logs/a", "logs/b"]
    assert Reading(tmp_path, options).all() == []
    bucket.put("logs/a", "again\n")  # it has another content now
    assert Reading(tmp_path, options).all() == ["again"]


@pytest.mark.parametrize(
    ("data", "lines", "is_kept"),
    [
        (gzip.compress(b"one\ntwo\n"), ["one", "two"], False),
        (gzip.compress(b"one\n") + gzip.compress(b"two\n"), ["one", "two"], False),
        (b"one\ntwo", ["one", "two"], False),
        (gzip.compress(b"x\n" * 50_000)[:100], None, True),
        (b"\xef\xbb\xbfone\n", ["one"], False),
    ],
    ids=["gzip", "two members", "no line end", "cut off", "byte order mark"],
)
def test_content_is_unpacked_and_what_is_damaged_is_kept(data: bytes, lines: list[str] | None, is_kept: bool, tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    bucket.put("no-name-tells", data)
    found = Reading(tmp_path, f'bucket => "{bucket.name}" {where(moto)} delete => true {ONCE}').all()
    assert lines is None or found == lines
    assert bucket.keys() == (["no-name-tells"] if is_kept else [])


@pytest.mark.parametrize("packs", [False, True], ids=["plain", "gzip"])
def test_a_start_goes_on_in_the_middle_of_an_object(packs: bool, tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    """Behind what was settled, and not behind what was read; the first is not closed, as a kill leaves it."""
    wanted = [f"line {number:06} ".ljust(100, "x") for number in range(6000)]
    data = "".join(f"{line}\n" for line in wanted).encode()
    bucket.put("large", gzip.compress(data) if packs else data)
    options = f'bucket => "{bucket.name}" {where(moto)} {ONCE}'
    first = Reading(tmp_path, options)
    first.settle(first.batch())
    settled_lines = len(first.lines)
    first.batch()
    second = Reading(tmp_path, options)
    assert second.all() == wanted[settled_lines:]
    assert 0 < settled_lines < 6000


def test_a_batch_that_failed_is_read_again_with_all_behind_it(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    wanted = [f"line {number:06} ".ljust(100, "x") for number in range(6000)]
    bucket.put("large", "".join(f"{line}\n" for line in wanted))
    reading = Reading(tmp_path, f'bucket => "{bucket.name}" {where(moto)} {ONCE}')
    reading.settle(reading.batch())
    good = len(reading.lines)
    failed = reading.batch()
    reading.batch()
    reading.settle(failed, Undelivered("the target is gone"))
    del reading.lines[good:]
    assert reading.all() == wanted


def test_what_is_done_is_copied_and_deleted_and_what_was_interrupted_is_completed(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    other, directory = Bucket(moto.port), tmp_path / "saved"
    bucket.put("in/one.log", "one\n")
    backup = f'backup_to_bucket => "{other.name}" backup_add_prefix => "done/" backup_to_dir => "{directory}" delete => true'
    with Front(moto.port) as front:
        front.rules.append(lambda asked: Told(500, b"") if asked.method == "DELETE" else None)
        reading = Reading(tmp_path, f'bucket => "{bucket.name}" {where(front)} {backup} {ONCE}')
        reading.settle(reading.batch())
        reading.source.read(0.1)  # finds its end
        assert (bucket.keys(), other.keys()) == (["in/one.log"], ["done/in/one.log"])
        reading.source.close()
    reading = Reading(tmp_path, f'bucket => "{bucket.name}" {where(moto)} {backup} {ONCE}')
    assert reading.all() == []
    assert (bucket.keys(), other.keys(), (directory / "one.log").read_text()) == ([], ["done/in/one.log"], "one\n")


def test_an_object_that_is_gone_before_it_is_copied_is_done(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    """Somebody else has deleted it; there is nothing left to wait for, and the run ends."""
    other = Bucket(moto.port)
    bucket.put("one.log", "one\n")
    reading = Reading(tmp_path, f'bucket => "{bucket.name}" {where(moto)} backup_to_bucket => "{other.name}" delete => true {ONCE}')
    batch = reading.batch()
    bucket.client.delete_object(Bucket=bucket.name, Key="one.log")
    reading.settle(batch)
    assert reading.all() == ["one"]
    assert other.keys() == []


def test_an_object_that_was_overwritten_after_it_was_read_is_not_deleted_but_read_again(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    bucket.put("one.log", "old\n")
    options = f'bucket => "{bucket.name}" {where(moto)} delete => true {ONCE}'
    reading = Reading(tmp_path, options)
    batch = reading.batch()
    bucket.put("one.log", "new\n")
    reading.settle(batch)
    assert reading.all() == ["old"]
    assert (Reading(tmp_path, options).all(), bucket.keys()) == (["new"], [])


def test_a_copy_that_s3_refuses_holds_up_no_other_object(tmp_path: Path, moto: Any, bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    other = Bucket(moto.port)
    for name in ("a", "b"):
        bucket.put(name, f"{name}\n")
    refusal = b"<Error><Code>InvalidRequest</Code><Message>never</Message></Error>"
    with Front(moto.port) as front:
        front.rules.append(lambda asked: Told(400, refusal) if asked.method == "PUT" and asked.path.endswith("/a") else None)
        reading = Reading(tmp_path, f'bucket => "{bucket.name}" {where(front)} backup_to_bucket => "{other.name}" {ONCE}')
        for _ in range(2):
            reading.settle(reading.batch())
        for _ in range(3):
            reading.source.read(0.1)  # finds the ends
        reading.source.close()
    assert (reading.lines, other.keys()) == (["a", "b"], ["b"])
    assert "cannot be copied or deleted" in caplog.text


def test_a_bucket_for_copies_that_is_not_there_is_said(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    with pytest.raises(Misconfigured) as caught:
        Reading(tmp_path, f'bucket => "{bucket.name}" {where(moto)} backup_to_bucket => "nothing-is-here" {ONCE}')
    assert caught.value.option == "backup_to_bucket"


def test_copies_in_the_same_bucket_are_not_read(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    bucket.put("one.log", "one\n")
    options = f'bucket => "{bucket.name}" {where(moto)} backup_to_bucket => "{bucket.name}" backup_add_prefix => "done/" {ONCE}'
    assert [Reading(tmp_path, options).all() for _ in range(2)] == [["one"], []]
    assert bucket.keys() == ["done/one.log", "one.log"]


def test_properties_of_objects_and_fields_of_lines(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    bucket.put("a/b c.json", '{"n": 1}\n{broken\n', ContentType="text/json", Metadata={"team": "blue"})
    source = f's3 {{ bucket => "{bucket.name}" {where(moto)} codec => json include_object_properties => true interval => 0.2 cutoff_second => 0 }}'
    events = Arrivals(tmp_path, source).all(2, "-w", "2")
    facts = events[0]["meta"]["s3"]
    assert (facts["bucket"], facts["key"], facts["content_type"], facts["content_length"], facts["metadata"]) == (bucket.name, "a/b c.json", "text/json", 17, {"team": "blue"})
    assert facts["last_modified"].endswith("Z")
    assert (events[0]["n"], events[1]["tags"]) == (1, ["_jsonparsefailure"])


def test_a_sincedb_of_logstash_says_what_is_done(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    bucket.put("old", "old\n")
    sincedb = tmp_path / "sincedb"
    sincedb.write_text("2100-01-01 00:00:00 UTC")
    options = f'bucket => "{bucket.name}" {where(moto)} sincedb_path => "{sincedb}" {ONCE}'
    assert Reading(tmp_path, options).all() == []
    sincedb.write_text("2000-01-01 00:00:00 +0100")
    assert Reading(tmp_path, options).all() == ["old"]


def test_an_object_that_is_under_way_is_not_done_because_later_ones_are(
    tmp_path: Path, moto: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is done is forgotten by its time after a day; here, at once."""
    monkeypatch.setattr(_s3_bookmark, "REMEMBERED", dt.timedelta(seconds=-10))
    for name in ("a", "b"):
        bucket.put(name, f"{name}\n")
    options = f'bucket => "{bucket.name}" {where(moto)} {ONCE}'
    reading = Reading(tmp_path, options)
    batches = [reading.batch() for _ in range(2)]
    reading.source.read(0.1)  # finds the end of the second
    reading.settle(batches[1])
    reading.source.close()
    assert [Reading(tmp_path, options).all() for _ in range(2)] == [["a"], []]


def test_a_sincedb_that_cannot_be_written_anew_is_appended_to_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, again = (Bookmark(str(tmp_path / "sincedb"), Context().log) for _ in range(2))
    made.open()
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", refuse_to_replace)
        with pytest.raises(OSError, match="Read-only"):
            move_often(made)
    monkeypatch.setattr(_s3_bookmark, "_FEWEST_LINES", 10_000)
    made.move("b/key", Progress("etag", 4711, False))
    made.close()
    again.open()
    assert again.progress("b/key", "etag").offset == 4711
    again.close()


def move_often(bookmark: Bookmark) -> None:
    for number in range(2000):
        bookmark.move("b/key", Progress("etag", number, False))


def refuse_to_replace(source: str, target: str) -> None:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def test_an_object_that_cannot_be_read_holds_up_no_other(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    for name in ("a", "b"):
        bucket.put(name, f"{name}\n")
    denied = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
    with Front(moto.port) as front:
        front.rules.append(lambda asked: Told(403, denied) if asked.path.startswith(f"/{bucket.name}/a") else None)
        assert Reading(tmp_path, f'bucket => "{bucket.name}" {where(front)} {ONCE}').all() == ["b"]
    assert Reading(tmp_path, f'bucket => "{bucket.name}" {where(moto)} {ONCE}').all() == ["a"]


def test_a_kill_in_the_middle_of_objects_loses_nothing_and_repeats_little(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    for number in range(2):
        bucket.put(f"{number}.log", "".join(f"line {number}-{n} {'x' * 200}\n" for n in range(3000)))
    arrivals = Arrivals(tmp_path, f's3 {{ bucket => "{bucket.name}" {where(moto)} interval => 0.2 cutoff_second => 0 max_in_flight => 2 }}')
    arrivals.config = arrivals.config.replace("filter {", 'filter { sleep { time => "0.02" every => 100 }')
    with arrivals.process() as run:
        run.until(lambda: bool(arrivals.events()), "it reads")
        run.kill()
    assert len(arrivals.events()) < 6000
    with arrivals.process() as run:
        run.until(lambda: len(set(arrivals.messages())) == 6000, "nothing is lost")
        run.stop()
    assert len(arrivals.messages()) < 6000 + 5 * 700  # five batches, and no whole object


@pytest.fixture
def queue(moto: Any) -> Iterator[Queue]:
    made = Queue(moto.port)
    yield made
    made.close()


def notification(bucket: str, key: str) -> str:
    return json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]})


NO_NOTIFICATIONS = {
    "no JSON": "not a notification",
    "a list": "[1]",
    "a record of something else": '{"Records": [{"eventName": "ObjectCreated:Put"}]}',
    "a bucket that is a text": '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": "b", "object": {"key": "k"}}}]}',
    "a key that is a number": '{"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": 5}}}]}',
    "a key that is a number, of EventBridge": '{"detail-type": "Object Created", "detail": {"bucket": {"name": "b"}, "object": {"key": 5}}}',
    "an object that is a list": '{"detail-type": "Object Created", "detail": {"bucket": {"name": "b"}, "object": []}}',
    "a message that is a list": '{"Type": "Notification", "Message": []}',
    "brackets without end": "[" * 200_000,
}


@pytest.mark.parametrize("text", NO_NOTIFICATIONS.values(), ids=NO_NOTIFICATIONS.keys())
def test_what_is_not_a_notification_is_said_to_be_none(text: str) -> None:
    """Anybody may write to the queue; one such message must not take those beside it with it."""
    with pytest.raises(ValueError, match=r"not a notification|not one of S3|Expecting value"):
        objects_of(text)


def test_notifications_name_objects_and_are_deleted_when_those_are_done(tmp_path: Path, moto: Any, bucket: Bucket, queue: Queue) -> None:
    bucket.notify(queue.arn)  # sends a test
    bucket.put("a b+ä.log", "one\n")
    bucket.put("two.log", "two\n")
    bucket.put("in/three.log", "three\n")
    queue.put([
        json.dumps({"Type": "Notification", "Message": notification(bucket.name, "in/three.log")}),
        json.dumps({"detail-type": "Object Created", "detail": {"bucket": {"name": bucket.name}, "object": {"key": "two.log"}}}),
        notification(bucket.name, "is-gone"), "not a notification", json.dumps({"Records": [{"eventName": "ObjectRemoved:Delete", "s3": {}}]}), "[1]",
    ])
    arrivals = Arrivals(tmp_path, f's3 {{ queue => "{queue.name}" {where(moto)} visibility_timeout => 5 }}')
    with arrivals.process() as run:
        run.until(lambda: len(arrivals.events()) >= 5, "all are read")
        run.until(lambda: queue.counts() == (0, 0), "all notifications are deleted")
        run.stop()
        assert run.said().count("is not a notification of S3") >= 1
        assert "is-gone` is left out" in run.said()
    assert sorted(arrivals.messages()) == ["one", "three", "three", "two", "two"]
    assert {event["meta"]["s3"]["key"] for event in arrivals.events()} == {"a b+ä.log", "two.log", "in/three.log"}


def test_two_processes_share_a_queue_and_a_kill_loses_nothing(tmp_path: Path, moto: Any, bucket: Bucket, queue: Queue) -> None:
    bucket.notify(queue.arn)
    source = f's3 {{ queue => "{queue.name}" {where(moto)} visibility_timeout => 2 }}'
    one, other = Arrivals(tmp_path, source, "one"), Arrivals(tmp_path, source, "other")
    for number in range(20):
        bucket.put(f"{number}", f"line {number}\n")
    with one.process() as first, other.process() as second:
        first.until(lambda: bool(one.events() or other.events()), "they read")
        first.kill()
        for number in range(20, 30):
            bucket.put(f"{number}", f"line {number}\n")
        second.until(lambda: set(one.messages() + other.messages()) == {f"line {n}" for n in range(30)}, "nothing is lost")
        second.until(lambda: queue.counts() == (0, 0), "all is deleted")
        second.stop()


def test_objects_over_tls(tmp_path: Path, moto: Any, bucket: Bucket) -> None:
    certificates = Certificates(tmp_path)
    bucket.put("one", "one\n")
    with Front(moto.port, identity=certificates.pair("server")) as front:
        common = f'bucket => "{bucket.name}" region => "{aws.REGION}" endpoint => "{front.url}" {ONCE}'
        assert Reading(tmp_path, f'{common} additional_settings => {{ "ssl_ca_bundle" => "{certificates.ca}" }}').all() == ["one"]


LOGINS = {
    "an unknown key": ("AKIANOBODY", "x", "access_key_id"),
    "a wrong secret": ("ann", "guess", "secret_access_key"),
    "a user without rights": ("bob", "", "bucket"),
    "a bucket that is not there": ("ann", "", "bucket"),
}


@pytest.mark.parametrize("name", LOGINS)
def test_a_run_ends_at_once_and_shows_the_option_with(name: str, tmp_path: Path, asking: Any) -> None:
    user, secret, option = LOGINS[name]
    key, own = asking.users.get(user, (user, secret))
    bucket = "nothing-is-here" if "bucket" in name else "bucket"
    config = f"""input {{ s3 {{
        access_key_id => "{key}"
        secret_access_key => "{secret or own}"
        {where(asking)}
        bucket => "{bucket}"
    }} }} output {{ null {{ }} }}"""
    with Penstock(tmp_path, config) as run:
        assert run.wait() == 1, run.said()
    said = run.said()
    assert "Traceback" not in said
    shown, mark = next((line, below.index("^")) for line, below in pairwise(said.splitlines()) if "^" in below)
    assert shown[:mark].endswith(f"{option} => ") or shown[mark:].startswith(option), said


def killed(tmp_path: Path, port: int, kills: int) -> Figures:
    """Penstock is killed again and again while it reads; each line arrives, and each object is deleted."""
    bucket = Bucket(port)
    options = f'endpoint => "http://127.0.0.1:{port}" region => "{aws.REGION}" interval => 0.2 cutoff_second => 0 delete => true max_in_flight => 2'
    arrivals = Arrivals(tmp_path, f's3 {{ bucket => "{bucket.name}" {options} }}')
    wanted: set[str] = set()
    for number in range(kills):
        lines = [f"line {number}-{n} {'x' * 300}" for n in range(600)]
        wanted |= set(lines)
        bucket.put(f"{number:04}.log", "".join(f"{line}\n" for line in lines))
        before = arrivals.size()
        with arrivals.process() as run:
            run.until(lambda seen=before: arrivals.size() > seen, "it reads")  # type: ignore[misc]
            run.kill()
    wanted.add("the last")
    bucket.put("last.log", "the last\n")  # what only the last life can read: it has started then
    with arrivals.process() as run:
        run.until(lambda: set(arrivals.messages()) == wanted, "nothing is lost")
        run.until(lambda: bucket.keys() == [], "all is deleted")
        run.stop()
    return Figures(kills, len(wanted), len(arrivals.messages()) - len(wanted))


@pytest.mark.servers
def test_twenty_kills_lose_nothing(tmp_path: Path, moto: Any) -> None:
    killed(tmp_path, moto.port, rounds(20))


@pytest.mark.soak("S3", "moto")
def test_two_hundred_kills_lose_nothing(tmp_path: Path, moto: Any, found: Found) -> None:
    found(killed(tmp_path, moto.port, rounds()))
