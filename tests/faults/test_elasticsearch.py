"""Documents go from one index to another through Penstock, which is killed, and so is the server: none is lost."""
from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from servers import opensearch
from servers.packages import require
from servers.soak import Figures, Found, rounds

LONGEST = 120.0
Asked = TypeVar("Asked")
CONFIG = """
input {{ elasticsearch {{
  hosts => "127.0.0.1:{port}" index => "{source}" docinfo => true size => 25 search_api => "{api}"
  query => '{{"query": {{"range": {{"n": {{"gt": ":last_value"}}}}}}, "sort": ["n"]}}'
  tracking_field => "n" tracking_field_seed => "-1" schedule => "every 200ms"
}} }}
filter {{ mutate {{ add_field => {{ "copy" => "true" }} }} }}
output {{ elasticsearch {{
  hosts => "127.0.0.1:{port}" index => "{target}" manage_template => false batch_events => 25
  {options}
}} }}
"""
WITH_ID = 'document_id => "%{[@metadata][input][elasticsearch][_id]}"'


class Copying:
    """Penstock copies an index, in a process of its own."""

    def __init__(self, directory: Path, port: int, options: str = WITH_ID, api: str = "search_after") -> None:
        self.directory, self.port = directory, port
        self.source, self.target = opensearch.fresh("s"), opensearch.fresh("c")
        self.config = CONFIG.format(port=port, source=self.source, target=self.target, options=options, api=api)
        self._process: subprocess.Popen[bytes] | None = None
        self.count = 0
        opensearch.ask(port, f"/{self.source}", {"mappings": {"properties": {"n": {"type": "long"}}}}, "PUT")

    def put(self, count: int) -> None:
        """More documents to copy."""
        numbers = range(self.count, self.count + count)
        lines = [line for n in numbers for line in ({"index": {"_id": f"id{n}"}}, {"n": n, "text": "x" * 100})]
        body = "".join(json.dumps(line) + "\n" for line in lines).encode()
        assert not opensearch.ask(self.port, f"/{self.source}/_bulk?refresh=true", body)["errors"]
        self.count += count

    def start(self, *more: str) -> None:
        command = [sys.executable, "-m", "penstock", "run", "-e", self.config, "--path.data", str(self.directory), *more]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with (self.directory / "said").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(LONGEST)

    def said(self) -> str:
        return (self.directory / "said").read_text()

    def count_copies(self) -> int:
        """How many documents are in the copy; 0 where it is missing."""
        opensearch.ask(self.port, f"/{self.target}/_refresh?ignore_unavailable=true", b"")
        asked = f"/{self.target}/_count?ignore_unavailable=true"
        return int(opensearch.ask(self.port, asked)["count"])

    def copied(self) -> Counter[int]:
        """How often each document is in the copy."""
        return Counter(hit["_source"]["n"] for hit in opensearch.documents(self.port, self.target))

    def until(self, holds: Callable[[Counter[int]], bool]) -> Counter[int]:
        """The copies, when something holds of them."""
        return self._until(self.copied, holds)

    def until_more(self, than: int) -> None:
        """Wait until there are more copies: for many rounds, as it does not fetch them all."""
        self._until(self.count_copies, lambda count: count > than)

    def _until(self, ask: Callable[[], Asked], holds: Callable[[Asked], bool]) -> Asked:
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            try:
                found = ask()
                if holds(found):
                    return found
            except OSError:
                pass  # the server is away
            time.sleep(0.1)
        pytest.fail(f"it does not happen; {self.said()[-3000:]}")


@pytest.fixture
def copying(tmp_path: Path) -> Any:
    copying = Copying(tmp_path, opensearch.node().port)
    yield copying
    copying.kill()


def test_documents_are_copied_by_workers_and_a_kill_in_the_middle_loses_none(copying: Copying) -> None:
    copying.put(3000)
    copying.start("-w", "2")
    copying.until(lambda found: len(found) >= 300)
    copying.kill()
    copying.put(500)
    copying.start("-w", "2")
    found = copying.until(lambda found: len(found) == 3500)
    assert set(found.values()) == {1}, "with ids nothing is there twice"
    assert copying.stop() == 0, copying.said()


@pytest.mark.soak("OpenSearch, in and out", "opensearch")
@pytest.mark.parametrize("api", ["search_after", "scroll"])
@pytest.mark.parametrize("options", ["", WITH_ID], ids=["without ids", "with ids"])
def test_two_hundred_kills_lose_nothing(tmp_path: Path, api: str, options: str, found: Found) -> None:
    copying, chance = Copying(tmp_path, opensearch.node().port, options, api), random.Random(7)
    for _ in range(rounds()):
        wanted = copying.count_copies() + chance.randrange(150)
        copying.put(200)
        copying.start()
        copying.until_more(wanted)
        time.sleep(chance.uniform(0, 0.1))
        copying.kill()
    copying.start()
    copying.put(1)  # what only the last life can copy
    copied = copying.until(lambda copied: len(copied) == copying.count)
    found(Figures(rounds(), copying.count, copied.total() - len(copied)))
    assert copying.stop() == 0, copying.said()


@pytest.mark.soak("OpenSearch, in and out", "opensearch")
def test_a_server_that_is_paused_killed_and_started_again_loses_nothing(
    tmp_path: Path, found: Found
) -> None:
    require("opensearch")
    home, kills = tmp_path / "server", max(3, min(30, rounds()))
    home.mkdir()
    with opensearch.server(home) as server:
        (tmp_path / "data").mkdir()
        copying, chance = Copying(tmp_path / "data", server.port), random.Random(8)
        copying.put(2000)
        copying.start()
        try:
            for _ in range(kills):
                copying.until_more(copying.count - 2000)
                server.pause()
                time.sleep(chance.uniform(0, 3))
                server.go_on()
                copying.put(chance.randrange(100, 1000))
                server.kill()
                server.start()
            copied = copying.until(lambda copied: len(copied) == copying.count)
            found(Figures(kills, copying.count, copied.total() - len(copied)))
            assert copying.stop() == 0, copying.said()
        finally:
            copying.kill()
