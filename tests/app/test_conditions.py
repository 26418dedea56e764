"""Every figure carries its conditions: no tile, no column of numbers without help."""

import json
from collections.abc import Iterator

from streamlit.testing.v1 import AppTest

import workbench as wb
from tests.app.conftest import TIMEOUT_S, open_page
from workbench.jobs.registry import registry

MODEL = "lenet5-mnist5k"
NUMBERS = ("number", "progress")
PARTS = ("All runs", "Compare A and B")


def figures(app: AppTest) -> Iterator[tuple[str, str]]:
    """Yield name and help of every tile and every column of numbers."""
    for tile in app.metric:
        yield tile.label, tile.help
    for table in app.dataframe:
        for name, column in json.loads(table.proto.columns or "{}").items():
            kind = (column.get("type_config") or {}).get("type")
            if kind in NUMBERS:
                yield name, column.get("help") or ""


def done(app: AppTest, label: str) -> None:
    """Press a button that starts a job; wait until its result is on the page."""
    known = {job.id for job in registry().jobs()}
    next(one for one in app.button if one.label == label).click().run()
    (job,) = [job for job in registry().jobs() if job.id not in known]
    assert job.wait(TIMEOUT_S).state == "done", job.view().error
    app.run()
    assert not app.exception


def page(app: AppTest, name: str) -> AppTest:
    app.switch_page(f"workbench/ui/pages/{name}.py").run()
    assert not app.exception
    return app


def test_every_tile_and_column_on_every_page_says_its_conditions(app: AppTest) -> None:
    app.query_params["model"] = MODEL
    app.query_params["seconds"] = "1"
    seen: set[str] = set()
    bare: list[tuple[str, str]] = []

    def look(where: str) -> None:
        here = list(figures(app))
        seen.update(name for name, _ in here)
        bare.extend((where, name) for name, said in here if not said)

    open_page(app, "model")
    look("model")
    done(app, "Measure every layer")
    look("model, timed")
    page(app, "kernels")
    look("kernels")
    page(app, "prune")
    for sparsity in (60, 90):
        app.slider(key="sparsity").set_value(sparsity).run()
        done(app, "Apply and measure")
    look("prune, measured")
    page(app, "sensitivity")
    app.session_state["levels"] = ["90 %"]
    app.run()
    done(app, "Start")
    look("sensitivity, done")
    page(app, "speed")
    app.session_state["against"] = []
    app.run()
    done(app, "Measure now")
    look("speed, measured")
    page(app, "train")
    look("train")
    page(app, "learn")
    look("learn")
    page(app, "runs")
    trials = [run.id for run in wb.Store().runs() if run.kind == "trial"]
    app.session_state["a"], app.session_state["b"] = trials[0], trials[1]
    for part in PARTS:
        app.session_state["part"] = part
        app.run()
        look(f"runs, {part}")
    assert not app.exception
    assert bare == []
    # LeNet has no batch norms: its headline is raw (test_headlines has one that does).
    assert "Top-1, batch norms re-estimated" not in seen
    assert seen >= {
        *(
            "Top-1 accuracy",
            "Top-1, raw",
            "Speed-up by pruning",
            "Sparsity",
        ),
        *("ms", "dense_ms", "pruned_ms", "delta_ms", "drop_points", "removed"),
    }
    (shown,) = [one for one in app.metric if one.label == "Time of one image"]
    for word in ("A: Median of n = ", "B: Median of n = ", "percentile", "1 thread"):
        assert word in shown.help
