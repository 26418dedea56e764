"""Torch's zip files with a seal in the zip comment, read without unpickling objects.

Belongs here: what the two .pt formats share. Does not belong here: which tensors
they hold (formats/pt.py, formats/pt_masked.py).
"""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from workbench.errors import WorkbenchError
from workbench.export.format import Exportable
from workbench.export.outputs import first_line
from workbench.export.provenance import PREFIX, provenance
from workbench.export.report import Check, failed, passed
from workbench.export.seal import BLANK, check_seal, seal
from workbench.models.pickle_guard import (
    BROKEN_FILE_ERRORS,
    Refusal,
    inspect_torch_file,
)
from workbench.models.torch_file import OversizedError, RefusedError, load_torch
from workbench.models.weights_file import merge_masks
from workbench.reading import open_regular, read_regular

_UNREADABLE: tuple[type[Exception], ...] = (
    *BROKEN_FILE_ERRORS,
    RefusedError,
    OversizedError,
)
_END = b"PK\x05\x06"
_END_BYTES = 22
_COMMENT_LIMIT = 0xFFFF
_AGAIN = "Fetch or export the file again."


def write_sealed(state: Mapping[str, Tensor], network: Exportable, path: Path) -> None:
    """Write a state_dict as torch.save does, provenance and seal as zip comment."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    data = buffer.getvalue()
    facts = provenance(network)
    comment = json.dumps({**facts, PREFIX + "seal": BLANK}).encode()
    if len(comment) > _COMMENT_LIMIT:
        # A comment cannot hold more; the recipe is a file of its own anyway.
        facts.pop(PREFIX + "recipe")
        comment = json.dumps({**facts, PREFIX + "seal": BLANK}).encode()
    # The archive's end record closes with the comment's length and the comment.
    path.write_bytes(seal(data[:-2] + len(comment).to_bytes(2, "little") + comment))


def check_archive(path: Path) -> Iterator[Check]:
    """Yield checks of wholeness and safety; nothing is unpickled."""
    sealed = check_seal(path, required=False)
    yield sealed
    if not sealed.ok:
        return
    content = read_regular(path)
    refusal = inspect_torch_file(content)
    if refusal is not None:
        yield failed(
            "safety" if refusal.unsafe else "structure",
            f"the file {refusal.found}",
            expected=Refusal.EXPECTED,
            next_step=refusal.next_step,
        )
        return
    yield _check_end(content)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], Check]:
    """Return the effective tensors by name (empty when refused) and the check of it.

    Call it only after `check_archive` passed. Masks are multiplied in.
    """
    try:
        state = load_torch(read_regular(path))
    except _UNREADABLE as error:
        return {}, _no_state_dict(f"it cannot be read ({first_line(error)})")
    if not isinstance(state, Mapping) or not state:
        return {}, _no_state_dict(f"a {type(state).__name__} without tensors")
    if not all(isinstance(value, Tensor) for value in state.values()):
        return {}, _no_state_dict("values that are no tensors")
    if not all(isinstance(name, str) for name in state):
        return {}, _no_state_dict("names that are no texts")
    try:
        plain, masks = merge_masks(state, "the file")
    except WorkbenchError as error:
        return {}, failed(
            "masks", error.found, expected=error.expected, next_step=error.next_step
        )
    kept = sum(int(mask.sum()) for mask in masks.values())
    total = sum(mask.numel() for mask in masks.values())
    found = f"state_dict of {len(plain)} tensors"
    if masks:
        found += f", {len(masks)} masks that keep {kept:,} of {total:,}"
    return plain, passed("contents", found)


def read_facts(path: Path) -> dict[str, str]:
    """Return the provenance in the zip comment; empty for foreign files."""
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        comment = archive.comment
    if not comment.startswith(b"{"):
        return {}
    try:
        facts = json.loads(comment)
    except (ValueError, RecursionError):
        return {}
    return {str(key): str(value) for key, value in facts.items()}


def _check_end(content: bytes) -> Check:
    """Return whether the archive ends as promised and is sealed if it is ours.

    Readers forgive a comment that was cut off; we do not.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        comment = archive.comment
    end = content[-(_END_BYTES + len(comment)) :][:_END_BYTES]
    promised = int.from_bytes(end[-2:], "little")
    ours = PREFIX.encode() in comment
    sealed = BLANK[:-64].encode() in comment
    if not end.startswith(_END) or promised != len(comment) or ours != sealed:
        return failed(
            "structure",
            "a zip archive whose end was changed or cut off",
            expected="a whole file",
            next_step=_AGAIN,
        )
    return passed("safety", "tensors only: nothing in the file can run")


def _no_state_dict(found: str) -> Check:
    return failed(
        "contents",
        found,
        expected="a state_dict: names to tensors",
        next_step="Save it with: torch.save(model.state_dict(), path)",
    )
