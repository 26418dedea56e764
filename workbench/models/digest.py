"""The digest that names a set of weights.

Belongs here: the hash over a state_dict. Does not belong here: digests of files.
"""

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor


def digest_state(state: Mapping[str, Tensor]) -> str:
    """Return the hex SHA-256 over names, types, shapes and bytes, sorted by name.

    The order in which a file or a module lists its tensors does not matter, nor does
    the memory layout.

    Parameters
    ----------
    state : mapping of str to Tensor
        A ``state_dict``.

    Examples
    --------
    >>> digest_state({"w": torch.zeros(2)})[:8]
    'a51d89d7'
    """
    hasher = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        shape = ",".join(str(side) for side in tensor.shape)
        hasher.update(f"{name}|{tensor.dtype}|{shape}\n".encode())
        hasher.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return hasher.hexdigest()
