"""Prune convolutional networks, measure what it gains, take the result away.

The public API: everything that the command line and the browser use. Names are
imported when first touched, so `import workbench` is cheap and works without torch.

Examples
--------
>>> import workbench as wb
>>> wb.Recipe.uniform("magnitude", 0.8).layers[0].method
'magnitude'
"""

from importlib import import_module
from typing import Any

from workbench.extras import missing_package

__version__ = "0.1.0"

_HOME = {
    "WorkbenchError": "errors",
    "Program": "engine.program",
    "compile": "capture.compile",
    "Layer": "models.network",
    "Network": "models.network",
    "from_module": "models.inspect",
    "load_model": "models.loading",
    "list_samples": "models.samples",
    "Dataset": "data.dataset",
    "load_dataset": "data.loading",
    "dataset_for": "data.loading",
    "Recipe": "pruning.recipe.recipe",
    "PrunedNetwork": "pruning.pruned",
    "prune": "pruning.prune",
    "shrink": "pruning.shrink",
    "HetConv2d": "compression.hetconv",
    "to_hetconv": "compression.hetconv",
    "factorise": "compression.factorise",
    "CompressedNetwork": "compression.compressed",
    "compress": "compression.compress",
    "load_wbz": "compression.loading",
    "Accuracy": "analysis.accuracy",
    "evaluate": "analysis.accuracy",
    "OutputChange": "analysis.output_change",
    "output_change": "analysis.output_change",
    "layer_costs": "analysis.cost.complexity",
    "Sweep": "analysis.sensitivity.rows",
    "SweepOptions": "analysis.sensitivity.grid",
    "sensitivity": "workflows.sweep.run",
    "ConvShape": "analysis.algorithms.comparison",
    "measure_algorithms": "analysis.algorithms.comparison",
    "measure_layouts": "analysis.algorithms.layout_times",
    "plan": "analysis.planner.planner",
    "break_even": "workflows.break_even.run",
    "reestimate_bn": "training.batchnorm",
    "finetune": "training.finetune",
    "keep_zeros": "training.keep_zeros",
    "tune_palette": "training.palette",
    "fresh": "training.scratch",
    "train": "training.scratch",
    "learn": "training.learn",
    "lottery": "training.lottery",
    "bench": "measure.bench",
    "Measurement": "measure.interleave",
    "verify": "export.verify",
    "Store": "store.store",
}
_CALLABLE_PACKAGES = ("export", "measure")

__all__ = ["__version__", *_CALLABLE_PACKAGES, *_HOME]


def __getattr__(name: str) -> Any:
    """Import a public name from the module that defines it."""
    if name not in _CALLABLE_PACKAGES and name not in _HOME:
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")
    try:
        if name in _CALLABLE_PACKAGES:
            return import_module(f"workbench.{name}")
        return getattr(import_module(f"workbench.{_HOME[name]}"), name)
    except ImportError as error:
        refusal = missing_package(error)
        if refusal is None:
            raise
        raise refusal from error
