"""Physical removal of channels that nobody reads, and of blocks that do nothing.

Belongs here: cutting a masked network down to an equal, smaller one. Does not belong
here: choosing channels (``channels``) and finding blocks (``blocks``).

A residual block whose parameters are all zero becomes ``nn.Identity``.

A unit of a coupling group is removable when every consumer's columns for it are zero:
whatever the channel emits, through batch norm and any activation, is multiplied by
zero, so that cutting it changes nothing. The ``filter`` and ``channel`` methods mask
these columns; zeros made by other means count as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from workbench.capture.from_torch.ends import call, images_of, results_of
from workbench.errors import WorkbenchError
from workbench.models.given import require_network
from workbench.models.inspect import from_module
from workbench.models.network import Network
from workbench.pruning.channels import leaving_some
from workbench.pruning.coupling.groups import coupling_groups
from workbench.pruning.coupling.values import CouplingGroup, Member
from workbench.pruning.cut import cut
from workbench.pruning.pruned import PrunedNetwork
from workbench.pruning.residual_blocks import without_zero_blocks

# Sums over fewer channels are added in another order; float32 differs by its rounding.
TOLERANCE = 1e-4


def shrink(pruned: PrunedNetwork) -> Network:
    """Return a smaller network with the same outputs.

    Parameters
    ----------
    pruned : PrunedNetwork
        Its residual blocks of zeros are left out, and its channels whose consumers'
        columns are all zero are cut out. Zeros elsewhere stay zeros in the smaller
        weights.

    Raises
    ------
    WorkbenchError
        The smaller network does not give the masked network's outputs (an operation
        that mixes channels in a way the dependency graph does not know).
    """
    require_network(pruned)
    whole = _network_of(pruned)
    masked = without_zero_blocks(whole)
    found = [(group, _unread(group, masked)) for group in coupling_groups(masked)]
    cuts = [(group, gone) for group, gone in found if gone.any()]
    small = _cut_out(masked, cuts) if cuts else masked
    _require_equal(whole, small)
    return small


def _cut_out(masked: Network, cuts: list[tuple[CouplingGroup, np.ndarray]]) -> Network:
    """Return the network without the units, if its code runs without them."""
    try:
        return from_module(
            cut(masked, cuts),
            input_shape=masked.inputs or masked.input_shape,
            name=masked.name,
            classes=masked.classes,
            dataset=masked.dataset,
        )
    except WorkbenchError as error:
        cause = error.__cause__
        said = (str(cause).splitlines() or [error.found])[0] if cause else error.found
        roots = ", ".join(repr(group.root) for group, _ in cuts[:4])
        raise WorkbenchError(
            f"'{masked.name}' does not run without the channels of {roots} ({said})",
            "code that takes the number of channels from its input",
            "Keep the masked network, or write x.shape[1] where the code has a number.",
        ) from error


def _network_of(pruned: PrunedNetwork) -> Network:
    """Return the masked module as a plain network."""
    # A compressed network has what it was made of as its source.
    base: Any = pruned
    for made_of in ("source", "base"):
        base = getattr(base, made_of, base)
    network: Network = replace(base, module=pruned.module)
    return network


def _unread(group: CouplingGroup, masked: Network) -> np.ndarray:
    """Return which units nobody reads, bool (size,); never all of them."""
    unread = np.zeros(group.size, dtype=bool)
    if group.blocked:
        return unread
    unread[:] = True
    for member in group.members:
        if member.side == "in":
            used = _columns_used(member, masked)
            units = member.units[: used.size]
            unread[units[used & (units >= 0)]] = False
    for one in group.followers:
        if one.reads:
            value = masked.module.get_parameter(one.parameter).detach()
            used = value.transpose(0, one.axis).flatten(1).ne(0).any(dim=1).numpy()
            unread[one.units[used & (one.units >= 0)]] = False
    if unread.all():
        unread[0] = False
    return leaving_some(group, unread, -np.arange(group.size))


def _columns_used(member: Member, masked: Network) -> np.ndarray:
    weight = masked.module.get_parameter(f"{member.layer}.weight").detach()
    used: np.ndarray = weight.transpose(0, 1).flatten(1).ne(0).any(dim=1).numpy()
    return used


def _require_equal(masked: Network, small: Network) -> None:
    """Raise unless both give the same outputs on seeded random images."""
    draw = torch.Generator().manual_seed(0)
    images = images_of(masked.input_shapes, 2, draw)
    with torch.inference_mode():
        wanted = results_of(call(masked.module, images)).tensors
        found = results_of(call(small.module, images)).tensors
    for name, want in wanted.items():
        got = found[name]
        error = float((want - got).abs().max()) if want.shape == got.shape else np.inf
        scale = max(1.0, float(want.abs().max()))
        if error > TOLERANCE * scale:
            where = f" in its output {name!r}" if len(wanted) > 1 else ""
            raise WorkbenchError(
                f"the smaller '{masked.name}' differs from the masked one by "
                f"{error:.2g}{where}",
                f"at most {TOLERANCE * scale:.2g}",
                "Keep the masked network; its channels are mixed in an unknown way.",
            )
