"""The contract of filters: events in, events out, no I/O but their own tables.

The methods of a filter are called one at a time, in the thread or the worker process that filters.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, NamedTuple

from ..dsl.event import add_tag
from ..dsl.guard import limited, signals_reach
from ..dsl.reference import Event, FieldRef, ReferenceSyntaxError, parse_keys
from ..dsl.regex import compile_kept
from ..dsl.template import Template
from .declaration import option
from .plugin import Plugin
from .raised import said, said_with_place
from .rate_limit import complain

log = logging.getLogger("penstock")

_GONE = "use a conditional around the filter"


class Undivided(NamedTuple):
    """Why the state of a filter cannot be divided by keys: the option because of which, what is
    wrong with it there, and what to do.
    """

    option: str
    message: str
    help: str


class Filter(Plugin):
    """A filter: transforms events, one at a time (``apply``) or a batch (``run``).

    A filter that may give more, fewer or other events than it got says ``reshapes = True`` and
    answers ``apply`` with a list.
    """

    section = "filter"
    reshapes: bool = False

    keyed_by: tuple[FieldRef | Template, ...] | None = None
    """What tells apart the keys by which it holds state, set in ``prepare`` at the latest: () for
    state of all events, None for none. 1 and "1" are two keys.
    """

    shares: ClassVar[bool] = False
    """Whether it shares what it holds with other filters: events then go one by one."""

    event_time: ClassVar[bool] = False
    """Whether its state goes by the time of events: it runs where positions are committed."""

    by_key: bool = False
    """Whether its state, that does not go by the time of events, may be kept elsewhere, key by key;
    set in ``prepare``. It then has the methods of ``HeldByKey``.
    """

    undivided: Undivided | None = None
    """Why its state cannot be divided by keys, set in ``prepare``."""

    group: str = ""
    """What names the filters that share their state: they, and what stands between them, run in one
    place. Set in ``prepare``.
    """

    joins: ClassVar[bool] = False
    """Whether it needs events of several topics, by key: these must have as many partitions each
    where a group of processes shares them out.
    """

    needs_end: str | None = None
    """The option because of which all inputs must end by themselves, set in ``prepare``."""

    @property
    def takes_lines(self) -> bool:
        """Whether ``run`` may be given ``UnmadeEvents``; it then makes the events, or holds what
        they are made of as ``rows``, where they ``may_wait``.
        """
        return False

    @property
    def takes_rows(self) -> bool:
        """Whether ``run`` may do its work on the ``rows`` of ``UnmadeEvents``."""
        return False

    external: ClassVar[bool] = False
    """Whether it talks to a server: more workers than processors may be of use then."""

    flushes: ClassVar[bool] = False
    """Whether it holds events, or has to do something as time passes: ``flush`` is called then."""

    matches: bool = False
    """Whether it matches expressions of the user's against texts of events: then a guard stands
    around the batch, and a match that takes too long raises MatchTimeout. In threads that no guard
    reaches, those of ``compiled`` raise it.
    """

    ruby_route: str = ""
    """How the Ruby of its options runs, set in ``prepare``: ``compiled`` or ``process``; nothing
    where there is none.
    """

    failures: int = 0
    """Events on which it failed, and that it tagged for that; for the metrics."""

    _match_limit: float = 0
    _compiles: bool = False

    @property
    def reckons_by_clock(self) -> str:
        """The option of a time-out that counts by the clock, and by the time of events on an
        engine, where ``by_key``.
        """
        return ""

    @property
    def stateful(self) -> bool:
        """Whether all events of a key must come to one place."""
        return self.keyed_by is not None or self.shares

    add_field: dict[str, Any] = option(
        "Fields to add to an event that the filter handled.", default={}, common=True, literal=True
    )
    remove_field: list[str] = option("Fields to take out of it.", default=[], common=True)
    add_tag: list[Any] = option("Tags to give it.", default=[], common=True)
    remove_tag: list[str] = option("Tags to take from it.", default=[], common=True)
    periodic_flush: bool = option(
        "Has no effect: a filter that holds events always emits them in time.",
        default=False,
        common=True,
    )
    type: str | None = option("Removed.", default=None, obsolete=_GONE, common=True)
    tags: list[str] = option("Removed.", default=[], obsolete=_GONE, common=True)
    exclude_tags: list[str] = option("Removed.", default=[], obsolete=_GONE, common=True)

    decorate: Callable[[Event], None] | None = None
    """Applies add_field, remove_field, add_tag and remove_tag, in this order; None when there is
    nothing to apply.
    """

    removes: tuple[str, ...] = ()
    """The keys that are taken out of an event itself, where that is all that ``decorate`` does."""

    def open(self) -> None:
        if not signals_reach():
            self.limit_matches()

    def compiled(self, text: str) -> Any:
        """An expression of the user's, as a pattern with ``search`` and ``sub``; raises
        RegexError.
        """
        self._compiles = True
        return limited(compile_kept(text), self._match_limit)

    def changes(self) -> frozenset[tuple[str, ...]] | None:
        """The fields that the filter may change, each as the path of its keys, what it tags events
        with when it fails among them; None where that is not known. Conditions on other fields may
        be looked at before it runs.
        """
        return None

    def changes_of(self, names: Iterable[str]) -> frozenset[tuple[str, ...]] | None:
        """``changes`` of a filter that changes the fields of some names, besides those of its
        common options; None where a name depends on the event.
        """
        every = [*names, *self.add_field, *self.remove_field]
        if any("%{" in name for name in every):
            return None
        try:
            paths = [parse_keys(name) for name in every]
        except ReferenceSyntaxError:
            return None
        return frozenset((*paths, ("tags",), ("@metadata", "exception")))

    def limit_matches(self) -> None:
        """Prepare once more, with patterns that end their matches themselves: the filter is about
        to run in a thread that no guard reaches.
        """
        seconds = self.context.limit("match") / 1000
        if self.matches and self._compiles and self._match_limit != seconds:
            self._match_limit = seconds
            self.prepare()

    def apply(self, event: Event) -> bool | list[Event] | None:
        """Transform one event in place. Return True if the filter applied, and common options are
        to be applied; False or None if it did not. A reshaping filter gives the events instead,
        decorated by itself. What it raises tags the event, which goes on.
        """
        raise NotImplementedError(f"the filter `{self.name}` has no method `apply`")

    def run(self, events: list[Event]) -> list[Event]:
        """Transform a batch and give the events that go on; the same list, unless the filter
        reshapes.

        An event that makes the filter raise is tagged and goes on; the others do not notice.
        """
        if self.reshapes:
            return [out for event in events for out in self.spread(event)]
        apply, decorate = self.apply, self.decorate
        for event in events:
            try:
                done = apply(event)
                if done.__class__ is list:
                    raise TypeError("`apply` gave a list: a filter that does says reshapes = True")
                if done and decorate is not None:
                    decorate(event)
            except Exception as error:
                self.failed(event, error)
        return events

    def spread(self, event: Event) -> list[Event]:
        """The events that a reshaping filter makes of one."""
        try:
            made = self.apply(event)
            if not isinstance(made, list):
                kind = type(made).__name__
                raise TypeError(f"`apply` of a filter that reshapes gives a list, not {kind}")
        except Exception as error:
            self.failed(event, error)
            return [event]
        return made

    def flush(self, final: bool) -> list[Event]:
        """Events that are due (all that is held, when ``final``); called every five seconds, and
        at the end, if ``flushes``.
        """
        return []

    def decorated(self, event: Event, decorate: Callable[[Event], None]) -> None:
        """Decorate an event that a filter of whole batches has worked; one whose decoration raises
        is tagged.
        """
        try:
            decorate(event)
        except Exception as error:
            self.failed(event, error)

    def failed(self, event: Event, error: Exception) -> None:
        """Tag an event on which the filter raised, and tell the reason."""
        self.failures += 1
        add_tag(event, f"_{self.name}_exception")
        log.debug("%s: the filter %s raised", self.context.where, self.name, exc_info=error)
        self.tell(event, error)

    def tell(self, event: Event, error: Exception) -> None:
        """Put the reason of a failure into the event's metadata; log it once a minute."""
        reason = said(error)
        if self.context.dead_letter is not None:
            self.context.dead_letter([event], reason)
        metadata = event.setdefault("@metadata", {})
        if isinstance(metadata, dict):
            metadata["exception"] = {
                "filter": self.name,
                "place": self.context.where,
                "reason": reason,
            }
        complain(
            self.context.where,
            "%s: the filter %s raised on an event: %s",
            self.context.where,
            self.name,
            said_with_place(error),
        )
