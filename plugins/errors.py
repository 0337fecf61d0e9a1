"""What a connector raises to say what went wrong, and so what the runtime does about it.

The whole tree of errors that Penstock raises on purpose::

    PenstockError                     (dsl.diagnostics)
    ├── ConfigError                   a configuration that cannot be run
    ├── ConnectorError                raised by inputs and outputs
    │   ├── Disconnected              connect again, then go on
    │   ├── Retry                     deliver these items again
    │   ├── Rejected                  the target will never take these items: dead letters
    │   ├── Misconfigured             an option is wrong: said at its place
    │   └── EndOfInput                there is nothing more to read
    ├── Undelivered                   the pipeline stops with events that were not delivered
    ├── NewerFormat                   a file on disk that a newer Penstock wrote; also an OSError
    └── GrokError, RegexError, MatchTimeout, …   raised inside the language and the filters

Indexes count the items of the payload that was delivered: item ``i`` is event ``i`` of all that
were joined. An OSError counts as Disconnected, since that is how the operating system says it. Any
other exception is taken for a fault of the plugin: retried a few times, then dead-lettered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..dsl.diagnostics import PenstockError

ALL: None = None
"""In the place of indexes: all items of the payload."""


class ConnectorError(PenstockError):
    """The root of what connectors raise. ``after``: seconds to wait first, where the other side
    says so (Retry-After); None leaves it to the back-off.
    """

    def __init__(self, message: str = "", after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Disconnected(ConnectorError):
    """The connection is gone, or could not be made: connect again, and give again what was under
    way.
    """


class Retry(ConnectorError):
    """The target did not take some items now and may later: too many requests, a shard that
    moves.
    """

    def __init__(
        self,
        message: str = "",
        indexes: Iterable[int] | None = ALL,
        after: float | None = None,
    ) -> None:
        super().__init__(message, after)
        self.indexes = None if indexes is None else sorted(set(indexes))


class Rejected(ConnectorError):
    """The target will never take some items, each for its reason; only these become dead letters.

    ``reasons``: index to reason, or one reason for all items. ``retry``: indexes of items that are
    to be delivered again; the others were delivered.
    """

    def __init__(
        self,
        reasons: Mapping[int, str] | str,
        retry: Iterable[int] = (),
        after: float | None = None,
    ) -> None:
        said = reasons if isinstance(reasons, str) else "; ".join(sorted(set(reasons.values())))
        super().__init__(said, after)
        self.reasons = reasons if isinstance(reasons, str) else dict(reasons)
        self.retry = sorted(set(retry))

    def reasons_of(self, count: int) -> dict[int, str]:
        """The reason of each rejected item of so many."""
        if isinstance(self.reasons, str):
            return dict.fromkeys(set(range(count)) - set(self.retry), self.reasons)
        return self.reasons


class Misconfigured(ConnectorError):
    """An option is wrong in a way that only the other side can tell: a password, a topic, a port.

    At the first connect it ends the run with a diagnostic at the option's place; once it has
    worked, it counts as an outage. ``plugin`` is filled in by the runtime.
    """

    plugin: object = None

    def __init__(self, option: str, reason: str, help: str = "", code: str = "E250") -> None:
        super().__init__(f"`{option}`: {reason}")
        self.option, self.reason, self.help, self.code = option, reason, help, code


class EndOfInput(ConnectorError):
    """The source has ended: nothing will come any more."""


class Undelivered(PenstockError):
    """The pipeline stops, or cannot go on, with events that an output does not have."""


class NewerFormat(PenstockError, OSError):
    """A file on disk that a newer Penstock wrote: it is left as it is, and nothing starts that
    would need it. ``known``: the latest format that this one reads.
    """

    def __init__(self, path: object, found: int, known: int) -> None:
        super().__init__(
            f"`{path}` has format {found}, from a newer Penstock; this one reads up to {known}: run"
            " the Penstock that wrote it, or move the file away"
        )
        self.path = str(path)
