"""Generated code is refused where 32 bits of bytes cannot reach; nothing is made."""

from dataclasses import replace

import numpy as np
import pytest

from tests.kernels.cases import ISAS, placed
from workbench.engine.candidates import Binding, Operand
from workbench.engine.candidates.generated import GeneratedConv
from workbench.engine.graph.graph import INPUT, Node
from workbench.engine.layout.layout import make_layout
from workbench.engine.layout.offsets import Window, tap_offsets
from workbench.errors import WorkbenchError
from workbench.kernels import Activation, KernelError, Vectors, forced_isa
from workbench.kernels.backend import NUMBERS
from workbench.kernels.steps.generated import (
    CODED,
    CodePlan,
    available,
    conv_generated,
    variants_generated,
)
from workbench.kernels.steps.sparse import sparse_spec
from workbench.kernels.values.specs import ConvSparse
from workbench.kernels.variants.code_shapes import REACH, CodeShape, in_reach

GIB = (1 << 30) // 4
"""Floats of a GiB."""

BASE = 8 * GIB
ROOM = 32 * GIB
TOO_FAR = 3
NATIVE = [isa for isa in ISAS if isa in CODED]


def arguments(**changed) -> dict:
    """Return two rows of one non-zero each in an arena of 32 GiB that nobody makes."""
    starts = np.zeros(1, np.int64)
    table = Vectors(starts, starts[:, None], np.full((1, 1), 0xFFFF, np.uint16))
    given = {
        "indptr": np.array([0, 1, 2], np.int32),
        "offsets": np.array([0, 16], np.int32),
        "values": np.ones(2, np.float32),
        "bias": np.zeros(2, np.float32),
        "vectors": table,
        "src": BASE,
        "dst": BASE,
        "out_cs": 16,
        "act": Activation(),
        "residual": None,
        "arena_floats": ROOM,
    }
    return placed(given | changed)


NEAR = {
    "offsets": {"offsets": np.array([-16, REACH - 17], np.int32)},
    "outputs": {"out_cs": (REACH - 1) // 2},
    "residual": {"residual": BASE - REACH + 1},
}
FAR = {
    "an input above": {"offsets": np.array([0, REACH], np.int32)},
    "an input of 2 GiB": {"offsets": np.array([0, 2 * GIB - 1], np.int32)},
    "an input of 4 GiB": {"offsets": np.array([0, 2**31 - 1], np.int32)},
    "inputs on both sides": {"offsets": np.array([-16, REACH - 16], np.int32)},
    "an input below": {"offsets": np.array([-REACH, 0], np.int32)},
    "outputs": {"out_cs": REACH // 2 + 1},
    "outputs of 4 GiB": {"out_cs": 4 * GIB},
    "a residual above": {"residual": BASE + REACH},
    "a residual below": {"residual": BASE - 2 * GIB},
}


def compiled(isa: str, spec: ConvSparse) -> object:
    """Return what the compiled module makes of a layer when Python does not ask."""
    native = pytest.importorskip("workbench.kernels._native")
    order = np.arange(2, dtype=np.int32)
    plan = CodePlan(CodeShape(2), order, False, (0, ROOM))
    return native.conv_generated(spec, NUMBERS[isa], plan)


@pytest.mark.parametrize("isa", NATIVE)
@pytest.mark.parametrize("name", NEAR)
def test_within_reach_code_is_generated(isa: str, name: str) -> None:
    spec = sparse_spec(**arguments(**NEAR[name]))
    assert in_reach(spec)
    with forced_isa(isa):
        if not available().available:
            pytest.skip(available().reason)
        assert conv_generated(**arguments(**NEAR[name])).bytes > 0
        assert compiled(isa, spec) != TOO_FAR


@pytest.mark.parametrize("isa", NATIVE)
@pytest.mark.parametrize("name", FAR)
def test_beyond_it_is_refused(isa: str, name: str) -> None:
    spec = sparse_spec(**arguments(**FAR[name]))
    assert not in_reach(spec)
    with forced_isa(isa):
        assert variants_generated(spec) == ()
        assert compiled(isa, spec) == TOO_FAR
        if available().available:
            for variant in (None, "g2"):
                with pytest.raises(KernelError, match=r"2\^30 bytes"):
                    conv_generated(**arguments(**FAR[name]), variant=variant)


def big_layer() -> tuple[Node, Binding]:
    """Return a 1x1 layer that reads 300 channels of 1000 x 1000: 1.1 GiB."""
    weight = np.zeros((1, 300, 1, 1), np.float32)
    weight[0, ::7] = 1
    node = Node(
        id="conv",
        op="conv2d",
        inputs=(INPUT,),
        shape=(1, 1000, 1000),
        params={"weight": weight, "bias": np.zeros(1, np.float32)},
    )
    layouts = [make_layout("strips", (c, 1000, 1000)) for c in (300, 1)]
    source = Operand(GIB, layouts[0], 0, 300)
    target = Operand(8 * GIB, layouts[1], 0, 1)
    return node, Binding((source,), target, ROOM)


@pytest.mark.parametrize("isa", NATIVE)
def test_the_engine_takes_data_driven_kernels_for_large_tensors(isa: str) -> None:
    node, binding = big_layer()
    planes = make_layout("planes", (300, 1000, 1000))
    source = replace(binding.inputs[0], layout=planes)
    with forced_isa(isa):
        if not available().available:
            pytest.skip(available().reason)
        generated = GeneratedConv()
        assert "2^30 bytes" in str(generated.reject(node, [(300, 1000, 1000)]))
        assert generated.reject(node, [(30, 100, 100)]) is None
        prepared = generated.prepare(node, replace(binding, inputs=(source,)))
        assert prepared.variants() == ("",)
        (step,) = prepared.build("g1")
        assert step.kernel.startswith("wb_f32_conv_sparse")
        # Strips keep the channels of a pixel together: these are near.
        (step,) = generated.prepare(node, binding).build("")
        assert step.kernel.startswith("wb_f32_conv_generated")


def test_images_beyond_32_bits_are_refused_by_name() -> None:
    window = Window((1, 1), (1, 1), (1, 1), 0, 0, (200, 200), (200, 200))
    layout = make_layout("planes", (60_000, 200, 200))
    with pytest.raises(WorkbenchError, match="taps 2496918384 floats"):
        tap_offsets(window, layout, 60_000)
    assert int(tap_offsets(window, layout, 50_000).max()) < 2**31
