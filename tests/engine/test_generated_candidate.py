"""The generated convolution as a candidate: eligibility, fallback, equality."""

from dataclasses import replace

import numpy as np
import pytest

from workbench import kernels
from workbench.engine.candidates import Binding
from workbench.engine.candidates.conv import conv_forms
from workbench.engine.candidates.generated import MOST_CODE_BYTES, GeneratedConv
from workbench.engine.graph.graph import Node
from workbench.engine.layout.layout import Layout, Pad, make_layout
from workbench.engine.tuning.race_kernels import place_operands
from workbench.kernels import Executor
from workbench.kernels.steps import generated

ISAS = [isa for isa in kernels.info().available if isa in generated.CODED]
pytestmark = pytest.mark.skipif(
    not ISAS or not generated.available().available,
    reason="this machine runs no generated code",
)
CANDIDATE = GeneratedConv()
SHAPES = [(12, 9, 9)]


def node(groups: int = 1, channels: int = 12, filters: int = 24) -> Node:
    rng = np.random.default_rng(5)
    weight = rng.standard_normal((filters, channels // groups, 3, 3))
    weight[rng.random(weight.shape) < 0.8] = 0
    return Node(
        id="conv",
        op="conv2d",
        inputs=("x",),
        shape=(filters, 9, 9),
        attrs={"padding": (1, 1, 1, 1), "groups": groups, "act": ("relu", 0.0, 0.0)},
        params={
            "weight": weight.astype(np.float32),
            "bias": rng.standard_normal(filters).astype(np.float32),
        },
    )


def with_weight(weight: np.ndarray) -> Node:
    return replace(node(), params={**node().params, "weight": weight})


def binding() -> Binding:
    source: Layout = make_layout("planes", SHAPES[0], Pad(1, 1))
    return place_operands((source,), make_layout("rows", (24, 9, 9), Pad(1, 1)))


def run(isa: str, variant: str) -> tuple[str, np.ndarray]:
    """Return the kernel's symbol and what the arena holds after one run."""
    place = binding()
    with kernels.forced_isa(isa):
        (step,) = CANDIDATE.build(node(), place, variant)
        with Executor([step], arena_floats=place.arena_floats) as executor:
            rng = np.random.default_rng(1)
            source = place.inputs[0].geometry.addresses()
            executor.arena[source] = rng.standard_normal(source.shape)
            executor.run_step(0)
            return step.kernel, executor.arena[place.output.geometry.addresses()].copy()


@pytest.mark.parametrize("isa", ISAS)
def test_every_offered_variant_equals_numpy(isa: str) -> None:
    _, wanted = run("numpy", "")
    with kernels.forced_isa(isa):
        variants = CANDIDATE.variants(node(), binding())
    for variant in variants:
        kernel, got = run(isa, variant)
        assert kernel.startswith("wb_f32_conv_generated_")
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)


def test_a_variant_of_another_machine_gives_the_default() -> None:
    kernel, _ = run(ISAS[-1], "g6-b8-r" if ISAS[-1] == "avx512" else "g29-s")
    assert kernel == run(ISAS[-1], "")[0]


def test_scalar_programs_fall_back_to_the_data_driven_kernel() -> None:
    kernel, got = run("scalar", "g29-s")
    assert kernel.startswith("wb_f32_conv_sparse")
    np.testing.assert_allclose(got, run("numpy", "")[1], rtol=1e-4, atol=1e-4)


def test_rejects_with_a_reason() -> None:
    assert CANDIDATE.reject(node(), SHAPES) is None
    depthwise = node(groups=12, filters=12)
    assert "no loads to share" in str(CANDIDATE.reject(depthwise, SHAPES))
    with kernels.forced_isa("scalar"):
        assert "avx2 or avx512" in str(CANDIDATE.reject(node(), SHAPES))


def test_rejects_layers_whose_code_would_be_too_large() -> None:
    side = int((MOST_CODE_BYTES / 9 / 10) ** 0.5)
    big = with_weight(np.ones((side, side, 3, 3), np.float32))
    assert "MiB" in str(CANDIDATE.reject(big, [(side, 9, 9)]))


def test_sparser_layers_are_expected_to_be_faster() -> None:
    form = conv_forms(node(), SHAPES[0])[0]
    dense = with_weight(np.ones_like(node().params["weight"]))
    sparse_ms = CANDIDATE.model_ms(node(), SHAPES, form)
    assert 0 < sparse_ms < CANDIDATE.model_ms(dense, SHAPES, form)
