"""What a training has done so far, and what it gave in the end.

Belongs here: tiles and the curves. Does not belong here: training
(``services.tunings``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from workbench.ui import conditions_text
from workbench.ui.charts import frame
from workbench.ui.charts.accuracy import Dot, accuracy_figure
from workbench.ui.charts.training import loss_figure, validation_figure
from workbench.ui.components.shared.tiles import tile
from workbench.ui.format import count, percent, points
from workbench.ui.glossary import tip
from workbench.workflows.headlines import headline

_NAMES = {
    "dense": "dense",
    "raw": "pruned, raw",
    "bn": "pruned, BN re-estimated",
    "tuned": "pruned, fine-tuned",
}
Rows = Sequence[Mapping[str, Any]]


def tuning_progress(rows: Rows, *, epochs: int, key: str, conditions: str) -> None:
    """Draw zeros kept and the curves of the epochs that are over."""
    if not rows:
        return
    last = rows[-1]
    remarks = last["remarks"]
    tiles = st.columns(4)
    with tiles[0]:
        tile("Epoch", f"{last['epoch']} of {epochs}", help=f"Passes over {conditions}.")
    if "zeros" in remarks:
        kept, wanted = remarks["zeros_kept"], remarks["zeros"]
        with tiles[1]:
            tile(
                "Zeros kept",
                f"{count(kept)} of {count(wanted)}",
                below="all" if kept == wanted else ":red[weights came back]",
                help=tip("zeros kept"),
            )
    with tiles[2]:
        tile(
            "Images a second",
            count(last["images_per_s"]),
            help="Training images of the last epoch / its seconds, with all threads of "
            "PyTorch and whatever else the machine did then: one epoch, no spread. "
            f"{conditions_text.machine()}.",
        )
    rest = {k: v for k, v in remarks.items() if k not in ("zeros", "zeros_kept")}
    if rest:
        name, value = next(iter(rest.items()))
        with tiles[3]:
            tile(
                name.replace("_", " ").capitalize(),
                f"{value:.4g}",
                help=f"As the method reports it after epoch {last['epoch']}: one run, "
                f"{conditions}.",
            )
    figures = [
        draw(rows, epochs=epochs, conditions=conditions)
        for draw in (loss_figure, validation_figure)
    ]
    for column, figure in zip(st.columns(2, gap="medium"), figures, strict=True):
        with column:
            frame.show(figure, key=f"{key}-{figure.name}")


def tuning_outcome(results: Mapping[str, Any], *, key: str, conditions: str) -> None:
    """Draw accuracy before and after, on images that trained nothing."""
    tuned, dense = results["tuned"], results["dense"]
    start = headline({name: results.get(name) for name in ("raw", "bn")})
    before = ""
    if start is not None:
        gained = points(tuned["top1"] - start.found["top1"])
        before = f"{gained} against pruned without training ({start.what}), "
    st.markdown(
        f"Trained: **{percent(tuned['top1'])}**, {before}"
        f"{points(tuned['top1'] - dense['top1'])} against dense; "
        f"{percent(results['cost']['sparsity'])} of the weights are zero."
    )
    dots = [
        Dot(label, results[name]["top1"], tuple(results[name]["interval"]), tuned["n"])
        for name, label in _NAMES.items()
        if "top1" in (results.get(name) or {})
    ]
    frame.show(accuracy_figure(dots, conditions=conditions), key=f"{key}-accuracy")
