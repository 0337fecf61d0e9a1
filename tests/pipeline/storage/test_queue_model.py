"""The disk queue against a model, on a disk that forgets what was not synced: whatever is put, taken, given back, acknowledged, synced,
whenever the power goes, the disk is full or fails, no durable record is lost, none is handed out after its acknowledgement was saved,
and order is kept. A byte that is damaged costs one record at most."""
from __future__ import annotations

import os
import random
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import Mock, patch

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from penstock.pipeline.storage.queue import DiskQueue
from penstock.pipeline.storage.queue_errors import Full
from penstock.plugins.records import log
from penstock.plugins.records.layout import Seal
from penstock.plugins.records.reader import Skipped

from ...plugins.records.forgetful import ForgetfulDisk

DIRECTORY = Path("queue")


class QueueMachine(RuleBasedStateMachine):
    """``waiting``: payloads that were put and not acknowledged, by sequence. A payload begins with its own number, so that it can be
    told what is handed out.
    """

    def __init__(self) -> None:
        super().__init__()
        # Salts and the clock are in names and sums: which byte is damaged must not depend on when it runs.
        self.salts, self.fixed = random.Random(0), ExitStack()
        self.fixed.enter_context(patch.object(log, "Seal", lambda: Seal(self.salts.getrandbits(64))))
        self.fixed.enter_context(patch.object(log, "time", Mock(time_ns=lambda: 10**18)))
        self.disk = ForgetfulDisk()
        self.waiting: dict[int, bytes] = {}
        self.durable: set[int] = set()
        self.gone: set[bytes] = set()
        self.acked: set[bytes] = set()
        self.out: dict[int, bytes] = {}
        self.handed: list[int] = []
        self.number = 0
        self.reported: list[Skipped] = []
        self.failed = False
        self.damaged: set[bytes] = set()
        self.disturbed = False
        self.open()

    def open(self) -> None:
        self.queue = DiskQueue(
            DIRECTORY, max_bytes=8 << 10, page_capacity=512, commit_events=1 << 30, checkpoint_acks=1 << 30, interval=None,
            report=self.reported.append, disk=self.disk,
        )
        self.queue._log.page, self.queue._backlog.in_memory = 512, 300
        self.handed, self.out = [], {}

    @initialize(seed=st.integers(0, 1 << 32))
    def salt(self, seed: int) -> None:
        self.salts.seed(seed)

    @rule(sizes=st.lists(st.sampled_from([0, 30, 200, 700]), min_size=1, max_size=6), durable=st.booleans())
    def put(self, sizes: list[int], durable: bool) -> None:
        for size in sizes:
            self.put_one(size, durable and size is sizes[-1])

    def put_one(self, size: int, durable: bool) -> None:
        self.number += 1
        payload = b"%06d" % self.number + bytes(size)
        queue, told = self.queue, list[int]()
        try:
            sequence = queue.put(payload, {"n": self.number}, timeout=0, durable=durable, on_durable=lambda: self.tell(queue, told))
        except Full:
            # Without durable nothing was put; with it, the record may be there though its sync failed.
            assert durable or self.disk.capacity is not None or self.queue.size + size + 400 > 8 << 10
            self.out_of_sight(payload)
            return
        assert sequence not in self.waiting
        self.waiting[sequence] = payload
        told.append(sequence)
        if durable:
            self.commit_done()

    def tell(self, queue: DiskQueue, told: list[int]) -> None:
        """An input is told that what it gave is on the disk: it will not give it again."""
        assert queue is self.queue
        self.durable.update(sequence for sequence in told if sequence in self.waiting)

    def out_of_sight(self, payload: bytes) -> None:
        """A put that raised may have left its record: it is looked for among what the queue still has."""
        last = self.queue._log.next - 1
        if self.queue._log.segments and any(pending.payload == payload for pending in self.queue._log._pending):
            self.waiting[last] = payload

    @rule(count=st.integers(1, 8))
    def get(self, count: int) -> None:
        for _ in range(count):
            self.get_one()

    def get_one(self) -> None:
        item = self.queue.get(0)
        if item is None:
            assert set(self.waiting) <= set(self.out) or self.queue._log.in_doubt, "all that waits is handed out"
            return
        assert item.payload == self.waiting[item.sequence], "what is handed out is what was put"
        assert item.note == {"n": int(item.payload[:6])}
        assert item.payload not in self.gone, "nothing is handed out after its acknowledgement was saved"
        assert not [s for s in self.waiting if s < item.sequence and s not in self.out], "order is kept"
        self.out[item.sequence] = item.payload

    @precondition(lambda self: self.out)
    @rule(seed=st.integers(0, 1 << 16), share=st.sampled_from([0.3, 0.7, 1.0]))
    def ack(self, seed: int, share: float) -> None:
        chance = random.Random(seed)
        for sequence in [sequence for sequence in self.out if chance.random() < share]:
            self.queue.ack(sequence)
            del self.out[sequence]
            self.acked.add(self.waiting.pop(sequence))
            self.durable.discard(sequence)

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        sequence = data.draw(st.sampled_from(sorted(self.out)))
        self.queue.give_back(sequence)
        del self.out[sequence]

    @rule()
    def commit(self) -> None:
        try:
            self.queue.commit()
        except OSError:
            return
        self.commit_done()

    def commit_done(self) -> None:
        self.durable = set(self.waiting)

    @rule()
    def checkpoint(self) -> None:
        try:
            self.queue.checkpoint()
        except OSError:
            return
        self.gone |= self.acked

    @rule(fails=st.integers(0, 2), directories=st.integers(0, 1), room=st.sampled_from([None, None, 0, 50, 300]))
    def trouble(self, fails: int, directories: int, room: int | None) -> None:
        """From now on so many syncs fail, and so many bytes are free."""
        self.disk.directory_fails, self.failed = directories, self.failed or bool(fails or directories)
        used = sum(len(file.now) for file in self.disk.files.values())
        self.disk.sync_fails, self.disk.capacity = fails, None if room is None else used + room

    @rule()
    def restart(self) -> None:
        """A process that ends in order loses nothing, synced or not, and repeats nothing, if its disk works."""
        works = self.disk.capacity is None and not self.disk.sync_fails and not self.disk.directory_fails
        self.queue.close()
        self.disk.locked = False
        if works:
            self.gone |= self.acked
            self.durable = set(self.waiting)
        self.come_back(set(self.waiting) if works else self.durable)

    @rule()
    def kill(self) -> None:
        """A process that is killed loses nothing that was put: the system has it. What a failed sync dropped, only memory had."""
        self.disk.open_files, self.disk.locked = {}, False
        self.come_back(self.durable if self.queue._log.in_doubt else set(self.waiting))

    @rule(seed=st.integers(0, 1 << 32))
    def lose_power(self, seed: int) -> None:
        self.disk.crash(random.Random(seed))
        self.disturbed = True
        self.come_back(self.durable)

    @rule(seed=st.integers(0, 1 << 32))
    def damage(self, seed: int) -> None:
        """A byte is damaged while no process runs. Without its checkpoint a queue knows of no acknowledgement."""
        self.queue.close()
        self.disk.locked, self.disturbed = False, True
        must = self.durable if self.disk.capacity is not None or self.queue._log.in_doubt else set(self.waiting)
        name = self.disk.flip(random.Random(seed))
        if name is not None and "checkpoint" in name:
            self.gone.clear()
        self.come_back(must, lost=1)

    def come_back(self, must: set[int], lost: int = 0) -> None:
        before, acked = self.waiting, self.acked
        self.disk.sync_fails = self.disk.directory_fails = 0
        self.open()
        found = {item.sequence: item.payload for item in iter(lambda: self.queue.get(0), None)}
        assert len(must - set(found)) <= lost, "what was durable is there"
        self.damaged |= {before[sequence] for sequence in set(before) - set(found)} if lost else set()
        for sequence, payload in found.items():
            known = payload == before.get(sequence) or payload in acked or payload in self.damaged
            assert known, "nothing is made up"
            assert payload not in self.gone, "nothing is handed out after its acknowledgement was saved"
            self.acked.discard(payload)
        assert list(found) == sorted(found), "order is kept"
        for sequence in found:
            self.queue.give_back(sequence)
        self.waiting, self.durable = found, self.durable & set(found)

    @invariant()
    def counts_are_right(self) -> None:
        assert self.queue.events == len(self.waiting)
        assert self.queue.is_empty == (not self.waiting)

    @invariant()
    def nothing_seems_to_be_missing(self) -> None:
        assert self.disturbed or self.failed or not [one for one in self.reported if "missing records" in one.reason]

    @invariant()
    def files_are_within_bounds(self) -> None:
        assert self.failed or self.queue.size <= 8 << 10

    def teardown(self) -> None:
        self.queue.close()
        self.fixed.close()


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(
    max_examples=int(os.environ.get("PENSTOCK_MODEL_RUNS", "100")), stateful_step_count=40, deadline=None,
    suppress_health_check=list(HealthCheck),
)
