"""Cells on a Ray cluster: network and data shipped once, lost workers replaced.

Ray is an optional extra (``pip install 'pruning-workbench[cluster]'``). A worker is an
actor that keeps the dense network's outputs and what comes before the pruned layer;
it answers one cell at a time. When a worker dies, its cell goes to another one.

Belongs here: workers on a cluster. Does not belong here: what a cell is
(``analysis/sensitivity``), scheduling of machines (Ray's).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from workbench.analysis.sensitivity.grid import Curve, SweepOptions
from workbench.analysis.sensitivity.rows import Base, Skipped, SweepRow, cell_key
from workbench.analysis.sensitivity.sweeper import Found, evaluate_dense, stops
from workbench.data.dataset import Dataset
from workbench.errors import WorkbenchError
from workbench.extras import missing_package
from workbench.models.network import Network
from workbench.workflows.sweep.order import SweepOrder

Check = Callable[[], None]
_POLL_S = 0.2
# A worker that dies this often in a row is not bad luck.
_MOST_LOST = 20


class RayExecutor:
    """Return the executor that works on a Ray cluster.

    Parameters
    ----------
    address : str or None
        Of the cluster; None starts Ray on this machine, or joins the one that runs.
    workers : int or None
        Actors, each on one processor; None takes as many as the cluster has.

    Raises
    ------
    WorkbenchError
        Ray is not installed, or the cluster cannot be reached.
    """

    def __init__(
        self, *, address: str | None = None, workers: int | None = None
    ) -> None:
        self._ray = _ray()
        if not self._ray.is_initialized():
            try:
                self._ray.init(address=address, log_to_driver=False)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise WorkbenchError(
                    f"no Ray cluster at {address!r} ({error})",
                    "the address of a running cluster, host:port",
                    "Start one with: ray start --head.",
                ) from error
        self._workers = workers
        self.lost = 0

    def run(
        self,
        order: SweepOrder,
        curves: Sequence[Curve],
        *,
        known: Mapping[str, SweepRow],
        check: Check,
        on_base: Callable[[Base], None],
    ) -> Iterator[Found]:
        """Yield every cell that is not known, as it comes; see ``SweepExecutor``."""
        ray = self._ray
        shipped = ray.put((order.network, order.data, order.options))
        actor = ray.remote(num_cpus=1, max_restarts=0)(_Worker)
        count = self._workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        idle = [actor.remote(shipped) for _ in range(min(count, len(curves)))]
        waiting = deque(_Progress(curve, known) for curve in curves)
        busy: dict[Any, tuple[Any, _Progress]] = {}
        base: Base | None = None
        while waiting or busy:
            check()
            while idle and waiting:
                worker, progress = idle.pop(), waiting.popleft()
                if progress.level is None:
                    idle.append(worker)
                    continue
                reference = worker.cell.remote(progress.curve, progress.level)
                busy[reference] = worker, progress
            if not busy:
                continue
            done, _ = ray.wait(list(busy), num_returns=1, timeout=_POLL_S)
            for reference in done:
                worker, progress = busy.pop(reference)
                try:
                    base_found, found = ray.get(reference)
                except ray.exceptions.RayActorError as error:
                    self._replaced(error)
                    waiting.appendleft(progress)
                    # A new worker would wait for the processor that the others hold.
                    if not idle and not busy:
                        idle.append(actor.remote(shipped))
                    continue
                idle.append(worker)
                if base is None:
                    base = base_found
                    on_base(base_found)
                yield found
                yield from progress.advance(found, base_found, order.options)
                # The same worker goes on with its curve: it has what comes before.
                waiting.appendleft(progress)
        for worker in idle:
            ray.kill(worker)

    def _replaced(self, error: Exception) -> None:
        self.lost += 1
        if self.lost > _MOST_LOST:
            raise WorkbenchError(
                f"{self.lost} workers were lost ({error})",
                "workers that live as long as a cell takes",
                "Look at the cluster's logs: memory is the usual reason.",
            ) from error


class _Worker:
    """Runs on the cluster: one network, one dataset, one cell at a time."""

    def __init__(self, shipped: tuple[Network, Dataset, SweepOptions]) -> None:
        import torch

        network, data, options = shipped
        torch.set_num_threads(1)
        self._sweeper = evaluate_dense(network, data, options)

    def cell(self, curve: Curve, sparsity: float) -> tuple[Base, Found]:
        """Return the dense network's numbers and those of one cell."""
        return self._sweeper.base, self._sweeper.cell(curve, sparsity)


class _Progress:
    """How far one curve is; its cells go one after the other, for the early stop."""

    def __init__(self, curve: Curve, known: Mapping[str, SweepRow]) -> None:
        self.curve = curve
        self._left = deque(
            level
            for level in curve.sparsities
            if cell_key(curve.subject, curve.method, level) not in known
        )

    @property
    def level(self) -> float | None:
        """The next sparsity, None when the curve is done."""
        return self._left[0] if self._left else None

    def advance(
        self, found: Found, base: Base, options: SweepOptions
    ) -> Iterator[Skipped]:
        """Go on to the next cell; yield those that an early stop leaves out."""
        self._left.popleft()
        if isinstance(found, SweepRow) and stops(base, found, options):
            reason = f"stopped after sparsity {found.sparsity:g}"
            while self._left:
                yield Skipped(
                    self.curve.subject, self.curve.method, self._left.popleft(), reason
                )


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise missing_package(error) or error from None
    return ray
