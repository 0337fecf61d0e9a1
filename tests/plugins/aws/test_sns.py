"""The output sns against moto: the contract, what fields of events say, and refusals. A queue that is subscribed shows what was published."""
from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from servers import aws
from servers.aws_queue import Queue
from servers.penstock_flow import write
from servers.penstock_process import Penstock
from servers.proxy import Proxy

from penstock.dsl.reference import Event
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble, inspect
from penstock.plugins.errors import Rejected
from penstock.testing.connectors import OutputContract

REFUSED = [
    ('arn => ""', "the topic is empty"),
    ('arn => "arn:aws:sns:r:1:t.fifo"', "a FIFO topic requires `message_group_id`"),
    ("batch_events => 11", "SNS takes 10 messages in a request"),
]
PLAIN = 'codec => plain { format => "%{message}" }'


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_a_check_refuses(options: str, message: str) -> None:
    _, found = inspect([Source("test.conf", f"input {{ stdin {{ }} }} output {{ sns {{ {options} }} }}")], settled({}))
    assert any(message in f"{each.message} {each.help}" for each in found), found


class Topic:
    """A new topic, and a queue that gets what is published. ``raw``: the message alone, without what SNS tells of it."""

    def __init__(self, port: int, raw: bool = True, is_fifo: bool = False) -> None:
        self.client = aws.client("sns", port)
        self.queue = Queue(port, is_fifo)
        attributes = {"FifoTopic": "true"} if is_fifo else {}
        self.arn = self.client.create_topic(Name=aws.fresh("t") + (".fifo" if is_fifo else ""), Attributes=attributes)["TopicArn"]
        self.client.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=self.queue.arn, Attributes={"RawMessageDelivery": str(raw).lower()})


class Target:
    """A topic behind a proxy. ``refused``: messages that are made larger than SNS takes."""

    def __init__(self, server: Any, proxy: Proxy) -> None:
        self._proxy = proxy
        self.topic = Topic(server.port)
        self.refused: tuple[str, ...] = ()
        self._came: list[str] = []
        self._lock = threading.Lock()
        self._next = 0.0
        proxy.refuse()
        self.environment = {"PORT": str(proxy.port), "ARN": self.topic.arn}

    def start(self) -> None:
        self._proxy.refuse(False)

    def stop(self) -> None:
        self._proxy.refuse()

    def received(self) -> list[str]:
        with self._lock:
            time.sleep(max(0.0, self._next - time.monotonic()))  # who asks all the time takes the server's time
            self._came += [message["Body"] for message in self.topic.queue.take()]
            self._next = time.monotonic() + 0.2
            return list(self._came)

    def answer(self, kind: str, *values: Any) -> None:
        if kind == "break":
            self._proxy.cut()
        elif kind == "refuse":
            self.refused = values


@pytest.mark.servers
class TestOutputSns(OutputContract):
    config = f'sns {{ arn => "${{ARN}}" endpoint => "http://127.0.0.1:${{PORT}}" region => "{aws.REGION}" {PLAIN} }}'
    wrong = f'sns {{ arn => "arn:aws:sns:{aws.REGION}:123456789012:nothing" endpoint => "http://127.0.0.1:${{PORT}}" region => "{aws.REGION}" }}'
    wrong_option = "arn"
    absent: ClassVar[Mapping[str, str]] = {
        "a_busy_target_is_left_alone_for_as_long_as_it_says": "moto is never busy; see tests/plugins/clients/test_aws.py for what throttling means",
        "a_killed_process_loses_nothing": "it sends by the same code as the output sqs, which shows it; moto takes half a minute for this case",
    }
    servers: ClassVar[tuple[Any, Proxy]]
    backend: Target

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _servers(cls, moto: Any, moto_front: Proxy) -> None:
        cls.servers = moto, moto_front

    def server(self, directory: Path) -> Target:
        return Target(*self.servers)

    def event(self, message: str) -> Event:
        large = {"sns_message": "x" * 300_000} if message in self.backend.refused else {}
        return {"message": message, **large}


del OutputContract  # pytest would take it for a test of its own


def where(server: Any) -> str:
    return f'endpoint => "{server.url}" region => "{aws.REGION}"'


def test_fields_of_events_name_subject_message_and_topic(tmp_path: Path, moto: Any) -> None:
    one, other = Topic(moto.port, raw=False), Topic(moto.port, raw=False)
    lines = [
        {"message": "plain", "sns": one.arn},
        {"message": "a", "sns": other.arn, "sns_subject": "s" * 200, "sns_message": "said"},
        {"message": "a", "sns": other.arn, "sns_subject": {"n": 1}, "sns_message": {"m": [1]}},
    ]
    write(tmp_path, f"sns {{ {where(moto)} {PLAIN} }}", [json.dumps(line) for line in lines])
    (first,) = [json.loads(message["Body"]) for message in one.queue.take()]
    second, third = [json.loads(message["Body"]) for message in other.queue.take()]
    assert (first["Message"], first["Subject"]) == ("plain", "NO SUBJECT")
    assert (second["Message"], second["Subject"]) == ("said", "s" * 100)
    assert (third["Message"], third["Subject"]) == ('{"m":[1]}', '{"n":1}')


