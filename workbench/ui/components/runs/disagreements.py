"""Images on which two networks disagree, with pictures.

Belongs here: choosing and drawing them. Does not belong here: running networks
(``services.images``).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from workbench.ui.format import count
from workbench.ui.services import images

if TYPE_CHECKING:
    from workbench.data.dataset import Dataset
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork

    Net = Network | PrunedNetwork

SHOWN = 8
PICTURE_PX = 96


@dataclass(frozen=True, eq=False)
class Pair:
    """Two networks and what they are called on the page."""

    first: "Net"
    second: "Net"
    names: tuple[str, str] = ("dense", "pruned")


def disagreements(pair: Pair, found: "Dataset", *, key: str) -> None:
    """Draw how often two networks disagree, and the first images of every kind.

    Parameters
    ----------
    pair : Pair
        Asked, both as they are: nothing is retrained.
    found : Dataset
        The images.
    key : str
        Prefix of the widget keys.
    """
    one, other = pair.names
    with st.spinner("Asking both networks…"):
        rows = images.compare(pair.first, pair.second, found)
    kinds = {
        f"only {one} is right": [row for row in rows if row.first_right],
        f"only {other} is right": [row for row in rows if row.second_right],
        "both wrong, differently": [
            row for row in rows if not (row.first_right or row.second_right)
        ],
    }
    st.markdown(
        f"{count(len(rows))} of {count(len(found))} images ({found.name}, "
        f"{found.split}) get another answer: "
        + ", ".join(f"{name} {count(len(some))}" for name, some in kinds.items())
        + ". Pruned networks have their batch norms re-estimated where that helps; "
        "nothing is retrained."
    )
    kind = st.segmented_control(
        "Show",
        tuple(kinds),
        default=next(iter(kinds)),
        required=True,
        key=f"{key}-broken",
    )
    with st.container(horizontal=True, gap="small"):
        for row in _spread(kinds[kind]):
            with st.container(width=PICTURE_PX + 26, gap="xxsmall"):
                st.image(
                    images.enlarge(found.images[row.index]),
                    width=PICTURE_PX,
                    alt=f"Image {row.index}, a {row.truth}",
                )
                st.caption(f"**{row.truth}**: {one} {row.first}, {other} {row.second}")


def _spread(rows: list[images.Disagreement]) -> list[images.Disagreement]:
    """Return a few rows of as many classes as there are, in turn."""
    seen: dict[str, int] = {}
    ranked = []
    for position, row in enumerate(rows):
        seen[row.truth] = seen.get(row.truth, 0) + 1
        ranked.append((seen[row.truth], position, row))
    return [row for _, _, row in sorted(ranked, key=lambda one: one[:2])[:SHOWN]]
