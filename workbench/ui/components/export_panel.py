"""Export: which network, which formats, what was proved, and the downloads.

Belongs here: the form and the list of files. Does not belong here: writing files.
"""

from typing import TYPE_CHECKING

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui import theme
from workbench.ui.components.feedback import caught
from workbench.ui.components.snippets import snippets
from workbench.ui.format import count, interval, percent, size
from workbench.ui.notices import show_error
from workbench.ui.services import accuracy, code, data, exports, recipes
from workbench.ui.services.trial import BN_IMAGES

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
        "layers, for .wbz. Physically smaller: zero filters are cut out.",
    )
    try:
        chosen = exports.network_of(variant, network, pruned, seed=recipes.seed())
    except WorkbenchError as error:
        show_error(error)
        return
    _accuracy(chosen)
    names = {one.name: one for one in FORMATS}
    formats = st.pills(
        "Formats",
        [name for name in names if name != "recipe" or variant == exports.RAW],
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
        _code(network, pruned, variant, tuple(formats))
    for name, file in exports.ready(chosen, variant).items():
        _file(name, file)


def _code(
    network: "Network",
    pruned: "PrunedNetwork | None",
    variant: str,
    formats: tuple[str, ...],
) -> None:
    """Draw code that makes the same files; a trained network has its own code."""
    from workbench.export.table import find_format

    recipe = None if pruned is None or variant == exports.DENSE else pruned.recipe
    made = "net" if recipe is None else "pruned"
    command, python = code.recipe_command(recipe), code.opening(network, recipe)
    if variant == exports.TUNED:
        st.caption("The code of a trained network stands on the page Train.")
        return
    if variant == exports.PALETTE:
        python += f'made = wb.compress({made}, "{exports.PALETTE_BITS}")\n'
    elif variant == exports.SMALLER:
        python += "made = wb.shrink(pruned)\n"
    elif variant == exports.BN:
        python += (
            'train = wb.dataset_for(net, split="train")\n'
            f"made = wb.reestimate_bn(pruned, train, images={BN_IMAGES}, "
            f"seed={recipes.seed()})\n"
        )
    else:
        python += f"made = {made}\n"
    option = "" if recipe is None else f" --recipe {code.FILE}"
    files = [f"{name}{find_format(name).suffixes[0]}" for name in formats]
    for name, file in zip(formats, files, strict=True):
        python += f'print(wb.export(made, "{file}", format="{name}"))\n'
        command += (
            f"python -m workbench compress {network.name}{option} "
            f"--bits {exports.PALETTE_BITS} -o {file}\n"
            if variant == exports.PALETTE
            else f"python -m workbench export {network.name}{option} "
            f"--format {name} -o {file}\n"
        )
        if name != "recipe":
            command += f"python -m workbench verify {file}\n"
    note = {
        exports.BN: "The command exports the raw network; only Python re-estimates.",
        exports.SMALLER: "The command keeps the shapes; only Python cuts filters out.",
    }.get(variant, "")
    snippets(command=command, python=python, key="export-code", note=note)


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
