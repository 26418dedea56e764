"""Comparing the tensors of a file with those of a network, bit by bit.

Belongs here: state_dict against state_dict. Does not belong here: reading files.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from workbench.export.format import Exportable
from workbench.export.report import Check, failed, passed
from workbench.models.digest import digest_state

_AGAIN = "Export the network again, or verify against the network it came from."


def plain_state(network: Exportable) -> dict[str, Tensor]:
    """Return a contiguous copy of every tensor, masked weights as zeros."""
    state = network.module.state_dict()
    return {
        name: tensor.detach().clone().contiguous() for name, tensor in state.items()
    }


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Return whether type, shape and every byte agree (so -0.0 is not 0.0)."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    flat = (t.detach().contiguous().reshape(-1).view(torch.uint8) for t in (one, other))
    return torch.equal(*flat)


def check_same(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Check:
    """Return whether two state_dicts hold the same names and the same bits."""
    missing = sorted(set(wanted) - set(state))
    extra = sorted(set(state) - set(wanted))
    if missing or extra:
        return failed(
            "weights",
            f"missing tensors {missing[:3]}, unknown tensors {extra[:3]}",
            expected=f"the {len(wanted)} tensors of the network",
            next_step=_AGAIN,
        )
    for name, tensor in wanted.items():
        if not same_bits(state[name], tensor):
            return failed(
                "weights",
                f"{name} differs from the network's",
                expected="the same bits",
                next_step=_AGAIN,
            )
    total = sum(tensor.numel() for tensor in wanted.values())
    return passed("weights", f"{len(wanted)} tensors, {total:,} values, bit-equal")


def check_digest(state: Mapping[str, Tensor], digest: str) -> Check:
    """Return whether the tensors are those that the metadata names by digest."""
    if digest_state(state) == digest:
        return passed("digest", f"the weights are {digest[:12]}, as the file says")
    return failed(
        "digest",
        f"weights with digest {digest_state(state)[:12]}",
        expected=f"{digest[:12]}, which the file's metadata names",
        next_step=_AGAIN,
    )
