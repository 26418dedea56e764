"""The page Prune: recipe, preview, undo, impossible requests, a measured trial."""

import re
import time

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import TIMEOUT_S, open_page, texts
from workbench.jobs.registry import registry


def removed(app: AppTest) -> dict[str, float]:
    table = app.dataframe[0].value
    return dict(zip(table["layer"], table["removed"] / 100, strict=True))


def edit(app: AppTest, row: int, **cells: object) -> AppTest:
    version = app.session_state["recipe_version"]
    app.session_state[f"recipe-editor-{version}"] = {
        "edited_rows": {row: cells},
        "added_rows": [],
        "deleted_rows": [],
    }
    return app.run()


def test_a_preset_prunes_all_but_the_protected_layers(app: AppTest) -> None:
    open_page(app, "prune")
    app.button(key="preset-pattern").click().run()
    found = removed(app)
    assert found["features.0"] == found["classifier"] == 0
    assert found["features.10"] == pytest.approx(5 / 9, abs=1e-3)
    assert "Preview: **55.3" in texts(app)
    assert "the first convolution; name it to prune it" in texts(app)


def test_undo_and_redo_move_between_recipes(app: AppTest) -> None:
    open_page(app, "prune")
    app.button(key="preset-pattern").click().run()
    app.button(key="preset-magnitude").click().run()
    assert removed(app)["features.3"] == pytest.approx(0.8, abs=0.01)
    by_label = {button.label: button for button in app.button}
    by_label["Undo"].click().run()
    assert removed(app)["features.3"] == pytest.approx(5 / 9, abs=1e-3)
    {button.label: button for button in app.button}["Redo"].click().run()
    assert removed(app)["features.3"] == pytest.approx(0.8, abs=0.01)


def test_the_slider_prunes_all_layers_by_the_chosen_method(app: AppTest) -> None:
    open_page(app, "prune")
    app.slider(key="sparsity").set_value(90).run()
    assert not app.exception
    assert removed(app)["features.17"] == pytest.approx(0.9, abs=0.01)


def test_a_rule_for_one_layer_leaves_the_others(app: AppTest) -> None:
    open_page(app, "prune")
    app.pills(key="rule_layers").set_value(["features.7"]).run()
    app.selectbox(key="rule_method").select("pattern").run()
    labels = {button.label: button for button in app.button}
    labels["Set this rule for 1 layer(s)"].click().run()
    found = removed(app)
    assert found.pop("features.7") == pytest.approx(5 / 9, abs=1e-3)
    assert set(found.values()) == {0}


def test_an_impossible_rule_is_refused_and_changes_nothing(app: AppTest) -> None:
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()
    app.pills(key="rule_layers").set_value(["classifier"]).run()
    app.selectbox(key="rule_method").select("pattern").run()
    labels = {button.label: button for button in app.button}
    labels["Set this rule for 1 layer(s)"].click().run()
    assert not app.exception
    assert "3x3 kernels" in app.error[0].value
    assert "**Next step:**" in app.error[0].value
    assert removed(app)["features.3"] == pytest.approx(0.8, abs=0.01)


def test_edited_cells_become_rules_of_that_layer(app: AppTest) -> None:
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()
    edit(app, 2, sparsity=40)
    assert not app.exception
    assert removed(app)["features.7"] == pytest.approx(0.4, abs=0.01)
    assert removed(app)["features.3"] == pytest.approx(0.8, abs=0.01)


def test_a_cell_outside_its_range_is_refused(app: AppTest) -> None:
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()
    edit(app, 2, sparsity=150)
    assert "sparsity 150 % for layer 'features.7'" in app.error[0].value
    assert removed(app)["features.7"] == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"layers:\n  - {match: '*', method: shrink}\n", "method 'shrink'"),
        (b"layers:\n  - {match: 'conv9', method: none}\n", "conv9"),
        (b"\x80\x04broken: [", "recipe.yaml"),
    ],
)
def test_a_bad_recipe_file_is_refused_by_name(
    app: AppTest, content: bytes, said: str
) -> None:
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()
    app.file_uploader(key="recipe_file").upload("recipe.yaml", content).run()
    assert not app.exception
    assert said in app.error[0].value
    assert removed(app)["features.3"] == pytest.approx(0.8, abs=0.01)


def test_a_good_recipe_file_is_applied(app: AppTest) -> None:
    text = b"layers:\n  - {match: features.3, method: kernel, sparsity: 0.5}\n"
    open_page(app, "prune")
    app.file_uploader(key="recipe_file").upload("recipe.yaml", text).run()
    assert not app.error
    assert removed(app)["features.3"] == pytest.approx(0.5)


def test_two_sessions_do_not_see_each_others_recipes(app: AppTest) -> None:
    other = AppTest.from_file(app._script_path, default_timeout=TIMEOUT_S)
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()
    open_page(other, "prune")
    assert set(removed(other).values()) == {0}
    assert removed(app)["features.3"] > 0.7


def test_a_trial_shows_accuracy_and_three_bars_and_is_recorded(app: AppTest) -> None:
    open_page(app, "prune")
    app.button(key="preset-pattern").click().run()
    {button.label: button for button in app.button}["Apply and measure"].click().run()
    job = registry().jobs()[0]
    deadline = time.monotonic() + TIMEOUT_S
    while not job.view().finished and time.monotonic() < deadline:
        time.sleep(0.2)
    assert job.view().state == "done", job.view().error
    app.run()
    assert not app.exception
    tiles = {tile.label: tile for tile in app.metric}
    assert re.match(r"\d\d\.\d", tiles["Top-1, batch norms re-estimated"].value)
    assert tiles["Top-1, batch norms re-estimated"].delta.endswith("points")
    assert "against dense, n = 1\u202f000" in texts(app)
    assert re.match(r"\d+\.\d\d×", tiles["Speed-up by pruning"].value)
    names = [row["name"] for row in job.view().rows[-1]["value"]["rows"]]
    assert names[:3] == ["torch dense", "workbench dense", "workbench pruned"]
    app.switch_page("workbench/ui/pages/runs.py").run()
    app.session_state["part"] = "All runs"
    app.run()
    runs = app.dataframe[-1].value
    assert list(runs["kind"]) == ["trial"]
    assert runs["sparsity"][0] == pytest.approx(55.3, abs=0.1)


def test_a_method_chosen_in_a_cell_starts_with_its_usual_parameters(
    app: AppTest,
) -> None:
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()
    edit(app, 3, method="pattern")
    edit(app, 4, method="none")
    assert not app.error
    found = removed(app)
    assert found["features.10"] == pytest.approx(5 / 9, abs=1e-3)
    assert found["features.14"] == 0


def test_a_cell_that_a_layer_cannot_take_is_refused(app: AppTest) -> None:
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()
    edit(app, 6, method="pattern")
    assert "linear layer 'classifier'" in app.error[0].value
    assert removed(app)["classifier"] == 0
