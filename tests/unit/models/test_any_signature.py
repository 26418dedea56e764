"""Networks of people's own shape: shared layers, dicts, several inputs, half floats."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import workbench as wb
from workbench.data.dataset import make_dataset
from workbench.engine.report import layer_of
from workbench.errors import WorkbenchError


class Shared(nn.Module):
    """One head on maps of three sizes, as in RetinaNet; outputs by name."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(8, 8, 3, 2, 1) for _ in range(2))
        self.head = nn.Conv2d(8, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        maps = [torch.relu(self.stem(x))]
        for layer in self.down:
            maps.append(torch.relu(layer(maps[-1])))
        return {f"p{i}": self.norm(self.head(one)) for i, one in enumerate(maps)}


class ModelOutput(OrderedDict[str, Tensor]):
    """As Hugging Face's: an ordered dict whose keys are attributes too."""

    def __getattr__(self, name: str) -> Tensor:
        return self[name]


@dataclass
class Segmented:
    out: Tensor
    aux: Tensor | None = None


class Wrapped(nn.Module):
    def __init__(self, kind: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.kind = nn.Conv2d(3, 6, 3), kind
        self.gamma = nn.Parameter(torch.linspace(0.5, 1.5, 6))

    def forward(self, x: Tensor) -> Any:
        return self.kind(self.conv(x) * self.gamma[None, :, None, None])


def shared() -> wb.Network:
    return wb.from_module(Shared(), input_shape=(3, 32, 32), name="shared")


def test_a_shared_layer_has_one_mask_and_costs_at_every_call() -> None:
    network = shared()
    head = network.layer("head")
    ids = [layer.id for layer in network.layers]
    assert ids == ["stem", "down.0", "down.1", "head"]
    assert (head.calls, head.positions) == (3, 256 + 64 + 16)
    assert head.macs == 8 * 4 * 9 * 336
    assert network.outputs == ("p0", "p1", "p2")
    pruned = wb.prune(network, wb.Recipe.uniform("magnitude", 0.75, match="head"))
    assert int(pruned.masks["head"].sum()) == 72
    costs = {row.id: row for row in wb.layer_costs(pruned).layers}
    assert costs["head"].macs == 72 * 336
    assert costs["head"].weights == 288


def test_a_pruned_shared_layer_compiles_to_equal_numbers() -> None:
    pruned = wb.prune(shared(), wb.Recipe.uniform("magnitude", 0.75))
    program = wb.compile(pruned, tune="model")
    x = torch.randn(2, 3, 32, 32)
    wanted, found = pruned.module(x), program(x)
    assert list(found) == ["p0", "p1", "p2"]
    for name, tensor in wanted.items():
        np.testing.assert_allclose(
            found[name], tensor.detach().numpy(), rtol=1e-4, atol=1e-5
        )
    heads = [step for step in program.steps if layer_of(step.layer) == "head"]
    heads = [step for step in heads if step.dense_macs]
    assert [step.layer for step in heads] == ["head", "head@1", "head@2"]
    assert sum(step.dense_macs for step in heads) == pruned.layer("head").macs


def test_channels_that_a_shared_layer_reads_go_from_all_its_calls() -> None:
    with pytest.raises(WorkbenchError, match="these channels are the network's output"):
        wb.prune(shared(), wb.Recipe.uniform("filter", 0.5, match="head"))
    pruned = wb.prune(shared(), wb.Recipe.uniform("channel", 0.5, match="head"))
    assert (
        pruned.report.layer("head").note
        == "input channels removed with stem, down.0, down.1"
    )
    # Compares the outputs of both networks.
    small = wb.shrink(pruned)
    shapes = {layer.id: layer.weight_shape[:2] for layer in small.layers}
    assert shapes == {
        "stem": (4, 3),
        "down.0": (4, 4),
        "down.1": (4, 4),
        "head": (4, 4),
    }


def test_reestimation_sees_every_call() -> None:
    """The mean over three sizes of maps, each call counting alike."""
    network = shared()
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 3, 32, 32), np.uint8)
    data = make_dataset(
        "four",
        "train",
        images=images,
        labels=np.zeros(4, np.int64),
        classes=("a",),
        norm=((0.5,) * 3, (0.25,) * 3),
    )
    again = wb.reestimate_bn(network, data, images=4)
    means: list[Tensor] = []
    hook = network.module.norm.register_forward_pre_hook(
        lambda _, given: means.append(given[0].mean((0, 2, 3)))
    )
    with torch.no_grad():
        network.module(data.tensor(np.arange(4)))
    hook.remove()
    wanted = torch.stack(means).mean(0)
    torch.testing.assert_close(again.module.norm.running_mean, wanted)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (lambda y: (y, y.relu()), ("0", "1")),
        (lambda y: ModelOutput(logits=y, hidden=y.relu()), ("logits", "hidden")),
        (lambda y: Segmented(y), ("out",)),
    ],
)
def test_whatever_a_module_returns(kind: Any, names: tuple[str, ...]) -> None:
    network = wb.from_module(Wrapped(kind), input_shape=(3, 9, 9))
    assert network.outputs == names
    pruned = wb.prune(network, wb.Recipe.uniform("magnitude", 0.5))
    found = wb.compile(pruned, tune="model").results(torch.ones(1, 3, 9, 9))
    conv = pruned.module.conv(torch.ones(1, 3, 9, 9))
    wanted = conv * torch.linspace(0.5, 1.5, 6)[None, :, None, None]
    np.testing.assert_allclose(found[0], wanted.detach().numpy(), rtol=1e-4, atol=1e-5)


class Fused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.image, self.depth = nn.Conv2d(3, 4, 3), nn.Conv2d(1, 4, 3)

    def forward(self, image: Tensor, depth: Tensor) -> Tensor:
        return torch.relu(self.image(image) + self.depth(depth))


