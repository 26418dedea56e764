"""Files to take away: written, read back, kept for the session's downloads.

Belongs here: which network a file holds and where it waits. Does not belong here:
formats and checks (``export``).
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

import workbench as wb
from workbench.ui.services import data, finetunes, settled
from workbench.workflows.accuracies import IMAGES

if TYPE_CHECKING:
    from workbench.compression.factorise import Factorised
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
    """Return which networks can be exported under the current recipe.

    The first is the one whose accuracy is the headline of the other pages.
    """
    found = [DENSE, PALETTE, FACTORS]
    if pruned is not None:
        better = settled.current(network, pruned).kept
        found = [*((BN, RAW) if better else (RAW, BN)), PALETTE, DENSE, FACTORS]
    if pruned is not None and pruned.report.filters_removed:
        found.insert(2, SMALLER)
    if finetunes.tuned_of(network) is not None:
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
    source = pruned or network
    if variant == PALETTE:
        found: Exportable = _made(
            "Sharing weights…", source, how.bits, lambda: wb.compress(source, how.bits)
        )
        return found
    if variant == FACTORS:
        return factors(network, how).network
    tuned = finetunes.tuned_of(network)
    if variant == TUNED and tuned is not None:
        return tuned
    if pruned is None or variant == DENSE:
        return network
    if variant == BN:
        train = data.load(network, "train")
        found = _made(
            "Re-estimating batch norms…",
            pruned,
            str(how.seed),
            lambda: wb.reestimate_bn(pruned, train, images=IMAGES, seed=how.seed),
        )
        return found
    if variant == SMALLER:
        found = _made("Removing filters…", pruned, "", lambda: wb.shrink(pruned))
        return found
    return pruned


def factors(network: "Network", how: Making) -> "Factorised":
    """Return a network with two smaller layers in the place of each.

    Raises
    ------
    WorkbenchError
        No layer that factors of this form and share fit.
    """
    found: Factorised = _made(
        "Finding factors…",
        network,
        f"{how.form} {how.share}",
        lambda: wb.factorise(network, how.form, share=how.share),
    )
    return found


def _made(title: str, source: "Exportable", how: str, make: Callable[[], Any]) -> Any:
    with st.spinner(title):
        return _kept(title, source.digest, how, make)


@st.cache_resource(max_entries=2, show_spinner=False)
def _kept(title: str, digest: str, how: str, _make: Callable[[], Any]) -> Any:
    """Return what was made last or before that: each can be as large as a network."""
    return _make()


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
