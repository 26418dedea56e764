"""Weights as torch.save writes a state_dict: `model.load_state_dict(torch.load(f))`."""

from collections.abc import Iterator
from pathlib import Path

from workbench.export.format import Exportable, Format
from workbench.export.provenance import PREFIX
from workbench.export.pt_file import (
    check_archive,
    load_tensors,
    read_facts,
    write_sealed,
)
from workbench.export.report import Check
from workbench.export.tensors import check_digest, check_same, plain_state


def write(network: Exportable, path: Path) -> None:
    """Write the plain state_dict; masked weights are zeros."""
    write_sealed(plain_state(network), network, path)


def check(path: Path, against: Exportable | None) -> Iterator[Check]:
    """Read the file back, whether it holds plain or masked weights."""
    for found in check_archive(path):
        yield found
        if not found.ok:
            return
    state, contents = load_tensors(path)
    yield contents
    if not contents.ok:
        return
    facts = read_facts(path)
    if PREFIX + "digest" in facts:
        yield check_digest(state, facts[PREFIX + "digest"])
    if against is not None:
        yield check_same(state, against.module.state_dict())


FORMAT = Format(
    name="pt",
    label="Weights for PyTorch (state_dict)",
    suffixes=(".pt", ".pth"),
    write=write,
    check=check,
)
