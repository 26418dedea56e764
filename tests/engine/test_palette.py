"""Weights of few numbers: recognised, run from the table, small in the file."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from workbench.capture.from_torch.torch_export import capture
from workbench.engine.candidates.palette import PaletteLinear
from workbench.engine.compile import compile_graph
from workbench.engine.graph.graph import Graph, GraphError
from workbench.engine.graph.palette import expand, find_palette, palette_params
from workbench.engine.graph.passes import simplify
from workbench.engine.program import Program

RNG = np.random.default_rng(4)
torch.set_num_threads(1)


def shared(shape: tuple[int, ...], entries: int, density: float = 1.0) -> np.ndarray:
    codebook = RNG.standard_normal(entries).astype(np.float32)
    weight = codebook[RNG.integers(0, entries, shape)]
    return weight * (RNG.random(shape) < density)


def network(entries: int, density: float) -> tuple[nn.Module, torch.Tensor]:
    """Return convolution, batch norm, pool and two linear layers of shared weights."""
    net = nn.Sequential(
        nn.Conv2d(6, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 1),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(512, 40),
        nn.ReLU(),
        nn.Linear(40, 30),
    )
    net[1].running_var.uniform_(0.5, 2)
    net[1].running_mean.normal_()
    with torch.no_grad():
        for layer in net:
            if isinstance(layer, nn.Conv2d | nn.Linear):
                weight = shared(tuple(layer.weight.shape), entries, density) / 8
                layer.weight.copy_(torch.from_numpy(weight.astype(np.float32)))
    return net.eval(), torch.randn(2, 6, 9, 11)


@pytest.mark.parametrize(("entries", "density"), [(5, 1.0), (20, 0.2), (60, 1.0)])
def test_a_network_of_shared_weights_equals_torch(entries, density) -> None:
    net, x = network(entries, density)
    program = compile_graph(capture(net, x), tune="model")
    with torch.no_grad():
        wanted = net.double()(x.double()).numpy()
    np.testing.assert_allclose(program(x.numpy()), wanted, rtol=1e-4, atol=1e-4)
    ops = [node.op for node in program.graph if "bias" in node.params]
    if entries < 60:  # 512 weights of the 1x1 layer are too few in any case
        assert ops == ["conv2d", "conv2d", "palette_linear", "palette_linear"]
    else:
        assert ops.count("palette_linear") == 2


def test_batch_norm_folds_into_the_scale() -> None:
    conv = nn.Conv2d(16, 24, 3, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.from_numpy(shared((24, 16, 3, 3), 9).astype("f4")))
    norm = nn.BatchNorm2d(24).eval()
    norm.running_var.uniform_(0.5, 2)
    net = nn.Sequential(conv, norm).eval()
    x = torch.randn(1, 16, 8, 8)
    graph = simplify(capture(net, x))
    (node,) = [n for n in graph if n.op == "palette_conv2d"]
    assert node.params["codebook"].size == 9
    np.testing.assert_allclose(
        node.params["scale"],
        1 / np.sqrt(norm.running_var.numpy() + 1e-5),
        rtol=1e-6,
    )
    result = compile_graph(capture(net, x), tune="model")(x.numpy())
    with torch.no_grad():
        np.testing.assert_allclose(result, net(x).numpy(), rtol=1e-4, atol=1e-4)


def test_256_numbers_and_zeros_need_a_mask() -> None:
    weight = shared((64, 200), 256, 0.5)
    found = find_palette(weight)
    assert found is not None
    codebook, indices, keep = found
    assert keep is not None
    assert codebook.size == 256
    params = palette_params(codebook, indices, np.zeros(64, "f4"), keep)
    np.testing.assert_array_equal(expand(params), weight)
    plain = nn.Linear(200, 64)
    with torch.no_grad():
        plain.weight.copy_(torch.from_numpy(weight))
    x = torch.randn(3, 200)
    program = compile_graph(capture(plain, x), tune="model")
    np.testing.assert_allclose(program(x), plain(x).detach(), rtol=1e-4, atol=1e-4)
    node = program.graph.nodes[-1]
    assert "only the sparse kernel" in str(PaletteLinear().reject(node, [(200,)]))


@pytest.mark.parametrize(
    "weight",
    [
        RNG.standard_normal((64, 64)).astype(np.float32),
        np.ones((4, 4), np.float32),
        np.full((64, 64), np.nan, np.float32),
        np.zeros((64, 64), np.float32),
        shared((64, 200), 257),
        RNG.standard_normal((64, 64)).astype(np.float32)
        * (RNG.random((64, 64)) < 0.05),
    ],
    ids=["ordinary", "small", "no number", "zeros", "257 numbers", "pruned"],
)
def test_other_weights_stay_floats(weight: np.ndarray) -> None:
    assert find_palette(weight) is None


def test_rare_numbers_beyond_the_sample_are_found() -> None:
    weight = shared((200, 300), 20)
    weight[123, 7] = 99.0
    found = find_palette(weight)
    assert found is not None
    assert found[0].size == 21
    np.testing.assert_array_equal(found[0][found[1]], weight)


def test_the_file_holds_bytes_and_gives_the_same_bits(tmp_path: Path) -> None:
    net, x = network(16, 1.0)
    program = compile_graph(capture(net, x), tune="model")
    program.save(tmp_path / "small.wbp")
    again = Program.load(tmp_path / "small.wbp")
    np.testing.assert_array_equal(again(x.numpy()), program(x.numpy()))
    codes = again.graph.nodes[-1].params["indices"]
    assert codes.dtype == np.uint8
    assert (tmp_path / "small.wbp").read_bytes()[8] == 2
    floats = sum(p.numel() * 4 for p in net.parameters())
    assert (tmp_path / "small.wbp").stat().st_size < floats / 2
    # A network without palettes is still written for older readers.
    nn.init.normal_(net[6].weight)
    nn.init.normal_(net[8].weight)
    nn.init.normal_(net[0].weight)
    compile_graph(capture(net, x), tune="model").save(tmp_path / "plain.wbp")
    assert (tmp_path / "plain.wbp").read_bytes()[8] == 1


def test_reports_count_weights_of_a_palette() -> None:
    plain = nn.Linear(256, 32, bias=False)
    weight = shared((32, 256), 7, 0.25)
    with torch.no_grad():
        plain.weight.copy_(torch.from_numpy(weight))
    steps = compile_graph(capture(plain, torch.zeros(1, 256)), tune="model").steps
    (step,) = [s for s in steps if s.op == "palette_linear"]
    assert step.dense_macs == 32 * 256
    assert step.theoretical_macs == np.count_nonzero(weight)


def test_codes_of_another_type_are_refused() -> None:
    net = nn.Linear(256, 32)
    with torch.no_grad():
        net.weight.copy_(torch.from_numpy(shared((32, 256), 7)))
    graph = simplify(capture(net, torch.zeros(1, 256)))
    node = graph.nodes[-1]
    wide = {**node.params, "indices": node.params["indices"].astype(np.float32)}
    with pytest.raises(GraphError, match="C-contiguous uint8"):
        Graph(graph.name, (*graph.nodes[:-1], node.but(params=wide)), graph.output)


def test_convolutions_run_from_their_bytes(tmp_path: Path) -> None:
    conv = nn.Conv2d(32, 64, 3, padding=1)
    with torch.no_grad():
        conv.weight.copy_(torch.from_numpy(shared((64, 32, 3, 3), 40).astype("f4")))
    x = torch.randn(2, 32, 9, 10)
    program = compile_graph(capture(conv.eval(), x), tune="model")
    (name,) = [n.id for n in program.graph if n.op == "palette_conv2d"]
    choice = replace(program.plan.choices[name], candidate="palette", variant="")
    choices = {**program.plan.choices, name: choice}
    looked_up = Program(program.graph, replace(program.plan, choices=choices))
    looked_up.save(tmp_path / "net.wbp")
    for each in (looked_up, Program.load(tmp_path / "net.wbp")):
        with torch.no_grad():
            wanted = deepcopy(conv).double()(x.double()).numpy()
        np.testing.assert_allclose(each(x.numpy()), wanted, rtol=1e-4, atol=1e-4)
    # 64 x 32 x 9 weights: a byte each, where the expanded kernels hold floats
    sizes = [
        sum(step.bytes for step in each._lowered.steps) for each in (looked_up, program)
    ]
    assert sizes[0] < 1.1 * 64 * 32 * 9
    assert sizes[1] > 3.5 * sizes[0]


def test_an_ordinary_weight_with_an_empty_first_column_is_seen_in_its_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weight = RNG.standard_normal((4096, 64)).astype(np.float32)
    weight[:, 0] = 0

    def whole(*_: object) -> None:
        raise AssertionError("looked at every weight")

    monkeypatch.setattr(np, "searchsorted", whole)
    assert find_palette(weight) is None
