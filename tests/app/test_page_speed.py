"""The page Speed: settings, a measurement in the background, kernels with reasons."""

import time

import pytest
from streamlit.testing.v1 import AppTest

import workbench as wb
from tests.app.conftest import TIMEOUT_S, open_page, texts
from workbench.jobs.registry import registry
from workbench.ui.charts.roofline import roofline_figure
from workbench.ui.components.speed import thread_sweep as panel
from workbench.workflows import orders, thread_sweep
from workbench.workflows.break_even.curve import BreakEvenCurve
from workbench.workflows.break_even.order import SPARSITIES, BreakEvenOrder


def button(app: AppTest, label: str) -> object:
    return next(one for one in app.button if one.label == label)


def test_the_page_says_which_machine_and_kernels_times_hold_for(app: AppTest) -> None:
    open_page(app, "speed")
    assert "Our kernels: " in texts(app)
    assert "No recipe yet: only dense programs are measured." in texts(app)
    assert "torch" in app.session_state["against"]


def test_a_measurement_names_each_layers_kernel_and_what_lost(app: AppTest) -> None:
    app.query_params["model"] = "lenet5-mnist5k"
    app.query_params["seconds"] = "1"
    open_page(app, "speed")
    app.session_state["against"] = ["torch"]
    app.run()
    button(app, "Measure now").click().run()
    job = registry().jobs()[0]
    deadline = time.monotonic() + TIMEOUT_S
    while not job.view().finished and time.monotonic() < deadline:
        time.sleep(0.2)
    assert job.view().state == "done", job.view().error
    app.run()
    assert not app.exception
    table = app.dataframe[0].value
    assert {"conv1", "conv2", "fc1", "fc2"} <= set(table["layer"])
    assert (table["dense_ms"] > 0).all()
    assert table["dense_kernel"].str.len().min() > 0
    app.session_state["bench-choice"] = {
        "selection": {"rows": [1], "columns": [], "cells": []}
    }
    app.run()
    assert not app.exception
    layer = table["layer"][1]
    assert f"**{layer}, dense**" in texts(app)


def test_a_running_measurement_can_be_cancelled(app: AppTest) -> None:
    app.query_params["seconds"] = "30"
    open_page(app, "speed")
    button(app, "Measure now").click().run()
    job = registry().jobs()[0]
    if not job.view().finished:
        app.button(key=f"cancel-{job.id}").click().run()
    view = job.wait(TIMEOUT_S)
    assert view.state == "cancelled"
    app.run()
    assert "Cancelled. What was known by then is kept." in texts(app)


def test_a_layers_break_even_is_measured_and_said(app: AppTest) -> None:
    app.query_params["model"] = "lenet5-mnist5k"
    open_page(app, "speed")
    app.selectbox(key="evenlayer").select("conv2").run()
    app.button(key="measure-break-even").click().run()
    view = registry().jobs()[0].wait(TIMEOUT_S)
    assert view.state == "done", view.error
    assert view.result["sparsities"] == SPARSITIES
    assert view.result["n"] > 0
    app.run()
    assert not app.exception
    assert "Break-even: **" in texts(app) or "**Not faster** for good" in texts(app)


@pytest.mark.parametrize(
    ("faster", "said"),
    [(True, "Break-even: **80\u00a0%**"), (False, "**Not faster** for good")],
)
def test_break_even_goes_by_rounds_in_turn_not_by_overlapping_spreads(
    app: AppTest, faster: bool, said: str
) -> None:
    # A busy machine: all spreads overlap, yet round by round 80 % took half the time.
    order = BreakEvenOrder(wb.load_model("lenet5-mnist5k"), "conv2", "magnitude")
    curve = BreakEvenCurve(
        layer="conv2",
        method="magnitude",
        granularity="element",
        threads=1,
        dense_ms=2.0,
        dense_kernel="direct",
        sparsities=SPARSITIES,
        reached=(0.3, *(None for _ in SPARSITIES[2:]), 0.8),
        ms=(2.0, *(None for _ in SPARSITIES[2:]), 1.0),
        p10_ms=(0.5, *(None for _ in SPARSITIES[2:]), 0.5),
        p90_ms=(9.0, *(None for _ in SPARSITIES[2:]), 9.0),
        kernels=("direct", *("" for _ in SPARSITIES[2:]), "sparse"),
        faster=(False, *(False for _ in SPARSITIES[2:]), faster),
        crossing=0.8 if faster else None,
        n=30,
        line="a machine",
    )
    orders.keep(order, curve.to_dict())
    app.query_params["model"] = "lenet5-mnist5k"
    open_page(app, "speed")
    app.selectbox(key="evenlayer").select("conv2").run()
    assert not app.exception
    assert said in texts(app)


def test_every_algorithm_runs_a_shape_of_the_users_choice(app: AppTest) -> None:
    app.query_params["explore"] = "Algorithms"
    app.query_params["ch"] = "4"
    app.query_params["img"] = "14"
    open_page(app, "speed")
    app.session_state["explore"] = "Algorithms"
    app.run()
    app.button(key="measure-algorithms").click().run()
    view = registry().jobs()[0].wait(TIMEOUT_S)
    assert view.state == "done", view.error
    families = {row["family"] for row in view.result["rows"]}
    assert {"direct", "columns", "fft", "strassen"} <= families
    app.run()
    assert not app.exception
    assert "Fastest: **" in texts(app)


def test_time_by_threads_is_measured_and_said(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread_sweep, "SECONDS", 0.2)
    monkeypatch.setattr(panel, "counts", lambda: (1, 2))
    app.query_params["model"] = "lenet5-mnist5k"
    open_page(app, "speed")
    app.session_state["explore"] = "Threads"
    app.run()
    # A job's name must not be the name of a control: both stand in the address.
    assert thread_sweep.KIND not in app.session_state
    app.button(key=f"measure-{thread_sweep.KIND}").click().run()
    assert not app.exception
    view = registry().jobs()[0].wait(TIMEOUT_S)
    assert view.state == "done", view.error
    assert {row["threads"] for row in view.result["rows"]} == {1, 2}
    app.run()
    assert not app.exception
    assert "2 threads against one: torch dense " in texts(app)


def test_the_roofline_bends_where_both_roofs_meet() -> None:
    rows = [
        {
            "layer": "conv1",
            "weights": weights,
            "intensity": at,
            "rate": 20.0,
            "attainable": 40.0,
            "of_roof": 0.5,
            "bound": "memory",
            "ms": 0.1,
            "kernel": "wb_f32",
        }
        for weights, at in (("dense", 8.0), ("pruned", 2.0))
    ]
    figure = roofline_figure(rows, peak=60.0, bandwidth=20.0, conditions="here")
    assert figure.conditions.startswith("Roofs measured on this machine: 60 GMAC/s")
    drawn = figure.chart.to_dict()
    roof = next(iter(drawn["datasets"].values()))
    # Memory: 20 GB/s at 1.4 MACs a byte is 28 GMAC/s; arithmetic ends it at 60.
    assert roof[0]["rate"] == pytest.approx(1.4 * 20)
    assert roof[-1]["rate"] == 60
    assert "50\u00a0% of its roof" in figure.alt
