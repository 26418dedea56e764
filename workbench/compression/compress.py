"""Deep Compression of a network: a palette a layer.

Belongs here: from a network to a compressed one. Does not belong here: the file
(``wbz``), the table of stages (``stages``), training (``workbench.training``).

Source: Han, Mao, Dally 2016, "Deep Compression: Compressing Deep Neural Networks with
Pruning, Trained Quantization and Huffman Coding", sections 2 to 4.
"""

from __future__ import annotations

from collections.abc import Callable

from workbench.compression.bits import PAPER, bits_by_layer
from workbench.compression.compressed import CompressedNetwork, with_palettes
from workbench.compression.kmeans import Start, share
from workbench.compression.palette import Palette
from workbench.models.given import require_network
from workbench.models.network import Network
from workbench.pruning.pruned import PrunedNetwork

Progress = Callable[[int, int], None]


def compress(
    net: Network | PrunedNetwork,
    bits: str | int = PAPER,
    *,
    start: Start = "linear",
    seed: int = 0,
    progress: Progress | None = None,
) -> CompressedNetwork:
    """Return a copy of the network whose layers share 2^bits values each.

    Pruned weights stay exactly zero. Export the result as ``.wbz``, or train its
    shared values first.

    Parameters
    ----------
    net : Network or PrunedNetwork
        Pruning first is what the paper does, and what makes the file small.
    bits : str or int
        ``5`` for all layers, or ``"8:conv,5:fc"``; the last match wins.
    start : {"linear", "density", "random"}
        Where k-means starts.
    seed : int
        Of the random start.
    progress : callable, optional
        Called with (layers done, layers in all).

    Raises
    ------
    WorkbenchError
        Bits that do not exist, or weights that are not finite.

    Examples
    --------
    >>> from workbench.models.loading import load_model
    >>> small = compress(load_model("lenet5-mnist5k"), "4:conv,2:fc")
    >>> {name: len(one.codebook) for name, one in small.palettes.items()}
    {'conv1': 16, 'conv2': 16, 'fc1': 4, 'fc2': 4}
    """
    require_network(net)
    wanted = bits_by_layer(bits, net.layers)
    palettes: dict[str, Palette] = {}
    for done, (layer, width) in enumerate(wanted.items(), start=1):
        weight = net.module.get_parameter(f"{layer}.weight").detach().numpy()
        palettes[layer] = share(weight, width, start=start, seed=seed)
        if progress is not None:
            progress(done, len(wanted))
    return CompressedNetwork(net, with_palettes(net.module, palettes), palettes)
