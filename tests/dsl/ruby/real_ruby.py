"""Ruby itself, asked what snippets give; and the compiled form of the same."""
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from penstock.dsl.ruby import Logger, NotCompiled, Origin, Unit, compile_units, new_event
from penstock.dsl.ruby.errors import Jump, RubyException
from penstock.dsl.ruby.inspection import inspect
from penstock.dsl.ruby.standard_library import context
from penstock.dsl.ruby.timestamps import new_timestamp
from penstock.dsl.ruby.translation import translated
from penstock.dsl.timestamp import Timestamp

RUBY = shutil.which("ruby")
Answer = dict[str, str]


def asked(snippets: list[str]) -> list[Answer]:
    """What Ruby says to each snippet: its value as `inspect` shows it, or the exception. One process answers all."""
    script = Path(__file__).with_name("oracle.rb")
    given = json.dumps(snippets)
    done = subprocess.run([str(RUBY), "--disable=did_you_mean", "--disable=error_highlight", str(script)], input=given, capture_output=True, text=True, check=True, encoding="utf-8")
    answers: list[Answer] = json.loads(done.stdout)["answers"]
    return answers


def compiled(snippet: str) -> Answer:
    """What the compiled form says."""
    now = Timestamp.now
    surroundings = context(now, new_event(now), new_timestamp(now))
    unit = Unit(snippet, Origin("snippet"), (), True)
    try:
        made = compile_units([unit], surroundings, Logger(lambda level, said: None)).functions[0]()
    except NotCompiled as error:
        return {"not compiled": str(error)}
    except (Exception, Jump) as error:
        known = error if isinstance(error, RubyException) else translated(error)
        return {"error": known.ruby, "message": str(known)}
    return {"value": inspect(made)}


def same(ours: Any, theirs: Any) -> bool:
    """Whether both say the same; addresses of objects differ."""
    import re

    def shown(answer: Any) -> str:
        return re.sub(r"0x[0-9a-f]{16}", "0x", json.dumps(answer, sort_keys=True, ensure_ascii=False))

    return shown(ours) == shown(theirs)
