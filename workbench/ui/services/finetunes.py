"""Fine-tuning for the page Train, and the tuned networks of a session.

Belongs here: what the form says as an order, starting it, what a visitor keeps. Does
not belong here: the training and its record (``workflows.finetune``, ``.lottery``),
pictures (``components.train``).
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui.services import data
from workbench.ui.services.settled import asking
from workbench.workflows import orders
from workbench.workflows.finetune import FinetuneOrder, run_finetune
from workbench.workflows.lottery import LotteryOrder

if TYPE_CHECKING:
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork

_KEPT = "tuned_networks"
# What the trainings of a lottery take of the form.
_LOTTERY = ("epochs", "lr", "rates", "batch_size", "weight_decay", "seed")


@dataclass(frozen=True)
class FinetuneChoice:
    """What the form says: settings, how many images, which method with parameters."""

    settings: dict[str, Any]
    images: int
    method: str = ""
    params: dict[str, Any] = field(default_factory=dict)


def order_of(pruned: "PrunedNetwork", choice: FinetuneChoice) -> FinetuneOrder:
    """Return the training of a pruned network with the shell's data.

    Raises
    ------
    WorkbenchError
        The images are not on this machine.
    """
    train = data.load(pruned, "train")
    return FinetuneOrder(
        pruned=pruned,
        train=train if choice.images >= len(train) else train.take(choice.images),
        val=data.load(pruned, "val"),
        test=data.current(pruned),
        settings=choice.settings,
        method=choice.method,
        params=choice.params,
    )


def lottery_of(order: FinetuneOrder) -> LotteryOrder:
    """Return the rounds of lottery tickets that the form describes.

    Raises
    ------
    WorkbenchError
        No validation images.
    """
    from workbench.training.lottery import LotteryPlan

    if order.val is None:
        raise WorkbenchError(
            f"no validation images of {order.train.name}",
            "images that score the rounds",
            "Choose a network whose dataset has a validation split.",
        )
    settings = {
        name: order.settings[name] for name in _LOTTERY if name in order.settings
    }
    plan = LotteryPlan(**order.params)
    return LotteryOrder(order.pruned.base, order.train, order.val, plan, settings)


def start(order: FinetuneOrder) -> str:
    """Start or continue a training in the background; return the job's id.

    Raises
    ------
    WorkbenchError
        Too many jobs are running.
    """
    return orders.start(order, lambda job, order: run_finetune(job, order, asking()))


def start_over(order: FinetuneOrder) -> str:
    """Forget the order's checkpoint, then start."""
    order.checkpoint.unlink(missing_ok=True)
    return start(order)


def keep(network: "PrunedNetwork") -> None:
    """Remember the newest trained network of its dense one, for this visitor."""
    kept = st.session_state.get(_KEPT, {})
    st.session_state[_KEPT] = {**kept, network.base.digest: network}


def tuned_of(network: "Network") -> "PrunedNetwork | None":
    """Return the newest network that this visitor trained from a dense one."""
    found: PrunedNetwork | None = st.session_state.get(_KEPT, {}).get(network.digest)
    return found
