"""Weights and masks for PyTorch: `weight_orig` and `weight_mask`, as torch prunes."""

from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.export.format import Exportable, Format
from workbench.export.formats.pt import check
from workbench.export.pt_file import write_sealed
from workbench.pruning.pruned import PrunedNetwork


def write(network: Exportable, path: Path) -> None:
    """Write the masked state_dict.

    Raises
    ------
    WorkbenchError
        When the network is not pruned.
    """
    if not isinstance(network, PrunedNetwork):
        raise WorkbenchError(
            found=f"'{network.name}', which has no masks",
            expected="a pruned network",
            next_step="Prune it first, or export plain .pt weights.",
        )
    write_sealed(network.torch_state(), network, path)


FORMAT = Format(
    name="pt-masked",
    label="Weights and masks for PyTorch (weight_orig, weight_mask)",
    suffixes=(".masked.pt",),
    write=write,
    check=check,
)
