"""A job: work in the background, with progress, partial rows and a way to stop it.

Belongs here: one job's life. Does not belong here: the list of jobs (registry.py),
what the work is (the caller's function).
"""

import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import monotonic
from typing import Any, Literal

from workbench.defect import Defect, explained
from workbench.errors import WorkbenchError

logger = logging.getLogger(__name__)

State = Literal["running", "done", "cancelled", "failed"]
Row = Mapping[str, Any]
# The remaining time is judged by the latest cells: early ones warm caches.
_RECENT_CELLS = 20


class JobCancelled(Exception):
    """Raised inside the work at the next check after someone cancelled."""


@dataclass(frozen=True)
class JobView:
    """Return what a job looked like at one moment.

    Parameters
    ----------
    id : str
        Short, unique in this process; fits a URL.
    spec : mapping
        What was asked for, as the caller put it.
    state : str
        "running", "done", "cancelled" or "failed".
    done, total : int
        Cells; total 0 means unknown.
    rows : tuple of mappings
        Results so far; they stay after a cancel or a failure.
    result : object
        What the work returned, None before that.
    error : WorkbenchError or None
        Why it failed.
    elapsed_s : float
        Since the start, until the end.
    eta_s : float or None
        Seconds left by the latest cells; None while nothing is known.
    """

    id: str
    spec: Mapping[str, Any]
    state: State
    done: int
    total: int
    rows: tuple[Row, ...]
    result: object
    error: WorkbenchError | None
    elapsed_s: float
    eta_s: float | None

    @property
    def finished(self) -> bool:
        """True when nothing will change any more."""
        return self.state != "running"


class Job:
    """Return a job; the work sees it as its context, others ask for `view()`.

    Parameters
    ----------
    job_id : str
        Unique.
    spec : mapping
        Shown to people; not interpreted.
    total : int
        Cells, 0 when not known yet.
    """

    def __init__(self, job_id: str, spec: Mapping[str, Any], *, total: int = 0) -> None:
        self.id = job_id
        self._spec = dict(spec)
        self._guard = threading.Lock()
        self._cancel = threading.Event()
        self._ended = threading.Event()
        self._state: State = "running"
        self._total = total
        self._done = 0
        self._rows: list[Row] = []
        self._result: object = None
        self._error: WorkbenchError | None = None
        self._started = self._last = monotonic()
        self._finished: float | None = None
        self._cells: deque[float] = deque(maxlen=_RECENT_CELLS)
        self._watcher: Callable[[JobView], None] | None = None

    @property
    def cancelled(self) -> bool:
        """Whether someone asked the work to stop."""
        return self._cancel.is_set()

    def check(self) -> None:
        """Stop here when the job was cancelled; call it at least once a second.

        Raises
        ------
        JobCancelled
            When someone cancelled.
        """
        if self._cancel.is_set():
            raise JobCancelled(self.id)

    def set_total(self, total: int) -> None:
        """Say how many cells there are."""
        with self._guard:
            self._total = total

    def advance(self, row: Row | None = None, *, cells: int = 1) -> None:
        """Count cells as done, keep a row of results, and check for cancel."""
        now = monotonic()
        with self._guard:
            self._cells.append((now - self._last) / max(cells, 1))
            self._last = now
            self._done += cells
            if row is not None:
                self._rows.append(dict(row))
        if self._watcher is not None:
            self._watcher(self.view())
        self.check()

    def watch(self, watcher: Callable[["JobView"], None]) -> None:
        """Call `watcher` with the view after each cell, in the thread that works."""
        self._watcher = watcher

    def on_round(self, done: int, total: int) -> None:
        """Take progress as `done` of `total`, as measure() reports it."""
        self.set_total(total)
        if done > self._done:
            self.advance(cells=done - self._done)
        self.check()

    def cancel(self) -> None:
        """Ask the work to stop at its next check; rows are kept."""
        self._cancel.set()

    def wait(self, timeout_s: float | None = None) -> JobView:
        """Return the view at the end, or when the time is up."""
        self._ended.wait(timeout_s)
        return self.view()

    def view(self) -> JobView:
        """Return what the job looks like now."""
        with self._guard:
            end = monotonic() if self._finished is None else self._finished
            return JobView(
                id=self.id,
                spec=dict(self._spec),
                state=self._state,
                done=self._done,
                total=self._total,
                rows=tuple(self._rows),
                result=self._result,
                error=self._error,
                elapsed_s=end - self._started,
                eta_s=self._eta(),
            )

    def run(self, work: Callable[["Job"], object]) -> None:
        """Do the work in this thread and record how it ended."""
        try:
            result = work(self)
        except JobCancelled:
            self._end("cancelled")
        except Exception as error:
            shown = explained(error, self._asked_for())
            if isinstance(shown, Defect):
                logger.warning("job %s failed", self.id, exc_info=error)
            self._end("failed", error=shown)
        else:
            self._end("done", result=result)

    def _asked_for(self) -> str:
        return f"a job, {json.dumps(self._spec, default=str)}"

    def _eta(self) -> float | None:
        if self._finished is not None:
            return 0.0
        if not self._cells or self._total < self._done or self._total == 0:
            return None
        return median(self._cells) * (self._total - self._done)

    def _end(
        self,
        state: State,
        *,
        result: object = None,
        error: WorkbenchError | None = None,
    ) -> None:
        with self._guard:
            self._state = state
            self._result = result
            self._error = error
            self._finished = monotonic()
        self._ended.set()
