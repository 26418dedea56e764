"""Jobs report progress, stop when told, keep what they have, never die silently."""

import threading
from collections.abc import Iterator
from itertools import count
from time import monotonic, sleep

import pytest

from workbench.errors import WorkbenchError
from workbench.jobs.job import Job
from workbench.jobs.registry import Registry, registry

# Generous: the contract is one second with cells that check once a second.
PATIENCE_S = 20.0


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_job_ends_with_its_rows_and_result() -> None:
    def work(job: Job) -> str:
        for n in range(4):
            job.advance({"n": n})
        return "all"

    view = Registry().start(work, spec={"what": "count"}, total=4).wait(PATIENCE_S)
    assert (view.state, view.done, view.total) == ("done", 4, 4)
    assert [row["n"] for row in view.rows] == [0, 1, 2, 3]
    assert (view.result, view.error, view.eta_s) == ("all", None, 0.0)
    assert view.spec == {"what": "count"}


def test_cancel_stops_within_a_second_and_keeps_the_rows() -> None:
    def work(job: Job) -> None:
        for n in count():
            sleep(0.02)
            job.advance({"n": n})

    job = Registry().start(work, spec={})
    while job.view().done < 3:
        sleep(0.01)
    asked = monotonic()
    job.cancel()
    view = job.wait(PATIENCE_S)
    assert view.state == "cancelled"
    assert monotonic() - asked < 1.0
    assert len(view.rows) >= 3
    assert view.done == len(view.rows)


def test_a_job_cancelled_before_its_first_cell_has_no_rows(
    gate: threading.Event,
) -> None:
    def work(job: Job) -> None:
        gate.wait(PATIENCE_S)
        job.check()
        job.advance({"n": 0})

    job = Registry().start(work, spec={})
    job.cancel()
    assert job.view().state == "running"
    gate.set()
    view = job.wait(PATIENCE_S)
    assert (view.state, view.rows) == ("cancelled", ())


def test_a_failure_keeps_rows_and_says_what_happened() -> None:
    def wrong(job: Job) -> None:
        job.advance({"n": 0})
        raise ZeroDivisionError("by nought")

    def refused(job: Job) -> None:
        raise WorkbenchError("no data", "a dataset", "Choose one.")

    jobs = Registry()
    view = jobs.start(wrong, spec={}).wait(PATIENCE_S)
    assert (view.state, view.rows) == ("failed", ({"n": 0},))
    assert "ZeroDivisionError: by nought" in str(view.error)
    view = jobs.start(refused, spec={}).wait(PATIENCE_S)
    assert str(view.error) == "no data; expected a dataset. Choose one."


def test_the_remaining_time_comes_from_the_measured_cells(
    gate: threading.Event,
) -> None:
    reached = threading.Event()

    def work(job: Job) -> None:
        for n in range(4):
            sleep(0.05)
            job.advance({"n": n})
        reached.set()
        gate.wait(PATIENCE_S)

    job = Registry().start(work, spec={}, total=10)
    assert job.view().eta_s is None
    assert reached.wait(PATIENCE_S)
    eta = job.view().eta_s
    assert eta is not None
    assert 6 * 0.05 <= eta < 6 * PATIENCE_S
    assert job.view().elapsed_s >= 4 * 0.05


def test_rounds_of_a_measurement_count_as_cells() -> None:
    def work(job: Job) -> None:
        for done in (0, 0, 1, 2, 5):
            job.on_round(done, 8)

    view = Registry().start(work, spec={}).wait(PATIENCE_S)
    assert (view.done, view.total) == (5, 8)


def test_finished_jobs_are_forgotten_and_running_ones_are_not(
    gate: threading.Event,
) -> None:
    jobs = Registry(max_jobs=3)
    running = jobs.start(lambda job: gate.wait(PATIENCE_S), spec={})
    done = []
    for _ in range(6):
        done.append(jobs.start(lambda job: None, spec={}))
        done[-1].wait(PATIENCE_S)
    assert len(jobs.jobs()) <= 3
    assert jobs.get(running.id) is running
    assert jobs.get(done[-1].id) is done[-1]
    with pytest.raises(WorkbenchError, match="no job"):
        jobs.get(done[0].id)


def test_too_many_running_jobs_are_refused(gate: threading.Event) -> None:
    jobs = Registry(max_running=2)
    for _ in range(2):
        jobs.start(lambda job: gate.wait(PATIENCE_S), spec={})
    with pytest.raises(WorkbenchError, match="2 jobs are running"):
        jobs.start(lambda job: None, spec={})


def test_the_process_has_one_registry() -> None:
    job = registry().start(lambda job: None, spec={})
    job.wait(PATIENCE_S)
    assert registry().get(job.id) is job
