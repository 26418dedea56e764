"""Method ``pattern``: every 3x3 kernel keeps four entries in one of K shapes.

Source: PCONV (Ma et al. 2020), sparse convolution patterns; PatDNN (Niu et al. 2020)
for the dictionary: each kernel's natural pattern is its centre and its three largest
other entries, the K most frequent of these form the dictionary, and each kernel takes
the one that retains most of its energy.
"""

from __future__ import annotations

from workbench.pruning.method import Method, MethodError
from workbench.pruning.methods._patterned import PatternParams, masks, refuses

KEPT = 4 / 9


class Params(PatternParams):
    """The dictionary; connectivity 0 keeps every kernel."""


def at_sparsity(sparsity: float) -> dict[str, object]:
    """Return the connectivity for a sparsity: 1 - (4/9) (1 - connectivity)."""
    connectivity = 1 - (1 - sparsity) / KEPT
    if connectivity < -1e-9:
        raise MethodError(
            f"sparsity {sparsity:g} with 4-entry patterns",
            f"{1 - KEPT:.4f} or more, since patterns alone remove 5 of 9",
            "Ask for more, or use 'magnitude' for light pruning.",
        )
    found = round(max(0.0, connectivity), 6)
    return {"connectivity": found} if found else {}


METHOD = Method(
    name="pattern",
    keeps="4 entries of each 3x3 kernel in one of K shapes",
    source="Ma 2020, PCONV: sparse convolution patterns; Niu 2020, PatDNN",
    params=Params,
    masks=masks,
    at_sparsity=at_sparsity,
    refuses=refuses,
    granularity="pattern",
)
