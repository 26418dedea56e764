"""Which of a network's outputs holds the class scores.

Belongs here: the choice, and the error where it cannot be made. Does not belong here:
what is done with the scores.
"""

from typing import Any

import torch

from workbench.capture.from_torch.ends import results_of
from workbench.errors import WorkbenchError


def scores_of(made: Any, output: str | None = None) -> torch.Tensor:
    """Return the class scores among what a module returns.

    Parameters
    ----------
    made : torch.Tensor, or a tuple, list or mapping of them
    output : str, optional
        Name of the output: a key, or the position in a tuple.

    Raises
    ------
    WorkbenchError
        No output of that name, or, without one, not exactly one that is (N, classes).

    Examples
    --------
    >>> made = {"logits": torch.zeros(2, 10), "maps": torch.zeros(2, 8, 4, 4)}
    >>> scores_of(made).shape
    torch.Size([2, 10])
    """
    if isinstance(made, torch.Tensor) and output is None:
        return _flat(made)
    tensors = {name: _flat(one) for name, one in results_of(made).tensors.items()}
    shapes = ", ".join(f"{n!r} {tuple(t.shape)}" for n, t in tensors.items())
    if output is not None:
        if output in tensors:
            return tensors[output]
        raise WorkbenchError(
            f"no output {output!r} among {shapes}",
            "the name of one of them",
            "Choose one of these names.",
        )
    found = [tensor for tensor in tensors.values() if tensor.ndim == 2]
    if len(found) == 1 or len(tensors) == 1:
        return found[0] if found else next(iter(tensors.values()))
    raise WorkbenchError(
        f"{len(found)} of the {len(tensors)} outputs could be class scores: {shapes}",
        "one output of shape (N, classes)",
        "Say which one holds the scores: output='NAME' (--outputs NAME).",
    )


def _flat(made: torch.Tensor) -> torch.Tensor:
    """Return scores (N, classes, 1, 1), of networks that end in a convolution, flat."""
    pixel = made.ndim > 2 and made.shape[1] > 1 and made[0].numel() == made.shape[1]
    return made.flatten(1) if pixel else made
