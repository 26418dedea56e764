"""One layer alone at rising sparsities, and one convolution by every algorithm.

Belongs here: the two jobs behind the explorers of the page Speed, and their records.
Does not belong here: timing (``measure``, ``analysis``), drawing.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import workbench as wb
from workbench.ui.lessons.stage import LAYER, Net, prune_layer, time_all

if TYPE_CHECKING:
    from workbench.analysis.algorithms.comparison import ConvShape
    from workbench.jobs.job import Job
    from workbench.models.network import Network
    from workbench.store.run import Run

LEVELS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
LAYER_KIND, SHAPE_KIND = "break-even", "algorithms"
SECONDS = 3.0


def alone(network: "Network", layer_id: str) -> "Network":
    """Return a network of one convolution of another network, weights and all.

    Raises
    ------
    WorkbenchError
        If the layer is no convolution.
    """
    from torch import nn

    from workbench.errors import WorkbenchError

    layer = network.layer(layer_id)
    if layer.kind != "conv":
        raise WorkbenchError(
            f"linear layer '{layer_id}'",
            "a convolution, which has break-even points by shape",
            "Choose a convolution.",
        )
    module = nn.Sequential(
        network.module.get_submodule(layer_id), nn.AdaptiveAvgPool2d(1), nn.Flatten(1)
    )
    channels, height, width = layer.input_shape
    made: Network = wb.from_module(
        module, input_shape=(channels, height, width), name=f"{network.name}-{layer_id}"
    )
    return made


def layer_inputs(network: "Network", layer_id: str, method: str) -> dict[str, Any]:
    """Return what identifies a layer's break-even curve."""
    return {
        "model": network.name,
        "digest": network.digest,
        "layer": layer_id,
        "method": method,
        "levels": list(LEVELS),
    }


def start_layer(network: "Network", layer_id: str, method: str) -> str:
    """Time a layer alone, dense and at rising sparsities; return the job's id.

    Raises
    ------
    WorkbenchError
        No convolution, or too many jobs are running.
    """
    only = alone(network, layer_id)
    inputs = layer_inputs(network, layer_id, method)

    def work(job: "Job") -> dict[str, Any]:
        from workbench.pruning.recipe.rule import method_named

        nets: dict[str, Net] = {"dense": only}
        for level in LEVELS:
            params = method_named(method).at_sparsity(level)
            nets[f"{level:g}"] = prune_layer(only, method, LAYER, **params)
            job.check()
        return time_all(job, nets)

    return start_job(LAYER_KIND, inputs, work)


def shape_inputs(shape: "ConvShape") -> dict[str, Any]:
    """Return what identifies a comparison of algorithms."""
    return asdict(shape)


def start_shape(shape: "ConvShape") -> str:
    """Run one convolution by every algorithm in the background; return the job's id."""

    def work(job: "Job") -> dict[str, Any]:
        from workbench.measure.conditions import read_conditions

        rows = wb.measure_algorithms(shape, seconds=SECONDS)
        return {"rows": [asdict(row) for row in rows], "line": read_conditions(1).line}

    return start_job(SHAPE_KIND, shape_inputs(shape), work)


def recorded(kind: str, inputs: Mapping[str, Any]) -> "Run | None":
    """Return the newest record of a question, if there is one."""
    found: Run | None = wb.Store().newest(kind, inputs)
    return found


def start_job(kind: str, inputs: dict[str, Any], work: Any) -> str:
    """Run ``work(job)`` in the background, record what it returns; return the id.

    Raises
    ------
    WorkbenchError
        Too many jobs are running.
    """
    from workbench.jobs.registry import registry

    def recording(job: "Job") -> dict[str, Any]:
        found: dict[str, Any] = work(job)
        wb.Store().add_run(kind, inputs=inputs, results=found)
        return found

    return registry().start(recording, spec={"kind": kind, "inputs": inputs}).id
