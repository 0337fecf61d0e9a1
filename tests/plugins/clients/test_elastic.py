"""How plugins reach a cluster of Elasticsearch or OpenSearch: addresses, logins, TLS."""
from __future__ import annotations

import hashlib
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import opensearch
from servers.certificates import Certificates
from servers.front import Front, Told
from servers.process import LOOPBACK

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins import tls as tls_files
from penstock.plugins.clients.elastic import basic, parse_host
from penstock.plugins.errors import Disconnected, Misconfigured


def output(options: str, name: str = "elasticsearch") -> Any:
    """An output with these options, prepared."""
    text = f'input {{ stdin {{ }} }} output {{ {name} {{ index => "i" manage_template => false {options} }} }}'
    assembly = assemble([Source("t.conf", text)], settled({}))
    (plugin,) = assembly.plugins(assembly.program.outputs)
    return plugin


def connect(options: str, name: str = "elasticsearch") -> None:
    """Connect with these options."""
    plugin = output(options, name)
    plugin.open()
    try:
        plugin.connect()
    finally:
        plugin.close()


@pytest.mark.parametrize(
    ("text", "ssl_enabled", "path", "url"),
    [
        ("es", None, None, "http://es:9200"),
        ("es:9201", None, None, "http://es:9201"),
        ("//es", None, None, "http://es:9200"),
        ("https://es", None, None, "https://es:9200"),
        ("http://es:80/below/", None, None, "http://es:80/below"),
        ("es", True, None, "https://es:9200"),
        ("es", None, "/below", "http://es:9200/below"),
        ("[::1]:9201", None, None, "http://[::1]:9201"),
        ("https://[::1]", None, None, "https://[::1]:9200"),
        (" es ", False, None, "http://es:9200"),
    ],
)
def test_forms_of_a_host(text: str, ssl_enabled: bool | None, path: str | None, url: str) -> None:
    assert parse_host(text, ssl_enabled, path).url == url


@pytest.mark.parametrize(
    ("text", "ssl_enabled", "path"),
    [
        ("", None, None),
        ("ftp://es", None, None),
        ("es:port", None, None),
        ("es:99999", None, None),
        ("http://es", True, None),
        ("https://es", False, None),
        ("http://es/a", None, "/b"),
        ("http://es?a=b", None, None),
        ("http://", None, None),
    ],
)
def test_what_is_not_a_host(text: str, ssl_enabled: bool | None, path: str | None) -> None:
    with pytest.raises(ValueError, match="`"):
        parse_host(text, ssl_enabled, path)


def test_a_password_in_an_address_is_not_shown() -> None:
    with pytest.raises(ValueError, match="//…@es") as caught:
        parse_host("ftp://me:secret@es")
    assert "secret" not in str(caught.value)


CLOUD = "my-cluster:" + b64encode(b"eu.example.com$abc123$kibana").decode()


@pytest.mark.parametrize(
    ("options", "authorization"),
    [
        ('user => "u" password => "p"', basic("u", "p")),
        ('cloud_auth => "u:p:q"', basic("u", "p:q")),
        ('api_key => "id:key" ssl_enabled => true', f"ApiKey {b64encode(b'id:key').decode()}"),
        ('api_key => "aWQ6a2V5" hosts => "https://es"', "ApiKey aWQ6a2V5"),
        ('hosts => "http://u%40x:p%2F@es"', basic("u@x", "p/")),
        ('hosts => "http://u:p@es" user => "v" password => "q"', basic("v", "q")),
        ("", None),
    ],
)
def test_a_login_becomes_the_authorization_of_each_host(options: str, authorization: str | None) -> None:
    plugin = output(options)
    assert [host.authorization for host in plugin.endpoint.hosts] == [authorization]


