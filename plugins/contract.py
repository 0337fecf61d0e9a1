"""The contract of plugins: what a filter, an input, an output and a codec is and is given.

A plugin is made once for its place in a configuration: ``__init__`` sets its options as attributes,
``prepare`` builds what its loop needs and reports what is wrong with the options. After that
nothing is looked up or parsed per event.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from ..dsl.event import add_tag, complete
from ..dsl.guard import limited, signals_reach
from ..dsl.reference import Event, ReferenceSyntaxError, parse_keys
from ..dsl.regex import compile_kept
from ..dsl.spec import PluginSpec
from .context import Context, OptionProblem
from .declaration import Bytes, Example, Option, declared, option

if TYPE_CHECKING:
    from .passthrough import RawStream, Relay

__all__ = [
    "Batch",
    "Codec",
    "Context",
    "Ecs",
    "Filter",
    "Input",
    "OptionProblem",
    "Output",
    "Plugin",
    "Unfinished",
    "complain",
]

log = logging.getLogger("penstock")


class Plugin:
    """What all plugins share: options as attributes, a context, a place.

    ``section`` and ``name`` are given as class keywords. Every subclass with a name is a plugin and
    gets a ``spec``.
    """

    spec: ClassVar[PluginSpec]
    examples: ClassVar[tuple[Example, ...]] = ()
    section: ClassVar[str] = ""

    id: str | None = option(
        "A name for this plugin in logs and metrics.", default=None, common=True
    )
    enable_metric: bool = option(
        "Whether figures of this plugin are collected.", default=True, common=True
    )

    def __init_subclass__(cls, name: str | None = None, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        declared_here = {
            key: value for key, value in vars(cls).items() if isinstance(value, Option)
        }
        cls._declared = declared_here  # type: ignore[attr-defined]
        for key in declared_here:
            delattr(cls, key)
        if name is not None:
            cls.spec = declared(cls, cls.section, name)

    def __init__(self, values: Mapping[str, Any], context: Context | None = None) -> None:
        self.context = context or Context()
        for key, spec in self.spec.options.items():
            value = values[key] if key in values else copy.copy(spec.default)
            setattr(self, key, value)
        self.given = frozenset(values)

    @property
    def name(self) -> str:
        """The plugin's name in configurations."""
        return self.spec.name

    @property
    def ecs(self) -> bool:
        """Whether fields are named as the Elastic Common Schema says."""
        return (getattr(self, "ecs_compatibility", None) or self.context.ecs) != "disabled"

    def problem(
        self,
        option: str,
        message: str,
        remedy: str = "",
        path: Sequence[str | int] = (),
        code: str = "E220",
    ) -> None:
        """Report an option that cannot be used (a code with W warns), and go on looking."""
        self.context.problems.append(OptionProblem(option, message, remedy, path, code))

    def prepare(self) -> None:
        """Build what the loop needs; report bad options with ``problem`` or raise OptionProblem."""

    def open(self) -> None:
        """Open files and connections; called once, before the first event of a run, not when a
        configuration is checked.
        """

    def close(self) -> None:
        """Let go of files and connections."""

    def figures(self) -> dict[str, int | float]:
        """What the plugin counts for itself, by name, such as the hits of a cache: for the metrics,
        which count events already.
        """
        return {}


# `Plugin` itself runs no __init_subclass__: its options are taken off by hand.
Plugin._declared = {k: v for k, v in vars(Plugin).items() if isinstance(v, Option)}  # type: ignore[attr-defined]
for _key in Plugin._declared:  # type: ignore[attr-defined]
    delattr(Plugin, _key)


class Ecs:
    """Mixed into plugins whose field names depend on the Elastic Common Schema."""

    ecs_compatibility: str | None = option(
        "Which field names to use; the pipeline's setting unless given.",
        default=None,
        choices=("disabled", "v1", "v8"),
        common=True,
    )


Ecs._declared = {"ecs_compatibility": Ecs.ecs_compatibility}  # type: ignore[attr-defined]
del Ecs.ecs_compatibility

_GONE = "use a conditional around the filter"


