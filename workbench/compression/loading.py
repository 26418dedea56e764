"""A compressed network from its `.wbz` file.

Belongs here: fitting the file's tensors into an architecture. Does not belong here:
reading the file (``wbz``).
"""

from __future__ import annotations

import copy
from pathlib import Path

from workbench.compression.compressed import CompressedNetwork
from workbench.compression.wbz import read_wbz
from workbench.errors import WorkbenchError
from workbench.models.inspect import network_of
from workbench.models.loading import load_model
from workbench.models.matching import load_into
from workbench.models.network import Network
from workbench.models.samples import SAMPLES

_MODEL = "workbench.model"


def load_wbz(
    source: str | Path | bytes, *, net: Network | None = None
) -> CompressedNetwork:
    """Return the network of a `.wbz` file, with its palettes.

    Parameters
    ----------
    source : str, Path or bytes
        The file or its content.
    net : Network, optional
        Gives the architecture; by default the sample that the file names.

    Raises
    ------
    WorkbenchError
        A damaged file, tensors that do not fit, or a file that names no sample.
    """
    file = read_wbz(source)
    if net is None:
        name = file.facts.get(_MODEL, "")
        if name not in SAMPLES:
            raise WorkbenchError(
                f"a .wbz file of model '{name}', which is no sample",
                "one of " + ", ".join(SAMPLES),
                "Give the network that it was made from: load_wbz(path, net=network).",
            )
        net = load_model(name)
    module = copy.deepcopy(net.module)
    load_into(module, file.state)
    filled = network_of(
        module,
        input_shape=net.input_shape,
        name=net.name,
        classes=net.classes,
        dataset=net.dataset,
    )
    return CompressedNetwork(filled, filled.module, file.palettes)
