"""Export: which network, which formats, what was proved, and the downloads.

Belongs here: the form and the list of files. Does not belong here: writing files.
"""

from typing import TYPE_CHECKING

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui import theme
from workbench.ui.components.runs.export_code import Subject, export_code
from workbench.ui.components.runs.export_making import export_making, factor_rows
from workbench.ui.components.shared.feedback import caught
from workbench.ui.format import count, interval, percent, size
from workbench.ui.notices import show_error
from workbench.ui.services import accuracy, data, exports

if TYPE_CHECKING:
    from workbench.export.format import Exportable
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork


def export_panel(network: "Network", pruned: "PrunedNetwork | None") -> None:
    """Draw the form, then one row a file that is ready."""
    from workbench.export.table import FORMATS

    options = exports.variants(network, pruned)
    if st.session_state.get("variant", options[0]) not in options:
        del st.session_state["variant"]
    variant = st.segmented_control(
        "Network to export",
        options,
        default=options[0],
        required=True,
        key="variant",
        bind="query-params",
        help="Raw is what the recipe alone makes. Re-estimated batch norms hold new "
        "means and variances. Shared weights: 8 bits in convolutions, 5 in linear "
        "layers, for .wbz. Physically smaller: zero filters are cut out. Factorised: "
        "each dense layer becomes two smaller ones.",
    )
    how = export_making(variant)
    try:
        chosen = exports.network_of(variant, network, pruned, how)
        if variant == exports.FACTORS:
            factor_rows(exports.factors(network, how).rows)
    except WorkbenchError as error:
        show_error(error)
        return
    _accuracy(chosen)
    names = {one.name: one for one in FORMATS}
    formats = st.pills(
        "Formats",
        [
            name
            for name in names
            if name != "recipe" or variant in (exports.RAW, exports.BN)
        ],
        selection_mode="multi",
        default=["safetensors"],
        key="formats",
        format_func=lambda name: f"{name}: {names[name].label}",
    )

    def build() -> None:
        with caught():
            exports.build(chosen, variant, tuple(formats))

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Write and verify",
            type=theme.main_button(),
            icon=":material/verified:",
            on_click=build,
            disabled=not formats,
        )
        export_code(Subject(network, pruned, variant, how), tuple(formats))
    for name, file in exports.ready(chosen, variant).items():
        _file(name, file)


def _accuracy(chosen: "Exportable") -> None:
    try:
        images = data.current(chosen)
    except WorkbenchError:
        return
    with st.spinner("Measuring accuracy…"):
        found = accuracy.accuracy(chosen, images)
    st.markdown(
        f"This network: **{percent(found.top1, 2)}** top-1 on {images.name}, "
        f"{images.split} images (n = {count(found.n)}, "
        f"95 %: {interval(*found.interval)})."
    )


def _file(name: str, file: exports.Ready) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":green[:material/verified:] **{file.file_name}** · "
                f"{size(file.report.bytes)}",
                width="stretch",
            )
            st.download_button(
                f"Download {name}",
                data=file.read,
                file_name=file.file_name,
                key=f"download-{name}-{file.report.sha256[:8]}",
                icon=":material/download:",
                on_click="ignore",
            )
        st.caption(
            "Read back: " + "; ".join(str(check) for check in file.report.checks)
        )
        st.caption(f"SHA-256 {file.report.sha256}")
