"""One member of a consumer group: what it has been given to read, how far that is settled, and what
is done when it goes to another member.

librdkafka hears the group in a thread of its own, but tells it only to who polls; so this one is
polled also while nothing may be read. A poll may give a message, which is then kept back, and after
that the partitions are paused: a pause throws away what was fetched, and is not worth it for the
moment that a busy output takes. Offsets of a partition count from one assignment to the next:
whatever is said of an earlier one is ignored.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from threading import Event
from typing import Any

import msgspec
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from ..batch import Position
from ..clients.kafka_client import Watch, refusal_of
from ..contract import Disconnected, Outcome, Plugin
from ._kafka_commits import Assigned, Commits
from ._kafka_messages import Run, partition_name, place_of

_TEND_EVERY = 1.0
_LAG_EVERY = 5.0
_NOTE_EVERY = 0.1
_LONGEST_DRAIN = 10.0
_ASSIGNMENTS = count(1)  # of all members: what was held in an earlier one's days is old
_FIRST_SEARCH, _LONGEST_SEARCH = 1.0, 10.0


class MemberSettings(msgspec.Struct, frozen=True):
    """How a member behaves. Times are in seconds; ``commits``: it commits offsets itself, every
    ``interval``; ``keeps_start``: the first offset it reads is committed at once, since without a
    committed one it would begin at the end again after a crash.
    """

    is_cooperative: bool
    slice: float
    interval: float
    drain: float
    commits: bool
    keeps_start: bool


class GroupMember:
    """A consumer and its partitions. All is called in the reading thread but ``group_metadata``,
    ``assignments`` and ``place``, which a transaction's thread calls.

    ``revoked``: the runtime's, see ``Context``; ``resume``: positions to begin at instead of the
    committed ones.
    """

    def __init__(
        self,
        plugin: Plugin,
        consumer: Consumer,
        watch: Watch,
        settings: MemberSettings,
        is_woken: Callable[[], bool],
        identify: Callable[[Sequence[str]], Mapping[str, str]],
    ) -> None:
        self._plugin, self._consumer, self._watch = plugin, consumer, watch
        self._settings, self._is_woken, self._identify = settings, is_woken, identify
        self._identities: dict[str, str] = {}
        self.resume: dict[str, Position] = {}
        self._assigned: dict[str, Assigned] = {}
        self.commits = Commits(
            plugin, consumer, self._assigned, settings.interval, settings.commits
        )
        self._kept: deque[Message] = deque()
        self._group: Any = None
        self._noted = 0.0
        self._is_paused = self._is_closing = self._has_pattern = self._has_joined = False
        now = time.monotonic()
        self._polled = self._measured = self._searched = now
        self._search_every = _FIRST_SEARCH
        metrics = plugin.context.metrics
        self._lag, self._count = metrics.gauge("lag"), metrics.gauge("partitions")

    def subscribe(self, topics: Sequence[str]) -> None:
        """Join the group; a topic that begins with ``^`` is a pattern."""
        self._has_pattern = any(topic.startswith("^") for topic in topics)
        self._consumer.subscribe(
            list(topics),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    @property
    def id(self) -> str:
        """What the group calls it; empty before it has joined."""
        return self._consumer.memberid() or ""

    def await_group(self, patience: float, stopping: Event) -> None:
        """Wait until the group has told it what to read, for so many seconds at most."""
        end = time.monotonic() + patience
        while not self._has_joined and time.monotonic() < end and not stopping.is_set():
            self.await_news(_TEND_EVERY)

    def await_news(self, timeout: float) -> None:
        """Be heard by the group for so many seconds; a message that comes is kept back."""
        self._polled = time.monotonic()
        if self._kept and not self._is_paused:
            self._consumer.pause(self._consumer.assignment())
            self._is_paused = True
        message = self._consumer.poll(timeout)
        if message is not None:
            self._kept.extend(self._good([message]))
        self._look()

    def fetch(self, most: int, timeout: float) -> list[Message]:
        """Messages, waiting for the first up to so many seconds. Raises Disconnected where the
        member cannot go on, Misconfigured where a broker refuses an option.
        """
        self._resume()
        if self._kept:
            return [self._kept.popleft()]
        end = time.monotonic() + timeout
        while True:
            self._polled = now = time.monotonic()
            message = self._consumer.poll(min(self._settings.slice, max(0.0, end - now)))
            if message is not None:
                found = self._good([message, *self._more(most - 1)])
                if found:
                    self._watch.works()
                    self._look()
                    return found
            self._look()
            if self._is_woken() or time.monotonic() >= end:
                return []

    def _more(self, most: int) -> list[Message]:
        found: list[Message] = self._consumer.consume(most, 0) if most > 0 else []
        return found

    def _good(self, messages: list[Message]) -> list[Message]:
        """The messages, without what the client library reports between them. As ``fetch``."""
        if not any(map(Message.error, messages)):
            return messages
        good = []
        for message in messages:
            error = message.error()
            if error is None:
                good.append(message)
            else:
                self._hear(error)
        return good

    def _hear(self, error: KafkaError) -> None:
        refusal = refusal_of(error, self._plugin)
        if refusal is not None:
            raise refusal
        if error.fatal() or error.code() == KafkaError._AUTO_OFFSET_RESET:
            self.give_up()
            raise Disconnected(error.str())
        if error.code() != KafkaError._PARTITION_EOF:
            about = error.name()
            self._plugin.context.log.warning("%s; reading goes on", error.str(), about=about)

    def _look(self) -> None:
        """Do what is due now and then."""
        if time.monotonic() - self._noted >= _NOTE_EVERY:
            self._note_group()
        self._watch.look(self._consumer)
        if self._watch.fatal is not None:
            self.give_up()
            raise Disconnected(self._watch.fatal.str())
        self.commits.when_due()
        self._search()
        self._measure()

    def _search(self) -> None:
        """While a pattern has given nothing to read, ask for the topics that there are. The client
        library asks by itself every second for a topic that has a name, but looks whether a pattern
        finds more only when it asks for all topics: every five minutes.
        """
        now = time.monotonic()
        if not self._has_pattern or self._assigned or now - self._searched < self._search_every:
            return
        self._searched = now
        self._search_every = min(2 * self._search_every, _LONGEST_SEARCH)
        try:
            self._consumer.list_topics(timeout=_FIRST_SEARCH)
        except KafkaException as error:
            self._plugin.context.log.debug("no list of topics: %s", error.args[0].str())

    def token_of(self, runs: Iterable[Run]) -> list[tuple[str, int, int]]:
        """What is to be known of a batch when it has ended."""
        token = []
        for run in runs:
            name = run.partition
            assigned = self._assigned.get(name)
            if assigned is None:
                continue
            if assigned.first is None:
                assigned.first = run.first
                if self._settings.keeps_start:
                    self.commits.keep_start(assigned)
            epoch = run.messages[-1].leader_epoch()
            assigned.leader_epoch = -1 if epoch is None else epoch
            if run.first < assigned.next:
                self._begin_anew(assigned)
            assigned.next = run.end
            run.incarnation = assigned.incarnation
            token.append((name, assigned.assignment, run.first))
        return token

    def _begin_anew(self, assigned: Assigned) -> None:
        """Offsets have gone back without a rewind: the topic was made anew, or its end was lost
        with a broker. What comes is new, though its offsets are not.
        """
        self._identities |= self._identify([assigned.topic])
        identity = self._identities.get(assigned.topic, "")
        assigned.incarnation = f"{identity}#{assigned.leader_epoch}"
        text = "%s starts over: its topic was recreated, or lost its end"
        self._plugin.context.log.warning(text, partition_name(assigned.topic, assigned.number))

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        """Rewind what has failed, and note what is settled."""
        again: dict[str, int] = {}
        for token, error in outcomes:
            for name, assignment, first in token if error is not None else ():
                assigned = self._assigned.get(name)
                if assigned is not None and assigned.assignment == assignment:
                    again[name] = min(first, again.get(name, first))
        if again:
            self._rewind(again)
        for name, position in behind.items():
            assigned = self._assigned.get(name)
            if assigned is not None:
                assigned.settled, assigned.is_dirty = position.offset, True
        self.commits.when_due()

    def _rewind(self, again: Mapping[str, int]) -> None:
        """Read partitions again from these offsets on; where transactions commit, not what a commit
        without an answer has committed all the same.
        """
        places = {name: self._assigned[name].at(offset) for name, offset in again.items()}
        if not self._settings.commits:
            asked = [TopicPartition(each.topic, each.partition) for each in places.values()]
            known = self._consumer.committed(asked, timeout=_LONGEST_DRAIN)
            for place in known:
                if place.error is not None:
                    raise KafkaException(place.error)
                name = partition_name(place.topic, place.partition)
                # What lies between is in the open transaction, and must not come twice.
                if place.offset > places[name].offset:
                    places[name] = place
        for name, place in places.items():
            self._forget_kept(name)
            self._assigned[name].next = place.offset
            self._consumer.seek(TopicPartition(place.topic, place.partition, place.offset))

    def tend(self) -> None:
        """Be heard by the group while nothing may be read; a message that comes is kept back."""
        now = time.monotonic()
        self.commits.when_due()
        if now - self._polled < _TEND_EVERY:
            return
        self.await_news(0)

    def _resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._consumer.resume(self._consumer.assignment())

    def _on_assign(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self._has_joined = True
        unknown = {place.topic for place in places} - self._identities.keys()
        if unknown:
            self._identities |= self._identify(sorted(unknown))
        for place in places:
            identity = self._identities.get(place.topic, "")
            assigned = Assigned(place.topic, place.partition, next(_ASSIGNMENTS), identity)
            name = partition_name(place.topic, place.partition)
            self._assigned[name] = assigned
            wanted = self.resume.get(name)
            if wanted is not None and _is_of(wanted, identity):
                place.offset = wanted.offset
        if self._settings.is_cooperative:
            consumer.incremental_assign(places)
        else:
            consumer.assign(places)
        self._pause_or_resume(consumer, places)
        self._note_group()
        self._count.set(len(self._assigned))
        self._plugin.context.log.debug("assigned: %s", ", ".join(self._assigned))

    def _pause_or_resume(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        """A pause outlives an assignment in the client library: a partition that went while all
        were paused, and comes back when they no longer are, would never be read again.
        """
        if self._is_paused:
            consumer.pause(places)
        else:
            consumer.resume(places)

    def _on_revoke(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        names = [partition_name(place.topic, place.partition) for place in places]
        self._note_group()
        self._let_go(names, 0.0 if self._is_closing else self._settings.drain)

    def _on_lost(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        names = [partition_name(place.topic, place.partition) for place in places]
        text = "%d partitions were lost: the group had not heard of this member for too long"
        self._plugin.context.log.warning(text, len(names))
        for name in names:
            self._assigned.pop(name, None)  # what is settled from now on is another's to commit
        self._let_go(names, 0.0)

    def _let_go(self, names: Sequence[str], drain: float) -> None:
        """Deliver and commit what is under way of partitions that go."""
        self._plugin.context.revoked(names, drain)
        self.commits.now(names)
        for name in names:
            self._assigned.pop(name, None)
            self.resume.pop(name, None)
            self._forget_kept(name)
        self._count.set(len(self._assigned))

    def _forget_kept(self, name: str) -> None:
        self._kept = deque(
            message for message in self._kept if partition_name(*place_of(message)) != name
        )

    def _measure(self) -> None:
        """How many messages of its partitions are not settled."""
        now = time.monotonic()
        if now - self._measured < _LAG_EVERY:
            return
        self._measured = now
        lag = 0
        for assigned in self._assigned.values():
            marks = self._consumer.get_watermark_offsets(assigned.at(0), cached=True)
            done = assigned.first if assigned.settled is None else assigned.settled
            if marks is not None and done is not None and marks[1] >= 0:
                lag += max(0, marks[1] - done)
        self._lag.set(lag)

    def _note_group(self) -> None:
        """Take down which generation of the group this is, for transactions."""
        if not self._settings.commits:
            self._group, self._noted = self._consumer.consumer_group_metadata(), time.monotonic()

    def group_metadata(self) -> Any:
        """What a transaction shows to the group to commit offsets; from any thread. It may be a
        moment old, and is refused then: while one thread polls, the client library lets no other
        one ask.
        """
        return self._group

    def partition_counts(self, topics: Sequence[str]) -> dict[str, int]:
        """How many partitions topics have, of those that there are."""
        known = self._consumer.list_topics(timeout=_LONGEST_DRAIN).topics
        found = {name: len(known[name].partitions) for name in topics if name in known}
        return {name: number for name, number in found.items() if number}

    def assignments(self) -> dict[str, int]:
        """Its partitions, each with the number of its assignment; from any thread."""
        return {name: each.assignment for name, each in list(self._assigned.items())}

    def place(self, name: str, position: Position) -> TopicPartition | None:
        """A position as the client library says it; None for a partition that has gone."""
        assigned = self._assigned.get(name)
        return None if assigned is None else assigned.at(position.offset)

    def give_up(self) -> None:
        """It cannot go on: nothing under way counts any more."""
        self._plugin.context.revoked(list(self._assigned), 0.0)
        for assigned in self._assigned.values():
            assigned.is_dirty = False
        self.close()

    def close(self) -> None:
        """Commit what is settled, and leave the group."""
        if self._is_closing:
            return
        self.commits.now(self._assigned)
        self._is_closing = True
        self._consumer.close()


def _is_of(position: Position, identity: str) -> bool:
    """Whether a position is one of the topic that there is now, as far as that is known."""
    known = position.incarnation.partition("#")[0]
    return not known or not identity or known == identity
