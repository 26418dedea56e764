"""Files to take away: written, read back, kept for the session's downloads.

Belongs here: which network a file holds and where it waits. Does not belong here:
formats and checks (``export``).
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

import workbench as wb
from workbench.ui.services import data, tunings
from workbench.ui.services.trial import BN_IMAGES

if TYPE_CHECKING:
    from workbench.compression.compressed import CompressedNetwork
    from workbench.compression.factorise import Factorised
    from workbench.data.dataset import Dataset
    from workbench.export.format import Exportable
    from workbench.export.report import ExportReport
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork

_FOLDER = "export_folder"
_READY = "exports_ready"

RAW = "pruned, raw"
BN = "pruned, BN re-estimated"
SMALLER = "physically smaller"
DENSE = "dense"
TUNED = "fine-tuned"
PALETTE = "shared weights"
PALETTE_BITS = "8:conv,5:fc"
FACTORS = "factorised"
FORMS = ("low-rank", "spatial", "kronecker")


@dataclass(frozen=True)
class Ready:
    """A file that was written and proved: its report and a name for people."""

    report: "ExportReport"
    file_name: str

    def read(self) -> bytes:
        """Return the file's bytes."""
        return Path(self.report.path).read_bytes()


def variants(network: "Network", pruned: "PrunedNetwork | None") -> tuple[str, ...]:
    """Return which networks can be exported under the current recipe."""
    found = [DENSE, PALETTE, FACTORS]
    if pruned is not None:
        found = [RAW, BN, PALETTE, DENSE, FACTORS]
    if pruned is not None and pruned.report.filters_removed:
        found.insert(2, SMALLER)
    if tunings.tuned_of(network) is not None:
        found.insert(0, TUNED)
    return tuple(found)


@dataclass(frozen=True)
class Making:
    """How a variant is made: seed of BN re-estimation, bits, form and share."""

    seed: int = 0
    bits: str = PALETTE_BITS
    form: str = FORMS[0]
    share: float = 0.5


def network_of(
    variant: str, network: "Network", pruned: "PrunedNetwork | None", how: Making
) -> "Exportable":
    """Return the network that a variant means.

    Raises
    ------
    WorkbenchError
        Batch norms cannot be re-estimated without training images; impossible bits;
        no layer that the factors fit.
    """
    if variant == PALETTE:
        source = pruned or network
        return _compressed(source.digest, how.bits, source)
    if variant == FACTORS:
        return factors(network, how).network
    tuned = tunings.tuned_of(network)
    if variant == TUNED and tuned is not None:
        return tuned
    if pruned is None or variant == DENSE:
        return network
    if variant == BN:
        train = data.load(network, "train")
        return _reestimated(pruned.digest, how.seed, pruned, train)
    if variant == SMALLER:
        return _shrunk(pruned.digest, pruned)
    return pruned


@st.cache_resource(max_entries=1, show_spinner="Re-estimating batch norms…")
def _reestimated(
    digest: str, seed: int, _pruned: "PrunedNetwork", _train: "Dataset"
) -> "PrunedNetwork":
    found: PrunedNetwork = wb.reestimate_bn(
        _pruned, _train, images=BN_IMAGES, seed=seed
    )
    return found


@st.cache_resource(max_entries=1, show_spinner="Removing filters…")
def _shrunk(digest: str, _pruned: "PrunedNetwork") -> "Network":
    found: Network = wb.shrink(_pruned)
    return found


@st.cache_resource(max_entries=1, show_spinner="Sharing weights…")
def _compressed(
    digest: str, bits: str, _network: "Network | PrunedNetwork"
) -> "CompressedNetwork":
    found: CompressedNetwork = wb.compress(_network, bits)
    return found


def factors(network: "Network", how: Making) -> "Factorised":
    """Return a network with two smaller layers in the place of each.

    Raises
    ------
    WorkbenchError
        No layer that factors of this form and share fit.
    """
    return _factorised(network.digest, how.form, how.share, network)


@st.cache_resource(max_entries=1, show_spinner="Finding factors…")
def _factorised(
    digest: str, form: str, share: float, _network: "Network"
) -> "Factorised":
    found: Factorised = wb.factorise(_network, form, share=share)
    return found


def build(chosen: "Exportable", variant: str, formats: tuple[str, ...]) -> None:
    """Write the network in every chosen format and keep the files for download.

    Raises
    ------
    WorkbenchError
        A format cannot hold the network, or a file did not read back equal.
    """
    from workbench.export.table import find_format

    ready = dict(st.session_state.get(_READY, {}))
    for name in formats:
        suffix = find_format(name).suffixes[0]
        tag = variant.replace(", ", "-").replace(" ", "-").lower()
        file_name = f"{chosen.name.replace(' · ', '-')}-{tag}{suffix}"
        path = _folder() / f"{chosen.digest[:16]}-{name}{suffix}"
        report = wb.export(chosen, path, format=name)
        ready[(chosen.digest, variant, name)] = Ready(report, file_name)
        _record(chosen, variant, report)
    st.session_state[_READY] = ready


def ready(chosen: "Exportable", variant: str) -> dict[str, Ready]:
    """Return the files of a network that wait for download, by format."""
    kept = st.session_state.get(_READY, {})
    return {
        name: file
        for (digest, made, name), file in kept.items()
        if (digest, made) == (chosen.digest, variant)
    }


def _record(chosen: "Exportable", variant: str, report: "ExportReport") -> None:
    recipe = getattr(chosen, "recipe", None)
    wb.Store().add_run(
        "export",
        inputs={
            "model": chosen.name,
            "digest": chosen.digest,
            "recipe": None if recipe is None else recipe.dump(),
            "variant": variant,
            "format": report.format,
        },
        results={
            "bytes": report.bytes,
            "sha256": report.sha256,
            "checks": [str(check) for check in report.checks],
        },
    )


def _folder() -> Path:
    """Return this visitor's folder, which goes when the browser tab is forgotten."""
    if _FOLDER not in st.session_state:
        st.session_state[_FOLDER] = tempfile.TemporaryDirectory(prefix="workbench-")
    return Path(st.session_state[_FOLDER].name)
