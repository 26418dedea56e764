"""What a newcomer finds: measured once in the background, then on the page."""

import pytest
from streamlit.testing.v1 import AppTest

import workbench as wb
from tests.app.conftest import TIMEOUT_S, open_page, texts
from workbench.jobs.registry import registry
from workbench.models.network import Network
from workbench.ui.services import first_start
from workbench.workflows import orders
from workbench.workflows.profile import ProfileOrder
from workbench.workflows.sweep.known import known_of


@pytest.fixture
def lenet(monkeypatch: pytest.MonkeyPatch) -> Network:
    """Return the sample that counts as the first one here: the fastest."""
    sample = next(one for one in wb.list_samples() if one.name == "lenet5-mnist5k")
    monkeypatch.setattr(wb, "list_samples", lambda: (sample,))
    monkeypatch.setattr(first_start, "SECONDS", 0.2)
    first_start.begin.clear()
    return wb.load_model("lenet5-mnist5k")


def test_the_first_start_measures_once_and_fills_the_pages(
    app: AppTest, lenet: Network
) -> None:
    job_id = first_start.begin()
    assert first_start.running() is not None
    assert job_id is not None
    view = registry().get(job_id).wait(TIMEOUT_S)
    assert view.state == "done", view.error
    assert first_start.step_of(view) == len(first_start.STEPS)
    assert orders.recorded(ProfileOrder(lenet)) is not None
    assert orders.recorded(first_start.bench_order(lenet)) is not None
    known = known_of(first_start.sweep_order(lenet))
    assert known.whole
    # Four layers by four sparsities.
    assert len(known.rows) == 16
    first_start.begin.clear()
    assert first_start.begin() is None
    open_page(app, "model")
    assert "What this machine has measured" in [one.value for one in app.subheader]
    app.switch_page("workbench/ui/pages/sensitivity.py").run()
    assert "16 cells, 16 known. Nothing is left to do." in texts(app)
    app.switch_page("workbench/ui/pages/speed.py").run()
    assert "Measured before, " in texts(app)


def test_a_plain_start_measures_nothing(app: AppTest) -> None:
    before = len(registry().jobs())
    open_page(app, "model")
    assert len(registry().jobs()) == before
    assert first_start.running() is None
