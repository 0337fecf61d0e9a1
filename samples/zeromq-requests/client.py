"""Sends each line of standard input as a request, again until it is answered with ``ok``."""

import sys

import zmq

PATIENCE = 2000
"""Milliseconds."""


def asked(context: zmq.Context, address: str, line: str) -> str:
    """The answer to a line; an empty text where none came in time."""
    with context.socket(zmq.REQ) as client:
        client.setsockopt(zmq.LINGER, 0)
        client.connect(address)
        client.send_string(line)
        return client.recv_string() if client.poll(PATIENCE) else ""


def main(address: str) -> None:
    """Send all lines."""
    context = zmq.Context()
    for line in sys.stdin:
        tries = 1
        while (answer := asked(context, address, line.rstrip("\n"))) != "ok":
            tries += 1
        print(answer)


main(sys.argv[1])
