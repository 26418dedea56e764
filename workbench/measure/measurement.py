"""The result of one measurement: rows, ratios, conditions, stable JSON.

Belongs here: the values that measure() returns and their documented keys. Does not
belong here: how the samples are taken (interleave.py).
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError
from workbench.measure.agreement import Agreement
from workbench.measure.conditions import Conditions
from workbench.measure.statistics import Ratio, Spread, ratio

FORMAT_VERSION = 1
# On an idle machine the 90th percentile stays within 1.2 times the 10th.
DISTURBED = 1.5


@dataclass(frozen=True)
class Timing:
    """Return what was measured of one contender.

    Parameters
    ----------
    name : str
        Unique within the measurement, e.g. "workbench pruned".
    engine : str
        Name in the peer table, or the name given with a callable.
    weights : str
        "dense" or "pruned".
    spread : Spread or None
        Median, p10, p90, minimum, n; None when the contender was refused.
    agreement : Agreement or None
        Output against torch on the same weights; None when it could not run.
    prepare_ms : float
        What loading, compiling and packing took; never part of a sample.
    refused : str or None
        Why there is no time.
    samples_ms : tuple of float
        One a round, in the order of the rounds.
    """

    name: str
    engine: str
    weights: str
    spread: Spread | None
    agreement: Agreement | None
    prepare_ms: float
    refused: str | None = None
    samples_ms: tuple[float, ...] = field(default=(), repr=False)

    @property
    def median_ms(self) -> float | None:
        """Median time of one call in ms, None when refused."""
        return None if self.spread is None else self.spread.median_ms


@dataclass(frozen=True)
class Comparison:
    """Return how one contender's time relates to another's.

    Parameters
    ----------
    name, baseline : str
        Rows that are compared.
    ratio : Ratio
        Baseline time over contender time, interval and verdict.
    """

    name: str
    baseline: str
    ratio: Ratio

    @property
    def sentence(self) -> str:
        """Say it in words, with the interval."""
        r = self.ratio
        spread = f"{r.value:.2f}x ({r.lo:.2f} to {r.hi:.2f})"
        if r.verdict == "within noise":
            return f"{self.name} and {self.baseline}: within noise, {spread}"
        return f"{self.name} is {r.verdict} than {self.baseline}: {spread}"


@dataclass(frozen=True)
class Measurement:
    """Return all rows of one interleaved run and the conditions they share.

    Parameters
    ----------
    rows : tuple of Timing
        In the order the contenders were given.
    conditions : Conditions
        Machine, threads, versions, load, date.
    network, digest : str
        Name and digest of the weights that were measured last in line (the pruned
        ones where there are both).
    input_shape : (N, C, H, W)
        Of the input every contender got.
    absent : tuple of (str, str)
        Engines asked for that cannot run here, with the reason.
    """

    rows: tuple[Timing, ...]
    conditions: Conditions
    network: str
    digest: str
    input_shape: tuple[int, ...]
    absent: tuple[tuple[str, str], ...] = ()

    def row(self, name: str) -> Timing:
        """Return the row of that name.

        Raises
        ------
        WorkbenchError
            When there is no such row.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise WorkbenchError(
            found=f"row {name!r}",
            expected="one of " + ", ".join(repr(row.name) for row in self.rows),
            next_step="Name a contender that took part.",
        )

    @property
    def timed(self) -> tuple[Timing, ...]:
        """Rows that have a time."""
        return tuple(row for row in self.rows if row.spread is not None)

    @property
    def warning(self) -> str | None:
        """None, or why these times should not be quoted: the machine was busy."""
        spreads = [row.spread for row in self.rows if row.spread is not None]
        if not spreads:
            return None
        typical = float(np.median([one.p90_ms / one.p10_ms for one in spreads]))
        if typical <= DISTURBED:
            return None
        return (
            f"times vary {typical:.1f}-fold (p90 over p10) and the load was "
            f"{self.conditions.load_1min:.1f} on {self.conditions.cores} cores: "
            "something else was running; measure again on an idle machine"
        )

    def compare(self, name: str, baseline: str) -> Comparison | None:
        """Return the ratio of two rows, or None when one of them was refused."""
        mine, base = self.row(name), self.row(baseline)
        if mine.spread is None or base.spread is None:
            return None
        return Comparison(name, baseline, ratio(_samples(base), _samples(mine)))

    def against(self, baseline: str) -> tuple[Comparison, ...]:
        """Return every timed row (but the baseline itself) against `baseline`."""
        found = (
            self.compare(row.name, baseline)
            for row in self.rows
            if row.name != baseline
        )
        return tuple(one for one in found if one is not None)

    def to_dict(self, *, baseline: str | None = None) -> dict[str, Any]:
        """Return JSON-ready fields with stable keys.

        Parameters
        ----------
        baseline : str or None
            Row that each row's `ratio` is counted against; the first timed row when
            None.

        Notes
        -----
        Keys: `version`, `network`, `digest`, `input_shape`, `threads`, `baseline`,
        `rows`, `absent`, `warning`, `conditions`. A row: `name`, `engine`, `weights`,
        `median_ms`, `p10_ms`, `p90_ms`, `min_ms`, `n`, `inner`, `prepare_ms`,
        `refused`, `max_abs_error`, `max_rel_error`, `tolerance`, `ratio`,
        `ratio_lo`, `ratio_hi`, `verdict`. What was not measured is null.
        """
        if baseline is None and self.timed:
            baseline = self.timed[0].name
        ratios = (
            {}
            if baseline is None
            else {one.name: one.ratio for one in self.against(baseline)}
        )
        return {
            "version": FORMAT_VERSION,
            "network": self.network,
            "digest": self.digest,
            "input_shape": list(self.input_shape),
            "threads": self.conditions.threads,
            "baseline": baseline,
            "rows": [_row_dict(row, ratios.get(row.name)) for row in self.rows],
            "absent": [{"name": n, "reason": why} for n, why in self.absent],
            "warning": self.warning,
            "conditions": self.conditions.to_dict(),
        }


def _samples(row: Timing) -> NDArray[np.float64]:
    return np.asarray(row.samples_ms, dtype=np.float64)


def _row_dict(row: Timing, ratio_: Ratio | None) -> dict[str, Any]:
    spread_keys = ("median_ms", "p10_ms", "p90_ms", "min_ms", "n", "inner")
    spread = dict.fromkeys(spread_keys) if row.spread is None else asdict(row.spread)
    agreement = row.agreement
    comparable = agreement is not None and agreement.problem is None
    return {
        "name": row.name,
        "engine": row.engine,
        "weights": row.weights,
        **spread,
        "prepare_ms": row.prepare_ms,
        "refused": row.refused,
        "max_abs_error": agreement.max_abs if agreement and comparable else None,
        "max_rel_error": agreement.max_rel if agreement and comparable else None,
        "tolerance": agreement.tolerance if agreement else None,
        "ratio": None if ratio_ is None else ratio_.value,
        "ratio_lo": None if ratio_ is None else ratio_.lo,
        "ratio_hi": None if ratio_ is None else ratio_.hi,
        "verdict": None if ratio_ is None else ratio_.verdict,
    }
