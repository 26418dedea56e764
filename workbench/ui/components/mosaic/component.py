"""The browser side of the mosaic, mounted as a Streamlit component (version 2)."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from workbench.ui.components.mosaic.pack import KernelView, pack

_HERE = Path(__file__).parent
_MOUNT = st.components.v2.component(
    "workbench_mosaic",
    html=(_HERE / "mosaic.html").read_text(encoding="utf-8"),
    css=(_HERE / "mosaic.css").read_text(encoding="utf-8"),
    js="\n".join(
        (_HERE / name).read_text(encoding="utf-8")
        for name in ("mosaic.js", "overview.js", "patterns.js", "controls.js")
    ),
)


@dataclass(frozen=True)
class Pick:
    """A kernel that the user clicked: filter ``o`` and input channel ``i``."""

    o: int
    i: int


def mosaic(view: KernelView, *, key: str, first_filter: int = 0) -> Pick | None:
    """Draw a layer's kernels; return the kernel that was picked, if any.

    Parameters
    ----------
    view : KernelView
        Weights and, once pruned, the mask.
    key : str
        Stable widget key: the zoom survives as long as the key does.
    first_filter : int
        First filter shown of a layer too large for one picture.
    """
    packed = pack(view, first_filter=first_filter)
    result = _MOUNT(
        data=packed.data,
        key=key,
        on_picked_change=lambda: None,
        width="stretch",
        height="content",
    )
    if packed.shown[:3] != "All":
        st.caption(packed.shown)
    picked = getattr(result, "picked", None)
    if not isinstance(picked, dict) or not {"o", "i"} <= picked.keys():
        return None
    return Pick(int(picked["o"]), int(picked["i"]))
