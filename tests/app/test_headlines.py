"""One accuracy is the headline, and every page means the same one by it."""

import time

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import TIMEOUT_S, open_page, texts
from workbench.jobs.job import JobView
from workbench.jobs.registry import registry
from workbench.training import batchnorm
from workbench.ui.services import live
from workbench.ui.services.presets import PRESETS
from workbench.workflows.headlines import headline

BN = "Top-1, batch norms re-estimated"
RAW = {"top1": 0.3, "n": 100, "interval": (0.2, 0.4)}
FIXED = {"top1": 0.98, "n": 100, "interval": (0.95, 0.99)}


def value(app: AppTest, label: str) -> float:
    """Return the number of the first tile of that label."""
    tile = next(one for one in app.metric if one.label == label)
    return float(str(tile.value).split("\u00a0")[0])


def go(app: AppTest, page: str) -> AppTest:
    app.switch_page(f"workbench/ui/pages/{page}.py").run()
    assert not app.exception, app.exception
    return app


def measure(app: AppTest) -> JobView:
    button = next(one for one in app.button if one.label == "Apply and measure")
    button.click().run()
    job = registry().jobs()[0]
    deadline = time.monotonic() + TIMEOUT_S
    while not job.view().finished and time.monotonic() < deadline:
        time.sleep(0.2)
    view = job.view()
    assert view.state == "done", view.error
    app.run()
    assert not app.exception
    return view


@pytest.mark.parametrize(
    ("results", "top1", "what", "small"),
    [
        ({"raw": RAW}, 0.3, "raw", None),
        ({"raw": RAW, "bn": FIXED}, 0.98, "BN re-estimated", RAW),
        ({"raw": RAW, "bn": FIXED | {"kept": True}}, 0.98, "BN re-estimated", RAW),
        ({"raw": RAW, "bn": {"kept": False, "why": "no"}}, 0.3, "raw", None),
        ({"raw": RAW, "bn": FIXED, "tuned": FIXED}, 0.98, "trained", RAW),
        ({"raw": None, "tuned": FIXED}, 0.98, "trained", None),
    ],
)
def test_which_accuracy_is_the_headline(
    results: dict[str, object], top1: float, what: str, small: object
) -> None:
    head = headline(results)
    assert head is not None
    assert (head.found["top1"], head.what, head.raw) == (top1, what, small)


@pytest.mark.parametrize("results", [{}, {"raw": {}, "bn": {}}, {"dense": FIXED}])
def test_without_an_accuracy_there_is_no_headline(results: dict[str, object]) -> None:
    assert headline(results) is None


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_looks_ruined(app: AppTest, preset: str) -> None:
    open_page(app, "prune")
    app.button(key=f"preset-{preset}").click().run()
    assert not app.exception
    assert value(app, BN) > 93
    assert "before re-estimating" in texts(app)
    tile = next(one for one in app.metric if one.label == BN)
    assert "image" in tile.help


def test_a_page_switch_measures_nothing_again(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()
    shown = value(app, BN)
    again = "measured again"

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError(again)

    monkeypatch.setattr(batchnorm, "reestimate_bn", refuse)
    monkeypatch.setattr(live, "_in_turn", refuse)
    go(app, "model")
    go(app, "prune")
    assert value(app, BN) == shown


def test_pages_runs_and_exports_mean_the_same_accuracy(app: AppTest) -> None:
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()
    view = measure(app)
    bn = next(row["value"] for row in view.rows if row["part"] == "bn")
    assert bn["kept"]
    wanted = round(100 * bn["top1"], 1)
    # The cards at the top take the careful numbers over.
    labels = [one.label for one in app.metric]
    assert labels[:2] == [BN, "Time of one image, measured"]
    assert value(app, BN) == pytest.approx(wanted)
    latency = next(row["value"] for row in view.rows if row["part"] == "latency")
    mine = next(one for one in latency["rows"] if one["name"] == "workbench pruned")
    shown = value(app, "Time of one image, measured")
    assert shown == pytest.approx(mine["median_ms"], rel=0.01)
    go(app, "model")
    assert value(app, BN) == pytest.approx(wanted)
    assert "page Prune), with batch norms re-estimated." in texts(app)
    go(app, "runs")
    assert app.segmented_control(key="variant").value == "pruned, BN re-estimated"
    assert f"This network: **{bn['top1'] * 100:.2f}" in texts(app)
    app.session_state["part"] = "All runs"
    app.run()
    row = app.dataframe[-1].value.iloc[0]
    assert (row["what"], row["top1"]) == ("BN re-estimated", pytest.approx(wanted))


def test_where_it_does_not_help_the_page_keeps_raw_and_says_so(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batchnorm, "reestimate_bn", lambda net, *_, **__: net)
    app.query_params["seed"] = "7"
    open_page(app, "prune")
    app.button(key="preset-magnitude").click().run()
    assert value(app, "Top-1, raw") < 40
    assert "raw: re-estimated batch norms do not help" in texts(app)
    go(app, "model")
    assert value(app, "Top-1, raw") < 40
