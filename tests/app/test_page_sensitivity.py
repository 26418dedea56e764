"""The page Sensitivity: estimate, cells as they come, resume, into the recipe."""

import re
import time

import pytest
from streamlit.testing.v1 import AppTest

import workbench as wb
from tests.app.conftest import TIMEOUT_S, open_page, texts
from workbench.errors import WorkbenchError
from workbench.jobs.registry import registry
from workbench.workflows.sweep import files as sweep_files


def button(app: AppTest, label: str) -> object:
    return next(one for one in app.button if one.label == label)


def small(app: AppTest, **params: str) -> AppTest:
    """Return the page for LeNet-5 with two sparsities and few images."""
    app.query_params["model"] = "lenet5-mnist5k"
    for key, value in params.items():
        app.query_params[key] = value
    open_page(app, "sensitivity")
    app.session_state["levels"] = ["50 %", "90 %"]
    app.run()
    return app


def test_nothing_runs_on_open_and_the_estimate_stands_beside_start(
    app: AppTest,
) -> None:
    before = len(registry().jobs())
    small(app)
    assert len(registry().jobs()) == before
    # Four layers by two sparsities.
    assert "8 cells, 0 known. About " in texts(app)
    assert not button(app, "Start").disabled


def test_cells_fill_in_are_kept_and_go_into_the_recipe(app: AppTest) -> None:
    small(app)
    button(app, "Start").click().run()
    view = registry().jobs()[0].wait(TIMEOUT_S)
    assert view.state == "done", view.error
    app.run()
    assert not app.exception
    assert len(app.get("vega_lite_chart")) == 2
    cells = app.dataframe[0].value
    assert len(cells) == 8
    row = int(cells.index[(cells["layer"] == "fc1") & (cells["sparsity"] == 90)][0])
    assert cells["reached"][row] == pytest.approx(90, abs=1)
    app.session_state["cells"] = {
        "selection": {"rows": [row], "columns": [], "cells": []}
    }
    app.run()
    assert "**fc1 at 90" in texts(app)
    button(app, "Take into the recipe").click().run()
    app.switch_page("workbench/ui/pages/prune.py").run()
    recipe = app.dataframe[0].value.set_index("layer")
    assert recipe["method"]["fc1"] == "magnitude"
    assert recipe["removed"]["fc1"] == pytest.approx(90, abs=1)


@pytest.mark.own_process
def test_a_cancelled_sweep_goes_on_where_it_was(app: AppTest) -> None:
    small(app, celltimes="measure")
    app.session_state["celltimes"] = "measure"
    app.run()
    button(app, "Start").click().run()
    job = registry().jobs()[0]
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline and not job.view().rows:
        job.wait(0.05)
    job.cancel()
    known = len(job.wait(TIMEOUT_S).rows)
    app.run()
    if known < 8:
        # A cell may be recorded by the sweep's process and not be reported any more.
        shown = re.search(r"8 cells, (\d+) known", texts(app))
        assert shown is not None
        assert known <= int(shown[1]) <= known + 1
        button(app, "Continue").click().run()
        again = registry().jobs()[0].wait(TIMEOUT_S)
        assert again.state == "done", again.error
        app.run()
    assert "Nothing is left to do." in texts(app)
    assert "Break-even, the first sparsity that is faster:" in texts(app)


def test_a_network_without_images_says_what_to_do(app: AppTest) -> None:
    app.query_params["model"] = "mobilenetv1-224"
    open_page(app, "sensitivity")
    assert "weights from a seed and no dataset" in texts(app)
    assert not [one for one in app.button if one.label == "Start"]


def test_a_plan_within_a_loss_goes_to_prune(app: AppTest) -> None:
    small(app)
    button(app, "Start").click().run()
    assert registry().jobs()[0].wait(TIMEOUT_S).state == "done"
    app.run()
    app.number_input(key="lose").set_value(10.0).run()
    assert not app.exception
    assert "Predicted: " in texts(app)
    button(app, "Send to Prune").click().run()
    app.switch_page("workbench/ui/pages/prune.py").run()
    assert not app.exception
    removed = app.dataframe[0].value["removed"]
    assert removed.max() == pytest.approx(90, abs=1)


def test_a_plan_is_proved_and_the_proved_recipe_goes_to_prune(app: AppTest) -> None:
    small(app, lose="10")
    button(app, "Start").click().run()
    registry().jobs()[0].wait(TIMEOUT_S)
    app.run()
    button(app, "Prove the plan").click().run()
    view = registry().jobs()[0].wait(TIMEOUT_S)
    assert view.state == "done", view.error
    assert view.spec["kind"] == "plan-proof"
    app.run()
    assert not app.exception
    rounds = app.dataframe[-1].value
    chosen = view.result["chosen"]
    best = view.result["rounds"][chosen]
    assert rounds["actual"][chosen] == pytest.approx(100 * best["actual"]["drop"])
    assert f"Chosen: round {chosen}" in texts(app)
    button(app, "Send the proved plan to Prune").click().run()
    app.switch_page("workbench/ui/pages/prune.py").run()
    recipe = wb.Recipe.loads(best["recipe"])
    rows = app.dataframe[0].value.set_index("layer")
    for rule in recipe.layers:
        assert rows["method"][rule.match] == rule.method


def test_a_sweep_of_another_tool_is_planned_from_its_file(app: AppTest) -> None:
    small(app)
    lines = ["parameter,sparsity,top1,top5,loss", "model,0.0,98.0,100.0,0.1"]
    lines += [
        f"{layer}.weight,{level},{top1},100.0,{loss}"
        for layer in ("conv1", "conv2", "fc1")
        for level, top1, loss in ((0.5, 98.0, 0.1), (0.9, 90.0, 0.4))
    ]
    content = "\n".join(lines).encode()
    app.file_uploader(key="sweepfile").upload("theirs.csv", content).run()
    assert not app.exception
    assert "From a file: lenet5-mnist5k, 6 cells." in texts(app)
    assert "Predicted: " in texts(app)
    app.file_uploader(key="sweepfile").upload("broken.csv", b"a,b\n1,2\n").run()
    assert not app.exception
    assert app.error


def test_rows_are_written_as_both_forms_read_back() -> None:
    net = wb.load_model("lenet5-mnist5k")
    content = "\n".join(
        ["parameter,sparsity,top1,top5,loss", "model,0.0,98.0,100.0,0.1"]
        + [f"conv2.weight,{level},97.0,100.0,0.2" for level in (0.5, 0.9)]
    )
    found = sweep_files.read(content.encode(), net)
    again = sweep_files.read(sweep_files.long_csv(found), net)
    assert again.rows == found.rows
    wide = sweep_files.wide_csv(found, found.methods[0])
    assert wide.decode().splitlines()[1].split(",")[1:] == ["0.97", "0.97"]
    with pytest.raises(WorkbenchError, match="without"):
        sweep_files.read(wide, net)
    assert sweep_files.read(wide, net, dense_top1=0.98).rows[0].top1 == 0.97
