"""A sweep in several processes of this machine."""

import threading
from contextlib import closing
from pathlib import Path
from time import monotonic

import psutil
import pytest
import torch

import workbench as wb
from tests.support.sweep_data import val_data
from workbench.errors import WorkbenchError
from workbench.jobs.job import Job
from workbench.store.store import Store
from workbench.workflows.sweep.order import SweepOrder
from workbench.workflows.sweep.process_executor import ProcessExecutor, shared
from workbench.workflows.sweep.run import run_sweep


def order(images: int = 40, **options: object) -> SweepOrder:
    net = wb.load_model("lenet5-mnist5k")
    return SweepOrder(
        net,
        val_data(net, images),
        ("magnitude", "filter"),
        (0.3, 0.5, 0.7, 0.9),
        wb.SweepOptions(**options),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("stop", [None, 0.1])
def test_two_processes_give_what_one_thread_gives(stop: float | None) -> None:
    torch.set_num_threads(1)
    asked = order(stop_drop=stop)
    found = run_sweep(Job("crew", {}), asked, executor=ProcessExecutor(2))
    assert found == run_sweep(Job("local", {}), asked)
    assert len(found.rows) + len(found.skipped) == 4 * len(asked.curves)


def test_shares_hold_every_curve_once_and_weigh_about_the_same() -> None:
    net = wb.load_model("resnet20-cifar10")
    asked = SweepOrder(net, val_data(net, 1), ("magnitude",), (0.5,))
    shares = shared(asked, asked.curves, 2)
    assert sorted(curve.subject for share in shares for curve in share) == sorted(
        curve.subject for curve in asked.curves
    )
    macs = {layer.id: layer.macs for layer in net.layers}
    ids = list(macs)
    weights = [
        sum(sum(macs[i] for i in ids[ids.index(curve.subject) :]) for curve in share)
        for share in shares
    ]
    assert max(weights) < 1.05 * min(weights)
    assert len(shared(asked, asked.curves[:1], 4)) == 1


def test_cancel_ends_the_processes_within_a_second() -> None:
    job = Job("crew", {})
    before = set(psutil.Process().children())
    ended: list[float] = []

    def work(one: Job) -> object:
        return run_sweep(one, order(4000), executor=ProcessExecutor(2))

    thread = threading.Thread(target=lambda: (job.run(work), ended.append(monotonic())))
    thread.start()
    while job.view().done == 0 and thread.is_alive():
        thread.join(0.05)
    asked = monotonic()
    job.cancel()
    thread.join(30)
    assert job.view().state == "cancelled"
    assert ended[0] - asked < 5
    assert set(psutil.Process().children()) <= before


def test_a_killed_process_is_named_and_its_cells_are_kept(tmp_path: Path) -> None:
    asked = order(4000)
    before = set(psutil.Process().children())
    job = Job("crew", {})

    def kill_one(view: object) -> None:
        mine = set(psutil.Process().children()) - before
        if mine:
            mine.pop().kill()

    job.watch(kill_one)
    with closing(Store(tmp_path)) as store:
        with pytest.raises(WorkbenchError, match="ended with -9"):
            run_sweep(job, asked, store=store, executor=ProcessExecutor(2))
        kept = [store.rows(run.id) for run in store.runs(limit=10)]
    assert [len(rows) > 1 for rows in kept] == [True]
    assert [run.status for run in Store(tmp_path).runs(limit=10)] == ["failed"]


def test_processes_that_would_time_each_other_are_refused() -> None:
    with pytest.raises(WorkbenchError, match="2 workers that measure times"):
        run_sweep(
            Job("crew", {}), order(latency="measure"), executor=ProcessExecutor(2)
        )
