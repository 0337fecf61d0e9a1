"""Contract tests for connectors: what the runtime relies on, shown with your input or output.

    from penstock.testing.connectors import InputContract

    class TestMyInput(InputContract):
        config = 'my_input { port => "${PORT}" }'

        def server(self, folder: Path) -> MyServer: ...

``Server``, ``Client`` and ``Target`` say what the server of a test must be able to do. It needs
pytest: ``pip install 'penstock[pytest]'``.
"""

from ..pipeline.testing.connectors.case import Client, Server, Target
from ..pipeline.testing.connectors.inputs import InputContract
from ..pipeline.testing.connectors.listeners import ListenerContract
from ..pipeline.testing.connectors.outputs import OutputContract

__all__ = ["Client", "InputContract", "ListenerContract", "OutputContract", "Server", "Target"]
