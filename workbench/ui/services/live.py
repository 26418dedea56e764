"""Accuracy and time at once: what the slider of the page Prune shows as it moves.

Belongs here: a compiled dense network whose weights are exchanged for pruned ones, a
quick subset through it, both programs timed in turn. Does not belong here: the careful
measurement with torch and tuned kernels (``trial``), drawing.

The network is captured once; masks go into the captured graph, and kernels are taken
by the cost model, the same way for both programs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

import workbench as wb

if TYPE_CHECKING:
    from workbench.analysis.accuracy import Accuracy
    from workbench.data.dataset import Dataset
    from workbench.engine.graph import Graph
    from workbench.engine.program import Program
    from workbench.measure.statistics import Ratio, Spread
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork

MOST_MACS = 120_000_000
"""Dense multiply-adds an image of the largest network that can follow a slider."""
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
    """Dense and pruned network measured in turn, and what that took in seconds."""

    dense: Reading
    pruned: Reading
    gain: "Ratio"
    seconds: float


def follows(network: "Network") -> bool:
    """Return whether a network is small enough to follow a slider."""
    return sum(layer.macs for layer in network.layers) <= MOST_MACS


def live(network: "Network", pruned: "PrunedNetwork", images: "Dataset | None") -> Live:
    """Return accuracy and time of both networks, measured now; kept by digest.

    Parameters
    ----------
    network : Network
        Dense; ``follows`` said yes.
    pruned : PrunedNetwork
        The same network under a recipe.
    images : Dataset or None
        A class-balanced part of it is used; None leaves accuracy out.
    """
    few = None if images is None else images.take(count_of(network, len(images)))
    digest = None if few is None else few.digest
    return _live(network.digest, pruned.digest, digest, network, pruned, few)


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
    pruned_digest: str,
    data_digest: str | None,
    _network: "Network",
    _pruned: "PrunedNetwork",
    _images: "Dataset | None",
) -> Live:
    started = perf_counter()
    graph, program = _dense(digest, _network)
    thin = _program(masked(graph, _pruned.masks))
    before = _accuracy(digest, data_digest, program, _images)
    after = _accuracy(pruned_digest, data_digest, thin, _images)
    first, second, gain = _in_turn(program, thin)
    thin.close()
    return Live(
        Reading(before, first), Reading(after, second), gain, perf_counter() - started
    )


@st.cache_resource(max_entries=3, show_spinner=False)
def _dense(digest: str, _network: "Network") -> "tuple[Graph, Program]":
    from workbench.capture.torch_export import capture

    graph = capture(_network)
    return graph, _program(graph)


def _program(graph: "Graph") -> "Program":
    from workbench.engine.compile import compile_graph

    return compile_graph(graph, tune="model")


def masked(graph: "Graph", masks: Mapping[str, Any]) -> "Graph":
    """Return a captured graph with masks applied to its weights.

    Parameters
    ----------
    graph : Graph
        Of the dense network, node ids are layer ids.
    masks : mapping of str to bool tensor
        Layer id to mask, True = keep, in the shape of the weight.
    """
    from workbench.engine.graph import Graph

    nodes = []
    for node in graph:
        mask = masks.get(node.id)
        if mask is not None and "weight" in node.params:
            keep = mask.numpy().reshape(node.params["weight"].shape)
            weight = np.where(keep, node.params["weight"], np.float32(0))
            node = node.but(params={**node.params, "weight": weight})
        nodes.append(node)
    return Graph(graph.name, tuple(nodes), graph.output)


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
    from workbench.measure.statistics import ratio, summarise

    noise = np.random.default_rng(0)
    image = noise.standard_normal((1, *first.input_shape), dtype=np.float32)
    samples: tuple[list[float], list[float]] = ([], [])
    for program in (first, second):
        program(image)
    stop = perf_counter() + ROUNDS_S
    while len(samples[0]) < LEAST_ROUNDS or (
        perf_counter() < stop and len(samples[0]) < MOST_ROUNDS
    ):
        for program, taken in zip((first, second), samples, strict=True):
            start = perf_counter()
            program(image)
            taken.append(1000 * (perf_counter() - start))
    dense, pruned = (np.array(taken) for taken in samples)
    return summarise(dense), summarise(pruned), ratio(dense, pruned)
