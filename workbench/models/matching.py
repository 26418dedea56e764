"""Putting tensors from a file into a module, strictly.

Belongs here: the comparison of names and shapes, and the error that lists what does
not fit. Does not belong here: reading the file (``weights_file.py``).
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from workbench.errors import WorkbenchError

_COUNTER = "num_batches_tracked"
_SHOWN = 4
_SHRUNK_ADVICE = (
    "The file holds the same network with fewer channels. Load it with "
    "workbench.from_module(module, input_shape=..., weights=file), or --weights "
    "beside the network's name."
)


class WeightsMismatchError(WorkbenchError):
    """Tensors of a file do not fit the network, with the names that do not.

    Parameters
    ----------
    missing, unexpected : sequence of str
        Names that the file lacks, or that the network does not have.
    wrong_shape : sequence of str
        One line a tensor: name, shape in the file, shape in the network.
    shrunk : bool
        Whether the file looks like the same network with fewer channels.
    """

    def __init__(
        self,
        *,
        missing: Sequence[str],
        unexpected: Sequence[str],
        wrong_shape: Sequence[str],
        shrunk: bool = False,
    ) -> None:
        self.missing = tuple(missing)
        self.unexpected = tuple(unexpected)
        self.wrong_shape = tuple(wrong_shape)
        self.shrunk = shrunk
        parts = [
            _listed("missing", missing),
            _listed("unexpected", unexpected),
            _listed("wrong shape", wrong_shape),
        ]
        super().__init__(
            "weights that do not fit the network: "
            + "; ".join(part for part in parts if part),
            "the same tensor names and shapes in both",
            _SHRUNK_ADVICE
            if shrunk
            else "Choose the architecture (and number of classes, and width) that the "
            "weights were made for.",
        )


def load_into(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copy tensors into the module in place, strictly.

    Batch-norm counters may be missing: old files lack them and inference needs none.

    Parameters
    ----------
    module : nn.Module
        Changed in place.
    state : mapping of str to Tensor
        All its tensors.

    Raises
    ------
    WeightsMismatchError
        If a name or shape differs.
    WorkbenchError
        If a tensor holds NaN or infinity.
    """
    filled = check_fits(module, state)
    for name, tensor in filled.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise WorkbenchError(
                f"tensor '{name}' holds NaN or infinity",
                "finite numbers",
                "The training diverged or the file is damaged: use another checkpoint.",
            )
    module.load_state_dict(filled)


def check_fits(module: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors, batch-norm counters added, after comparing names and shapes.

    Parameters
    ----------
    module : nn.Module
        May lie on the meta device, where tensors have shapes and take no memory.
    state : mapping of str to Tensor
        All its tensors.

    Raises
    ------
    WeightsMismatchError
        If a name or shape differs.
    """
    own = module.state_dict()
    filled = dict(state)
    for name, tensor in own.items():
        if name.endswith(_COUNTER):
            filled.setdefault(name, tensor)
    missing = [name for name in own if name not in filled]
    unexpected = [name for name in filled if name not in own]
    wrong_shape = [
        f"{name} {tuple(filled[name].shape)} for {tuple(own[name].shape)}"
        for name in own
        if name in filled and filled[name].shape != own[name].shape
    ]
    if missing or unexpected or wrong_shape:
        raise WeightsMismatchError(
            missing=missing,
            unexpected=unexpected,
            wrong_shape=wrong_shape,
            shrunk=not unexpected and _is_narrower(filled, own),
        )
    return filled


def _is_narrower(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> bool:
    """Return whether what is there has as many axes, none of them longer."""
    return all(
        state[name].ndim == tensor.ndim
        and all(a <= b for a, b in zip(state[name].shape, tensor.shape, strict=True))
        for name, tensor in own.items()
        if name in state
    )


def _listed(title: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    shown = ", ".join(names[:_SHOWN])
    rest = len(names) - _SHOWN
    return f"{title} ({len(names)}): {shown}" + (
        f" and {rest} more" if rest > 0 else ""
    )
