"""Weights and masks of a layer as arrays for drawing.

Belongs here: read-only views for the mosaic and the charts. Does not belong here:
drawing.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.ui.components.mosaic import KernelView

if TYPE_CHECKING:
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork


def layer_view(
    network: "Network",
    pruned: "PrunedNetwork | None",
    layer_id: str,
    *,
    height_px: int = 520,
) -> KernelView:
    """Return a layer's unpruned weights and, when it is pruned, its mask.

    Parameters
    ----------
    network : Network
        Gives the weights before pruning.
    pruned : PrunedNetwork or None
        Gives the mask; None or an untouched layer shows no mask.
    layer_id : str
        Which layer.
    height_px : int
        Height of the mosaic.
    """
    mask: np.ndarray[Any, np.dtype[np.bool_]] | None = None
    if pruned is not None and layer_id in pruned.masks:
        mask = pruned.masks[layer_id].numpy()
    return KernelView(
        layer=layer_id,
        weights=weights_of(network, layer_id),
        mask=mask,
        height_px=height_px,
    )


def weights_of(
    network: "Network", layer_id: str
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return a layer's weights, OIHW or (O, I), float32."""
    weight = network.module.get_parameter(f"{layer_id}.weight")
    array: np.ndarray[Any, np.dtype[np.float32]] = weight.detach().float().numpy()
    return array
