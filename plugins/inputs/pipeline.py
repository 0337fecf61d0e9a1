"""The input pipeline."""

from __future__ import annotations

import threading

from ..contract import Emit, Listener, Misconfigured
from ..declaration import option
from ..pipeline_bus import Address, TakenError, reserve


class Pipeline(Listener, name="pipeline"):
    """Take the events that another pipeline of this process sends to an address.

    A batch counts as delivered for the sender when it is for this pipeline.
    """

    completes = True

    address: str = option("The address to read from; one input reads from it.")

    _reserved: Address | None = None

    def prepare(self) -> None:
        taken: set[str] = self.context.shared("addresses of inputs", set)
        if self.address in taken:
            self.problem(
                "address",
                f"another input of this pipeline reads from the address `{self.address}`",
                "give each input an address of its own, or remove one of the two",
            )
        taken.add(self.address)

    def claims(self) -> dict[str, str]:
        return {"address": f"address `{self.address}`"}

    def connect(self) -> None:
        if self._reserved is not None:
            return
        try:
            self._reserved = reserve(self.address)
        except TakenError as error:
            raise Misconfigured(
                "address", str(error), "give each input an address of its own"
            ) from None

    def serve(self, emit: Emit, stop: threading.Event) -> None:
        assert self._reserved is not None
        self._reserved.serve(emit)
        stop.wait()

    def close(self) -> None:
        if self._reserved is not None:
            self._reserved.release()
            self._reserved = None
