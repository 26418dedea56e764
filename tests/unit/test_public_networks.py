"""Every public function takes a network in any form, or says what to pass instead.

``CALLS`` must name every public function, so that a new one cannot be forgotten.
"""

import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from tests.support.training_cases import stripe_network, stripes
from workbench.training.learn import Driven

IMAGE = np.zeros((1, 1, 8, 8), np.float32)
RECIPE = wb.Recipe.uniform("magnitude", 0.5)


@cache
def forms() -> dict[str, Any]:
    network = stripe_network()
    pruned = wb.prune(network, RECIPE)
    return {
        "module": network.module,
        "network": network,
        "pruned": pruned,
        "compressed": wb.compress(pruned),
        "a name": "resnet18",
        "nothing": None,
    }


def _swept(net: Any) -> Any:
    return wb.sensitivity(net, stripes(40), methods=["magnitude"], sparsities=[0.5])


def _learned(net: Any) -> Any:
    how = Driven.of("slimming", sparsity=0.5)
    return wb.learn(net, stripes(), how=how, epochs=1)


CALLS: dict[str, Callable[[Any, Path], Any]] = {
    "from_module": lambda net, _: wb.from_module(net, input_shape=(1, 8, 8)),
    "prune": lambda net, _: wb.prune(net, RECIPE),
    "shrink": lambda net, _: wb.shrink(net),
    "to_hetconv": lambda net, _: wb.to_hetconv(net, 4),
    "factorise": lambda net, _: wb.factorise(net, "spatial"),
    "compress": lambda net, _: wb.compress(net),
    "evaluate": lambda net, _: wb.evaluate(net, stripes(40)),
    "output_change": lambda net, _: wb.output_change(
        net, stripes(4), dense=forms()["network"]
    ),
    "layer_costs": lambda net, _: wb.layer_costs(net),
    "sensitivity": lambda net, _: _swept(net),
    "break_even": lambda net, _: wb.break_even(
        net, "3", methods=["magnitude"], sparsities=[0.5], latency="model"
    ),
    "reestimate_bn": lambda net, _: wb.reestimate_bn(net, stripes(), images=20),
    "finetune": lambda net, _: wb.finetune(net, stripes(), epochs=1),
    "tune_palette": lambda net, _: wb.tune_palette(net, stripes()),
    "fresh": lambda net, _: wb.fresh(net),
    "train": lambda net, _: wb.train(net, stripes(), epochs=1),
    "learn": lambda net, _: _learned(net),
    "lottery": lambda net, _: next(
        iter(wb.lottery(net, stripes(), stripes(20, 1, "val"), epochs=1))
    ),
    "bench": lambda net, _: wb.bench(net, against=[], budget_s=0.5),
    "measure": lambda net, _: wb.measure(
        [("mine", lambda x: x.reshape(1, -1)[:, :2]), net],
        IMAGE,
        network=forms()["network"],
    ),
    "export": lambda net, path: wb.export(net, path / "net.pt"),
    "verify": lambda net, path: wb.verify(_written(path), net),
    "compile": lambda net, _: wb.compile(net, tune="model"),
}
# Functions that take no network at all.
OTHERS = {
    "load_model",
    "list_samples",
    "load_dataset",
    "dataset_for",
    "load_wbz",
    "measure_algorithms",
    "measure_layouts",
    "plan",
}


def _written(path: Path) -> Path:
    wb.export(forms()["network"], path / "net.pt")
    return path / "net.pt"


def test_no_public_function_is_missing() -> None:
    found = {
        name
        for name in wb.__all__
        if callable(one := getattr(wb, name)) and not inspect.isclass(one)
    }
    assert found - OTHERS == set(CALLS)


@pytest.mark.parametrize(
    "form", ["module", "network", "pruned", "compressed", "a name"]
)
@pytest.mark.parametrize("name", CALLS)
def test_works_or_says_what_to_pass(name: str, form: str, tmp_path: Path) -> None:
    if name == "sensitivity" and form in {"pruned", "compressed"}:
        pytest.skip("the same as for a network, and slow")
    refused: wb.WorkbenchError | None = None
    try:
        CALLS[name](forms()[form], tmp_path)
    except wb.WorkbenchError as error:
        refused = error
    if refused is not None:
        assert refused.next_step
        assert form != "network" or name in {"finetune", "tune_palette", "compile"}
        assert form != "module" or "bare module" in refused.found or name == "measure"


@pytest.mark.parametrize("name", sorted(set(CALLS) - {"compile", "measure"}))
def test_nothing_is_refused_in_words(name: str, tmp_path: Path) -> None:
    if name == "verify":
        return
    with pytest.raises(wb.WorkbenchError):
        CALLS[name](None, tmp_path)


def test_what_a_bare_module_needs_is_said() -> None:
    with pytest.raises(wb.WorkbenchError) as caught:
        wb.prune(forms()["module"], RECIPE)
    assert str(caught.value) == (
        "a bare module (Sequential); expected a network, which knows the shape of its "
        "images and its layers. Wrap it: workbench.from_module(module, "
        "input_shape=(3, 224, 224))."
    )
    with pytest.raises(wb.WorkbenchError, match="Prune it first"):
        wb.finetune(forms()["network"], stripes(), epochs=1)


def test_a_network_of_a_network_has_the_same_layers() -> None:
    pruned = forms()["pruned"]
    again = wb.from_module(pruned, input_shape=(1, 8, 8))
    assert again.layers == pruned.layers
    converted = wb.to_hetconv(pruned, 4)
    assert type(converted.get_submodule("3")).__name__ == "HetConv2d"
