"""Methods that choose while training: slimming, filter skeletons, gates for MACs."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import workbench as wb
from tests.support.pruning_networks import network as topology
from tests.support.training_cases import (
    digest,
    one_thread,
    stripe_network,
    stripes,
    wide_network,
)
from workbench.errors import WorkbenchError
from workbench.models.inspect import from_module
from workbench.pruning.coupling.groups import coupling_groups
from workbench.pruning.masks import revived
from workbench.training.learn import Driven, learn_logged
from workbench.training.learned.gates import MacsGates
from workbench.training.learned.pruned import with_masks
from workbench.training.learned.skeleton import FilterSkeleton
from workbench.training.learned.slimming import Slimming
from workbench.training.learned.table import DRIVEN
from workbench.training.learned.unit_macs import UnitMacs
from workbench.training.loop.fit import FitHooks, fit
from workbench.training.loop.options import EpochLog, FitOptions

__all__ = ["one_thread"]

SHORT: dict[str, Any] = {"epochs": 5, "lr": 0.05, "batch_size": 16, "rates": "cosine"}
ALL = (
    Driven.of("slimming", sparsity=0.5, lam=0.01),
    Driven.of("skeleton", sparsity=0.5),
    Driven.of("flops", target=0.5),
)
# One step of plain gradient descent.
STEP = FitOptions(
    epochs=1, batch_size=96, peak_lr=0.1, schedule="constant", momentum=0.0
)


@pytest.mark.parametrize("how", ALL, ids=[how.method.name for how in ALL])
def test_the_choice_holds_and_resumes(how: Driven, tmp_path: Path) -> None:
    before = digest(wide_network().module)
    result = learn_logged(wide_network(), stripes(), how=how, **SHORT, ema=0.8)
    pruned = result.network
    assert digest(wide_network().module) == before
    # Three of five epochs learn, the cut falls into the fourth.
    counted = ["zeros" in log.remarks for log in result.history]
    assert counted == [False, False, False, True, True]
    assert revived(pruned.module, pruned.parameter_masks) == {}
    assert pruned.report.zeros > 0
    if how.method.name != "slimming":
        # Untrained scales are all equal; the other recipes say counts a layer.
        again = wb.prune(wide_network(), pruned.recipe)
        assert again.report.zeros == pruned.report.zeros
    for stop_after in (2, 4):
        path = tmp_path / f"{stop_after}.ckpt"

        def stop(log: EpochLog, last: int = stop_after) -> None:
            if log.epoch == last:
                raise KeyboardInterrupt

        hooks = FitHooks(after_epoch=stop)
        shown: dict[str, Any] = {"how": how, "checkpoint": path, "ema": 0.8, **SHORT}
        with pytest.raises(KeyboardInterrupt):
            learn_logged(wide_network(), stripes(), hooks=hooks, **shown)
        resumed = learn_logged(wide_network(), stripes(), **shown)
        assert digest(resumed.network.module) == digest(pruned.module)
        assert resumed.network.recipe == pruned.recipe


def test_slimming_adds_its_subgradient_to_the_scales() -> None:
    recipe = wb.Recipe.uniform("slimming", 0.5)
    base = wide_network()
    # The cut comes before the last step, so there are two.
    options = replace(STEP, batch_size=48)
    slimming = Slimming(base, recipe, lam=0.3, switch=1.0)
    seen: list[torch.Tensor] = []

    def watch(module: nn.Module) -> None:
        seen.append(module.get_parameter("4.weight").detach().clone())

    fit(
        base.module,
        stripes(),
        options=options,
        hooks=FitHooks(watch, techniques=(slimming,)),
    )
    reference: list[torch.Tensor] = []

    def note(module: nn.Module) -> None:
        reference.append(module.get_parameter("4.weight").detach().clone())

    fit(base.module, stripes(), options=options, hooks=FitHooks(note))
    # gamma is 1 at the start: one step of rate 0.1 takes 0.1 * 0.3 * sign(1) more.
    assert torch.allclose(reference[0] - seen[0], torch.full((24,), 0.03), atol=1e-6)


def test_slimming_ranks_by_scale_across_layers() -> None:
    base = wide_network()
    slimming = Slimming(base, wb.Recipe.uniform("slimming", 0.5), switch=0.0)
    with torch.no_grad():
        copy = from_module(base.module, input_shape=base.input_shape).module
        copy.get_parameter("4.weight").copy_(torch.linspace(0.01, 0.24, 24))
        copy.get_parameter("7.weight").copy_(torch.linspace(-1.40, -1.01, 40))
    slimming.prepare(copy)
    slimming.before_step(0.0)
    # 32 of 64 channels go, by one threshold on |gamma|: all of layer 3's are smaller
    # than layer 6's, but its floor of a tenth keeps ceil(2.4) = 3, the largest.
    kept = slimming.found.masks["3"].flatten(1).any(dim=1)
    assert kept.nonzero().flatten().tolist() == [21, 22, 23]
    # The other eleven are the smallest of layer 6, |gamma| = 1.01 to 1.11.
    kept = slimming.found.masks["6"].flatten(1).any(dim=1)
    assert (~kept).nonzero().flatten().tolist() == list(range(29, 40))


def test_slimming_needs_batch_norms() -> None:
    plain = from_module(
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 2, 1)),
        input_shape=(1, 8, 8),
    )
    with pytest.raises(WorkbenchError, match="no batch norm behind a layer"):
        learn_logged(plain, stripes(), how=ALL[0])


def test_skeleton_and_weights_share_the_gradient() -> None:
    # By the product rule: one step of rate 0.1 on W * I, both without decay, penalty
    # lam = 0.2. With I = 1 the first step moves W as a plain step does, and I by
    # -0.1 * (sum_c dW * W + 0.2).
    base = stripe_network()
    options = replace(STEP, batch_size=48, weight_decay=0.0)
    plain: list[torch.Tensor] = []
    moved: list[torch.Tensor] = []
    fit(
        base.module,
        stripes(),
        options=options,
        hooks=FitHooks(lambda m: plain.append(m.get_parameter("3.weight").clone())),
    )
    skeleton = FilterSkeleton(base, lam=0.2, switch=1.0)
    values: list[torch.Tensor] = []

    def watch(module: nn.Module) -> None:
        moved.append(module.get_parameter("3.weight").clone())
        values.append(skeleton.skeletons["3"].detach().clone())

    fit(
        base.module,
        stripes(),
        options=options,
        hooks=FitHooks(watch, techniques=(skeleton,)),
    )
    assert torch.allclose(moved[0], plain[0], atol=1e-6)
    start = base.module.get_parameter("3.weight").detach()
    slope = (start - plain[0]) / 0.1
    expected = 1 - 0.1 * ((slope * start).sum(dim=1, keepdim=True) + 0.2)
    assert torch.allclose(values[0], expected.detach(), atol=1e-5)


def test_a_skeleton_cuts_below_its_threshold_and_stays_in_the_weights() -> None:
    base = stripe_network()
    skeleton = FilterSkeleton(base, threshold=0.05, switch=0.0)
    copy = from_module(base.module, input_shape=base.input_shape).module
    values = torch.linspace(0.01, 1.08, 108).reshape(12, 1, 3, 3)
    with torch.no_grad():
        skeleton.skeletons["3"].copy_(values)
    before = copy.get_parameter("3.weight").detach().clone()
    skeleton.prepare(copy)
    skeleton.before_step(0.0)
    # 0.01, 0.02, 0.03, 0.04 lie below 0.05 (0.05 itself stays): four stripes of 8.
    mask = skeleton.found.masks["3"]
    assert int((~mask).sum()) == 4 * 8
    assert torch.equal(mask, mask[:, :1].expand_as(mask))
    weight = copy.get_parameter("3.weight")
    assert torch.allclose(weight, before * values * mask)
    assert skeleton.recipe.layers[0].params.sparsity == pytest.approx(4 / 108)


def test_a_skeleton_leaves_every_layer_a_stripe() -> None:
    # 216 of 576 stripes go: just as many as layer 3 has, and all of them smaller.
    base = wide_network()
    skeleton = FilterSkeleton(base, sparsity=0.375, switch=0.0)
    with torch.no_grad():
        skeleton.skeletons["3"].fill_(0.1)
        skeleton.skeletons["3"][5, 0, 2, 1] = 0.2
    copy = from_module(base.module, input_shape=base.input_shape).module
    skeleton.prepare(copy)
    skeleton.before_step(0.0)
    kept = skeleton.found.masks["3"][:, 0].nonzero().tolist()
    assert kept == [[5, 2, 1]]
    assert bool(skeleton.found.masks["6"].all())


@pytest.mark.parametrize("kind", ["residual", "concat", "depthwise", "grouped"])
def test_macs_of_units_are_those_of_the_pruned_network(kind: str) -> None:
    base = topology(kind)
    groups = tuple(g for g in coupling_groups(base) if not g.blocked)
    macs = UnitMacs(base, groups)
    alive = {group.root: torch.ones(group.size) for group in groups}
    assert float(macs(alive)) == macs.dense == wb.layer_costs(base).dense_macs
    rules = []
    for group in groups:
        gone = round(group.size / 2)
        alive[group.root][:gone] = 0.0
        rules.append(f"  - {{match: '{group.root}', method: filter, sparsity: 0.5}}\n")
    pruned = wb.prune(base, wb.Recipe.loads("layers:\n" + "".join(rules)))
    assert float(macs(alive)) == wb.layer_costs(pruned).macs


@pytest.mark.parametrize("kind", ["residual", "concat", "depthwise", "grouped"])
def test_gated_equals_shrunk(kind: str) -> None:
    base = topology(kind)
    gates = MacsGates(base, target=0.6, switch=0.0)
    random = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for logit in gates.parameters():
            logit.copy_(torch.randn(logit.shape, generator=random))
    copy = replace(base, module=deepcopy(base.module))
    gates.prepare(copy.module)
    gates.before_step(0.0)
    pruned = with_masks(base, copy.module, found=gates.found, recipe=gates.recipe)
    small = wb.shrink(pruned)
    images = torch.randn(3, *base.input_shape, generator=random)
    with torch.inference_mode():
        error = (pruned.module(images) - small.module(images)).abs().max()
    # Sums over fewer channels run in another order: float32 rounding of 1e2 terms.
    assert float(error) < 2e-5
    left = wb.layer_costs(small).dense_macs
    assert left == wb.layer_costs(pruned).macs < wb.layer_costs(base).dense_macs


@pytest.mark.parametrize("target", [0.4, 0.6])
def test_gates_land_on_the_target(target: float) -> None:
    how = Driven.of("flops", target=target)
    result = learn_logged(wide_network(), stripes(), how=how, **{**SHORT, "epochs": 30})
    costs = wb.layer_costs(result.network)
    # Zeros of the masks only: no weight that is kept happens to be zero.
    assert costs.macs / costs.dense_macs == pytest.approx(target, rel=0.03)
    # The gates themselves came near: what the cut took was what they had closed.
    expected = [log.remarks.get("expected_macs") for log in result.history]
    before_cut = [value for value in expected if value is not None]
    assert before_cut[0] > before_cut[-1]
    assert before_cut[-1] == pytest.approx(target, rel=0.1)
    assert np.isclose(wb.evaluate(result.network, stripes()).top1, 1.0, atol=0.2)


def test_gates_scale_what_consumers_read() -> None:
    base = stripe_network()
    gates = MacsGates(base, target=0.5, seed=3)
    assert [group.root for group in gates.groups] == ["3"]
    with torch.no_grad():
        gates.logits["3"].copy_(torch.tensor([9.0] * 6 + [-9.0] * 6))
    factor = gates.settled()["8"]
    # Twelve channels of 2 x 2 positions are flattened channel by channel.
    assert factor.shape == (1, 48)
    assert factor.reshape(12, 4).tolist() == [[1.0] * 4] * 6 + [[0.0] * 4] * 6
    copy = from_module(base.module, input_shape=base.input_shape).module
    gates.prepare(copy)
    gates.finish(copy)
    assert not copy.get_parameter("8.weight")[:, 24:].any()


def test_the_cut_follows_the_gates() -> None:
    base = stripe_network()
    gates = MacsGates(base, target=0.5, switch=0.0)
    order = torch.tensor([3, 9, 1, 0, 11, 2, 10, 5, 8, 7, 6, 4])
    with torch.no_grad():
        gates.logits["3"].copy_(order.float())
    copy = from_module(base.module, input_shape=base.input_shape).module
    gates.prepare(copy)
    gates.before_step(0.0)
    # Dense: 8*9*64 + 12*8*9*64 + 48*2 = 60,000; a filter of layer 3 costs 4,616.
    # 60,000 - 6 * 4,616 = 32,304 and - 7 * 4,616 = 27,688: six is nearer to 30,000.
    kept = gates.found.masks["3"].flatten(1).any(dim=1)
    assert kept.tolist() == (order >= 6).tolist()


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("slimmin", {}, "Did you mean 'slimming'"),
        ("slimming", {}, "no 'sparsity' for method 'slimming'"),
        ("flops", {"target": 1.5}, "target: 1.5"),
        ("skeleton", {"lamb": 1}, "unknown key 'lamb'"),
    ],
)
def test_unknown_methods_and_parameters(
    name: str, params: dict[str, Any], words: str
) -> None:
    with pytest.raises(WorkbenchError, match=words):
        Driven.of(name, **params)


def test_a_target_out_of_reach_is_refused() -> None:
    how = Driven.of("flops", target=0.05)
    # Layer 0 stays (4,608), one filter of layer 3 and its columns: 9,224 of 60,000.
    with pytest.raises(WorkbenchError, match=r"more than 0\.154"):
        learn_logged(stripe_network(), stripes(), how=how)
    with pytest.raises(WorkbenchError, match="'lottery', which is several runs"):
        learn_logged(stripe_network(), stripes(), how=Driven.of("lottery"))


def test_every_row_of_the_table_says_how_to_run_it() -> None:
    assert list(DRIVEN) == ["slimming", "skeleton", "flops", "winograd", "lottery"]
    for name, row in DRIVEN.items():
        assert f"--method {name}" in row.run
        fields = row.params.model_fields.values()
        assert all(field.description or field.metadata for field in fields)
