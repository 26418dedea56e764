"""Sweeps as files: ours written for Distiller and NNI, theirs and ours read.

Belongs here: bytes in, bytes out. Does not belong here: the forms
(``analysis.sensitivity.csv_file``), drawing.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.analysis.sensitivity.rows import Sweep
    from workbench.models.network import Network


def long_csv(sweep: "Sweep") -> bytes:
    """Return all rows in Distiller's form, with our columns."""
    from workbench.analysis.sensitivity.csv_file import write_long

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sweep.csv")
        write_long(sweep, path)
        return path.read_bytes()


def wide_csv(sweep: "Sweep", method: str) -> bytes:
    """Return top-1 of one method in NNI's form."""
    from workbench.analysis.sensitivity.csv_file import write_wide

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sweep.csv")
        write_wide(sweep, path, method=method)
        return path.read_bytes()


def read(
    content: bytes,
    network: "Network",
    *,
    dense_top1: float | None = None,
    seed: int = 0,
) -> "Sweep":
    """Return the sweep of a file, with what it does not say counted on the network.

    Raises
    ------
    WorkbenchError
        A file of another form, of another network, or without the dense accuracy.
    """
    from workbench.analysis.sensitivity.csv_file import read_csv
    from workbench.analysis.sensitivity.fill import filled
    from workbench.analysis.sensitivity.grid import SweepOptions

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sweep.csv")
        path.write_bytes(content)
        found = read_csv(path, dense_top1=dense_top1)
    return filled(found, network, SweepOptions(seed=seed))
