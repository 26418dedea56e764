"""Convolution in n x 1 blocks against float64: every ISA, height, tile."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.cases import (
    EVERY,
    SHAPE,
    TOLERANCE,
    Case,
    build,
    convolutions,
    sparse_arrays,
)
from workbench.kernels import (
    Activation,
    KernelError,
    conv_blocks,
    conv_sparse,
    forced_isa,
    variants_conv_blocks,
)
from workbench.kernels.steps.blocks import HEIGHTS

HEIGHT = st.sampled_from(HEIGHTS)


def block_case(seed: int, shape: dict, height: int) -> tuple[Case, dict]:
    """Return a case whose weights come in blocks, and the arrays of those blocks."""
    case = build(seed, shape)
    rng = np.random.default_rng(seed)
    outputs = len(case.weights)
    groups = -(-outputs // height)
    kept = rng.random((groups, *case.weights.shape[1:])) < shape["density"]
    case.weights[:] = rng.standard_normal(case.weights.shape)
    case.weights[~np.repeat(kept, height, axis=0)[:outputs]] = 0
    padded = np.zeros((groups * height, *case.weights.shape[1:]), np.float32)
    padded[:outputs] = case.weights
    values = [
        padded[g * height : (g + 1) * height][:, kept[g]].T for g in range(groups)
    ]
    counts = kept.reshape(groups, -1).sum(axis=1)
    return case, {
        "indptr": np.cumsum([0, *counts]).astype(np.int32),
        "offsets": np.concatenate([case.offsets[k] for k in kept]).astype(np.int32),
        "values": np.ascontiguousarray(np.concatenate(values)),
        "bias": case.bias,
    }


@pytest.mark.parametrize("isa", EVERY)
@settings(max_examples=25, deadline=None)
@given(drawn=convolutions(groups=1), height=HEIGHT)
def test_blocks_equal_float64_in_every_variant(isa: str, drawn, height: int) -> None:
    case, arrays = block_case(*drawn, height)
    with forced_isa(isa):
        for variant in variants_conv_blocks(arrays["offsets"], height):
            step = conv_blocks(**arrays, place=case.place, variant=variant)
            np.testing.assert_allclose(
                case.run(step), case.expected(), **TOLERANCE, err_msg=variant
            )


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("outputs", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17])
@pytest.mark.parametrize("density", [0.0, 1.0])
def test_short_groups_and_both_ends_of_density(isa, outputs, density) -> None:
    shape = SHAPE | {"outputs": outputs, "density": density, "height": 3, "inputs": 5}
    for height in HEIGHTS:
        case, arrays = block_case(3, shape, height)
        with forced_isa(isa):
            for variant in variants_conv_blocks(arrays["offsets"], height):
                step = conv_blocks(**arrays, place=case.place, variant=variant)
                np.testing.assert_allclose(
                    case.run(step), case.expected(), **TOLERANCE, err_msg=variant
                )


@pytest.mark.parametrize("isa", EVERY)
def test_many_chunks_and_threads_give_the_same_bits(isa: str) -> None:
    # 700 channels of strips of 3 to 8 vectors do not fit L1: several chunks.
    shape = SHAPE | {
        "inputs": 700,
        "outputs": 24,
        "kernel": 1,
        "source": "strips",
        "density": 0.4,
        "residual": True,
    }
    for threads in (1, 3):
        case, arrays = block_case(9, shape | {"threads": threads}, 4)
        with forced_isa(isa):
            for variant in variants_conv_blocks(arrays["offsets"], 4):
                step = conv_blocks(**arrays, place=case.place, variant=variant)
                first, second = case.run(step), case.run(step)
                np.testing.assert_array_equal(first, second)
                np.testing.assert_allclose(first, case.expected(), rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_special_values_stay_where_they_belong(isa: str, special: float) -> None:
    size = {"height": 7, "width": 7, "density": 1.0}
    case, arrays = block_case(11, SHAPE | size, 8)
    case.image[3, 2, 4] = special
    with forced_isa(isa):
        for variant in variants_conv_blocks(arrays["offsets"], 8):
            result = case.run(conv_blocks(**arrays, place=case.place, variant=variant))
            np.testing.assert_allclose(
                result, case.expected(), **TOLERANCE, err_msg=variant
            )
    assert not np.isfinite(case.expected()).all()


@pytest.mark.parametrize("isa", EVERY)
def test_negative_zero_and_nan_pass_a_relu(isa: str) -> None:
    shape = SHAPE | {"kernel": 1, "source": "strips", "inputs": 1, "density": 1.0}
    case, arrays = block_case(5, shape, 2)
    case.image[:] = np.float32(-0.0)
    case.image[0, 0, 0] = np.nan
    arrays["bias"][:] = np.float32(-0.0)
    with forced_isa(isa):
        result = case.run(conv_blocks(**arrays, place=case.place))
    assert np.isnan(result[:, 0, 0]).all()
    np.testing.assert_array_equal(result[:, 1:], 0.0)


def test_blocks_and_single_rows_agree_by_hand() -> None:
    # Channels 0 and 1 share the taps (c0, c2) with weights 1, 2 and 10, 20:
    # a pixel of image value c + 1 in channel c gives 1*1 + 2*3 = 7 and 10 + 60 = 70.
    shape = SHAPE | {
        "inputs": 3,
        "outputs": 2,
        "kernel": 1,
        "source": "strips",
        "act": Activation(),
    }
    case = build(1, shape)
    case.image[:] = np.arange(1, 4, dtype=np.float32)[:, None, None]
    case.weights[:] = 0
    case.weights[0, [0, 2], 0, 0] = 1, 2
    case.weights[1, [0, 2], 0, 0] = 10, 20
    case.bias[:] = 0
    blocks = {
        "indptr": np.array([0, 2], np.int32),
        "offsets": case.offsets.reshape(-1)[[0, 2]],
        "values": np.array([[1, 10], [2, 20]], np.float32),
        "bias": case.bias,
    }
    result = case.run(conv_blocks(**blocks, place=case.place))
    assert (result[0] == 7).all()
    assert (result[1] == 70).all()
    np.testing.assert_array_equal(
        result, case.run(conv_sparse(**sparse_arrays(case), place=case.place))
    )


def test_wrong_blocks_are_refused() -> None:
    case, arrays = block_case(2, SHAPE, 4)
    narrow = np.ascontiguousarray(arrays["values"][:, :3])
    with pytest.raises(KernelError, match="groups of 3 for 32 output channels"):
        conv_blocks(**arrays | {"values": narrow}, place=case.place)
    short = arrays["indptr"][[0, 1, 2, 3, 4, 5, 6, 8]]
    with pytest.raises(KernelError, match="7 groups of 4 for 32 output channels"):
        conv_blocks(**arrays | {"indptr": short}, place=case.place)
    with pytest.raises(KernelError, match="variant '3x3'"):
        conv_blocks(**arrays, place=case.place, variant="3x3")
    far = arrays["offsets"] + 10**6
    with pytest.raises(KernelError, match="of the arena"):
        conv_blocks(**arrays | {"offsets": far}, place=case.place)
