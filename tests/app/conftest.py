"""Fixtures of the page tests: the app in process, with a workspace of its own."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from streamlit.testing.v1 import AppTest

from tests.support import ROOT
from workbench.errors import WorkbenchError
from workbench.jobs import process
from workbench.jobs.job import Job
from workbench.ui import notices

# A shared machine can be ten times slower than a quiet one; a page takes about 1 s.
TIMEOUT_S = 600


@pytest.fixture(autouse=True)
def quiet_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep runs out of the checkout, and torch from fighting over two cores."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "workspace"))
    monkeypatch.setenv("WORKBENCH_FIRST_START", "0")
    monkeypatch.chdir(ROOT)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def open_net(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what a page did not foresee through, so that ``app.exception`` has it."""

    def draw(error: Exception) -> bool:
        if not isinstance(error, WorkbenchError):
            raise error
        notices.show_error(error)
        return True

    monkeypatch.setattr(notices, "unforeseen", draw)


@pytest.fixture(autouse=True)
def jobs_in_threads(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Do the work of a job's process here; importing torch there takes 5 s.

    What is particular to processes has tests of its own, and those marked
    ``own_process`` have them.
    """
    if request.node.get_closest_marker("own_process") is not None:
        return

    def work_here(order: bytes, job: Job) -> object:
        work, arguments = pickle.loads(order)
        return work(job, *arguments)

    monkeypatch.setattr(process, "_in_child", work_here)


@pytest.fixture
def app() -> AppTest:
    """Return the app before its first run."""
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S)


def open_page(app: AppTest, name: str) -> AppTest:
    """Return the app with one of its pages drawn and no exception on it."""
    app.run()
    if name != "model":
        app.switch_page(f"workbench/ui/pages/{name}.py").run()
    assert not app.exception, app.exception
    return app


def texts(app: AppTest) -> str:
    """Return everything that is written on the page as one text."""
    kinds = (app.markdown, app.caption, app.error, app.warning, app.info, app.success)
    return "\n".join(str(item.value) for kind in kinds for item in kind)
