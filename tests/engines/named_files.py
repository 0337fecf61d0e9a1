"""Files that options of filters name, and what filters make of them: they must be sent along to where the filters run."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

GEOIP = Path(__file__).parents[1] / "data" / "geoip" / "GeoLite2-City-Test.mmdb"
ADDRESS = "2.125.160.216"
FIRST = """
  translate {{ source => "key" target => "word" dictionary_path => "{files}/a dictionary.csv" }}
  grok {{ match => {{ "pad" => "%{{EXES:exes}}" }} patterns_dir => ["{files}/patterns"] }}
"""
LATER = """
  ruby {{ path => "{files}/double.rb" }}
  geoip {{ source => "address" target => "place" database => "{files}/city.mmdb" }}
"""
SCRIPT = "def filter(event)\n  event.set('double', event.get('n') * 2)\n  [event]\nend\n"


def named_files(directory: Path) -> None:
    """What the filters name."""
    (directory / "patterns").mkdir(parents=True)
    (directory / "patterns" / "own").write_text("EXES x+\n")
    (directory / "a dictionary.csv").write_text("".join(f"k{n},word{n}\n" for n in range(7)))
    (directory / "double.rb").write_text(SCRIPT)
    shutil.copy(GEOIP, directory / "city.mmdb")


def was_made(event: Mapping[str, Any]) -> bool:
    """Whether an event with `n`, its `key` of seven, a `pad` of sixty and the `address` has all that the files say."""
    told = event["word"], event["exes"], event["double"], event["place"]["geo"]["city_name"]
    return told == (f"word{event['n'] % 7}", "x" * 60, 2 * event["n"], "Boxford")
