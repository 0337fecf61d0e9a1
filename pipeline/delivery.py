"""Events to outputs: tried again, ever less often, until an output takes them; a batch counts as delivered when all have."""
from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import Any

from ..plugins.contract import Output

log = logging.getLogger("penstock")

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 30.0


class Undelivered(Exception):
    """An output could not take a batch, and the pipeline was told to stop waiting or cannot go on."""


def persistent(output: Output, stopping: threading.Event) -> Callable[[Any], None]:
    """``output.deliver``, trying again what fails with OSError: after a second, then twice as long, up to half a minute, give or
    take a fifth, so that many pipelines do not knock at one door together. Raises Undelivered when the pipeline is to stop."""
    deliver, where = output.deliver, f"{output.context.where}: the output {output.name}"

    def deliver_surely(packed: Any) -> None:
        wait = _FIRST_WAIT
        while True:
            try:
                return deliver(packed)
            except BrokenPipeError:
                raise
            except OSError as error:
                log.error("%s failed: %s; again in %.0f s", where, error, wait)
                if stopping.wait(wait * random.uniform(0.8, 1.2)):
                    raise Undelivered(f"{where} failed: {error}") from error
                wait = min(wait * 2, _LONGEST_WAIT)
            except Exception as error:
                raise Undelivered(f"{where} failed: {type(error).__name__}: {error}") from error

    return deliver_surely
