"""Files that options name, on their way to the machines of Spark, and the work that needs them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from pyspark import SparkFiles
from pyspark.sql import SparkSession

from ..keyed import Keyed, keyed_for
from ..shipping import Shipment
from ..work import Work, work_for


def add_files(session: SparkSession, shipment: Shipment) -> None:
    """Send the files of a configuration along, each under the name that its shipment has for it."""
    if not shipment.members:
        return
    with TemporaryDirectory(prefix="penstock-files-") as directory:
        for member in shipment.members:
            path = Path(directory) / member.name
            path.write_bytes(Path(member.path).read_bytes())
            session.sparkContext.addFile(str(path))


def work_here(shipment: Shipment) -> Work:
    """The ``Work`` of a configuration, in a task."""
    return work_for(shipment, SparkFiles.get if shipment.files else None)


def keyed_here(shipment: Shipment, number: int) -> Keyed:
    """The ``Keyed`` of a segment, in a task."""
    return keyed_for(shipment, number, SparkFiles.get if shipment.files else None)