@pytest.mark.parametrize(
    "given",
    [
        [(3, 8, 8), (1, 8, 8)],
        {"image": (3, 8, 8), "depth": (1, 8, 8)},
    ],
)
def test_several_inputs_by_order_or_name(given: Any) -> None:
    network = wb.from_module(Fused(), input_shape=given)
    assert dict(network.input_shapes) == {"image": (3, 8, 8), "depth": (1, 8, 8)}
    pruned = wb.prune(network, wb.Recipe.uniform("magnitude", 0.5))
    image, depth = torch.randn(2, 3, 8, 8), torch.randn(2, 1, 8, 8)
    found = wb.compile(pruned, tune="model")({"depth": depth, "image": image})
    wanted = pruned.module(image, depth).detach().numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.bfloat16])
def test_other_precisions_are_taken_as_float32_and_that_is_said(
    dtype: torch.dtype,
) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).to(dtype)
    network = wb.from_module(module, input_shape=(3, 8, 8))
    kind = str(dtype).removeprefix("torch.")
    assert network.notes == (
        f"numbers of type {kind}: a copy in float32 is taken, and results are compared "
        "in float32",
        "handed over in training mode: a copy in evaluation mode is taken",
    )
    assert module[0].weight.dtype == dtype
    assert module.training
    x = torch.randn(2, 3, 8, 8)
    wanted = network.module(x).detach().numpy()
    bare = wb.compile(module, example=x.to(dtype), tune="model")(x)
    np.testing.assert_allclose(bare, wanted, rtol=1e-5, atol=1e-5)
    assert module[0].weight.dtype == dtype


def test_linear_layers_over_positions_count_each() -> None:
    """A token mixer: 49 positions of 8 channels, a layer of 8 to 16 on each."""

    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.fc = nn.Conv2d(3, 8, 2, 2), nn.Linear(8, 16)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.stem(x).flatten(2).transpose(1, 2)).mean(1)

    network = wb.from_module(Tokens(), input_shape=(3, 14, 14))
    assert network.layer("fc").macs == 49 * 8 * 16
    assert network.layer("fc").output_shape == (49, 16)
    row = wb.layer_costs(network).layers[1]
    assert (row.params, row.activation_bytes) == (8 * 16 + 16, 4 * 49 * (8 + 16))


def test_onnx_and_program_files_keep_the_outputs(tmp_path: Path) -> None:
    pruned = wb.prune(shared(), wb.Recipe.uniform("magnitude", 0.5))
    x = torch.randn(2, 3, 32, 32)
    wanted = pruned.module(x)
    for name in ("net.onnx", "net.wbp"):
        report = wb.export(pruned, tmp_path / name)
        assert all(check.ok for check in report.checks)
        assert all(check.ok for check in wb.verify(tmp_path / name, pruned).checks)
    again = wb.compile(tmp_path / "net.onnx", tune="model")(x)
    kept = wb.Program.load(tmp_path / "net.wbp")(x)
    assert list(again) == list(kept) == ["p0", "p1", "p2"]
    for name, tensor in wanted.items():
        for found in (again, kept):
            np.testing.assert_allclose(
                found[name], tensor.detach().numpy(), rtol=1e-4, atol=1e-4
            )


def test_two_inputs_are_exported_by_name(tmp_path: Path) -> None:
    given = {"image": (3, 8, 8), "depth": (1, 8, 8)}
    network = wb.from_module(Fused(), input_shape=given)
    wb.export(network, tmp_path / "net.onnx")
    program = wb.compile(tmp_path / "net.onnx", tune="model")
    assert program.inputs == given


class Scored(nn.Module):
    """Two heads with scores, and maps."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.heads = nn.Conv2d(3, 5, 3), heads

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        maps = self.conv(x)
        scores = {f"head{i}": (i + 1) * maps.mean((2, 3)) for i in range(self.heads)}
        return {"maps": maps, **scores}


def five() -> Any:
    rng = np.random.default_rng(1)
    return make_dataset(
        "five",
        "test",
        images=rng.integers(0, 256, (20, 3, 8, 8), np.uint8),
        labels=rng.integers(0, 5, 20),
        classes=tuple("abcde"),
        norm=((0.5,) * 3, (0.25,) * 3),
    )


def test_accuracy_takes_the_scores_or_asks() -> None:
    one = wb.from_module(Scored(1), input_shape=(3, 8, 8))
    data = five()
    with torch.no_grad():
        scores = one.module(data.tensor())["head0"]
    right = float((scores.argmax(1) == torch.from_numpy(data.labels)).float().mean())
    assert wb.evaluate(one, data).top1 == pytest.approx(right)
    program = wb.compile(one, tune="model")
    assert wb.evaluate(program, data).top1 == pytest.approx(right)
    two = wb.from_module(Scored(2), input_shape=(3, 8, 8))
    with pytest.raises(WorkbenchError, match="2 of the 3 outputs could be"):
        wb.evaluate(two, data)
    assert wb.evaluate(two, data, output="head1").top1 == pytest.approx(right)
    with pytest.raises(WorkbenchError, match="no output 'head7' among 'maps'"):
        wb.evaluate(two, data, output="head7")


def test_engines_are_compared_on_all_outputs() -> None:
    rows = wb.measure([shared(), "torch"], rounds=5).to_dict()["rows"]
    assert [row["refused"] for row in rows] == [None, None]
    fused = wb.from_module(Fused(), input_shape=[(3, 8, 8), (1, 8, 8)])
    with pytest.raises(WorkbenchError, match="with 2 inputs"):
        wb.measure([fused], rounds=5)
