"""Weights of a shrunk network, put into the class that it was made from.

Belongs here: giving a module the channels that a file has. Does not belong here: the
strict comparison (``matching``).

What a file says is believed only where no tensor becomes longer, and where the module
then runs and returns what it returned before.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from workbench.capture.from_torch.ends import call, images_of, results_of
from workbench.models.input_shapes import Shapes, named_shapes
from workbench.models.matching import WeightsMismatchError, load_into
from workbench.models.resized import put, resize, say_layer_sizes

Shape = tuple[int, ...]


def load_narrower(
    module: nn.Module, state: Mapping[str, Tensor], input_shape: Shapes
) -> tuple[nn.Module, tuple[str, ...]]:
    """Return the module with these tensors, and sentences on what became smaller.

    Parameters
    ----------
    module : nn.Module
        In evaluation mode. Filled in place where the tensors fit as they are;
        otherwise a copy is made smaller and filled.
    state : mapping of str to Tensor
        All tensors of the same network, or of one that ``shrink`` made of it: some
        axes are shorter, and residual blocks of zeros are not there.
    input_shape : Shapes
        With which the module runs.

    Raises
    ------
    WeightsMismatchError
        Other names, longer axes, or a module that does not run with these sizes.
    """
    try:
        load_into(module, state)
    except WeightsMismatchError as error:
        if not error.shrunk:
            raise
        refused = error
    else:
        return module, ()
    before = _outputs(module, input_shape)
    gone = _absent(module, state)
    for whole in (False, True):
        small = copy.deepcopy(module)
        for name in gone:
            parent, _, leaf = name.rpartition(".")
            setattr(small.get_submodule(parent), leaf, nn.Identity())
        changed = _narrow(small, state, whole=whole)
        if before is not None and _outputs(small, input_shape) == before:
            load_into(small, state)
            return small, (_sentence(changed, gone),)
    raise refused


def _absent(module: nn.Module, state: Mapping[str, Tensor]) -> list[str]:
    """Return the highest parts of which the file has nothing though they have some."""
    found: list[str] = []
    for name, part in module.named_modules():
        inside = any(name.startswith(f"{one}.") for one in found)
        there = any(key.startswith(f"{name}.") for key in state)
        if name and not inside and not there and part.state_dict():
            found.append(name)
    return found


def _narrow(
    module: nn.Module, state: Mapping[str, Tensor], *, whole: bool
) -> list[str]:
    """Give every part the sizes of its tensors; return those that changed.

    Of a grouped convolution the file does not say whether whole groups went or some
    filters of each: that is tried (`whole`). Of a depthwise one they did.
    """
    changed = []
    for name, part in module.named_modules():
        new = dict(_shorter(name, part, state))
        if new:
            changed.append(name)
        if isinstance(part, nn.Conv2d | nn.Linear):
            before, width = part.weight.shape[:2]
            for leaf, value in new.items():
                put(part, leaf, value)
            grouped = isinstance(part, nn.Conv2d) and part.groups > 1
            say_layer_sizes(part, before, whole=grouped and (width == 1 or whole))
        else:
            for leaf, value in new.items():
                resize(part, leaf, value)
    return changed


def _shorter(
    name: str, part: nn.Module, state: Mapping[str, Tensor]
) -> Iterator[tuple[str, Tensor]]:
    own = (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False))
    for leaf, value in own:
        given = state.get(f"{name}.{leaf}" if name else leaf)
        if given is not None and given.shape != value.shape:
            yield leaf, torch.zeros(given.shape, dtype=value.dtype)


def _outputs(module: nn.Module, input_shape: Shapes) -> list[Shape] | None:
    """Return the shapes of what a module returns; None where it does not run."""
    shapes = named_shapes(module, input_shape)
    try:
        with torch.inference_mode():
            made: Any = call(module, images_of(shapes))
        return [tuple(one.shape) for one in results_of(made).tensors.values()]
    except Exception:  # noqa: BLE001  (the module's own code: anything)
        return None


def _sentence(changed: Sequence[str], gone: Sequence[str]) -> str:
    said = f"the weights are of a shrunk network: {len(changed)} parts are narrower"
    return f"{said}, without {', '.join(gone)}" if gone else said
