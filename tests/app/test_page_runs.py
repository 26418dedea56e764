"""The page Runs and export: files proved by reading back, runs compared."""

import re

import pytest
from safetensors.torch import load
from streamlit.testing.v1 import AppTest

import workbench as wb
from tests.app.conftest import open_page, texts


def button(app: AppTest, label: str) -> object:
    return next(one for one in app.button if one.label == label)


def open_part(app: AppTest, part: str) -> AppTest:
    """Return the page with one of its tabs open."""
    open_page(app, "runs")
    app.session_state["part"] = part
    app.run()
    assert not app.exception
    return app


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
    app.session_state["part"] = "All runs"
    app.run()
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
    open_part(app, "All runs")
    app.session_state["run-table"] = {
        "selection": {"rows": [0, 1], "columns": [], "cells": []}
    }
    app.run()
    assert not app.exception
    assert "These two are A and B" in texts(app)
    app.session_state["part"] = "Compare A and B"
    app.run()
    assert not app.exception
    differences = app.dataframe[-1].value.set_index("value")
    assert differences.loc["results.bn.top1", "B - A"] == pytest.approx(0.03)
    assert set(differences.index) == {"results.bn.top1", "inputs.recipe"}


def trial(top1: float, ms: float, sparsity: float) -> dict[str, object]:
    """Return the results of a trial as the page Prune records them."""
    rows = [
        {"name": "workbench dense", "median_ms": 1.0},
        {"name": "workbench pruned", "median_ms": ms},
    ]
    return {
        "dense": {"top1": 0.99},
        "bn": {"top1": top1},
        "cost": {"sparsity": sparsity},
        "latency": {"rows": rows},
    }


def test_a_typed_latency_marks_the_most_accurate_network_within_it(
    app: AppTest,
) -> None:
    store = wb.Store()
    recipe = 'layers:\n  - {match: "*", method: magnitude, sparsity: 0.5}\n'
    for top1, ms, sparsity in ((0.98, 0.8, 0.5), (0.95, 0.5, 0.8), (0.90, 0.6, 0.9)):
        inputs = {"model": "minivgg-mnist5k", "recipe": recipe, "at": sparsity}
        store.add_run("trial", inputs=inputs, results=trial(top1, ms, sparsity))
    open_part(app, "All runs")
    app.number_input(key="budget").set_value(0.7).run()
    assert not app.exception
    assert "Sweet spot: **magnitude 80\u00a0%**, 95.0\u00a0%" in texts(app)
    app.number_input(key="budget").set_value(0.1).run()
    assert "No recorded network meets 0.100\u00a0ms." in texts(app)


def test_a_trained_run_is_listed_with_what_training_reached() -> None:
    from workbench.ui.services.runs import row_of

    accuracies = {"raw": {"top1": 0.2}, "tuned": {"top1": 0.93}}
    run = wb.Store().add_run("finetune", inputs={}, results=accuracies)
    assert row_of(run)["top1"] == 0.93


def test_the_front_keeps_what_nothing_beats_in_both() -> None:
    from workbench.ui.charts.tradeoff import Spot, front, sweet_spot

    spots = [Spot("a", 1, 0.9), Spot("b", 2, 0.95), Spot("c", 3, 0.93)]
    assert [spot.name for spot in front(spots)] == ["a", "b"]
    assert sweet_spot(spots, most_ms=1.5) == spots[0]
    assert sweet_spot(spots, most_ms=0.5) is None


def test_images_on_which_dense_and_pruned_disagree_are_counted(app: AppTest) -> None:
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()
    app.switch_page("workbench/ui/pages/runs.py").run()
    app.session_state["part"] = "Dense against pruned"
    app.run()
    assert not app.exception
    total, broke, mended, both = (
        int(number)
        for number in re.search(
            r"(\d+) of 1\u202f000 images.*dense is right (\d+).*pruned is right (\d+)"
            r".*differently (\d+)",
            texts(app),
        ).groups()
    )
    assert total == broke + mended + both > 0


def test_shared_weights_are_written_as_wbz_and_read_back(app: AppTest) -> None:
    app.query_params["model"] = "lenet5-mnist5k"
    open_page(app, "runs")
    app.session_state["variant"] = "shared weights"
    app.session_state["formats"] = ["wbz"]
    app.run()
    button(app, "Write and verify").click().run()
    assert not app.exception
    assert not app.error, app.error[0].value
    (file,) = app.session_state["exports_ready"].values()
    assert file.file_name.endswith("shared-weights.wbz")
    assert len(file.read()) < 4 * 430_500 / 3