class Filter(Plugin):
    """A filter: transforms events, one at a time (``apply``) or a batch (``run``).

    A filter that may give more, fewer or other events than it got says ``reshapes = True`` and
    answers ``apply`` with a list. ``stateful``: needs all events of a key in one place.
    ``external``: talks to a server.
    """

    section = "filter"
    reshapes: bool = False
    stateful: ClassVar[bool] = False
    external: ClassVar[bool] = False
    flushes: ClassVar[bool] = False
    matches: bool = False
    """Whether it matches expressions of the user's against texts of events: then a guard stands
    around the batch, and a match that takes too long raises MatchTimeout. In threads that no guard
    reaches, those of ``compiled`` raise it.
    """

    _match_limit: float = 0
    _compiles: bool = False

    add_field: dict[str, Any] = option(
        "Fields to add to an event that the filter handled.", default={}, common=True
    )
    remove_field: list[str] = option("Fields to take out of it.", default=[], common=True)
    add_tag: list[Any] = option("Tags to give it.", default=[], common=True)
    remove_tag: list[str] = option("Tags to take from it.", default=[], common=True)
    periodic_flush: bool = option(
        "Whether to flush the filter every few seconds.", default=False, common=True
    )
    type: str | None = option("Gone.", default=None, obsolete=_GONE, common=True)
    tags: list[str] = option("Gone.", default=[], obsolete=_GONE, common=True)
    exclude_tags: list[str] = option("Gone.", default=[], obsolete=_GONE, common=True)

    decorate: Callable[[Event], None] | None = None
    """Applies add_field, remove_field, add_tag and remove_tag, in this order; None when there is
    nothing to apply.
    """

    removes: str | None = None
    """The key that is taken out of an event itself, where that is all that ``decorate`` does."""

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
        """Transform one event in place. True: it was handled, decorate it. A reshaping filter gives
        the events instead, decorated by itself.
        """
        raise NotImplementedError

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
                if apply(event) and decorate is not None:
                    decorate(event)
            except Exception as error:
                self.failed(event, error)
        return events

    def spread(self, event: Event) -> list[Event]:
        """The events that a reshaping filter makes of one."""
        try:
            made = self.apply(event)
            assert isinstance(made, list)
        except Exception as error:
            self.failed(event, error)
            return [event]
        return made

    def flush(self, final: bool) -> list[Event]:
        """Events that are due (all that is held, when ``final``); called every few seconds if
        ``flushes``.
        """
        return []

    def failed(self, event: Event, error: Exception) -> None:
        """Tag an event on which the filter raised, with the reason; log it once a minute."""
        add_tag(event, f"_{self.name}_exception")
        reason = f"{type(error).__name__}: {error}"
        if self.context.bury is not None:
            self.context.bury(self, [event], reason)
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
            reason,
        )


class Codec(Plugin):
    """Bytes to events and back. One codec decodes one stream: ``stream()`` gives a fresh one for
    another.
    """

    section = "codec"
    decodes: ClassVar[bool] = True
    encodes: ClassVar[bool] = True
    by_line: bool = False
    """Whether it wants to be fed line by line where bytes come as a stream."""

    completes: ClassVar[bool] = False
    """Whether ``decode`` itself gives events all that ``complete`` would."""

    origin: Mapping[str, Any] = {}
    """Fields that every event of this stream gets unless it has them, such as the host that it came
    from.
    """

    @property
    def longest(self) -> int:
        """The longest line, in bytes, that is decoded as one: an option of the codec's, or the
        setting.
        """
        given: int | None = getattr(self, "decode_size_limit_bytes", None)
        return given or self.context.limit("line")

    @property
    def held(self) -> int:
        """How many whole lines are in no event yet, where lines are joined."""
        return 0

    def stream(self, origin: Mapping[str, Any] | None = None) -> Codec:
        """A codec with the same options and nothing held, for a stream of that origin."""
        fresh = copy.copy(self)
        fresh.origin = origin or {}
        fresh.start()
        return fresh

    def complete(self, events: list[Event]) -> list[Event]:
        """Give decoded events what every event has, and their origin; the same list."""
        if not self.completes:
            complete(events, self.context.now(), self.origin)
        return events

    def start(self) -> None:
        """Forget what is held of a stream; called for every new one."""

    def decode(self, data: bytes) -> list[Event]:
        """The events that are complete with these bytes; events may lack ``@timestamp`` and
        ``@version``.
        """
        raise NotImplementedError

    def flush(self) -> list[Event]:
        """What is held when the stream ends."""
        return []

    def idle(self) -> list[Event]:
        """Events that are due because nothing came for a while; called about once a second."""
        return []

    def boundary(self) -> bytes | None:
        """The bytes after which a stream may be cut, its parts decoded one without the other; None
        if there are none.
        """
        return None

    def relay(self, encoder: Codec) -> Relay | None:
        """A shorter way from a piece of this stream, cut at the boundary, to what ``encoder`` makes
        of its events, where nothing lies between them; None if there is none.
        """
        return None

    def encode(self, events: list[Event]) -> bytes:
        """Events as bytes; ``@metadata`` is left out, the events are left as they are."""
        raise NotImplementedError


class Batch(msgspec.Struct):
    """Events on their way from an input. ``done(None)`` acknowledges: the input may move on;
    ``done(error)`` gives them back.
    """

    events: list[Event]
    done: Callable[[Exception | None], None] | None = None
    bytes: int = 0


