"""Contract tests for connectors: what the runtime relies on, shown with your input or output.

    from penstock.testing.connectors import InputContract

    class TestMyInput(InputContract):
        config = 'my_input { port => "${PORT}" }'

        def server(self, directory: Path) -> MyServer: ...

``ListenerContract`` and ``OutputContract`` are used in the same way. ``Server``, ``Client`` and
``Target`` say what the server of a test must be able to do; start the real one where you can.

- ``absent`` switches off a case that the connector cannot have, and says why:
  ``{"case": "reason"}``.
- ``wrong`` and ``wrong_option``: a configuration that the server refuses, and the option to blame.
- ``message_of`` (inputs), ``event`` and ``filters`` (outputs): where a message is not the field
  ``message``.
- ``full_steps``: for how many seconds an input is full; more than the server's shortest session.
- ``flood`` and ``flood_bytes``: what is offered while the target hangs; far more than may be kept.
- ``start`` and ``stop`` of the server may come several times in a case: on one port, with the data
  kept. ``put`` and ``received`` are called from several threads.
- ``standard_input`` and ``standard_output``: what whole processes are started with.

It needs pytest: ``pip install 'penstock[pytest]'``.
"""

from ..pipeline.testing.connectors.case import Client, Server, Target
from ..pipeline.testing.connectors.inputs import InputContract
from ..pipeline.testing.connectors.listeners import ListenerContract
from ..pipeline.testing.connectors.outputs import OutputContract

__all__ = ["Client", "InputContract", "ListenerContract", "OutputContract", "Server", "Target"]
