"""Variations of a tuned network: right, and untouched where nothing changed."""

from pathlib import Path

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.analysis.sensitivity.latency import timer_of
from workbench.capture.from_torch.exported import CaptureError
from workbench.capture.from_torch.torch_export import Recapture, capture
from workbench.engine.variation import tune_variations
from workbench.kernels import info

native = pytest.mark.skipif(not info().native, reason="times compiled kernels")


@pytest.fixture(scope="module")
def network() -> wb.Network:
    torch.set_num_threads(1)
    return wb.load_model("lenet5-mnist5k")


def pruned(network: wb.Network, match: str, sparsity: float = 0.8) -> wb.PrunedNetwork:
    return wb.prune(network, wb.Recipe.uniform("magnitude", sparsity, match=match))


def test_a_second_reading_is_what_capture_reads(network: wb.Network) -> None:
    other = pruned(network, "conv2")
    again, whole = Recapture(network)(other.module), capture(other)
    assert [node.id for node in again] == [node.id for node in whole]
    for one, two in zip(again, whole, strict=True):
        assert (one.op, one.inputs, one.shape) == (two.op, two.inputs, two.shape)
        assert one.params.keys() == two.params.keys()
        for name, array in one.params.items():
            assert np.array_equal(array, two.params[name])
    with pytest.raises(CaptureError, match="other parameters"):
        Recapture(network)(torch.nn.Linear(2, 2))


@native
def test_only_what_changed_is_chosen_again(network: wb.Network, tmp_path: Path) -> None:
    read = Recapture(network)
    made = tune_variations(read(network.module), cache=tmp_path)
    same = made.program(read(network.module))
    assert same.plan is made.base.plan
    other = pruned(network, "conv2")
    program = made.program(read(other.module))
    mine, theirs = made.base.plan, program.plan
    moved = {slot for slot in mine.forms if mine.forms[slot] != theirs.forms[slot]}
    far = [
        node.id
        for node in program.graph
        if node.id in mine.choices
        and node.id != "conv2"
        and not moved & {node.id, *node.inputs}
    ]
    assert "fc2" in far or "fc3" in far
    for name in far:
        assert theirs.choices[name] is mine.choices[name]
    assert theirs.choices["conv2"].measured
    step = next(step for step in program.steps if step.layer == "conv2")
    kept = int(np.count_nonzero(other.module.conv2.weight.detach().numpy()))
    assert (
        step.theoretical_macs
        == kept * step.dense_macs // other.module.conv2.weight.numel()
    )
    x = np.random.default_rng(0).standard_normal((3, *network.input_shape))
    images = x.astype(np.float32)
    with torch.inference_mode():
        wanted = other.module(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(program(images), wanted, rtol=1e-3, atol=1e-4)


@native
def test_another_network_is_compiled_from_nothing(
    network: wb.Network, tmp_path: Path
) -> None:
    made = tune_variations(capture(network), budget_s=0.2, cache=tmp_path)
    small = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
    program = made.program(capture(small, torch.zeros(1, 1, 2, 2)))
    x = np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)
    wanted = small(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(program(x), wanted, rtol=1e-5, atol=1e-6)


@native
def test_times_of_a_pruning_stand_beside_the_dense_ones(
    network: wb.Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    timer = timer_of(network, "measure", 1)
    assert timer.measured_ms is not None
    found = timer.times(pruned(network, "conv2", 0.95))
    assert set(found.layers) >= {layer.id for layer in network.layers}
    assert 0 < found.of(["conv2"]) < found.of(list(found.layers))
    assert found.network_ms > 0
    # Nothing removed, nothing gained: equal steps do not count.
    assert timer.times(pruned(network, "conv2", 0.0)).network_ms == pytest.approx(
        timer.base.network_ms
    )
    assert found.executed_macs <= timer.base.executed_macs
    # In another process the base is the same: its plan was kept.
    assert timer_of(network, "measure", 1).base == timer.base
