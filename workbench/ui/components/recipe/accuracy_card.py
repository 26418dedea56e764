"""The tile of a pruned network's accuracy: the headline, dense and raw small below it.

Belongs here: the tile and its words. Does not belong here: which accuracy is the
headline (``workflows.headlines``).
"""

from collections.abc import Mapping
from typing import Any

from workbench.ui import conditions_text
from workbench.ui.components.shared.tiles import tile
from workbench.ui.format import interval, percent
from workbench.ui.glossary import tip
from workbench.workflows.headlines import BN, RAW, TUNED, Headline

_TIPS = {BN: "BN re-estimated", RAW: "raw", TUNED: "top-1"}


def accuracy_card(
    head: Headline, dense: Mapping[str, Any] | None, *, images: str, note: str = ""
) -> None:
    """Draw the tile.

    Parameters
    ----------
    head : Headline
        What the network answers.
    dense : mapping or None
        Accuracy of the dense network on the same images.
    images : str
        Their name and split.
    note : str
        How it was measured, for the tooltip.
    """
    found = head.found
    said = [interval(*found["interval"])] if found.get("interval") else []
    if dense:
        said.append(f"dense {percent(dense['top1'])}")
    below = "; ".join(said)
    if head.raw is not None:
        below += f"  \nraw {percent(head.raw['top1'])}, before re-estimating"
    elif head.why:
        below += f"  \nraw: {head.why}"
    tile(
        head.label,
        percent(found["top1"]),
        below=below,
        help=f"{tip('top-1')}\n\n{tip(_TIPS[head.what])}\n\nRaw: {tip('raw')}\n\n"
        f"{conditions_text.accuracy(found, images)} {note}",
    )
