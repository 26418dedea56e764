"""Jobs in a process of their own: same rows, same endings, killed within a second."""

import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import pytest
import torch

import workbench as wb
from tests.support.child_work import counts, dies, fails, goes_on, never_checks, refuses
from tests.support.sweep_data import val_data
from workbench.errors import WorkbenchError
from workbench.jobs.job import Job, JobView
from workbench.jobs.process import in_process
from workbench.jobs.registry import Registry
from workbench.workflows.sweep.in_process import sweep_in_process
from workbench.workflows.sweep.order import SweepOrder
from workbench.workflows.sweep.run import run_sweep

# Starting a Python with torch on a busy machine.
PATIENCE_S = 120.0


def start(work: Callable[..., object], *arguments: object) -> Job:
    return Registry().start(in_process(work, *arguments), spec={})


def until(job: Job, cells: int) -> JobView:
    """Return the view once so many cells are done."""
    asked = monotonic()
    while job.view().done < cells and monotonic() - asked < PATIENCE_S:
        sleep(0.02)
    return job.view()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_rows_and_result_come_from_another_process() -> None:
    view = start(counts, 3).wait(PATIENCE_S)
    assert (view.state, view.done, view.total) == ("done", 3, 3)
    assert [row["n"] for row in view.rows] == [0, 1, 2]
    assert view.result == "counted to 3"
    assert os.getpid() not in {row["pid"] for row in view.rows}


def test_what_goes_wrong_in_the_child_is_told_and_rows_stay() -> None:
    jobs = [start(work) for work in (refuses, fails, dies)]
    refused, failed, died = (job.wait(PATIENCE_S) for job in jobs)
    assert {view.state for view in (refused, failed, died)} == {"failed"}
    assert str(refused.error) == "no data; expected a dataset. Choose one."
    assert [row["n"] for row in refused.rows] == [0]
    assert "ZeroDivisionError: by nought" in str(failed.error)
    assert "ended with -9" in str(died.error)
    assert [row["n"] for row in died.rows] == [0]


@pytest.mark.parametrize("work", [goes_on, never_checks])
def test_a_cancel_is_obeyed_or_enforced_within_a_second(
    work: Callable[[Job], None],
) -> None:
    job = start(work)
    (pid, *_) = {row["pid"] for row in until(job, 1).rows}
    asked = monotonic()
    job.cancel()
    view = job.wait(PATIENCE_S)
    assert view.state == "cancelled"
    assert monotonic() - asked < 1.0
    assert len(view.rows) >= 1
    assert not is_alive(pid)


def test_work_that_cannot_be_sent_is_refused_with_the_way_out() -> None:
    with pytest.raises(WorkbenchError, match="in a thread"):
        in_process(lambda job: None)


def test_a_sweep_in_a_process_is_the_sweep_and_is_resumed(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    network = wb.load_model("lenet5-mnist5k")
    order = SweepOrder(network, val_data(network, 40), ("magnitude",), (0.5, 0.9))
    here = run_sweep(Job("here", {}), order)
    job = Registry().start(sweep_in_process(order, tmp_path), spec={})
    until(job, 2)
    job.cancel()
    stopped = job.wait(PATIENCE_S)
    assert stopped.state in ("cancelled", "done")
    store = wb.Store(tmp_path)
    kept = {key for key, row in store.rows(store.runs()[0].id).items()}
    assert len(kept) >= 3
    again = Registry().start(sweep_in_process(order, tmp_path), spec={})
    view = again.wait(PATIENCE_S)
    assert (view.state, view.total) == ("done", len(here.rows))
    assert view.result == here
    assert store.runs()[0].status == "done"
