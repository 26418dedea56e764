"""Zeros in a training loop that is not ours: masks applied after every optimiser step.

Belongs here: the context and its hook. Does not belong here: our own loop
(``loop/``), callbacks of other libraries (``callbacks/``).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from workbench.errors import WorkbenchError
from workbench.pruning.masks import MaskError, apply_masks, named_masks, revived
from workbench.pruning.pruned import PrunedNetwork

Given = PrunedNetwork | Mapping[str, Tensor]


class keep_zeros:
    """Hold pruned weights at exactly zero in any training loop.

    Inside the ``with`` block masks are applied after every step of every optimiser of
    torch, whatever momentum and weight decay did; at its end they are applied and
    checked once more.

    Parameters
    ----------
    module : nn.Module
        The network that is trained, on any device. What holds the network (a Lightning
        module, DDP) will do as well: its part with the masks' names is found.
    masks : PrunedNetwork, or mapping of str to torch.Tensor
        By layer id or parameter name, True = keep; ``pruned.parameter_masks``.

    Raises
    ------
    WorkbenchError
        Masks that do not fit the network.

    Examples
    --------
    >>> layer = nn.Linear(2, 2)
    >>> mask = torch.tensor([[True, False], [True, True]])
    >>> step = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    >>> with keep_zeros(layer, {"weight": mask}) as kept:
    ...     layer(torch.ones(1, 2)).sum().backward()
    ...     step.step()
    >>> float(layer.weight[0, 1].detach()), kept.steps
    (0.0, 1)
    """

    def __init__(self, module: nn.Module, masks: Given) -> None:
        given = masks.parameter_masks if isinstance(masks, PrunedNetwork) else masks
        self._module, self.masks = _holder(module, given)
        self.steps = 0
        self._hook: Any = None

    def __enter__(self) -> keep_zeros:
        self.apply()
        self._hook = register_optimizer_step_post_hook(self._after_step)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hook.remove()
        if error is None:
            self.apply()
            self.check()

    def _after_step(self, optimizer: torch.optim.Optimizer, *rest: Any) -> None:
        self.apply()
        self.steps += 1

    def apply(self, module: nn.Module | None = None) -> None:
        """Set removed weights to zero: of the network, or of a copy such as an EMA."""
        if module is None:
            apply_masks(self._module, self.masks)
        else:
            apply_masks(*_holder(module, self.masks))

    def check(self, module: nn.Module | None = None) -> int:
        """Return how many zeros are held, once each of them is zero.

        Parameters
        ----------
        module : nn.Module, optional
            A copy to look at instead, such as a moving average.

        Raises
        ------
        WorkbenchError
            A removed weight is not zero; names its parameter.
        """
        where = self._module if module is None else _holder(module, self.masks)[0]
        alive = revived(where, self.masks)
        if alive:
            name, count = next(iter(alive.items()))
            raise WorkbenchError(
                f"{count} removed weights of '{name}' that are not zero",
                "every removed weight to stay zero",
                "Something changed weights without an optimiser of torch: call "
                "apply() of keep_zeros after it.",
            )
        return sum(int((~mask).sum()) for mask in self.masks.values())


def _holder(
    module: nn.Module, masks: Mapping[str, Tensor]
) -> tuple[nn.Module, dict[str, Tensor]]:
    """Return the part of a module that has the masks' names, and masks by parameter."""
    found: MaskError | None = None
    for _, part in module.named_modules():
        try:
            return part, named_masks(part, masks)
        except MaskError as error:
            found = found or error
    raise found or MaskError("no module", "a network", "Pass the network.")
