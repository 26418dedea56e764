"""Accuracy and time at once: what the slider of the page Prune shows as it moves.

Belongs here: a compiled dense network whose numbers are exchanged for pruned ones, a
quick subset through it, both programs timed in turn. Does not belong here: the careful
measurement with torch and tuned kernels (``trial``), drawing.

The network is exported once and read again with other numbers, and kernels are taken
by the cost model, the same way for both programs.
"""

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import streamlit as st

import workbench as wb
from workbench.ui.services.settled import MOST_MACS, Settled

if TYPE_CHECKING:
    from workbench.analysis.accuracy import Accuracy
    from workbench.capture.from_torch.torch_export import Recapture
    from workbench.data.dataset import Dataset
    from workbench.engine.graph.graph import Graph
    from workbench.engine.program import Program
    from workbench.measure.statistics import Ratio, Spread
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork

IMAGES = ((10_000_000, 500), (45_000_000, 300), (MOST_MACS, 150))
"""(dense MACs up to, images): what a core answers in a fraction of a second."""
ROUNDS_S = 0.12
LEAST_ROUNDS, MOST_ROUNDS = 10, 200


@dataclass(frozen=True)
class Reading:
    """One network: accuracy (None without images) and time of one image."""

    accuracy: "Accuracy | None"
    time: "Spread"


@dataclass(frozen=True)
class Live:
    """Dense and pruned network measured in turn, and what that took in seconds.

    ``raw`` is the accuracy right after pruning where the pruned network's is that with
    batch norms re-estimated; None where they are the same.
    """

    dense: Reading
    pruned: Reading
    raw: "Accuracy | None"
    gain: "Ratio"
    seconds: float


def live(
    network: "Network",
    pruned: "PrunedNetwork",
    settled: Settled,
    images: "Dataset | None",
) -> Live:
    """Return accuracy and time of both networks, measured now; kept by digest.

    Parameters
    ----------
    network : Network
        Dense; ``settled.follows`` said yes.
    pruned : PrunedNetwork
        The same network under a recipe, raw.
    settled : Settled
        What became of it.
    images : Dataset or None
        A class-balanced part of it is used; None leaves accuracy out.
    """
    few = None if images is None else images.take(count_of(network, len(images)))
    digest = None if few is None else few.digest
    return _live(
        network.digest,
        (pruned.digest, settled.network.digest),
        digest,
        network,
        (pruned, settled.network),
        few,
    )


def count_of(network: "Network", available: int) -> int:
    """Return how many images follow the slider: fewer for larger networks."""
    macs = sum(layer.macs for layer in network.layers)
    return min(next(n for most, n in IMAGES if macs <= most), available)


def warm(network: "Network", images: "Dataset | None") -> None:
    """Capture, compile and ask the dense network, so that the first move is quick."""
    _, program = _dense(network.digest, network)
    if images is not None:
        few = images.take(count_of(network, len(images)))
        _accuracy(network.digest, few.digest, program, few)


@st.cache_data(max_entries=128, show_spinner=False)
def _live(
    digest: str,
    digests: tuple[str, str],
    data_digest: str | None,
    _network: "Network",
    _pair: "tuple[PrunedNetwork, PrunedNetwork]",
    _images: "Dataset | None",
) -> Live:
    started = perf_counter()
    again, program = _dense(digest, _network)
    pruned, used = _pair
    thin = _program(again(used.module))
    before = _accuracy(digest, data_digest, program, _images)
    after = _accuracy(digests[1], data_digest, thin, _images)
    first, second, gain = _in_turn(program, thin)
    thin.close()
    raw = None
    if digests[0] != digests[1]:
        rough = _program(again(pruned.module))
        raw = _accuracy(digests[0], data_digest, rough, _images)
        rough.close()
    seconds = perf_counter() - started
    return Live(Reading(before, first), Reading(after, second), raw, gain, seconds)


@st.cache_resource(max_entries=3, show_spinner=False)
def _dense(digest: str, _network: "Network") -> "tuple[Recapture, Program]":
    from workbench.capture.from_torch.torch_export import Recapture

    again = Recapture(_network)
    return again, _program(again(_network.module))


def _program(graph: "Graph") -> "Program":
    from workbench.engine.compile import compile_graph

    return compile_graph(graph, tune="model")


@st.cache_data(max_entries=128, show_spinner=False)
def _accuracy(
    digest: str, data_digest: str | None, _program: Any, _images: "Dataset | None"
) -> "Accuracy | None":
    if _images is None:
        return None
    found: Accuracy = wb.evaluate(_program, _images)
    return found


def _in_turn(first: "Program", second: "Program") -> "tuple[Spread, Spread, Ratio]":
    """Return the times of two programs that take turns on an image, and their ratio."""
    from workbench.engine.noise import noise_image
    from workbench.engine.tuning.turns import time_functions
    from workbench.measure.statistics import ratio, summarise

    image = noise_image(first.input_shape)
    found = time_functions(
        {"dense": lambda: first(image), "pruned": lambda: second(image)},
        seconds=ROUNDS_S,
        least=LEAST_ROUNDS,
        most=MOST_ROUNDS,
    )
    dense, pruned = found["dense"], found["pruned"]
    return summarise(dense), summarise(pruned), ratio(dense, pruned)
