"""However a sweep ends, its run says so: none stays "running" in a living process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.pruning_networks import network
from tests.support.sweep_data import val_data
from workbench.analysis.sensitivity.grid import SweepOptions
from workbench.errors import WorkbenchError
from workbench.jobs.job import Job, JobCancelled
from workbench.store.store import Store
from workbench.workflows.sweep.order import SweepOrder
from workbench.workflows.sweep.run import run_sweep


class Failing:
    """An executor that fails before the first cell."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def run(self, *_: Any, **__: Any) -> Iterator[Any]:
        raise self._error
        yield


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyError("no such cell"), "failed", "KeyError: 'no such cell'"),
        (WorkbenchError("a", "b", "c"), "failed", "a; expected b. c"),
        (JobCancelled("x"), "cancelled", ""),
        (KeyboardInterrupt(), "cancelled", ""),
    ],
)
def test_the_run_of_a_sweep_that_failed_says_so(
    tmp_path: Path, error: BaseException, status: str, said: str
) -> None:
    net = network("residual")
    order = SweepOrder(net, val_data(net), options=SweepOptions(latency="none"))
    store = Store(tmp_path)
    with pytest.raises(type(error)):
        run_sweep(
            Job("sweep", {}),
            order,
            store=store,
            executor=Failing(error),
        )
    (run,) = store.runs()
    assert (run.status, run.error) == (status, said)
