"""What the address says survives page switches, reloads, back and undo."""

import pytest
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
from streamlit.testing.v1 import AppTest

import workbench as wb
from tests.app.conftest import open_page, texts
from workbench.jobs.job import Job
from workbench.jobs.registry import registry
from workbench.pruning.recipe.recipe import Recipe
from workbench.pruning.recipe.rule import Rule
from workbench.ui.components.recipe.quick import percent_of
from workbench.ui.services import recipes

MODEL = "minivgg-mnist5k"
SMALL = "lenet5-mnist5k"


def recipe(method: str, sparsity: float, model: str = MODEL) -> Recipe:
    made = wb.Recipe.uniform(method, sparsity)
    return made.model_copy(update={"model": model})


def opened(app: AppTest, page: str, asked: Recipe, model: str = MODEL) -> AppTest:
    app.query_params["model"] = model
    app.query_params["recipe"] = recipes.packed(asked)
    return open_page(app, page)


def go(app: AppTest, page: str) -> AppTest:
    """Switch pages as the navigation does: the address keeps what is bound."""
    app.switch_page(f"workbench/ui/pages/{page}.py").run()
    assert not app.exception, app.exception
    return app


def go_back(app: AppTest, monkeypatch: pytest.MonkeyPatch, text: str) -> AppTest:
    """Draw an address again as the browser's "back" makes it happen."""
    if text:
        app.query_params["recipe"] = text
    else:
        app.query_params.pop("recipe", None)
    with monkeypatch.context() as patch:
        reset = ScriptRunContext.reset
        patch.setattr(
            ScriptRunContext,
            "reset",
            lambda self, *args, **named: reset(
                self, *args, **{**named, "is_history_navigation": True}
            ),
        )
        app.run()
    assert not app.exception, app.exception
    return app


def removed(app: AppTest) -> dict[str, float]:
    table = app.dataframe[0].value
    return dict(zip(table["layer"], table["removed"] / 100, strict=True))


def press(app: AppTest, label: str) -> AppTest:
    return next(one for one in app.button if one.label == label).click().run()


def test_a_linked_recipe_survives_a_page_switch(app: AppTest) -> None:
    opened(app, "prune", recipe("magnitude", 0.8))
    assert removed(app)["features.3"] == pytest.approx(0.8, abs=0.01)
    go(app, "kernels")
    assert "This layer is not pruned" not in texts(app)
    go(app, "prune")
    assert removed(app)["features.3"] == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("first", ["model", "sensitivity", "learn", "train"])
def test_a_link_to_any_page_brings_the_recipe_to_prune(
    app: AppTest, first: str
) -> None:
    opened(app, first, recipe("kernel", 0.4))
    go(app, "prune")
    assert removed(app)["features.10"] == pytest.approx(0.4, abs=0.01)


def test_undo_after_a_link_is_the_dense_network(app: AppTest) -> None:
    opened(app, "prune", recipe("magnitude", 0.8))
    go(app, "kernels")
    go(app, "prune")
    press(app, "Undo")
    assert set(removed(app).values()) == {0}
    press(app, "Redo")
    assert removed(app)["features.3"] == pytest.approx(0.8, abs=0.01)


