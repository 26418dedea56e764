"""Weights that a layer computes from others: weight norm, spectral norm and their like.

Belongs here: putting the computed weight in their place, in modules and in files. Does
not belong here: masks of ``torch.nn.utils.prune`` (``weights_file``).

Pruning sets weights to zero, which a weight computed anew in each pass would undo. What
the network computes in evaluation mode stays the same.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.spectral_norm import (
    SpectralNorm,
    SpectralNormLoadStateDictPreHook,
    remove_spectral_norm,
)
from torch.nn.utils.weight_norm import WeightNorm, remove_weight_norm


def own_copy(module: nn.Module) -> dict[int, object]:
    """Return a memo with which ``copy.deepcopy`` copies computed weights too.

    ``deepcopy`` refuses tensors with a history; these are computed anew in any case.
    """
    memo: dict[int, object] = {}
    for part in module.modules():
        for value in vars(part).values():
            if isinstance(value, Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    return memo


def fold_weights(module: nn.Module) -> None:
    """Replace every computed weight by a plain parameter of the same value, in place.

    Examples
    --------
    >>> layer = torch.nn.utils.parametrizations.weight_norm(nn.Linear(2, 1, bias=False))
    >>> fold_weights(layer)
    >>> [name for name, _ in layer.named_parameters()]
    ['weight']
    """
    module.eval()
    for part in list(module.modules()):
        for hook in list(part._forward_pre_hooks.values()):
            if isinstance(hook, WeightNorm):
                remove_weight_norm(part, hook.name)
            elif isinstance(hook, SpectralNorm):
                remove_spectral_norm(part, hook.name)
                _forget_loading(part)
        if parametrize.is_parametrized(part):
            for name in list(part.parametrizations):  # type: ignore[arg-type]
                parametrize.remove_parametrizations(part, name, leave_parametrized=True)


def _forget_loading(part: nn.Module) -> None:
    """Take away the hook by which spectral norm asks files for its own names.

    Torch leaves it there since it wraps such hooks.
    """
    hooks = part._load_state_dict_pre_hooks
    for key, hook in list(hooks.items()):
        inner = getattr(hook, "hook", hook)
        if isinstance(inner, SpectralNormLoadStateDictPreHook):
            del hooks[key]


def folded_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict with plain weights in place of what they are computed from.

    Knows the names that torch's weight norm (old and new) and its old spectral norm
    write; all others stay.

    Examples
    --------
    >>> v, g = torch.tensor([[3.0, 4.0]]), torch.tensor([[10.0]])
    >>> folded_state({"fc.weight_g": g, "fc.weight_v": v})
    {'fc.weight': tensor([[6., 8.]])}
    """
    folded: dict[str, Tensor] = {}
    used: set[str] = set()
    for name, value in state.items():
        stem, _, leaf = name.rpartition(".")
        lead = f"{stem}." if stem else ""
        plain = f"{lead}weight"
        if leaf == "weight_v" and f"{plain}_g" in state:
            used |= {name, f"{plain}_g"}
            folded[plain] = _scaled(value, state[f"{plain}_g"])
        elif leaf == "weight_orig" and f"{plain}_u" in state:
            used |= {name, f"{plain}_u", f"{plain}_v"}
            folded[plain] = _over_its_norm(value, state, plain)
        elif name.endswith("parametrizations.weight.original1"):
            first = name[:-1] + "0"
            if first in state:
                used |= {name, first}
                plain = name.replace("parametrizations.weight.original1", "weight")
                folded[plain] = _scaled(value, state[first])
    kept = {name: value for name, value in state.items() if name not in used}
    return {**kept, **folded}


def _scaled(direction: Tensor, size: Tensor) -> Tensor:
    """Return the directions at the sizes (one a filter), as weight norm does."""
    axes = [axis for axis in range(direction.ndim) if size.shape[axis] == 1]
    scaled: Tensor = direction * (
        size / torch.linalg.vector_norm(direction, 2, axes, True)
    )
    return scaled


def _over_its_norm(weight: Tensor, state: Mapping[str, Tensor], plain: str) -> Tensor:
    """Return the weight over its spectral norm, of which the file keeps the vectors."""
    left, right = state[f"{plain}_u"], state.get(f"{plain}_v")
    rows = weight if left.numel() == weight.shape[0] else weight.transpose(0, 1)
    flat = rows.flatten(1)
    if right is None or right.numel() != flat.shape[1]:
        return torch.div(weight, torch.linalg.matrix_norm(flat, 2))
    return torch.div(weight, torch.dot(left, flat @ right))
