"""The page Train: nothing heavy on open, epochs as they come, stop and continue."""

import re
import time

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import TIMEOUT_S, open_page, texts
from workbench.jobs.registry import registry


def button(app: AppTest, label: str) -> object:
    return next(one for one in app.button if one.label == label)


def prepared(app: AppTest, **inputs: object) -> AppTest:
    """Return the page Train of LeNet-5 with a recipe and a few images."""
    app.query_params["model"] = "lenet5-mnist5k"
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()
    app.switch_page("workbench/ui/pages/train.py").run()
    assert not app.exception, app.exception
    app.selectbox(key="images").select(500).run()
    app.number_input(key="epochs").set_value(inputs.get("epochs", 2)).run()
    return app


def test_without_a_recipe_the_page_says_what_to_do_and_starts_nothing(
    app: AppTest,
) -> None:
    open_page(app, "train")
    assert "Nothing is pruned yet" in texts(app)
    assert button(app, "Start").disabled


def test_a_training_shows_epochs_zeros_kept_and_what_it_gained(app: AppTest) -> None:
    prepared(app)
    button(app, "Start").click().run()
    view = registry().jobs()[0].wait(TIMEOUT_S)
    assert view.state == "done", view.error
    assert [row["epoch"] for row in view.rows] == [1, 2]
    app.run()
    assert not app.exception
    tiles = {tile.label: tile.value for tile in app.metric}
    assert tiles["Epoch"] == "2 of 2"
    kept, wanted = re.findall(r"[\d\u202f]+", tiles["Zeros kept"])
    assert kept == wanted
    assert "against pruned without training" in texts(app)
    app.switch_page("workbench/ui/pages/runs.py").run()
    assert not app.exception
    groups = [one.proto.options[0].content for one in app.get("button_group")]
    assert "fine-tuned" in groups


def test_a_stopped_training_continues_from_its_checkpoint(app: AppTest) -> None:
    prepared(app, epochs=40)
    button(app, "Start").click().run()
    job = registry().jobs()[0]
    deadline = time.monotonic() + TIMEOUT_S
    while len(job.view().rows) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    job.cancel()
    stopped = job.wait(TIMEOUT_S)
    assert stopped.state == "cancelled"
    done = len(stopped.rows)
    app.run()
    assert f"Continue after epoch {done}" in {one.label for one in app.button}
    button(app, f"Continue after epoch {done}").click().run()
    again = registry().jobs()[0]
    while len(again.view().rows) <= done and time.monotonic() < deadline:
        time.sleep(0.05)
    again.cancel()
    epochs = [row["epoch"] for row in again.wait(TIMEOUT_S).rows]
    assert epochs[: done + 1] == list(range(1, done + 2))


@pytest.mark.parametrize("schedule", ["gradual", "admm"])
def test_other_schedules_start_from_the_dense_network(
    app: AppTest, schedule: str
) -> None:
    app.query_params["schedule"] = schedule
    prepared(app)
    app.session_state["schedule"] = schedule
    app.run()
    button(app, "Start").click().run()
    view = registry().jobs()[0].wait(TIMEOUT_S)
    assert view.state == "done", view.error
    remarks = view.rows[-1]["remarks"]
    assert remarks["zeros_kept"] == remarks["zeros"] > 0


def test_a_method_may_choose_the_zeros_while_training(app: AppTest) -> None:
    app.query_params["model"] = "minivgg-mnist5k"
    app.query_params["chooser"] = "slimming"
    open_page(app, "train")
    app.session_state["chooser"] = "slimming"
    app.run()
    assert not app.exception, app.exception
    app.selectbox(key="images").select(500).run()
    app.number_input(key="epochs").set_value(2).run()
    assert not button(app, "Start").disabled
    button(app, "Start").click().run()
    view = registry().jobs()[0].wait(TIMEOUT_S)
    assert view.state == "done", view.error
    assert view.result["network"].report.filters_removed > 0
    app.run()
    assert not app.exception
    assert "Trained: **" in texts(app)


def test_lottery_tickets_are_drawn_round_by_round(app: AppTest) -> None:
    app.query_params["model"] = "lenet5-mnist5k"
    open_page(app, "train")
    app.session_state["chooser"] = "lottery"
    app.run()
    app.selectbox(key="images").select(500).run()
    app.number_input(key="epochs").set_value(1).run()
    app.number_input(key="driven-lottery-rounds").set_value(1).run()
    assert "3 trainings from random weights" in texts(app)
    button(app, "Start").click().run()
    view = registry().jobs()[0].wait(TIMEOUT_S)
    assert view.state == "done", view.error
    left = [1 - row["sparsity"] for row in view.rows]
    # The first convolution and the classifier stay dense.
    assert left == pytest.approx([1.0, 0.5], abs=0.02)
    assert view.rows[1]["control"] is not None
    app.run()
    assert not app.exception
    assert "of the weights the ticket reaches" in texts(app)


def test_weights_may_be_pruned_and_trained_in_the_winograd_domain(
    app: AppTest,
) -> None:
    app.query_params["model"] = "minivgg-mnist5k"
    open_page(app, "train")
    app.session_state["chooser"] = "winograd"
    app.run()
    app.selectbox(key="images").select(500).run()
    app.number_input(key="epochs").set_value(1).run()
    button(app, "Start").click().run()
    view = registry().jobs()[0].wait(TIMEOUT_S)
    assert view.state == "done", view.error
    app.run()
    assert not app.exception
    assert "Trained: **" in texts(app)
