"""Inputs of a training: schedule, epochs, rate, and the rest behind a fold.

Belongs here: the form. Does not belong here: what the settings do (``training``).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import streamlit as st

from workbench.ui.components.shared.method_form import params_form
from workbench.ui.glossary import tip
from workbench.ui.services.fields import fields_of_model
from workbench.ui.services.finetunes import FinetuneChoice

RECIPE = "the recipe"
TITLES: Mapping[str, str] = MappingProxyType(
    {
        "slimming": "network slimming",
        "skeleton": "filter skeleton",
        "flops": "gates, MACs target",
        "winograd": "Winograd domain",
        "lottery": "lottery ticket",
        "admm": "ADMM",
    }
)
"""Words for methods and schedules; others are called what the command line calls."""
IMAGES = (500, 1000, 2000, 4000, 50_000)


def tuning_form(*, seed: int) -> FinetuneChoice:
    """Draw the inputs; return what they ask for."""
    from workbench.training.finetune_options import (
        SPARSITY_SCHEDULES,
        FinetuneOptions,
    )
    from workbench.training.learned.table import DRIVEN

    usual = FinetuneOptions()
    methods = tuple(DRIVEN)
    chooser = st.segmented_control(
        "Who chooses the zeros",
        (RECIPE, *methods),
        default=RECIPE,
        required=True,
        key="chooser",
        format_func=title_of,
        bind="query-params",
        help="The recipe of the page Prune, or a method that learns them in training:\n"
        + "\n".join(
            f"- {title_of(name)} (`{name}`): keeps {DRIVEN[name].keeps}"
            for name in methods
        ),
    )
    settings: dict[str, Any] = {"seed": seed}
    if chooser == RECIPE:
        _schedule(settings, usual, SPARSITY_SCHEDULES)
        params: dict[str, Any] = {}
    else:
        row = DRIVEN[chooser]
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            params = params_form(
                [one for one in fields_of_model(row.params) if one.name != "seed"],
                key=f"driven-{chooser}",
            )
        st.caption(f"Source: {row.source}.")
    images = _how_long(settings, usual)
    with st.expander("More settings"):
        settings |= _more(usual)
    return FinetuneChoice(
        settings, images, "" if chooser == RECIPE else chooser, _plain(params)
    )


def title_of(name: str) -> str:
    """Return what people call a method or a schedule.

    Examples
    --------
    >>> title_of("flops"), title_of("gradual")
    ('gates, MACs target', 'gradual')
    """
    return TITLES.get(name, name)


def _plain(params: dict[str, Any]) -> dict[str, Any]:
    """Leave out a share of zero where a threshold decides instead."""
    if params.get("threshold") and not params.get("sparsity"):
        return {name: value for name, value in params.items() if name != "sparsity"}
    return params


def _schedule(settings: dict[str, Any], usual: Any, names: tuple[str, ...]) -> None:
    settings["schedule"] = st.segmented_control(
        "Schedule of sparsity",
        names,
        default=usual.schedule,
        required=True,
        key="schedule",
        format_func=title_of,
        bind="query-params",
        help=tip("schedule"),
    )
    if settings["schedule"] == "iterative":
        settings["rounds"] = st.number_input(
            "Rounds", 1, 20, usual.rounds, key="rounds", bind="query-params", width=130
        )


def _how_long(settings: dict[str, Any], usual: Any) -> int:
    """Draw epochs, rate, images and distillation; return how many images."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        settings["epochs"] = st.number_input(
            "Epochs", 1, 500, 3, key="epochs", bind="query-params", width=120
        )
        settings["lr"] = st.number_input(
            "Peak learning rate",
            1e-5,
            1.0,
            usual.lr,
            format="%.4g",
            key="lr",
            bind="query-params",
            width=170,
        )
        images = st.selectbox(
            "Training images",
            IMAGES,
            index=2,
            key="images",
            bind="query-params",
            width=160,
            help="A class-balanced subset; the largest choice takes all there are.",
        )
        if "schedule" in settings:
            settings["distill"] = st.slider(
                "Dense answers in the loss",
                0.0,
                1.0,
                usual.distill,
                0.1,
                key="distill",
                bind="query-params",
                width=220,
                help=tip("distillation"),
            )
    return int(images)


def _more(usual: Any) -> dict[str, Any]:
    from workbench.training.loop.schedules import SCHEDULES

    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        rates = tuple(SCHEDULES)
        return {
            "rates": st.selectbox(
                "Learning rates",
                rates,
                index=rates.index(usual.rates),
                key="rates",
                bind="query-params",
                width=160,
            ),
            "batch_size": st.number_input(
                "Batch size",
                8,
                1024,
                usual.batch_size,
                key="batch",
                bind="query-params",
                width=130,
            ),
            "weight_decay": st.number_input(
                "Weight decay",
                0.0,
                0.1,
                usual.weight_decay,
                format="%.4g",
                key="decay",
                bind="query-params",
                width=150,
            ),
            "ema": st.number_input(
                "Moving average of weights",
                0.0,
                0.9999,
                usual.ema,
                format="%.4g",
                key="ema",
                bind="query-params",
                width=200,
            ),
            "bn_images": st.number_input(
                "Images for batch norms at the end",
                0,
                10_000,
                usual.bn_images,
                key="bnimages",
                bind="query-params",
                width=230,
            ),
        }
