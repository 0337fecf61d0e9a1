"""Logging in to Kafka: Java's login configuration (JAAS), read, and said as librdkafka says it.

JAAS names a class, a flag and options: ``org…PlainLoginModule required username="a" password="b";``
The class says what is meant; nothing of Java is run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from ..contract import Plugin
from ..declaration import Secret, Uri

_HELP = (
    "write sasl_jaas_config => 'org.apache.kafka.common.security.plain.PlainLoginModule required"
    ' username="…" password="…";\''
)
_TOKEN = re.compile(
    r"""\s* (?: (?P<comment> //[^\n]* | /\*.*?\*/ )
      | (?P<quoted> "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' )
      | (?P<word> [^\s;={}"']+ )
      | (?P<mark> [;={}] ) )""",
    re.VERBOSE | re.DOTALL,
)
_JAVA_ONLY = (
    "sasl_client_callback_handler_class",
    "sasl_login_callback_handler_class",
    "sasl_iam_jar_paths",
)


class LoginOptions(Protocol):
    """The options that a login is made of."""

    sasl_mechanism: str
    sasl_jaas_config: Secret | None
    jaas_path: Path | None
    kerberos_config: Path | None
    sasl_kerberos_service_name: str | None
    sasl_oauthbearer_token_endpoint_url: Uri | None


def login_config(plugin: Plugin, options: LoginOptions) -> dict[str, Any]:
    """What librdkafka is to be told of the login; what is wrong with the options is reported."""
    for name in _JAVA_ONLY:
        if name in plugin.given:
            plugin.problem(name, "classes of Java cannot be used", "use another `sasl_mechanism`")
    found = _login(plugin, options)
    if found is None:
        return {}
    blamed, module, values = found
    mechanism = options.sasl_mechanism
    if module == "PlainLoginModule" and "sasl_mechanism" not in plugin.given:
        mechanism = "PLAIN"
    makers = {
        "PlainLoginModule": _password,
        "ScramLoginModule": _password,
        "OAuthBearerLoginModule": _token,
        "Krb5LoginModule": _kerberos,
    }
    maker = makers.get(module)
    if maker is None:
        known = ", ".join(makers)
        plugin.problem(blamed, f"`{module}` is not a known login module", f"use one of {known}")
        return {}
    try:
        return {"sasl.mechanism": mechanism, **maker(options, values)}
    except KeyError as missing:
        plugin.problem(blamed, f"the login has no {missing.args[0]}", f'add {missing.args[0]}="…"')
        return {}


def _login(plugin: Plugin, options: LoginOptions) -> tuple[str, str, dict[str, str]] | None:
    """The option that has the login, the module's name and its options."""
    blamed, text = "sasl_jaas_config", options.sasl_jaas_config
    section = ""
    if text is None and options.jaas_path is not None:
        blamed, section = "jaas_path", "KafkaClient"
        try:
            text = Secret(options.jaas_path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            plugin.problem(blamed, f"`{options.jaas_path}` cannot be read: {error}")
            return None
    if text is None:
        if options.sasl_mechanism == "GSSAPI" and options.sasl_kerberos_service_name:
            return "sasl_mechanism", "Krb5LoginModule", {}  # the ticket of whoever runs it
        plugin.problem("security_protocol", "a SASL protocol needs a login", _HELP)
        return None
    try:
        module, values = parse_jaas(text, section)
    except ValueError as error:
        plugin.problem(blamed, f"the login cannot be read: {error}", _HELP)
        return None
    return blamed, module, values


def parse_jaas(text: str, section: str = "") -> tuple[str, dict[str, str]]:
    """The module's name, without its package, and its options; of a section of a file, if one is
    named. Raises ValueError.
    """
    tokens = list(_tokens(text))
    if section:
        tokens = _of_section(tokens, section)
    if ";" not in tokens:
        raise ValueError("it does not end with `;`")
    tokens = tokens[: tokens.index(";")]
    if len(tokens) < 2:
        raise ValueError("it has no module and flag")
    module, _flag, *rest = tokens
    values: dict[str, str] = {}
    while rest:
        if len(rest) < 3 or rest[1] != "=":
            raise ValueError(f'`{rest[0]}` is not followed by ="…"')
        values[rest[0]] = rest[2]
        rest = rest[3:]
    return module.rpartition(".")[2], values


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError("a quotation mark is not closed")
        at = match.end()
        if match["quoted"] is not None:
            found.append(re.sub(r"\\(.)", r"\1", match["quoted"][1:-1], flags=re.DOTALL))
        elif match["comment"] is None:
            found.append(match["word"] or match["mark"])
    return found


def _of_section(tokens: list[str], section: str) -> list[str]:
    for at, token in enumerate(tokens[:-1]):
        if token == section and tokens[at + 1] == "{":
            return tokens[at + 2 :]
    raise ValueError(f"it has no section {section} {{ … }}")


def _password(options: LoginOptions, values: Mapping[str, str]) -> dict[str, Any]:
    return {"sasl.username": values["username"], "sasl.password": values["password"]}


def _token(options: LoginOptions, values: Mapping[str, str]) -> dict[str, Any]:
    url = options.sasl_oauthbearer_token_endpoint_url
    subject = values.get("unsecuredLoginStringClaim_sub")
    if url is None and subject is not None:
        return {
            "enable.sasl.oauthbearer.unsecure.jwt": True,
            "sasl.oauthbearer.config": f"principal={subject}",
        }
    config = {
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.client.id": values["clientId"],
        "sasl.oauthbearer.client.secret": values["clientSecret"],
        "sasl.oauthbearer.token.endpoint.url": url or "",
    }
    if "scope" in values:
        config["sasl.oauthbearer.scope"] = values["scope"]
    return config


def _kerberos(options: LoginOptions, values: Mapping[str, str]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    service = options.sasl_kerberos_service_name or values.get("serviceName")
    if service:
        config["sasl.kerberos.service.name"] = service
    if "principal" in values:
        config["sasl.kerberos.principal"] = values["principal"]
    if "keyTab" in values:
        config["sasl.kerberos.keytab"] = values["keyTab"]
    return config
