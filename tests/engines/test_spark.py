"""The engine spark in local mode: what it writes is what one process writes."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from servers import spark as spark_server
from servers.packages import require
from servers.shared import shared
from servers.spark import lines_of, run_on_spark

FILES = """
input {{ file {{
  path => "{folder}/in/*.log" mode => "read" exit_after_read => true sincedb_path => "/dev/null"
  file_completed_action => "log" file_completed_log_path => "{folder}/done" file_sort_by => "path"
}} }}
filter {{ {filters} }}
output {{ {outputs} }}
"""


@pytest.fixture
def spark() -> Any:
    require("spark")
    return shared("spark", spark_server.server)


def files(folder: Path, lines: int = 3000, number: int = 3) -> None:
    """Files of numbered lines, which differ in length."""
    (folder / "in").mkdir()
    for file in range(number):
        text = "".join(f"{file} {n} {'x' * (n % 97)}\n" for n in range(lines))
        (folder / "in" / f"{file}.log").write_text(text)


def test_ranges_of_files_come_out_as_from_one_process(spark: Any, tmp_path: Path) -> None:
    files(tmp_path)
    filters = 'dissect { mapping => { "message" => "%{file} %{n} %{rest}" } } mutate { remove_field => ["@timestamp", "event"] }'
    for name in ("plain", "spark"):
        outputs = f'file {{ path => "{tmp_path}/{name}.jsonl" }}'
        (tmp_path / f"{name}.conf").write_text(FILES.format(folder=tmp_path, filters=filters, outputs=outputs))
    subprocess.run([sys.executable, "-m", "penstock", "run", "-f", tmp_path / "plain.conf"], check=True)
    run_on_spark(spark, tmp_path / "spark.conf", "--engine-option", "split_bytes=20000")
    written = lines_of(tmp_path / "spark.jsonl")
    assert len(written) == 9000
    assert written == sorted((tmp_path / "plain.jsonl").read_text().splitlines())
