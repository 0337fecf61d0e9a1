"""Events as lines of text: through a template, or in the form that Logstash gives an event without
one.

That form is ``<@timestamp> <host> <message>``, with maps and lists as Java writes them and
``%{host}`` for a host that is not there.
"""

from __future__ import annotations

from collections.abc import Callable

from ...dsl.reference import Event
from ...dsl.template import Template
from ...dsl.timestamp import Timestamp
from ...dsl.values import java_text


def event_text(event: Event) -> str:
    """``2015-12-07T11:37:00.123Z h1 hello``: the text of an event for which no format is given."""
    host, message = event.get("host"), event.get("message")
    text = (
        f"{'%{host}' if host is None else java_text(host)}"
        f" {'%{message}' if message is None else java_text(message)}"
    )
    stamp = event.get("@timestamp")
    return f"{stamp} {text}" if type(stamp) is Timestamp else text


def renderer(template: Template | None) -> Callable[[Event], str]:
    """The function that makes the text of an event; it raises on no event."""
    if template is None:
        return event_text
    if template.problem is None:
        return template.render
    text = template.text
    return lambda event: text


def utf8(text: str) -> bytes:
    """Text as UTF-8; a surrogate without its other half becomes a question mark."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
