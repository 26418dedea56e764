"""Where a file comes from: what every format writes beside the weights.

Belongs here: the metadata keys. Does not belong here: how a format stores them.
"""

from workbench import __version__
from workbench.compression.compressed import CompressedNetwork
from workbench.export.format import Exportable
from workbench.pruning.pruned import PrunedNetwork

PREFIX = "workbench."


def provenance(network: Exportable) -> dict[str, str]:
    """Return the metadata of a network as text.

    Keys: `workbench.version`, `.model`, `.digest` (of the weights in the file),
    `.input_shape`, and for a pruned network `.recipe` (YAML) and `.base_digest`.
    """
    found = {
        PREFIX + "version": __version__,
        PREFIX + "model": network.name,
        PREFIX + "digest": network.digest,
        PREFIX + "input_shape": ",".join(str(side) for side in network.input_shape),
    }
    source = network.source if isinstance(network, CompressedNetwork) else network
    if isinstance(source, PrunedNetwork):
        found[PREFIX + "recipe"] = source.recipe.dump()
        found[PREFIX + "base_digest"] = source.base.digest
    return found
