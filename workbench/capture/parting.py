"""Whether a program computes what its source computes, and the layer where not.

Belongs here: one comparison on random images, and the search for the first layer that
differs. Does not belong here: running a source (``sources``).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.capture.sources import Arrays, Source
from workbench.engine.compile import compile_graph
from workbench.engine.graph.graph import Graph
from workbench.engine.graph.passes import simplify
from workbench.engine.planning.slots import find_slots
from workbench.engine.program import Program
from workbench.errors import WorkbenchError

Array = NDArray[np.float32]

TOLERANCE = 1e-3
"""Of the largest result; Winograd tiles of networks that were not trained need 1e-4."""

SMALLEST = 1e-3
"""Results are compared as if the largest were at least this."""

ROUNDING = 64
"""Times torch's own rounding error that an ill-conditioned network may be off by."""

LARGEST_ROUNDING = 1e-2
"""Of the largest result; more than this is no rounding but another network."""

IMAGES = 2
"""One image would not show a network that mixes images."""


class PartingError(WorkbenchError):
    """A program whose results are not those of the network it was made from."""


def check_program(program: Program, source: Source) -> None:
    """Run program and source once on the same random images and compare.

    Parameters
    ----------
    program : Program
    source : Source
        Sources that cannot run here are not compared.

    Raises
    ------
    PartingError
        Other numbers; names the first layer that gives them.
    """
    x = source.suited(_images(program.graph.input_shapes, IMAGES))
    expected = source.outputs(x)
    if expected is None:
        # A reshape to a batch of one is right for one image after the other.
        x = _firsts(x)
        expected = source.outputs(x)
    if expected is None:
        return
    names = list(program.outputs)
    for name, one in zip(names, expected, strict=True):
        if one.ndim < 1 or len(one) != len(x[0]):
            raise PartingError(
                f"a result{_called(name, names)} of shape {one.shape} for "
                f"{len(x[0])} images",
                "one result for each image",
                "Keep the batch as the first axis from input to output.",
            )
    results = program.results(*x)
    pairs = list(zip(results, expected, strict=True))
    error = max(difference(mine, theirs) for mine, theirs in pairs)
    if error <= TOLERANCE or _badly_conditioned(pairs, source, x):
        return
    place = _first(program, source, x)
    if not place:
        raise PartingError(
            f"{program.name!r} does not compute what was read from it: "
            f"{_text(error)} apart, though every layer is right",
            "a forward pass that gives an image the same numbers alone, in a batch "
            "and in every call",
            "Take out what depends on the size of the batch, on earlier calls or on "
            "being traced.",
        )
    raise PartingError(
        f"the program of {program.name!r} gives other numbers than {source.name}: "
        f"{_text(error)}, first in {place}",
        f"equal results on the same random images, to {TOLERANCE:g} of the largest",
        "This is most likely a defect of ours: please report it with the network. "
        "compile(..., check=False) leaves the comparison out.",
    )


def difference(result: Array, expected: NDArray[np.floating[Any]]) -> float:
    """Return the largest difference, as a part of the largest expected number.

    Where the expected number is NaN or infinite anything is right.
    """
    if result.shape != expected.shape:
        return np.inf
    known = np.isfinite(expected)
    if not known.any():
        return 0.0
    result, expected = result[known].astype(np.float64), expected[known]
    if not np.isfinite(result).all():
        return np.inf
    largest = max(float(np.abs(expected).max()), SMALLEST)
    return float(np.abs(result - expected).max()) / largest


def _called(name: str, names: list[str]) -> str:
    return f" ({name!r})" if len(names) > 1 else ""


def _images(shapes: Sequence[tuple[int, ...]], count: int) -> Arrays:
    noise = np.random.default_rng(0)
    return tuple(noise.standard_normal((count, *s), np.float32) for s in shapes)


def _firsts(x: Arrays) -> Arrays:
    return tuple(one[:1] for one in x)


def _text(error: float) -> str:
    return f"{100 * error:.3g} % of the largest number" if error < np.inf else "NaN"


def _badly_conditioned(
    pairs: Sequence[tuple[Array, Array]], source: Source, x: Arrays
) -> bool:
    """Return whether the source's own rounding explains the differences."""
    exacts = source.exact(x)
    if exacts is None:
        return False
    for (result, expected), exact in zip(pairs, exacts, strict=True):
        own = difference(expected, exact)
        mine = difference(result, exact)
        if mine > own and (own > LARGEST_ROUNDING or mine > ROUNDING * own):
            return False
    return True


def _first(program: Program, source: Source, images: Arrays) -> str:
    """Return the first layer that differs, in words; none if the source is to blame."""
    x = _firsts(images)
    graph, wanted = source.layers(x)
    names = [node.id for node in graph if node.id in wanted]

    def differs(name: str) -> bool:
        part = compile_graph(_until(graph, name), tune="model")
        return difference(part(*x), wanted[name]) > TOLERANCE

    found = _bisect(names, differs)
    if found:
        return f"layer {found!r} ({graph.node(found).op})"
    wholes = source.outputs(images)
    usual = compile_graph(program.graph, tune="model").results(*images)
    if wholes is None or any(
        difference(mine, theirs) > TOLERANCE
        for mine, theirs in zip(usual, wholes, strict=True)
    ):
        return ""
    # Each layer is right by the cost model's plan: a kernel of this one is not.
    simple = simplify(graph)

    def planned_differs(name: str) -> bool:
        part = _until(simple, name)
        usual = compile_graph(part, tune="model")
        return difference(_planned(part, program)(*x), usual(*x)) > TOLERANCE

    try:
        layers = [node.id for node in simple if node.inputs]
        found = _bisect(layers, planned_differs)
    except (WorkbenchError, LookupError):
        found = ""
    kernel = program.plan.choices.get(found)
    if kernel is None:
        return "no layer by itself: the measured plan as a whole"
    return f"layer {found!r} (kernel {kernel.candidate} {kernel.variant})"


def _bisect(names: list[str], differs: Callable[[str], bool]) -> str:
    """Return a name that differs while the one before it does not; '' if none does."""
    if not names or not differs(names[-1]):
        return ""
    right, wrong = -1, len(names) - 1
    while wrong - right > 1:
        middle = (right + wrong) // 2
        if differs(names[middle]):
            wrong = middle
        else:
            right = middle
    return names[wrong]


def _until(graph: Graph, name: str) -> Graph:
    stop = [node.id for node in graph].index(name) + 1
    return Graph(graph.name, graph.nodes[:stop], name)


def _planned(part: Graph, program: Program) -> Program:
    """Return the first layers of a program with the kernels of its plan."""
    slots, whole, plan = find_slots(part), find_slots(program.graph), program.plan
    forms = {name: plan.forms[whole.parts[name].slot] for name in slots.shapes}
    choices = {n.id: plan.choices[n.id] for n in part if n.id in plan.choices}
    return Program(part, replace(plan, forms=forms, choices=choices, bands=()))