def test_back_finds_the_recipe_in_the_history(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()
    text = app.session_state["recipe"]
    app.button(key="preset-pattern").click().run()
    assert app.session_state["recipe"] != text
    go_back(app, monkeypatch, text)
    assert removed(app)["features.3"] == pytest.approx(0.8, abs=0.01)
    assert app.slider(key="sparsity").value == 80
    press(app, "Redo")
    assert removed(app)["features.3"] == pytest.approx(5 / 9, abs=1e-3)
    go_back(app, monkeypatch, "")
    assert set(removed(app).values()) == {0}
    assert app.slider(key="sparsity").value == 0


def test_a_second_link_in_the_session_is_one_step_that_undo_takes_back(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(app, "prune", recipe("magnitude", 0.8))
    go_back(app, monkeypatch, recipes.packed(recipe("kernel", 0.4)))
    assert removed(app)["features.10"] == pytest.approx(0.4, abs=0.01)
    press(app, "Undo")
    assert removed(app)["features.10"] == pytest.approx(0.8, abs=0.01)
    assert app.slider(key="sparsity").value == 80


def test_an_older_address_that_comes_with_a_click_changes_nothing(
    app: AppTest,
) -> None:
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()
    stale = app.session_state["recipe"]
    app.button(key="preset-pattern").click().run()
    app.query_params["recipe"] = stale
    app.run()
    assert removed(app)["features.3"] == pytest.approx(5 / 9, abs=1e-3)


def test_every_network_has_the_recipe_of_its_own_link(app: AppTest) -> None:
    opened(app, "prune", recipe("magnitude", 0.8, SMALL), SMALL)
    assert removed(app)["fc1"] == pytest.approx(0.8, abs=0.01)
    app.selectbox(key="model").select(MODEL).run()
    assert set(removed(app).values()) == {0}
    app.selectbox(key="model").select(SMALL).run()
    assert removed(app)["fc1"] == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("AAAA", "a recipe in the address that cannot be read"),
        (
            recipes.packed(recipe("magnitude", 0.8, SMALL)),
            f"a recipe for the network '{SMALL}' in the address",
        ),
        (
            recipes.packed(
                wb.Recipe(
                    model=MODEL, layers=(Rule.of("conv9", "magnitude", sparsity=0.5),)
                )
            ),
            "conv9",
        ),
        (
            recipes.packed(
                wb.Recipe(model=MODEL, layers=(Rule.of("classifier", "pattern"),))
            ),
            "3x3 kernels",
        ),
    ],
)
def test_a_recipe_that_cannot_be_taken_is_said_and_changes_nothing(
    app: AppTest, text: str, said: str
) -> None:
    app.query_params["recipe"] = text
    app.run()
    assert not app.exception, app.exception
    assert said in app.error[0].value
    assert app.header[0].value == MODEL
    go(app, "prune")
    assert set(removed(app).values()) == {0}
    assert not app.error


def test_the_slider_follows_undo_and_stays_where_steps_are_coarse(
    app: AppTest,
) -> None:
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()
    app.button(key="preset-filter").click().run()
    assert app.slider(key="sparsity").value == 30
    press(app, "Undo")
    assert app.slider(key="sparsity").value == 80
    assert app.selectbox(key="method").value == "magnitude"
    app.selectbox(key="method").select("nm").run()
    at = [app.slider(key="sparsity").set_value(step).run() for step in (50, 51)]
    assert at[-1].slider(key="sparsity").value == 51


@pytest.mark.parametrize("percent", [30, 56, 90])
@pytest.mark.parametrize("method", ["magnitude", "block", "stripe", "filter"])
def test_the_slider_stands_where_it_made_the_rule(method: str, percent: int) -> None:
    rule = wb.Recipe.uniform(method, percent / 100).layers[0]
    assert percent_of(rule) == percent


def test_a_lesson_is_left_and_found_again(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.query_params["lesson"] = "winograd"
    open_page(app, "learn")
    title = app.header[0].value
    go(app, "prune")
    go(app, "learn")
    assert app.header[0].value == title
    press(app, "Next")
    assert app.header[0].value != title
    app.query_params["lesson"] = "winograd"
    go_back(app, monkeypatch, "")
    assert app.header[0].value == title


def test_a_job_of_a_link_is_found_after_a_page_switch(app: AppTest) -> None:
    started = registry().start(_finished, spec={"kind": "sweep"})
    started.wait(60)
    app.query_params["sweep"] = started.id
    open_page(app, "sensitivity")
    assert app.session_state["job-sweep"] == started.id
    app.query_params.clear()
    go(app, "prune")
    go(app, "sensitivity")
    assert app.session_state["job-sweep"] == started.id


def test_a_job_that_this_server_does_not_know_is_said_once(app: AppTest) -> None:
    app.query_params["sweep"] = "deadbeef"
    open_page(app, "sensitivity")
    (notice,) = app.error
    assert "**Found:** no job 'deadbeef'" in notice.value
    assert "sweep" not in app.query_params
    app.run()
    assert not app.error


def _finished(job: Job) -> None:
    job.set_total(1)
