"""One session of Spark that runs the commands it is sent, one after the other.

The start of a session takes longer than any test, so all tests have one. A line of JSON with the
command's arguments comes over a connection, and its exit status and what it printed go back.
"""
from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import sys
import traceback
from typing import Any

from penstock.pipeline.commands.main import main
from penstock.pipeline.engines.spark.session import read_options, start_session


def serve(port: int) -> None:
    """Start the session, and answer until this process is ended."""
    start_session(read_options(json.loads(sys.argv[2])), "tests")
    with socket.create_server(("127.0.0.1", port)) as listener:
        while True:
            connection, _ = listener.accept()
            with connection, connection.makefile("rw", encoding="utf-8") as stream:
                line = stream.readline()
                if line:
                    stream.write(json.dumps(answer(json.loads(line))) + "\n")


def answer(asked: dict[str, Any]) -> dict[str, object]:
    """Run the command as the command line does."""
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    complaints = io.StringIO()
    status: object = 0
    os.environ.update(asked["environment"])
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complaints):
        try:
            main(asked["arguments"], prog_name="penstock")
        except SystemExit as end:
            status = end.code or 0
        except BaseException:
            traceback.print_exc()
            status = 70
    printed.flush()
    out = printed.buffer.getvalue().decode()  # type: ignore[attr-defined]
    return {"status": status, "out": out, "err": complaints.getvalue()}


if __name__ == "__main__":
    serve(int(sys.argv[1]))
