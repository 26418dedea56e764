"""The page Runs and export: files proved by reading back, runs compared."""

import re

import pytest
from safetensors.torch import load
from streamlit.testing.v1 import AppTest

import workbench as wb
from tests.app.conftest import open_page, texts


def button(app: AppTest, label: str) -> object:
    return next(one for one in app.button if one.label == label)


def test_a_dense_network_is_written_verified_and_offered(app: AppTest) -> None:
    open_page(app, "runs")
    shown = re.search(r"This network: \*\*([\d.]+)", texts(app))
    assert float(shown[1]) >= 97
    button(app, "Write and verify").click().run()
    assert not app.exception
    assert "minivgg-mnist5k-dense.safetensors" in texts(app)
    assert "Read back: " in texts(app)
    kept = app.session_state["exports_ready"]
    (file,) = kept.values()
    state = load(file.read())
    assert state["features.3.weight"].shape == (32, 32, 3, 3)


def test_every_format_of_a_pruned_network_reads_back(app: AppTest) -> None:
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()
    app.switch_page("workbench/ui/pages/runs.py").run()
    names = ["safetensors", "pt", "pt-masked", "wbp", "recipe"]
    app.session_state["formats"] = names
    app.run()
    button(app, "Write and verify").click().run()
    assert not app.exception
    assert not app.error, app.error[0].value
    made = {name for _, _, name in app.session_state["exports_ready"]}
    assert made == set(names)
    runs = app.dataframe[-1].value
    assert list(runs["kind"]) == ["export"] * len(names)


def test_two_chosen_runs_are_compared_value_by_value(app: AppTest) -> None:
    store = wb.Store()
    for top1, recipe in ((0.98, "A"), (0.95, "B")):
        store.add_run(
            "trial",
            inputs={"model": "minivgg-mnist5k", "recipe": recipe},
            results={"bn": {"top1": top1}},
        )
    open_page(app, "runs")
    app.session_state["run-table"] = {
        "selection": {"rows": [0, 1], "columns": [], "cells": []}
    }
    app.run()
    assert not app.exception
    differences = app.dataframe[-1].value.set_index("value")
    assert differences.loc["results.bn.top1", "B - A"] == pytest.approx(0.03)
    assert set(differences.index) == {"results.bn.top1", "inputs.recipe"}