def test_a_chosen_run_offers_a_report_that_opens_offline(app: AppTest) -> None:
    from workbench.ui.services.runs import report

    run = wb.Store().add_run(
        "trial", inputs={"model": "minivgg-mnist5k"}, results=trial(0.98, 0.5, 0.8)
    )
    text = report(run.id)().decode()
    assert run.id in text
    assert "<script src" not in text
    open_part(app, "All runs")
    app.session_state["run-table"] = {
        "selection": {"rows": [0], "columns": [], "cells": []}
    }
    app.run()
    assert not app.exception
    labels = [one.label for one in app.get("download_button")]
    assert f"HTML report of {run.id}" in labels


def timed(layer: str, ms: float, macs: int) -> dict[str, object]:
    """Return a layer row as a trial records it, 1,000 dense MACs."""
    return {
        "layer": layer,
        "op": "conv2d",
        "weights": "pruned",
        "ms": ms,
        "kernel": f"kernel_{macs}",
        "dense_macs": 1000,
        "theoretical_macs": macs,
        "executed_macs": macs,
    }


def two_trials() -> list[str]:
    """Return the ids of two recorded trials of MiniVGG, the older one first."""
    found = []
    for sparsity, ms in ((0.5, 0.8), (0.8, 0.5)):
        recipe = wb.Recipe.uniform("magnitude", sparsity)
        rows = [timed("features.3", ms / 2, 500), timed("features.7", ms / 4, 200)]
        rows.append({**timed("features.7", 0.01, 0), "op": "store"})
        results = {
            **trial(0.9 + sparsity / 100, ms, sparsity),
            "layers": {"rows": rows},
        }
        inputs = {"model": "minivgg-mnist5k", "recipe": recipe.dump()}
        found.append(wb.Store().add_run("trial", inputs=inputs, results=results).id)
    return found


def test_two_runs_are_compared_layer_by_layer(app: AppTest) -> None:
    first, second = two_trials()
    open_part(app, "Compare A and B")
    app.selectbox(key="a").select(first).run()
    app.selectbox(key="b").select(second).run()
    assert not app.exception
    tables = [one.value for one in app.dataframe if "delta_ms" in one.value]
    table = tables[0].set_index("layer")
    # 0.5 / 2 - 0.8 / 2 and 0.5 / 4 - 0.8 / 4; 1 - 500 / 1000 of the MACs, in percent.
    assert table.loc["features.3", "delta_ms"] == pytest.approx(-0.15)
    assert table.loc["features.7", "delta_ms"] == pytest.approx(-0.075)
    assert table.loc["features.3", "a_sparsity"] == pytest.approx(50)
    tiles = {tile.label: tile.value for tile in app.metric}
    assert tiles["Time of one image"] == "0.800\u00a0ms → 0.500\u00a0ms"


def test_images_that_two_runs_answer_differently_are_shown(app: AppTest) -> None:
    first, second = two_trials()
    open_part(app, "Compare A and B")
    app.selectbox(key="a").select(first).run()
    app.selectbox(key="b").select(second).run()
    app.toggle(key="differ").set_value(True).run()
    assert not app.exception
    assert "only A is right" in texts(app)


def test_runs_of_other_weights_are_compared_by_numbers_only(app: AppTest) -> None:
    for digest in ("0" * 64, "1" * 64):
        wb.Store().add_run(
            "trial",
            inputs={"model": "minivgg-mnist5k", "digest": digest},
            results=trial(0.9, 0.5, 0.8),
        )
    ids = [run.id for run in wb.Store().runs()]
    open_part(app, "Compare A and B")
    app.selectbox(key="a").select(ids[0]).run()
    app.selectbox(key="b").select(ids[1]).run()
    app.toggle(key="differ").set_value(True).run()
    assert not app.exception
    assert "Compare runs of the same weights." in app.error[0].value


def test_the_list_is_filtered_by_kind(app: AppTest) -> None:
    two_trials()
    wb.Store().add_run("eval", inputs={"model": "lenet5-mnist5k"}, results={})
    open_part(app, "All runs")
    app.pills(key="kinds").set_value(["eval"]).run()
    table = next(one.value for one in app.dataframe if "kind" in one.value)
    assert list(table["kind"]) == ["eval"]


def test_a_factorised_network_is_shown_layer_by_layer_and_written(
    app: AppTest,
) -> None:
    open_page(app, "runs")
    app.session_state["variant"] = "factorised"
    app.session_state["formats"] = ["wbp"]
    app.run()
    assert not app.exception
    table = next(one.value for one in app.dataframe if "rank" in one.value)
    assert (table["after"] <= table["before"] / 2 + 1e-9).all()
    button(app, "Write and verify").click().run()
    assert not app.error, app.error[0].value
    (file,) = app.session_state["exports_ready"].values()
    assert file.file_name.endswith("factorised.wbp")


def test_impossible_bits_are_refused_by_name(app: AppTest) -> None:
    app.query_params["model"] = "lenet5-mnist5k"
    open_page(app, "runs")
    app.session_state["variant"] = "shared weights"
    app.session_state["exportbits"] = "99"
    app.run()
    assert not app.exception
    assert "99" in app.error[0].value
