"""Inputs of a training: schedule, epochs, rate, and the rest behind a fold.

Belongs here: the form. Does not belong here: what the settings do (``training``).
"""

from typing import Any

import streamlit as st

from workbench.ui.glossary import tip

IMAGES = (500, 1000, 2000, 4000, 50_000)


def tuning_form() -> tuple[dict[str, Any], int]:
    """Draw the inputs; return the settings of ``wb.finetune`` and how many images."""
    from workbench.training.finetune_options import (
        SPARSITY_SCHEDULES,
        FinetuneOptions,
    )

    usual = FinetuneOptions()
    settings: dict[str, Any] = {}
    settings["schedule"] = st.segmented_control(
        "Schedule of sparsity",
        SPARSITY_SCHEDULES,
        default=usual.schedule,
        required=True,
        key="schedule",
        bind="query-params",
        help=tip("schedule"),
    )
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
        if settings["schedule"] == "iterative":
            settings["rounds"] = st.number_input(
                "Rounds", 1, 20, usual.rounds, key="rounds", bind="query-params"
            )
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
    with st.expander("More settings"):
        settings |= _more(usual)
    return settings, int(images)


def _more(usual: Any) -> dict[str, Any]:
    from workbench.training.schedules import SCHEDULES

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
