"""The verdict of a measurement in words: faster, not faster, or within the noise.

Belongs here: saying losses as plainly as wins. Does not belong here: deciding.
"""

import re
from collections.abc import Mapping
from typing import Any

import streamlit as st

_ICONS = {
    "faster": ":green[:material/check_circle:]",
    "slower": ":red[:material/cancel:]",
}


def verdicts(latency: Mapping[str, Any]) -> None:
    """Write one line a comparison, then what could not be measured and why."""
    for one in latency["comparisons"]:
        icon = _ICONS.get(one["verdict"], ":gray[:material/drag_handle:]")
        plain = "" if one["verdict"] == "faster" else " **Not faster.**"
        sentence = re.sub(r"(\d)x", r"\1×", one["sentence"])
        st.markdown(f"{icon} {sentence}.{plain}")
    for row in latency["rows"]:
        if row["refused"]:
            st.warning(
                f"{row['name']}: no time is shown. {row['refused']}",
                icon=":material/block:",
            )
    for one in latency["absent"]:
        st.caption(f"{one['name']}: not measured, {one['reason']}")
