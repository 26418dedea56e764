"""What a pruned network is worth: accuracy raw, and with batch norms re-estimated.

Belongs here: which accuracies a record holds, in what form. Does not belong here:
evaluating (``analysis``), re-estimating (``training.batchnorm``).
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import workbench as wb

if TYPE_CHECKING:
    from workbench.analysis.accuracy import Accuracy
    from workbench.data.dataset import Dataset
    from workbench.export.format import Exportable
    from workbench.pruning.pruned import PrunedNetwork

IMAGES, HELD = 400, 200
"""Training images that give the statistics, and others that say whether they help."""


class Settled(Protocol):
    """A pruned network as it would be used, as ``reestimate_if_better`` returns it."""

    @property
    def network(self) -> "PrunedNetwork":
        """With batch norms re-estimated, or raw."""

    @property
    def kept(self) -> bool:
        """Whether they are re-estimated."""

    @property
    def why(self) -> str:
        """Why they are not; "" where they are."""


def evaluate(network: "Exportable", data: "Dataset") -> "Accuracy":
    """Return the accuracy of a network on images."""
    found: Accuracy = wb.evaluate(network, data)
    return found


def settle(pruned: "PrunedNetwork", train: "Dataset", seed: int) -> Settled:
    """Return the better of raw and re-estimated."""
    from workbench.training.batchnorm import reestimate_if_better

    return reestimate_if_better(pruned, train, images=IMAGES, held=HELD, seed=seed)


@dataclass(frozen=True)
class Asking:
    """Who answers; a page gives functions that remember what it has shown.

    Parameters
    ----------
    evaluate : callable (network, data)
        Returns an accuracy.
    settle : callable (pruned, train, seed)
        Returns the network as it would be used.
    """

    evaluate: "Callable[[Exportable, Dataset], Accuracy]" = field(default=evaluate)
    settle: "Callable[[PrunedNetwork, Dataset, int], Settled]" = field(default=settle)


def raw_and_settled(
    pruned: "PrunedNetwork",
    data: "Dataset",
    train: "Dataset | None",
    asking: Asking,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the parts "raw" and "bn" of a record, each as soon as it is known.

    Parameters
    ----------
    pruned : PrunedNetwork
        Raw.
    data : Dataset
        Images that are scored.
    train : Dataset or None
        Images for the statistics of batch norms.
    asking : Asking
        Who answers.
    """
    yield "raw", asdict(asking.evaluate(pruned, data))
    if train is None:
        yield "bn", {"kept": False, "why": "there are no training images"}
        return
    found = asking.settle(pruned, train, pruned.recipe.seed)
    yield "bn", settled_part(found, asking.evaluate(found.network, data))


def settled_part(found: Settled, measured: "Accuracy") -> dict[str, Any]:
    """Return the accuracy with batch norms re-estimated as JSON, or why there is none.

    Parameters
    ----------
    found : Settled
        What became of the pruned network.
    measured : Accuracy
        Of that network.
    """
    said = {"kept": found.kept, "why": found.why}
    return {**asdict(measured), **said} if found.kept else said
