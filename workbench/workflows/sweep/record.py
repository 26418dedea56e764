"""What a sweep knows so far, in memory and in the store; finding earlier cells.

Belongs here: cells as records, resuming by key. Does not belong here: evaluating them
(``executors``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from workbench.analysis.sensitivity.rows import Base, Skipped, Sweep, SweepRow
from workbench.analysis.sensitivity.sweeper import Found
from workbench.errors import WorkbenchError
from workbench.store.run import run_key
from workbench.store.store import Store
from workbench.workflows.sweep.order import KIND, SweepOrder

_BASE = "base"


class SweepRecord:
    """What a sweep knows so far, in memory and in the store.

    Parameters
    ----------
    store : Store or None
        None keeps cells in memory only.
    order : SweepOrder
        What was asked.
    resume : bool
        Whether cells that earlier runs answered are taken over.
    """

    def __init__(self, store: Store | None, order: SweepOrder, *, resume: bool) -> None:
        self._store = store
        self._run = ""
        self.base: Base | None = None
        self.known: dict[str, SweepRow] = {}
        self.skipped: dict[str, Skipped] = {}
        if store is None:
            return
        inputs = order.inputs
        if resume:
            self.known, self.base = known_rows(store, inputs)
        self._run = store.start_run(KIND, inputs=inputs)
        store.add_rows(
            self._run, {key: row.to_dict() for key, row in self.known.items()}
        )
        if self.base is not None:
            self.on_base(self.base)

    def on_base(self, base: Base) -> None:
        """Keep the dense network's numbers; the first ones found stay."""
        self.base = self.base or base
        if self._store is not None:
            self._store.add_row(self._run, _BASE, asdict(self.base))

    def add(self, found: Found) -> None:
        """Keep one cell."""
        if isinstance(found, SweepRow):
            self.known[found.key] = found
        else:
            self.skipped[found.key] = found
        if self._store is not None:
            self._store.add_row(self._run, found.key, cell_fields(found))

    def sweep(self, order: SweepOrder) -> Sweep:
        """Return everything known as one value."""
        if self.base is None:
            raise WorkbenchError(
                "a sweep without the dense network's accuracy",
                "an executor that reports it",
                "Report this: it is a defect of the executor.",
            )
        options = order.options
        data = order.data
        subset = data if options.images is None else data.take(options.images)
        return Sweep(
            model=order.network.name,
            model_digest=order.network.digest,
            data=data.name,
            data_digest=subset.digest,
            split=data.split,
            latency=options.latency,
            base=self.base,
            rows=tuple(self.known.values()),
            skipped=tuple(self.skipped.values()),
        )

    def finish(
        self,
        status: Any,
        *,
        results: Mapping[str, Any] | None = None,
        error: str = "",
    ) -> None:
        """Say in the store how the run ended."""
        if self._store is not None:
            self._store.finish(
                self._run, results=results or {}, status=status, error=error
            )


def known_rows(
    store: Store, inputs: Mapping[str, Any]
) -> tuple[dict[str, SweepRow], Base | None]:
    """Return the cells that earlier runs answered under the same conditions."""
    rows: dict[str, SweepRow] = {}
    base: Base | None = None
    for run in reversed(store.runs(key=run_key(KIND, inputs), limit=1000)):
        for key, value in store.rows(run.id).items():
            if key == _BASE:
                base = base or Base(**value)
            elif "reason" not in value:
                rows[key] = SweepRow.from_dict(value)
    return rows, base


def cell_fields(found: Found) -> dict[str, Any]:
    """Return a cell JSON-ready."""
    return found.to_dict() if isinstance(found, SweepRow) else asdict(found)
