"""What Flink tells of a job, over the REST address of its job manager: its own counts, and those
that Penstock's steps keep as metrics of theirs, which its Python workers report when a bundle ends.

A figure that cannot be had now, since the job has just begun or has ended, keeps its last value.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

from py4j.protocol import Py4JError

from ..packed import DEAD_LETTERS, Packed

log = logging.getLogger("penstock")

Figures = dict[str, int | float]

GROUP = "penstock"
COUNTED = ("events_in", "events_out", "bytes_out", "dead_letters")
_SECONDS = 5.0


class StepCounts:
    """The counts of one step as metrics of Flink's. ``group``: that of the step, None where metrics
    are turned off.
    """

    def __init__(self, group: Any) -> None:
        own = None if group is None else group.add_group(GROUP)
        self._counters = {} if own is None else {name: own.counter(name) for name in COUNTED}

    def add(self, packed: Packed, is_first: bool, is_last: bool) -> None:
        """Count what came of a call. Events come in with the first step, and go out of the filters
        with the last one.
        """
        letters = [each.events for each in packed.payloads if each.output == DEAD_LETTERS]
        self._add("events_in", packed.events_in if is_first else 0)
        self._add("events_out", packed.events_out if is_last else 0)
        self._add("bytes_out", packed.bytes_out)
        self._add("dead_letters", sum(letters))

    def _add(self, name: str, count: int) -> None:
        if count and name in self._counters:
            self._counters[name].inc(count)


class JobFigures:
    """The figures of a job. ``address``: of the job manager, empty for a cluster in this process;
    ``client``: that of the job.
    """

    def __init__(self, client: Any, address: str) -> None:
        self._client, self._address = client, address
        self._last: Figures = {"events_in": 0, "events_out": 0}

    def read(self) -> Figures:
        """The figures of this moment."""
        for part in (self._of_steps, self._of_restarts, self._of_checkpoints):
            try:
                self._last |= part(f"jobs/{self._client.get_job_id()}")
            except (OSError, ValueError, KeyError, Py4JError) as error:  # such as no checkpoints
                log.debug("flink: figures of the job cannot be read: %s", error)
        return dict(self._last)

    def _of_steps(self, job: str) -> Figures:
        counted: Figures = dict.fromkeys(COUNTED, 0)
        for name, value in self._counts(job):
            counted[name] += value
        return counted

    def _of_restarts(self, job: str) -> Figures:
        (told,) = self._asked(f"{job}/metrics?get=numRestarts")
        return {"restarts": int(told["value"])}

    def _of_checkpoints(self, job: str) -> Figures:
        told = self._asked(f"{job}/checkpoints")
        found: Figures = {"checkpoints": told["counts"]["completed"]}
        latest = told["latest"]["completed"]
        return found if latest is None else {**found, "state_bytes": latest["state_size"]}

    def _counts(self, job: str) -> Iterator[tuple[str, int]]:
        for vertex in self._asked(job)["vertices"]:
            way = f"{job}/vertices/{vertex['id']}/subtasks/metrics"
            ids = {each["id"]: each["id"].rpartition(".")[2] for each in self._asked(way)}
            wanted = [each for each, name in ids.items() if f".{GROUP}.{name}" in each]
            own = [each for each in wanted if ids[each] in COUNTED]
            asked = quote(",".join(own), safe=",")
            for told in self._asked(f"{way}?agg=sum&get={asked}") if own else ():
                yield ids[told["id"]], int(told["sum"])

    def _asked(self, path: str) -> Any:
        if not self._address:
            self._address = _address_inside(self._client)
        with urlopen(f"http://{self._address}/{path}", timeout=_SECONDS) as answer:
            return json.load(answer)


def _address_inside(client: Any) -> str:
    """Where a cluster in this process is asked. Flink's client of such a job has the cluster, and
    no way to it.
    """
    inner = client._j_job_client
    field = inner.getClass().getDeclaredField("miniCluster")
    field.setAccessible(True)
    uri = field.get(inner).getRestAddress().get()
    return f"{uri.getHost()}:{uri.getPort()}"
