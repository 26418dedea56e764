"""One call from a network to a program: capture, then compile."""

import torch
from torch import nn

from workbench.capture.torch_export import HasModule, capture
from workbench.engine.compile import Tune, compile_graph
from workbench.engine.program import Program


def compile(
    obj: HasModule | nn.Module,
    *,
    threads: int = 1,
    example: torch.Tensor | None = None,
    tune: Tune = "measure",
) -> Program:
    """Return a program that gives the same result as the module.

    Parameters
    ----------
    obj : Network, PrunedNetwork or nn.Module
        Zeros in its weights are skipped wherever that measures faster.
    threads : int
        Threads that share each step.
    example : torch.Tensor, optional
        One input (1, C, H, W); needed for a bare module.
    tune : str
        ``measure`` times the candidates of every layer on this machine; ``model``
        starts at once on a cost model.

    Returns
    -------
    Program

    Raises
    ------
    WorkbenchError
        A module that cannot be captured or an operation that is not covered.
    """
    return compile_graph(capture(obj, example), threads=threads, tune=tune)
