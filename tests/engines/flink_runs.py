"""Runs configurations on Flink one after the other, in one JVM; started by the Python of its environment.

Each argument is a directory with `pipeline.conf`, which reads `${INPUT}` and writes `${OUTPUT}`; the others, behind `--`, are flags of all. What fails
is told on stderr, and in the exit code.
"""
import os
import sys
import traceback
from pathlib import Path

from penstock.pipeline.commands.main import main


def run(directory: Path, flags: list[str]) -> bool:
    """Whether a configuration ran."""
    os.environ["INPUT"], os.environ["OUTPUT"] = str(directory / "input*.log"), str(directory / "flink")
    arguments = ["run", "-f", str(directory / "pipeline.conf"), "--engine", "flink", *flags]
    try:
        main(arguments, standalone_mode=False)
    except SystemExit as end:
        return not end.code
    except Exception:
        traceback.print_exc()
        return False
    return True


if __name__ == "__main__":
    at = sys.argv.index("--")
    done = [run(Path(name), sys.argv[at + 1 :]) for name in sys.argv[1:at]]
    sys.exit(not all(done))
