"""The filter dns, against a name server of the tests' own."""
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

import penstock
from penstock.filters.dns import Dns

HOSTS = Path(__file__).parent.parent / "data" / "dns" / "hosts"
RECORDS = {
    ("host.test.", "A"): "192.0.2.1",
    ("both.test.", "A"): "192.0.2.2",
    ("both.test.", "AAAA"): "2001:db8::2",
    ("six.test.", "AAAA"): "2001:db8::6",
    ("short.corp.test.", "A"): "192.0.2.3",
    ("1.2.0.192.in-addr.arpa.", "PTR"): "host.test.",
}


class Server:
    """Answers from RECORDS; names that start with `slow` are not answered."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.asked: Counter[str] = Counter()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                data, sender = self.socket.recvfrom(4096)
            except OSError:
                return
            query = dns.message.from_wire(data)
            question = query.question[0]
            name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
            self.asked[name] += 1
            if name.startswith("slow"):
                continue
            response = dns.message.make_response(query)
            value = RECORDS.get((name, kind))
            if value:
                response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, value))
            elif not any(known == name for known, _ in RECORDS):
                response.set_rcode(dns.rcode.NXDOMAIN)
            self.socket.sendto(response.to_wire(), sender)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.socket.close()


def compiled(server: Server, options: str) -> Any:
    config = f'nameserver => "127.0.0.1" timeout => 0.2 max_retries => 0 add_tag => ["ok"] {options}'
    stage = penstock.compile(f"filter {{ dns {{ {config} }} }}")
    for made in stage.assembly.made.values():
        if isinstance(made, Dns) and made._resolver:
            made._resolver.port = server.port
    return stage


def run(server: Server, options: str, *events: dict[str, Any]) -> list[dict[str, Any]]:
    outs = compiled(server, options)(events)
    return [{key: value for key, value in out.items() if key not in ("@timestamp", "@version")} for out in outs]


@pytest.mark.parametrize(
    ("name", "address"),
    [("host.test", "192.0.2.1"), ("both.test", "192.0.2.2"), ("six.test", "2001:db8::6"), ("10.0.0.1", "10.0.0.1"), ("::1", "::1")],
)
def test_names_have_addresses(server: Server, name: str, address: str) -> None:
    assert run(server, 'resolve => "[a][b]"', {"a": {"b": name}}) == [{"a": {"b": [name, address]}, "tags": ["ok"]}]
    replaced = run(server, 'resolve => "n" action => "replace"', {"n": name}, {"n": [name]})
    assert [event["n"] for event in replaced] == [address, [address]]


def test_addresses_have_names(server: Server) -> None:
    assert run(server, 'reverse => "ip"', {"ip": ["192.0.2.1"]}) == [{"ip": ["192.0.2.1", "host.test"], "tags": ["ok"]}]


def test_what_was_resolved_is_reversed(server: Server) -> None:
    (out,) = run(server, 'resolve => "n" reverse => "n" action => "replace"', {"n": "host.test"})
    assert out == {"n": "host.test", "tags": ["ok"]}


@pytest.mark.parametrize("value", ["gone.test", "", 5, ["a.test", "b.test"], [], [5], {"a": 1}, "x" * 300, "a..b", "\udc80"])
def test_what_has_no_address_ends_the_work(server: Server, value: Any) -> None:
    event = {"a": value, "b": "host.test"}
    assert run(server, 'resolve => ["a", "b"]', event) == [event]


@pytest.mark.parametrize("value", ["host.test", "192.0.2.99", "999.1.1.1"])
def test_what_has_no_name_ends_the_work(server: Server, value: str) -> None:
    assert run(server, 'reverse => "a"', {"a": value}) == [{"a": value}]


def test_a_missing_field_is_passed_over(server: Server) -> None:
    assert run(server, 'resolve => ["none", "n"]', {"n": "host.test"})[0]["tags"] == ["ok"]


def test_no_answer_in_time_is_tagged(server: Server) -> None:
    assert run(server, 'resolve => "n"', {"n": "slow.test"}) == [{"n": "slow.test", "tags": ["_dnstimeout"]}]
    assert run(server, 'resolve => "n" tag_on_timeout => ["late"]', {"n": "slow.test"})[0]["tags"] == ["late"]


def test_questions_are_asked_again(server: Server) -> None:
    run(server, 'resolve => "n" max_retries => 0', {"n": "slow0.test"})
    once = server.asked["slow0.test."]
    config = 'filter { dns { nameserver => "127.0.0.1" timeout => 0.2 max_retries => 2 resolve => "n" } }'
    stage = penstock.compile(config)
    (made,) = [plugin for plugin in stage.assembly.made.values() if isinstance(plugin, Dns)]
    assert made._resolver
    made._resolver.port = server.port
    stage([{"n": "slow2.test"}])
    assert server.asked["slow2.test."] >= 3 * once > 0


def test_a_batch_asks_the_same_question_once(server: Server) -> None:
    run(server, 'resolve => "n"', *[{"n": "host.test"}, {"n": "gone.test"}, {"n": "both.test"}] * 20)
    assert server.asked["host.test."] == 1


def test_answers_and_failures_are_remembered(server: Server) -> None:
    stage = compiled(server, 'resolve => "n" hit_cache_size => 9 failed_cache_size => 9')
    for _ in range(3):
        stage([{"n": "host.test"}])
        stage([{"n": "gone.test"}])
    assert server.asked["host.test."] == 1
    assert server.asked["gone.test."] == 1
    (made,) = [plugin for plugin in stage.assembly.made.values() if isinstance(plugin, Dns)]
    assert made.stats() == {"cache_hits": 4, "cache_misses": 2, "cache_entries": 2}
    forgetful = compiled(server, 'resolve => "n"')
    for _ in range(2):
        forgetful([{"n": "host.test"}])
    assert server.asked["host.test."] == 3


def test_short_names_have_domains_to_search(server: Server) -> None:
    options = 'resolve => "n" action => "replace" nameserver => { "address" => ["127.0.0.1"] "search" => ["corp.test"] }'
    config = f"filter {{ dns {{ {options} }} }}"
    stage = penstock.compile(config)
    (made,) = [plugin for plugin in stage.assembly.made.values() if isinstance(plugin, Dns)]
    assert made._resolver
    made._resolver.port = server.port
    assert stage([{"n": "short"}])[0]["n"] == "192.0.2.3"


def test_hosts_files_come_first(server: Server) -> None:
    options = f'hostsfile => "{HOSTS}" resolve => "n" reverse => "ip" action => "replace"'
    out = run(server, options, {"n": "DB", "ip": "2001:db8::7"}, {"n": "host.test"}, {"ip": "192.0.2.12"})
    assert (out[0]["n"], out[0]["ip"], out[1]["n"], out[2]["ip"]) == ("192.0.2.10", "six.example.net", "192.0.2.1", "db")


def test_with_a_hosts_file_alone_no_server_is_asked() -> None:
    (out,) = penstock.compile(f'filter {{ dns {{ hostsfile => "{HOSTS}" resolve => "n" }} }}')([{"n": "host.test"}])
    assert out["n"] == "host.test"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ('nameserver => "ns.example.org"', "cannot be used"),
        ('nameserver => { "adress" => "10.0.0.1" }', "has no `adress`"),
        ('nameserver => { "address" => "10.0.0.1" "search" => ["a", "b", "c", "d", "e", "f", "g"] }', "six domains"),
        ('hostsfile => "nowhere"', "file `nowhere` does not exist"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(options: str, said: str) -> None:
    with pytest.raises(penstock.ConfigError, match=said):
        penstock.compile(f"filter {{ dns {{ {options} }} }}")