@pytest.mark.parametrize(
    ("cloud_id", "url"),
    [
        (CLOUD, "https://abc123.eu.example.com:443"),
        (b64encode(b"eu.example.com:9243$abc123$x").decode(), "https://abc123.eu.example.com:9243"),
        ("x:" + b64encode(b"eu.example.com:9243$abc123:9244$x").decode(), "https://abc123.eu.example.com:9244"),
    ],
)
def test_the_host_of_a_cloud_id(cloud_id: str, url: str) -> None:
    (host,) = output(f'cloud_id => "{cloud_id}" cloud_auth => "u:p"').endpoint.hosts
    assert (host.url, host.authorization) == (url, basic("u", "p"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ('user => "u"', "`user` requires `password`"),
        ('password => "p"', "`password` requires `user`"),
        ('user => "u" password => "p" cloud_auth => "a:b"', "`user` and `cloud_auth` exclude each other"),
        ('cloud_auth => "u"', "this is not `user:password`"),
        ('api_key => "a:b"', "`api_key` requires TLS"),
        (f'cloud_id => "{CLOUD}" hosts => "es"', "`cloud_id` and `hosts` exclude each other"),
        ('cloud_id => "x:y"', "this is not a valid cloud id"),
        ("hosts => []", "`hosts` is empty"),
        ('ca_trusted_fingerprint => "abc"', "this is not a SHA-256 fingerprint"),
        ('proxy => "http://"', "the proxy has no host"),
        ('ssl_keystore_path => "a.jks" ssl_enabled => true', "Java's stores of keys and certificates cannot be used"),
        ("ssl_verification_mode => none", "`ssl_verification_mode` requires TLS"),
    ],
)
def test_options_that_cannot_be_used_are_said(options: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        output(options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "authorization"),
    [
        ('auth_type => { type => "basic" user => "u" password => "p" }', basic("u", "p")),
        ('user => "u" password => "p"', basic("u", "p")),
    ],
)
def test_who_we_are_with_the_options_of_opensearch(options: str, authorization: str) -> None:
    (host,) = output(options, "opensearch").endpoint.hosts
    assert host.authorization == authorization


def test_requests_for_amazon_are_not_signed_and_that_is_said() -> None:
    with pytest.raises(ConfigError, match="`aws_iam` is not a way of authentication"):
        output('auth_type => { type => "aws_iam" }', "opensearch")


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@pytest.fixture
def secure(certificates: Certificates) -> Iterator[Front]:
    """The real server behind TLS and a login."""
    with Front(opensearch.node().port, logins=[basic("u", "p"), "ApiKey aTpr"], identity=certificates.pair("server")) as front:
        yield front


def test_a_cluster_behind_tls_takes_events(secure: Front, certificates: Certificates) -> None:
    index = opensearch.fresh()
    trusted = f'ssl_certificate_authorities => "{certificates.directory}/ca.pem"'
    plugin = output(f'hosts => "{secure.url}" user => "u" password => "p" {trusted} document_id => "{index}"')
    plugin.open()
    plugin.connect()
    plugin.write([{"n": 1}])
    plugin.close()
    assert index in {hit["_id"] for hit in opensearch.documents(secure.target or 0, "i")}


@pytest.mark.parametrize(
    ("identity", "options", "blamed"),
    [
        ("server", 'ssl_certificate_authorities => "{ca}"', None),
        ("server", "ssl_verification_mode => none", None),
        ("server", "", "ssl_certificate_authorities"),
        ("server", 'ssl_certificate_authorities => "{foreign}"', "ssl_certificate_authorities"),
        ("expired", 'ssl_certificate_authorities => "{ca}"', "ssl_certificate_authorities"),
        ("chain", 'ca_trusted_fingerprint => "{fingerprint}"', None),
        ("server", 'ca_trusted_fingerprint => "{leaf}"', None),
        ("chain", 'ca_trusted_fingerprint => "{other}"', "ca_trusted_fingerprint"),
        ("forged", 'ca_trusted_fingerprint => "{fingerprint}"', "ssl_certificate_authorities"),
    ],
)
def test_which_servers_are_trusted(
    certificates: Certificates, identity: str, options: str, blamed: str | None
) -> None:
    directory = certificates.directory
    pem = {name: (directory / f"{name}.pem").read_text() for name in ("ca", "server", "foreign")}
    (directory / "chain.pem").write_text(pem["server"] + pem["ca"])
    (directory / "chain.key").write_bytes((directory / "server.key").read_bytes())
    # An authority put beside a certificate that it has not signed.
    (directory / "forged.pem").write_text(pem["foreign"] + pem["ca"])
    (directory / "forged.key").write_bytes((directory / "foreign.key").read_bytes())
    prints = {name: hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest() for name, text in pem.items()}
    options = options.format(
        ca=directory / "ca.pem", foreign=directory / "foreign-ca.pem", fingerprint=prints["ca"].upper(), leaf=prints["server"], other=prints["foreign"]
    )
    with Front(identity=certificates.pair(identity)) as front:
        front.always("HEAD", "/", Told(200, {}))
        front.always("GET", "/", Told(200, {}))
        if blamed is None:
            connect(f'hosts => "{front.url}" {options}')
        else:
            with pytest.raises(Misconfigured) as caught:
                connect(f'hosts => "{front.url}" {options}')
            assert caught.value.option == blamed


