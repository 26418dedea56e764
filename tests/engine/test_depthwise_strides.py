"""Depthwise layers of stride 2 read the image as it is, or its phases."""

import numpy as np
import pytest
import torch

from workbench.engine.candidates import Form
from workbench.engine.candidates.depthwise import DepthwiseConv
from workbench.engine.graph.graph import INPUT, Graph, Node
from workbench.engine.planning.layout_choices import slot_forms
from workbench.engine.planning.slots import find_slots
from workbench.engine.tuning.race_kernels import place_operands
from workbench.kernels import Executor

CHANNELS = 6
TOLERANCE = 1e-5
"""Sums of 25 products of unit normals in float32."""


def graph(kernel: int, height: int, width: int) -> Graph:
    """Return a graph of one depthwise layer of stride 2."""
    rng = np.random.default_rng(7)
    size = (CHANNELS, (height + 1) // 2, (width + 1) // 2)
    layer = Node(
        id="dw",
        op="conv2d",
        inputs=(INPUT,),
        shape=size,
        attrs={
            "stride": (2, 2),
            "padding": (kernel // 2,) * 4,
            "groups": CHANNELS,
        },
        params={
            "weight": rng.standard_normal(
                (CHANNELS, 1, kernel, kernel), dtype=np.float32
            ),
            "bias": rng.standard_normal(CHANNELS, dtype=np.float32),
        },
    )
    shape = (CHANNELS, height, width)
    return Graph("one", (Node(id=INPUT, op=INPUT, inputs=(), shape=shape), layer), "dw")


@pytest.mark.parametrize("form", [Form("rows"), Form("planes")])
@pytest.mark.parametrize("target", ["strips", "rows", "planes"])
@pytest.mark.parametrize(("kernel", "size"), [(3, (9, 37)), (5, (12, 34)), (3, (4, 4))])
def test_image_as_it_is_equals_torch(form, target, kernel, size) -> None:
    net = graph(kernel, *size)
    slots, node = find_slots(net), net.node("dw")
    source = slots.layout(net.nodes[0].id, form)
    binding = place_operands((source,), slots.layout("dw", Form(target)))
    (step,) = DepthwiseConv().build(node, binding, "")
    image = np.random.default_rng(1).standard_normal((CHANNELS, *size))
    with Executor([step], arena_floats=binding.arena_floats) as executor:
        executor.arena[binding.inputs[0].geometry.addresses()] = image
        executor.run_step(0)
        result = executor.arena[binding.output.geometry.addresses()]
    expected = torch.nn.functional.conv2d(
        torch.from_numpy(image)[None],
        torch.from_numpy(node.params["weight"].astype(np.float64)),
        torch.from_numpy(node.params["bias"].astype(np.float64)),
        stride=2,
        padding=kernel // 2,
        groups=CHANNELS,
    )[0].numpy()
    np.testing.assert_allclose(result, expected, rtol=TOLERANCE, atol=TOLERANCE)


def test_both_ways_are_worth_timing() -> None:
    net = graph(3, 8, 8)
    found = DepthwiseConv().forms(net.node("dw"), [net.nodes[0].shape])
    assert found == (
        Form("rows"),
        Form("planes"),
        Form("planes", 2),
        Form("rows", 2),
    )
    assert set(found) <= set(slot_forms(net, find_slots(net))[net.nodes[0].id])
