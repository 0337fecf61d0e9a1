"""What the README shows is what happens."""
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SESSIONS = re.findall(r"```console\n\$ (.*?)\n(.*?)```", README, re.DOTALL)


def test_there_is_something_to_hold_true() -> None:
    assert len(SESSIONS) == 2
    first = re.search(r"```conf\n(.*?)```", README, re.DOTALL)
    assert first is not None
    assert first[1].startswith("# shop.conf\n")


@pytest.mark.parametrize(("command", "output"), SESSIONS)
def test_a_command_gives_the_output_that_is_shown(command: str, output: str, tmp_path: Path) -> None:
    for name, text in re.findall(r"```conf\n# (\S+)\n(.*?)```", README, re.DOTALL):
        (tmp_path / name).write_text(text)
    line = re.sub(r"(^|\| )penstock ", rf"\1'{sys.executable}' -m penstock ", command)
    done = subprocess.run(line, shell=True, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.stdout == output


def test_the_python_example_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    match = re.search(r"```python\n(.*?)```\n\nprints `(.*?)`", README, re.DOTALL)
    assert match is not None
    exec(match[1], {})
    assert capsys.readouterr().out == match[2] + "\n"
