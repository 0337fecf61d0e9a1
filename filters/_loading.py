"""Loading tables from databases: at first, then as a schedule says, in a thread of its own.

What cannot be loaded keeps the rows that it had. Until every table has been loaded once there are
no tables: until every table has loaded once, look-ups fail rather than miss.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import TextClause

from ..plugins.rate_limit import complain, log
from ..plugins.schedule import Schedule
from ._database import Database
from ._local_tables import Table, Tables

RETRY = 10.0
"""Seconds after which a first load that failed is retried."""


@dataclass(frozen=True, slots=True)
class Loader:
    """What fills a table: a query of a database."""

    id: str
    table: str
    clause: TextClause
    most: int
    database: Database


class Loading:
    """Tables that are loaded, and again by a schedule. ``tables`` are the present ones, None until
    all were loaded once.
    """

    def __init__(
        self,
        tables: Sequence[Table],
        loaders: Sequence[Loader],
        schedule: Schedule | None,
        where: str,
    ) -> None:
        self.tables: Tables | None = None
        self._declared, self._loaders, self._schedule, self._where = (
            tables,
            loaders,
            schedule,
            where,
        )
        self._closed = threading.Event()
        self.loads = self.failures = self.rows = 0

    def start(self) -> Loading:
        """Load, and begin to follow the schedule; this."""
        loaded = self._load()
        if self._schedule is not None or not loaded:
            threading.Thread(target=self._follow, name="loaders", daemon=True).start()
        return self

    def close(self) -> None:
        """Load no more."""
        self._closed.set()

    def _follow(self) -> None:
        while (pause := self._pause()) is not None and not self._closed.wait(pause):
            self._load()

    def _pause(self) -> float | None:
        """Seconds until the next load; None if there is none."""
        now = time.time()
        due = self._schedule.after(int(now * 1000)) if self._schedule is not None else None
        pause = None if due is None else max(0.0, due / 1000 - now)
        if self.tables is None:
            pause = RETRY if pause is None else min(pause, RETRY)
        return pause

    def _load(self) -> bool:
        """Load every table; whether all could be."""
        fresh = Tables(self._declared) if self.tables is None else self.tables.copy()
        done = [self._loaded(loader, fresh) for loader in self._loaders]
        if all(done) or self.tables is not None:
            self.tables = fresh
        self.loads += 1
        self.failures += not all(done)
        return all(done)

    def _loaded(self, loader: Loader, into: Tables) -> bool:
        try:
            _, rows = loader.database.table(loader.clause, {}, loader.most + 1)
            if not rows or len(rows) > loader.most:
                found = f"more than {loader.most}" if rows else "no"
                self._complain(loader, f"found {found} rows: none were loaded")
                return True
            into.fill(loader.table, rows)
        except Exception as error:
            self._complain(loader, f"failed: {error}")
            return False
        finally:
            loader.database.close()
        self.rows += len(rows)
        log.info("%s: the loader %s loaded %d rows", self._where, loader.id, len(rows))
        return True

    def _complain(self, loader: Loader, what: str) -> None:
        complain(f"{self._where} {loader.id}", "%s: the loader %s %s", self._where, loader.id, what)
