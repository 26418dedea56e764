"""How a training goes: loss and validation accuracy, epoch by epoch.

Belongs here: the picture. Does not belong here: training.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from workbench.ui import theme
from workbench.ui.charts.frame import Figure
from workbench.ui.format import percent


def loss_figure(
    history: Sequence[Mapping[str, Any]], *, epochs: int, conditions: str
) -> Figure:
    """Return the training loss over the epochs.

    Parameters
    ----------
    history : sequence of mapping
        As ``EpochLog`` in JSON: epoch, loss, val_top1, lr, seconds.
    epochs : int
        Of the whole run, so that what is still to come shows as empty space.
    conditions : str
        Images and settings.
    """
    return Figure(
        name="training-loss",
        title="Training loss",
        reading="Mean loss on the training images of each epoch: lower is better.",
        alt=f"Loss {history[-1]['loss']:.3f} after epoch {history[-1]['epoch']}",
        chart=_line(_table(history), "loss", "training loss (nats)", epochs),
        data=_table(history),
        conditions=conditions,
    )


def validation_figure(
    history: Sequence[Mapping[str, Any]], *, epochs: int, conditions: str
) -> Figure:
    """Return the validation accuracy over the epochs; see ``loss_figure``."""
    last = history[-1]["val_top1"]
    return Figure(
        name="training-accuracy",
        title="Validation accuracy",
        reading="Share of validation images answered rightly after each epoch; these "
        "images train nothing and choose nothing.",
        alt="not scored" if last is None else f"Validation accuracy {percent(last)}",
        chart=_line(_table(history), "val_percent", "validation accuracy (%)", epochs),
        data=_table(history),
        conditions=conditions,
    )


def _table(history: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "epoch": [row["epoch"] for row in history],
            "loss": [row["loss"] for row in history],
            "val_percent": [
                None if row["val_top1"] is None else 100 * row["val_top1"]
                for row in history
            ],
            "lr": [row["lr"] for row in history],
            "seconds": [row["seconds"] for row in history],
        }
    )


def _line(table: pd.DataFrame, name: str, title: str, epochs: int) -> alt.Chart:
    colours = theme.palette()
    colour = colours.ours if name == "loss" else colours.pruned
    x = alt.X(
        "epoch:Q",
        scale=alt.Scale(domain=[0.8, epochs + 0.2], nice=False),
        axis=alt.Axis(format="d", tickMinStep=1, tickCount=min(epochs, 10)),
    )
    chart: alt.Chart = (
        alt.Chart(table)
        .mark_line(
            point={"size": 70, "filled": True, "color": colour},
            color=colour,
            strokeWidth=2,
        )
        .encode(
            x=x,
            y=alt.Y(f"{name}:Q", title=title, scale=alt.Scale(zero=False)),
            tooltip=["epoch", "loss", "val_percent", "lr", "seconds"],
        )
        .properties(height=240)
    )
    return chart