def output(options: str, tmp_path: Path) -> Any:
    assembly = assemble([Source("test.conf", f"input {{ stdin {{ }} }} output {{ sns {{ {options} }} }}")], settled({"path.data": str(tmp_path)}))
    (made,) = assembly.plugins(assembly.program.outputs)
    made.open()
    cast(Any, made).connect()
    return made


@pytest.mark.parametrize("event", [{"message": "x"}, {"message": "x", "sns": 5}, {"message": "x", "sns": f"arn:aws:sns:{aws.REGION}:123456789012:nothing"}])
def test_an_event_without_a_topic_that_exists_is_refused(event: Event, tmp_path: Path, moto: Any) -> None:
    made = output(where(moto), tmp_path)
    (payload,) = made.pack([event])
    with pytest.raises(Rejected):
        made.deliver(payload)
    made.close()


def test_a_topic_is_told_once_that_the_output_has_started(tmp_path: Path, moto: Any) -> None:
    topic = Topic(moto.port)
    made = output(f'{where(moto)} arn => "{topic.arn}" publish_boot_message_arn => "{topic.arn}"', tmp_path)
    made.connect()
    made.close()
    assert [message["Body"] for message in topic.queue.take()] == ["Penstock successfully booted"]


def test_groups_of_a_fifo_topic_arrive_as_groups(tmp_path: Path, moto: Any) -> None:
    topic = Topic(moto.port, is_fifo=True)
    made = output(f'{where(moto)} arn => "{topic.arn}" {PLAIN} message_group_id => "%{{group}}"', tmp_path)
    (payload,) = made.pack([{"message": str(n), "group": "ab"[n % 2]} for n in range(12)])
    made.deliver(payload)
    made.deliver(payload)  # once more, as after an answer that was lost
    made.close()
    came: dict[str, list[str]] = {}
    for message in topic.queue.take():
        came.setdefault(message["Attributes"]["MessageGroupId"], []).append(message["Body"])
    assert came == {"a": ["0", "2", "4", "6", "8", "10"], "b": ["1", "3", "5", "7", "9", "11"]}


def test_requests_to_a_topic_without_order_may_overlap_and_those_of_a_fifo_topic_may_not(tmp_path: Path, moto: Any) -> None:
    """Requests of one lane are sent one after another."""
    events: list[Event] = [{"message": str(n)} for n in range(45)]
    topic, fifo = Topic(moto.port), Topic(moto.port, is_fifo=True)
    made = output(f'{where(moto)} arn => "{topic.arn}" {PLAIN} max_in_flight => 4', tmp_path)
    payloads = made.pack(events)
    assert [payload.count for payload in payloads] == [10, 10, 10, 10, 5]
    assert len({payload.lane for payload in payloads}) == 4
    for payload in payloads:
        made.deliver(payload)
    made.close()
    assert sorted(int(message["Body"]) for message in topic.queue.take()) == list(range(45))
    made = output(f'{where(moto)} arn => "{fifo.arn}" {PLAIN} message_group_id => "g" max_in_flight => 4', tmp_path)
    assert len({payload.lane for payload in made.pack(events)}) == 1
    made.close()


LOGINS = {
    "an unknown key": ("AKIANOBODY", "x", "access_key_id"),
    "a wrong secret": ("ann", "guess", "secret_access_key"),
    "a user without rights": ("bob", "", "publish_boot_message_arn"),
}


@pytest.mark.parametrize(("user", "secret", "option"), LOGINS.values(), ids=LOGINS.keys())
def test_a_run_ends_at_once_and_shows_the_option_with(user: str, secret: str, option: str, tmp_path: Path, asking: Any) -> None:
    key, own = asking.users.get(user, (user, secret))
    topic = f"arn:aws:sns:{aws.REGION}:123456789012:nothing"
    config = f"""input {{ stdin {{ }} }} output {{ sns {{
        access_key_id => "{key}"
        secret_access_key => "{secret or own}"
        {where(asking)}
        publish_boot_message_arn => "{topic}"
    }} }}"""
    with Penstock(tmp_path, config, stdin=b"x\n") as run:
        assert run.wait() == 1, run.said()
    said = run.said()
    assert "Traceback" not in said
    shown, mark = next((line, below.index("^")) for line, below in pairwise(said.splitlines()) if "^" in below)
    assert shown[:mark].endswith(f"{option} => ") or shown[mark:].startswith(option), said


def test_a_user_with_rights_publishes(tmp_path: Path, asking: Any) -> None:
    key, secret = asking.users["ann"]
    made = output(f'access_key_id => "{key}" secret_access_key => "{secret}" {where(asking)} arn => "{asking.topic}" {PLAIN}', tmp_path)
    (payload,) = made.pack([{"message": "x"}])
    made.deliver(payload)
    made.close()
