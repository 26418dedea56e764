"""Weights from a safetensors or state_dict file, without running anything in it.

Belongs here: telling what a file is, refusing what could execute code before it is
unpickled, and merging the pruning keys ``weight_orig`` and ``weight_mask``. Does not
belong here: fitting the tensors into a module (``matching.py``).
"""

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor

from workbench.errors import WorkbenchError
from workbench.models.digest import digest_state
from workbench.models.pickle_guard import (
    BROKEN_FILE_ERRORS,
    Refusal,
)
from workbench.models.reparametrised import folded_state
from workbench.models.torch_file import OversizedError, RefusedError, load_torch
from workbench.reading import read_regular

DIGEST_KEY = "workbench.digest"
UNREADABLE: tuple[type[Exception], ...] = (SafetensorError, *BROKEN_FILE_ERRORS)
"""What the readers of safetensors raise on altered bytes."""

_ORIG, _MASK = "_orig", "_mask"
_NESTS = ("state_dict", "model_state_dict", "model", "net")
_PARALLEL = "module."


class UnsafeFileError(WorkbenchError):
    """A file that could execute code when read; it was not read."""


class DamagedFileError(WorkbenchError):
    """A weights file that is truncated, altered, or no weights file at all."""


@dataclass(frozen=True, eq=False)
class WeightsFile:
    """Tensors of a weights file.

    Parameters
    ----------
    state : mapping of str to Tensor
        Plain names; a pruned weight is already multiplied by its mask.
    masks : mapping of str to Tensor
        Weight name (``"conv1.weight"``) to bool mask, True = keep, for tensors that
        came as ``weight_orig`` and ``weight_mask``.
    """

    state: Mapping[str, Tensor]
    masks: Mapping[str, Tensor]


def read_weights(source: str | Path | bytes) -> WeightsFile:
    """Return the tensors of a safetensors or state_dict file.

    Parameters
    ----------
    source : str, Path or bytes
        A file, or its content (an upload).

    Raises
    ------
    UnsafeFileError
        For a pickled module, a TorchScript archive or a ``.pt2``; nothing is unpickled.
    DamagedFileError
        If the file is truncated, altered or of another kind; a safetensors file that
        carries ``workbench.digest`` in its metadata is checked against it.
    WorkbenchError
        If there is no such file.
    """
    content, title = _content(source)
    promised = None
    if _is_safetensors(content):
        raw = _safetensors(content, title)
        promised = _promised_digest(content)
    else:
        raw = _state_dict(content, title)
    state, masks = merge_masks(folded_state(_plain_names(raw)), title)
    if promised is not None and digest_state(state) != promised:
        raise DamagedFileError(
            f"{title} holds weights with digest {digest_state(state)[:12]}",
            f"{promised[:12]}, as its own metadata says",
            "It was altered after it was written: copy or export it again.",
        )
    return WeightsFile(state, masks)


def _content(source: str | Path | bytes) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        return source, "the uploaded file"
    try:
        return read_regular(source), str(source)
    except OSError as error:
        raise WorkbenchError(
            f"weights file {source} cannot be read ({error.strerror})",
            "a .safetensors or state_dict file",
            "Check the path.",
        ) from error


def _is_safetensors(content: bytes) -> bool:
    # Eight bytes of header length, then a JSON object.
    return content[8:9] == b"{" and not content.startswith((b"PK", b"\x80"))


def _safetensors(content: bytes, title: str) -> dict[str, Tensor]:
    try:
        return load_safetensors(content)
    except UNREADABLE as error:
        raise DamagedFileError(
            f"{title} is a damaged safetensors file ({error})",
            "a complete safetensors file",
            "Copy or export it again.",
        ) from error


def _promised_digest(content: bytes) -> str | None:
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    promised = (header.get("__metadata__") or {}).get(DIGEST_KEY)
    return promised if isinstance(promised, str) else None


def _state_dict(content: bytes, title: str) -> dict[str, Tensor]:
    try:
        loaded = load_torch(content)
    except RefusedError as error:
        refusal = error.refusal
        kind = UnsafeFileError if refusal.unsafe else DamagedFileError
        raise kind(
            f"{title} {refusal.found}", Refusal.EXPECTED, refusal.next_step
        ) from None
    except OversizedError as error:
        raise DamagedFileError(
            f"{title} claims {error}",
            Refusal.EXPECTED,
            "It is damaged or made to fill the memory: copy it again.",
        ) from error
    except pickle.UnpicklingError as error:
        raise UnsafeFileError(
            f"{title} holds objects besides tensors",
            Refusal.EXPECTED,
            "Save it with: torch.save(model.state_dict(), path)",
        ) from error
    except BROKEN_FILE_ERRORS as error:
        raise DamagedFileError(
            f"{title} cannot be read as a state_dict",
            Refusal.EXPECTED,
            "It is damaged or was copied in part: copy it again.",
        ) from error
    return _unnest(loaded, title)


def _unnest(loaded: Any, title: str) -> dict[str, Tensor]:
    for nest in _NESTS:
        if isinstance(loaded, dict) and isinstance(loaded.get(nest), dict):
            loaded = loaded[nest]
            break
    if not isinstance(loaded, dict) or not loaded:
        raise DamagedFileError(
            f"{title} holds {type(loaded).__name__}",
            "a state_dict (names to tensors)",
            "Save it with: torch.save(model.state_dict(), path)",
        )
    others = [
        name
        for name, value in loaded.items()
        if not (isinstance(name, str) and isinstance(value, Tensor))
    ]
    if others:
        raise DamagedFileError(
            f"{title} holds '{others[0]}', which is no tensor",
            "names to tensors only",
            "Save it with: torch.save(model.state_dict(), path)",
        )
    return dict(loaded)


def _plain_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    # nn.DataParallel puts one prefix before every name.
    if state and all(name.startswith(_PARALLEL) for name in state):
        return {name.removeprefix(_PARALLEL): value for name, value in state.items()}
    return state


def merge_masks(
    state: Mapping[str, Tensor], title: str
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return (plain state dict, masks) of tensors in PyTorch's pruning form.

    Parameters
    ----------
    state : mapping of str to Tensor
        ``x_orig`` and ``x_mask`` (as ``torch.nn.utils.prune`` writes them) become
        ``x``; other names stay.
    title : str
        What the tensors came from, for messages.

    Returns
    -------
    dict, dict
        Effective tensors, removed entries +0.0; bool masks by plain name, True = keep.

    Raises
    ------
    DamagedFileError
        A mask of another shape than its weight, or a weight or bias without its mask.
    """
    merged: dict[str, Tensor] = {}
    masks: dict[str, Tensor] = {}
    for name, value in state.items():
        if name.endswith(_MASK) and name.removesuffix(_MASK) + _ORIG in state:
            continue
        plain = name.removesuffix(_ORIG)
        mask = state.get(plain + _MASK)
        if mask is None and name.endswith(("weight" + _ORIG, "bias" + _ORIG)):
            raise DamagedFileError(
                f"'{name}' without a '{plain}{_MASK}' in {title}",
                "both, as torch.nn.utils.prune writes them",
                "Save the state dict of the whole pruned module.",
            )
        if plain == name or mask is None:
            merged[name] = value
            continue
        if mask.shape != value.shape:
            raise DamagedFileError(
                f"mask of '{plain}' in {title} has shape {tuple(mask.shape)}",
                f"{tuple(value.shape)}, the shape of the weight",
                "Export the pruned model again.",
            )
        masks[plain] = mask != 0
        # Not a product: that would leave -0.0 where a negative weight was removed.
        merged[plain] = value.masked_fill(~masks[plain], 0.0)
    return merged, masks
