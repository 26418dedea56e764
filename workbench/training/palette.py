"""Training the shared values of a compressed network.

Belongs here: the loop around palettes. Does not belong here: how weights share
gradients (``workbench.compression.lookup``), the loop itself (``fit``).

Source: Han, Mao, Dally 2016, "Deep Compression", section 3.3.
"""

from __future__ import annotations

from pathlib import Path

from workbench.compression.compressed import CompressedNetwork
from workbench.compression.lookup import attach, detach
from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.models.given import require_network
from workbench.training.loop.fit import FitHooks
from workbench.training.loop.options import FitOptions
from workbench.training.run import run_training

PALETTE_OPTIONS = FitOptions(
    epochs=5, batch_size=64, peak_lr=2e-4, schedule="one-cycle"
)
"""A shared value moves by the sum of many gradients, so that steps are small."""


def tune_palette(
    net: CompressedNetwork,
    data: Dataset,
    *,
    options: FitOptions = PALETTE_OPTIONS,
    val: Dataset | None = None,
    checkpoint: Path | None = None,
    hooks: FitHooks | None = None,
) -> CompressedNetwork:
    """Return the network with trained shared values; which weight shares which stays.

    Biases and norms are trained along, removed weights stay exactly zero.

    Parameters
    ----------
    net : CompressedNetwork
        Not changed.
    data : Dataset
        Training images.
    options : FitOptions
        How to train; the learning rate meets summed gradients.
    val : Dataset, optional
        Scored after every epoch.
    checkpoint : Path, optional
        Written after every epoch; if it exists, the run continues from it.
    hooks : FitHooks, optional
        Callbacks after every step and every epoch.

    Raises
    ------
    WorkbenchError
        A test split is given, the checkpoint belongs to another run, or the loss is no
        longer finite.
    """
    require_network(net)
    if not isinstance(net, CompressedNetwork):
        raise WorkbenchError(
            f"a {type(net).__name__} without palettes",
            "a CompressedNetwork",
            "Compress it first: workbench.compress(network).",
        )
    result = run_training(
        attach(net), data, options, val=val, checkpoint=checkpoint, hooks=hooks
    )
    return detach(result.module, net)
