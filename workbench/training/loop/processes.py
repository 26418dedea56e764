"""Several processes that train one network together, started by ``torchrun``.

Belongs here: what the loop asks of ``torch.distributed``. Does not belong here:
starting processes (torchrun does), or any scheduler.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch import distributed as dist


@dataclass(frozen=True)
class Processes:
    """This process among those that train together.

    Parameters
    ----------
    rank : int
        0 writes files.
    size : int
        1 when ``torch.distributed`` is not initialised.
    """

    rank: int
    size: int

    @property
    def leads(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def share(self, chosen: Tensor) -> Tensor:
        """Return this process's part of the chosen images, every ``size``-th."""
        return chosen[self.rank :: self.size]

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return the module to call in training: DDP where there are several."""
        if self.size == 1:
            return module
        return nn.parallel.DistributedDataParallel(module)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Average gradients that DDP does not know of."""
        if self.size == 1:
            return
        for parameter in parameters:
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad)
                parameter.grad /= self.size

    def sums(self, *values: float) -> list[float]:
        """Return sums over all processes."""
        if self.size == 1:
            return list(values)
        together = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(together)
        return [float(value) for value in together]

    def agree(self, module: nn.Module) -> None:
        """Take rank 0's buffers, such as batch-norm statistics."""
        if self.size > 1:
            for buffer in module.buffers():
                dist.broadcast(buffer, 0)

    def wait(self) -> None:
        """Return when all processes are here."""
        if self.size > 1:
            dist.barrier()


def team() -> Processes:
    """Return this process's team: of one, unless ``torchrun`` started several."""
    if dist.is_available() and dist.is_initialized():
        return Processes(dist.get_rank(), dist.get_world_size())
    return Processes(0, 1)


@contextmanager
def joined() -> Iterator[Processes]:
    """Join the processes that ``torchrun`` started, for as long as the block runs.

    Without torchrun, or where someone has joined already, nothing is started.
    """
    alone = int(os.environ.get("WORLD_SIZE", "1")) < 2
    if alone or dist.is_initialized():
        yield team()
        return
    dist.init_process_group("gloo")
    try:
        yield team()
    finally:
        dist.destroy_process_group()
