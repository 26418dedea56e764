"""Weights as safetensors: plain tensors with their zeros, readable everywhere."""

from collections.abc import Iterator
from pathlib import Path

import safetensors
from safetensors.torch import load

from workbench.export.format import Exportable, Format
from workbench.export.provenance import PREFIX, provenance
from workbench.export.report import Check, failed, passed
from workbench.export.seal import BLANK, check_seal, seal_file
from workbench.export.tensors import check_digest, check_same, plain_state
from workbench.models.safetensors_file import save_safetensors
from workbench.models.weights_file import UNREADABLE
from workbench.reading import read_regular, regular


def write(network: Exportable, path: Path) -> None:
    """Write the plain state_dict with recipe, digest, version and seal."""
    metadata = {"format": "pt", **provenance(network), PREFIX + "seal": BLANK}
    save_safetensors(plain_state(network), path, metadata)
    seal_file(path)


def check(path: Path, against: Exportable | None) -> Iterator[Check]:
    """Read the file back; compare with its own digest and with the network."""
    sealed = check_seal(path, required=False)
    if not sealed.ok:
        yield sealed
        return
    try:
        with safetensors.safe_open(regular(path), framework="pt") as file:
            metadata = file.metadata() or {}
        # Not load_file: it maps, and a file cut meanwhile would end the process.
        state = load(read_regular(path))
    except UNREADABLE as error:
        yield failed(
            "structure",
            f"not a whole safetensors file ({error})",
            expected="a header and all the bytes it promises",
            next_step="Fetch or export the file again.",
        )
        return
    sealed = check_seal(path, required=any(k.startswith(PREFIX) for k in metadata))
    yield sealed
    if not sealed.ok:
        return
    yield passed("structure", f"safetensors, {len(state)} tensors")
    if PREFIX + "digest" in metadata:
        yield check_digest(state, metadata[PREFIX + "digest"])
    if against is not None:
        yield check_same(state, against.module.state_dict())


FORMAT = Format(
    name="safetensors",
    label="Weights, safe to open anywhere",
    suffixes=(".safetensors",),
    write=write,
    check=check,
)
