"""A module to trace in place of one that others are reading.

Belongs here: the twin. Does not belong here: tracing (``torch_export``).
"""

import copy

from torch import nn


def twin(module: nn.Module) -> nn.Module:
    """Return a copy of a module that holds the very same tensors, in eval mode.

    `torch.export` puts fake tensors in the place of a module's parameters while it
    traces. Another thread that reads or runs the module then meets them; with a twin it
    does not, and no weight is copied.

    Parameters
    ----------
    module : nn.Module
        Not changed.

    Examples
    --------
    >>> layer = nn.Linear(2, 2)
    >>> other = twin(layer)
    >>> other is layer, other.weight is layer.weight, other.training
    (False, True, False)
    """
    tensors = (*module.parameters(), *module.buffers())
    shared = {id(tensor): tensor for tensor in tensors}
    return copy.deepcopy(module, shared).eval()
