"""Faster forms of operations change no bit, and overwrite only what is spent."""

import pytest
import torch
from torch import fx

from tests.support.pruning_networks import TOPOLOGIES, network
from tests.support.sweep_data import val_data
from workbench.analysis.sensitivity import forms as sensitivity_forms
from workbench.analysis.sensitivity.forms import Forms, Trial, may_overwrite
from workbench.analysis.sensitivity.suffix import Runner, SuffixRunner, make_runner

ROOMY = 1 << 30
ATEN = torch.ops.aten


def call(target: object, *inputs: fx.Node) -> fx.Node:
    """Return a node that calls an operation."""
    graph = inputs[0].graph if inputs else fx.Graph()
    return graph.call_function(target, inputs)  # type: ignore[arg-type]


def placeholder() -> fx.Node:
    return fx.Graph().placeholder("x")


@pytest.mark.parametrize("kind", sorted(TOPOLOGIES))
def test_every_allowed_form_gives_the_bits_of_the_module(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Taken wherever bits are equal, whatever this machine finds faster.
    monkeypatch.setattr(sensitivity_forms, "_gains", lambda *_: True)
    torch.set_num_threads(1)
    net = network(kind)
    data = val_data(net, 10)
    runner = make_runner(net.module, data, batch=4, cache_bytes=ROOMY)
    assert isinstance(runner, SuffixRunner)
    whole = Runner(net.module, data, 4)
    for layer in net.layers:
        name = f"{layer.id}.weight"
        changed = {name: net.module.get_parameter(name).detach() * 0.5}
        expected = torch.cat([*whole(changed)])
        # Twice: what was kept for the second run was not overwritten by the first.
        for _ in range(2):
            assert torch.equal(expected, torch.cat([*runner(changed)]))


def test_a_form_with_other_bits_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensitivity_forms, "_gains", lambda *_: True)
    node = call(ATEN.conv2d.default, placeholder())
    for wrong, taken in ((0.0, 1), (1e-7, 0)):

        def conv(x: torch.Tensor, weight: torch.Tensor, wrong: float = wrong):  # type: ignore[no-untyped-def]
            together = weight.is_contiguous(memory_format=torch.channels_last)
            return x.sum() + (wrong if together else 0.0)

        trial = Trial()
        monkeypatch.setattr(node, "target", conv)
        monkeypatch.setattr(sensitivity_forms, "_CONV", conv)
        # 2 x 3 kernels of 3 x 3 are contiguous in one order only.
        value = trial(node, (torch.zeros(1, 3, 4, 4), torch.ones(2, 3, 3, 3)), {})
        assert float(value) == 0.0
        assert len(trial.found.together) == taken


def test_only_a_spare_operand_of_the_same_shape_is_overwritten() -> None:
    relu = call(ATEN.relu.default, placeholder())
    x = torch.tensor([-1.0, 2.0])
    assert Forms()(relu, (x,), {}).tolist() == [0.0, 2.0]
    assert x.tolist() == [-1.0, 2.0]
    assert Forms()(relu, (x,), {}, spare=True) is x
    assert x.tolist() == [0.0, 2.0]
    add = call(ATEN.add.Tensor, placeholder())
    wide = torch.ones(3, 2)
    assert Forms()(add, (x, wide), {}, spare=True).tolist() == [[1.0, 3.0]] * 3
    assert x.tolist() == [0.0, 2.0]
    assert Forms()(add, (wide, wide), {"alpha": 2}, spare=True) is wide
    assert wide.tolist() == [[3.0, 3.0]] * 3


def test_views_and_shared_results_are_never_overwritten() -> None:
    image = placeholder()
    conv = call(ATEN.conv2d.default, image)
    assert may_overwrite(conv)
    assert not may_overwrite(image)
    assert not may_overwrite(call(ATEN.view.default, conv))
    norm = call(ATEN._native_batch_norm_legit_no_training.default, conv)
    first = norm.graph.call_function(ATEN.alias.default, (norm,))
    assert may_overwrite(first)
    norm.graph.call_function(ATEN.alias.default, (norm,))
    assert not may_overwrite(first)


def test_forms_that_round_otherwise_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Wrong(Forms):
        def __call__(self, node, args, kwargs, *, spare=False):  # type: ignore[no-untyped-def]
            value = super().__call__(node, args, kwargs, spare=spare)
            return value * 1.5 if isinstance(value, torch.Tensor) else value

    def wrong(self: SuffixRunner) -> None:
        self.forms = Wrong()

    monkeypatch.setattr(SuffixRunner, "try_forms", wrong)
    net = network("residual")
    data = val_data(net, 6)
    runner = make_runner(net.module, data, batch=4, cache_bytes=ROOMY)
    assert isinstance(runner, SuffixRunner)
    assert type(runner.forms) is Forms
    whole = torch.cat([*Runner(net.module, data, 4)({})])
    assert torch.equal(whole, torch.cat([*runner({})]))
