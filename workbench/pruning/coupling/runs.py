"""Whether a network's code still runs with fewer channels.

Belongs here: trying it, a few passes of one image. Does not belong here: where channels
go (``flow``), and whether the smaller network is equal (``shrink``).

Code with a number of channels written into it (``groups=64``, ``view(-1, 2048)``) runs
masked but not cut: better said before anything is pruned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from workbench.models.network import Network
from workbench.pruning.channels import leaving_some
from workbench.pruning.coupling.traced import TRACE_ERRORS
from workbench.pruning.coupling.values import CouplingGroup
from workbench.pruning.cut import cut

_SIDE = 64
Which = Callable[[np.ndarray], np.ndarray]


def fixed_widths(network: Network, groups: Sequence[CouplingGroup]) -> dict[str, str]:
    """Return, by the root of each group that the code cannot lose units of, its error.

    Groups that are blocked already are not looked at.

    Examples
    --------
    >>> from workbench.models.inspect import from_module
    >>> from workbench.pruning.coupling.groups import traced_groups
    >>> parts = nn.Conv2d(3, 8, 1), nn.Unflatten(1, (8, 1)), nn.Flatten(1, 2)
    >>> net = nn.Sequential(*parts, nn.Conv2d(8, 2, 1))
    >>> net = from_module(net, input_shape=(3, 4, 4))
    >>> list(fixed_widths(net, traced_groups(net)))
    ['0']
    """
    open_ones = [group for group in groups if group.blocked is None and group.size > 1]
    trial = _Trial.of(network)
    if not open_ones or trial is None:
        return {}
    return dict(trial.failing(open_ones))


def _half(units: np.ndarray) -> np.ndarray:
    return np.asarray(units % 2 == 1)


def _one(units: np.ndarray) -> np.ndarray:
    return np.asarray(units == units.size - 1)


def _most(units: np.ndarray) -> np.ndarray:
    return np.asarray(units > 0)


class _Trial:
    """A network that gives some output for an image."""

    def __init__(self, network: Network, image: Tensor) -> None:
        self._network, self._image = network, image
        self._shape = self._ran(network.module)

    @classmethod
    def of(cls, network: Network) -> _Trial | None:
        """Return a trial on the smallest image that fits, None if none does."""
        channels, *sides = network.input_shape
        small = (channels, *(min(side, _SIDE) for side in sides))
        for shape in dict.fromkeys((small, network.input_shape)):
            try:
                return cls(network, torch.zeros(1, *shape))
            except TRACE_ERRORS:
                continue
        return None

    def failing(self, groups: list[CouplingGroup]) -> Iterator[tuple[str, str]]:
        """Yield the groups that cannot be cut, with what the code says of it."""
        said = self._said(groups, _half)
        if said is None:
            return
        if len(groups) > 1:
            half = len(groups) // 2
            yield from self.failing(groups[:half])
            yield from self.failing(groups[half:])
            return
        # Code that splits channels evenly may run with some numbers of them only.
        if self._said(groups, _one) and self._said(groups, _most):
            yield groups[0].root, f"the network's code does not run with fewer ({said})"

    def _said(self, groups: list[CouplingGroup], which: Which) -> str | None:
        """Return the error of the network without some units, None if it runs."""
        cuts = []
        for group in groups:
            units = np.arange(group.size)
            cuts.append((group, leaving_some(group, which(units), -units)))
        try:
            shape = self._ran(cut(self._network, cuts))
        except TRACE_ERRORS as error:
            return (str(error).splitlines() or [type(error).__name__])[0]
        return None if shape == self._shape else f"its output becomes {tuple(shape)}"

    def _ran(self, module: nn.Module) -> torch.Size:
        with torch.inference_mode():
            output: Tensor = module(self._image)
        return output.shape