class Input(Plugin):
    """A source of events. One that ``streams`` gets bytes without borders: there, json means
    json_lines and plain means line.
    """

    section = "input"
    default_codec: ClassVar[str] = "plain"
    streams: ClassVar[bool] = False
    completes: ClassVar[bool] = False
    """Whether the events of its batches have ``@timestamp`` and ``@version`` already: those of
    ``Codec.complete`` do.
    """

    add_field: dict[str, Any] = option("Fields to add to every event.", default={}, common=True)
    tags: list[str] = option("Tags to give every event.", default=[], common=True)
    type: str | None = option(
        "A value for the field `type`, where an event has none.", default=None, common=True
    )
    codec: Any = option("How bytes become events.", default=None, kind="codec", common=True)

    decorate: Callable[[Event], None] | None = None
    """Applies type, tags and add_field; None when there is nothing to apply."""

    def batches(self, stopping: Callable[[], bool]) -> Iterator[Batch | None]:
        """Batches as they come; None when nothing came for a moment (at least once a second). Ends
        when the source has ended, or soon after ``stopping()`` turns true.
        """
        raise NotImplementedError

    def raw(self, stopping: Callable[[], bool], size: int) -> RawStream | None:
        """The input as bytes, in pieces of about a size, in the place of ``batches``; None where it
        cannot be cut. It is open.
        """
        return None

    def new_codec(self, origin: Mapping[str, Any] | None = None) -> Codec:
        """A codec for a new stream of this input; ``origin`` as in ``Codec``."""
        assert self.context.make_codec is not None
        return self.context.make_codec(self.codec or self.default_codec, self.streams).stream(
            origin
        )


class Unfinished(OSError):
    """A part of what was packed could not be delivered; ``rest`` is what is still to be."""

    def __init__(self, message: str, rest: Any) -> None:
        super().__init__(message)
        self.rest = rest


class Output(Plugin):
    """A target of events."""

    section = "output"
    default_codec: ClassVar[str] = "plain"
    ends_with_its_reader: ClassVar[bool] = False
    """Whether a broken pipe says that nobody wants its events any more, so that the run ends,
    without an error.
    """

    codec: Any = option("How events become bytes.", default=None, kind="codec", common=True)
    buffer_size: Bytes = option(
        "How much may wait in memory for this output, where there are several, or `when_full` is"
        " not `block`.",
        default=Bytes(16 << 20),
        common=True,
    )
    when_full: str = option(
        "What happens to events when so much waits: all wait (`block`), they go to disk and come"
        " later, in order (`spill`), some are dropped, counted and logged, or go to the dead"
        " letters (where there are none they are dropped).",
        default="block",
        choices=("block", "spill", "drop_oldest", "drop_newest", "dead_letter"),
        common=True,
    )
    spill_max_bytes: Bytes = option(
        "How much may wait on disk with `when_full => spill`; then all wait. Give the output an"
        " `id`: its folder is named after it, else after its options, and is not found again when"
        " they are changed.",
        default=Bytes(1 << 30),
        common=True,
    )
    workers: int = option(
        "Ignored.", default=1, deprecated="take it out: it has no effect", common=True
    )
    type: str | None = option(
        "Gone.", default=None, obsolete="use a conditional around the output", common=True
    )
    tags: list[str] = option(
        "Gone.", default=[], obsolete="use a conditional around the output", common=True
    )
    exclude_tags: list[str] = option(
        "Gone.", default=[], obsolete="use a conditional around the output", common=True
    )

    def pack(self, events: list[Event]) -> Any:
        """What ``deliver`` needs of a batch, as plain data (bytes mostly; texts, numbers, instants,
        lists and dicts of such): it may go through another process or to disk. Runs where events
        are filtered; they are shared and must be left as they are.
        """
        return events

    def encoding(self) -> tuple[Codec, Callable[[Any], Any]] | None:
        """Where ``pack`` does no more than encode a batch: the codec, and what makes of its bytes
        what ``deliver`` takes.
        """
        return None

    def deliver(self, packed: Any) -> None:
        """Hand over what was packed, and leave it as it is. Raises OSError where trying again may
        help, Unfinished where only with a part of it; any other error means that it never will.
        """
        raise NotImplementedError

    def write(self, events: list[Event]) -> None:
        """Pack and deliver a batch."""
        self.deliver(self.pack(events))

    def flush(self) -> None:
        """Make sure that what was written is on its way; called when nothing more is waiting, never
        during ``deliver``.
        """

    def new_codec(self) -> Codec:
        """The codec of this output."""
        assert self.context.make_codec is not None
        return self.context.make_codec(self.codec or self.default_codec, False)


_complaints: dict[str, float] = {}


def complain(key: str, message: str, *arguments: object) -> None:
    """Log a warning, for each key once a minute at most."""
    now = time.monotonic()
    if now - _complaints.get(key, -60.0) >= 60:
        _complaints[key] = now
        log.warning(message, *arguments)
