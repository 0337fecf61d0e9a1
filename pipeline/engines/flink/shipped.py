"""Files that options name, on their way to task managers: an archive in the distributed cache of
the job, which Flink unpacks below the working directory of each Python worker.

A cluster inside this process needs none: its workers are threads here, and read where files are.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_STORED, ZipFile

from ...compile.instantiate import Assembly
from ..shipping import Shipment, assembled

_NAME = "penstock-files"
_WORKING = "_PYTHON_WORKING_DIR"  # where Flink has unpacked archives, told to its workers
_kept: list[TemporaryDirectory[str]] = []
"""Where archives are until this process ends: Flink takes them when a job is submitted."""


def archive_of(shipment: Shipment) -> str:
    """The files of a configuration as an item of the option `python.archives`; empty where there
    are none. Raises OSError for a file that cannot be read.
    """
    if not shipment.members:
        return ""
    directory = TemporaryDirectory(prefix="penstock-files-")
    _kept.append(directory)
    path = Path(directory.name) / f"{_NAME}.zip"
    with ZipFile(path, "w", ZIP_STORED, strict_timestamps=False) as archive:
        for member in shipment.members:
            archive.write(member.path, member.name)
    return f"{path}#{_NAME}"


def files_here() -> str | None:
    """The directory of the files that came with the job; None where they are read in their own
    places.
    """
    directory = Path(os.environ.get(_WORKING, "/"), _NAME)
    return str(directory) if directory.is_dir() else None


def file_in(directory: str, name: str) -> str:
    """The path of a file that travelled under a name."""
    return f"{directory}/{name}"


def assembled_here(shipment: Shipment) -> Assembly:
    """A configuration compiled in a worker; raises as `assembled`."""
    directory = files_here()
    return assembled(shipment, None if directory is None else partial(file_in, directory))
