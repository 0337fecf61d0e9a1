"""Options of older versions of Logstash, read as what they are now, with a warning at their place."""
from typing import Any

import pytest

from penstock.dsl.check import check
from penstock.dsl.diagnostics import Diagnostic
from penstock.dsl.parser import parse
from penstock.dsl.program import PluginUse
from penstock.dsl.source import Source
from penstock.plugins import registry


def checked(config: str) -> tuple[dict[str, Any], list[Diagnostic]]:
    """The options that the first plugin gets, and what was found."""
    done = check([parse(Source("a.conf", config))], registry, {}, {})
    (use,) = (*done.program.inputs, *done.program.filters, *done.program.outputs)
    assert isinstance(use, PluginUse)
    return {name: setting.value for name, setting in use.settings.items()}, done.diagnostics


READ = [
    ('filter { kv { trim => "<>" } }', {"trim_value": "<>"}),
    ('filter { mutate { remove => ["a"] } }', {"remove_field": ["a"]}),
    ("filter { grok { match => { msg => text } singles => true } }", {"match": {"msg": "text"}}),
    ("input { beats { port => 5044 ssl => true } }", {"port": 5044, "ssl_enabled": True}),
    ("input { beats { port => 1 ssl_verify_mode => force_peer } }", {"port": 1, "ssl_client_authentication": "required"}),
    ("input { beats { port => 1 tls_min_version => 1.2 } }", {"port": 1, "ssl_supported_protocols": ["TLSv1.2", "TLSv1.3"]}),
    ("input { beats { port => 1 tls_min_version => 1.2 tls_max_version => 1.2 } }", {"port": 1, "ssl_supported_protocols": ["TLSv1.2"]}),
    ("input { tcp { port => 1 ssl_enable => true ssl_verify => false } }", {"port": 1, "ssl_enabled": True, "ssl_client_authentication": "none"}),
    ("input { tcp { port => 1 mode => client ssl_verify => false } }", {"port": 1, "mode": "client", "ssl_verification_mode": "none"}),
    ('output { tcp { host => "a" port => 1 ssl_verify => true } }', {"host": "a", "port": 1, "ssl_verification_mode": "full"}),
    ("output { elasticsearch { ssl => true ssl_certificate_verification => [false] } }", {"ssl_enabled": True, "ssl_verification_mode": "none"}),
    ('output { elasticsearch { host => "a" protocol => http flush_size => 500 } }', {"hosts": ["a"]}),
    ('input { http_poller { urls => { "a" => "http://a" } interval => 60 } }', {"schedule": {"every": "60s"}}),
    ("input { stdin { format => json_event debug => true } }", {"codec": "json"}),
]  # fmt: skip


@pytest.mark.parametrize(("config", "options"), READ)
def test_a_former_option_is_what_it_became(config: str, options: dict[str, Any]) -> None:
    given, found = checked(config)
    shown = {name: getattr(getattr(value, "spec", None), "name", value) for name, value in given.items()}
    assert options.items() <= {name: plain(value) for name, value in shown.items()}.items()
    assert {finding.code for finding in found} == {"W301"}
    assert all(finding.span is not None and finding.span.text in config for finding in found)


def plain(value: Any) -> Any:
    """Field references and templates as they are written."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return str(value) if hasattr(value, "path") or hasattr(value, "text") else value


def test_the_name_of_today_goes_before_the_former_one() -> None:
    given, found = checked("input { beats { port => 1 ssl => true ssl_enabled => false } }")
    assert given["ssl_enabled"] is False
    assert [finding.code for finding in found] == ["W301"]


REFUSED = [
    ('input { kafka { zk_connect => "a:2181" } }', "bootstrap_servers"),
    ('output { elasticsearch { host => "a" port => 9201 } }', "HOST:PORT"),
    ("output { elasticsearch { embedded => true } }", "start a server"),
    ('input { beats { port => 1 ssl_verify_mode => "maybe" } }', "ssl_client_authentication"),
]


@pytest.mark.parametrize(("config", "remedy"), REFUSED)
def test_a_value_that_has_become_nothing_is_refused(config: str, remedy: str) -> None:
    _, found = checked(config)
    assert [remedy in finding.help for finding in found if finding.code == "E212"] == [True]


@pytest.mark.parametrize("section", ["input", "filter", "codec", "output"])
def test_each_former_option_of_a_plugin_became_one_that_it_has(section: str) -> None:
    for name in registry.names(section):
        cls = registry.plugin_class(section, name)
        if cls is None:
            continue
        own = vars(cls).get("former", {})
        assert [old for old in own if old not in cls.spec.former] == [], name
