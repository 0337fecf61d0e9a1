"""Files that options name, on their way to the machines of Spark, and the work that needs them."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

from pyspark import SparkFiles
from pyspark.sql import SparkSession

from ..keyed import Keyed, keyed_for
from ..shipping import Shipment
from ..work import Work, work_for

_kept: list[TemporaryDirectory[str]] = []
"""Where executors fetch files from, also later ones in the place of those that died, and those of
later jobs of a session: until this process ends.
"""


def add_files(session: SparkSession, shipment: Shipment) -> None:
    """Send the files of a configuration along, each under the name that its shipment has for it."""
    context = session.sparkContext
    known = {unquote(url.rpartition("/")[2]) for url in context.listFiles}
    wanted = [member for member in shipment.members if member.name not in known]
    if not wanted:
        return
    directory = TemporaryDirectory(prefix="penstock-files-")
    _kept.append(directory)
    for member in wanted:
        path = Path(directory.name) / member.name
        shutil.copyfile(member.path, path)
        context.addFile(str(path))


def work_here(shipment: Shipment) -> Work:
    """The ``Work`` of a configuration, in a task."""
    return work_for(shipment, SparkFiles.get if shipment.files else None)


def keyed_here(shipment: Shipment, number: int) -> Keyed:
    """The ``Keyed`` of a segment, in a task."""
    return keyed_for(shipment, number, SparkFiles.get if shipment.files else None)