@pytest.mark.parametrize(
    ("shown", "blamed"), [("client", None), ("foreign", "ssl_certificate"), ("", "ssl_certificate")]
)
def test_a_server_may_ask_for_a_certificate(certificates: Certificates, shown: str, blamed: str | None) -> None:
    directory = certificates.directory
    own = f'ssl_certificate => "{directory}/{shown}.pem" ssl_key => "{directory}/{shown}.key"' if shown else ""
    with Front(identity=certificates.pair("server"), clients=directory / "ca.pem") as front:
        front.always("HEAD", "/", Told(200, {}))
        front.always("GET", "/", Told(200, {}))
        options = f'hosts => "{front.url}" ssl_certificate_authorities => "{directory}/ca.pem" {own}'
        if blamed is None:
            connect(options)
        else:
            with pytest.raises((Misconfigured, Disconnected)) as caught:
                connect(options)
            assert getattr(caught.value, "option", blamed) == blamed


def test_certificates_are_read_again_when_they_change(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_files, "_LOOKS", 0.0)
    directory = certificates.directory
    trusted = directory / "trusted.pem"
    trusted.write_bytes((directory / "foreign-ca.pem").read_bytes())
    with Front(identity=certificates.pair("server")) as front:
        front.always("HEAD", "/", Told(200, {}))
        front.always("GET", "/", Told(200, {}))
        plugin = output(f'hosts => "{front.url}" ssl_certificate_authorities => "{trusted}"')
        plugin.open()
        with pytest.raises(Misconfigured):
            plugin.connect()
        trusted.write_bytes((directory / "ca.pem").read_bytes())
        plugin.connect()
        plugin.close()


def test_the_api_key_is_shown_to_the_server(secure: Front, certificates: Certificates) -> None:
    trusted = f'ssl_certificate_authorities => "{certificates.directory}/ca.pem"'
    connect(f'hosts => "{secure.url}" {trusted} api_key => "i:k"')
    with pytest.raises(Misconfigured) as caught:
        connect(f'hosts => "{secure.url}" {trusted} api_key => "i:x"')
    assert caught.value.option == "api_key"
    assert "refuses the login" in caught.value.reason


def test_hosts_whose_health_is_bad_are_down() -> None:
    with Front() as front:
        front.always("HEAD", "/", Told(503, {}))
        with pytest.raises(Disconnected, match="the health check is answered with 503"):
            connect(f'hosts => "{front.url}"')


@pytest.mark.parametrize(
    ("body", "is_one"),
    [(["ok"], False), ({"version": {"number": "8.17.0"}}, True)],
    ids=["another server", "a cluster"],
)
def test_a_server_that_is_no_cluster_is_warned_of(
    body: object, is_one: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with Front() as front:
        front.always("HEAD", "/", Told(200, {}))
        front.always("GET", "/", Told(200, body))
        connect(f'hosts => "{front.url}"')
    assert ("does not look like Elasticsearch" in caplog.text) is not is_one


def test_one_host_that_is_up_is_enough() -> None:
    with Front() as up, Front(logins=["none"]) as refusing:
        up.always("HEAD", "/", Told(200, {}))
        connect(f'hosts => ["{LOOPBACK}:1", "{refusing.url}", "{up.url}"]')


def test_threads_of_a_client_end_with_it() -> None:
    before = threading.active_count()
    with Front() as up, Front() as other:
        for front in (up, other):
            front.always("HEAD", "/", Told(200, {}))
        connect(f'hosts => ["{up.url}", "{other.url}"] resurrect_delay => 0.1')
    for _ in range(500):
        if threading.active_count() <= before:
            return
        threading.Event().wait(0.01)
    pytest.fail("a thread goes on")
