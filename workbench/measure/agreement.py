"""Whether two engines computed the same thing.

Belongs here: comparing outputs and saying by how much they differ. Does not
belong here: running anything.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Relative to the largest reference output. fp32 engines stay under 2e-4 on whole
# networks (the worst is a large-tile Winograd); bf16 and fp16 arithmetic, or a
# weight that was lost, land above 1e-3.
TOLERANCE = 1e-3

FAINT = 1e-3
"""Outputs that are all smaller are compared with this: of a sigmoid far from zero,
engines keep what float32 has beside one, and some cut its argument at 18."""


@dataclass(frozen=True)
class Agreement:
    """Return how far an output is from the reference output.

    Parameters
    ----------
    max_abs : float
        Largest absolute difference.
    max_rel : float
        `max_abs` over the largest absolute reference value.
    tolerance : float
        Limit on `max_rel`.
    problem : str or None
        Why the outputs cannot be compared by value (shape, NaN).
    judge : str
        Whose output is the reference.
    """

    max_abs: float
    max_rel: float
    tolerance: float
    problem: str | None = None
    judge: str = "torch"

    @property
    def ok(self) -> bool:
        """True when the outputs count as equal."""
        return self.problem is None and self.max_rel <= self.tolerance

    @property
    def reason(self) -> str | None:
        """None, or why the contender gets no time."""
        if self.ok:
            return None
        if self.problem is not None:
            return self.problem
        return (
            f"output differs from {self.judge}: max abs error {self.max_abs:.3g}, "
            f"max rel error {self.max_rel:.3g}; allowed is {self.tolerance:.3g}"
        )

    def worst(self, other: "Agreement") -> "Agreement":
        """Return the one of two agreements that says more against equality."""
        if self.problem is not None or other.problem is not None:
            return self if self.problem is not None else other
        return self if self.max_rel >= other.max_rel else other


def compare_outputs(
    output: NDArray[np.float32],
    reference: NDArray[np.float32],
    *,
    tolerance: float = TOLERANCE,
    judge: str = "torch",
) -> Agreement:
    """Return how well `output` agrees with `reference`.

    Parameters
    ----------
    output, reference : float32 array
        Same shape when the engines agree.
    tolerance : float
        Limit on the largest difference over the largest reference value.
    judge : str
        Whose output the reference is.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.array([1.0, -2.0], np.float32)
    >>> compare_outputs(one * np.float32(1.5), one).max_rel
    0.5
    """
    if output.shape != reference.shape:
        text = f"output has shape {output.shape}; {judge} gives {reference.shape}"
        return Agreement(np.inf, np.inf, tolerance, text)
    if not np.isfinite(reference).all():
        text = f"{judge}'s own output holds NaN or infinity: nothing to compare with"
        return Agreement(np.inf, np.inf, tolerance, text)
    if not np.isfinite(output).all():
        text = f"output holds NaN or infinity; {judge}'s is finite"
        return Agreement(np.inf, np.inf, tolerance, text)
    largest = float(np.abs(reference).max(initial=0.0))
    error = float(np.abs(output.astype(np.float64) - reference).max(initial=0.0))
    if error == 0.0:
        return Agreement(0.0, 0.0, tolerance, judge=judge)
    return Agreement(error, error / max(largest, FAINT), tolerance, judge=judge)
