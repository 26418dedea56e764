"""Convolution kernels against float64: every ISA, layout, stride, group."""

import numpy as np
import pytest
from hypothesis import given, settings

from tests.kernels.cases import (
    EVERY,
    SHAPE,
    TOLERANCE,
    build,
    convolutions,
    sparse_arrays,
)
from workbench.kernels import (
    conv_dense,
    conv_sparse,
    depthwise,
    forced_isa,
    variants_conv_dense,
    variants_conv_sparse,
)


@pytest.mark.parametrize("isa", EVERY)
@settings(max_examples=15, deadline=None)
@given(drawn=convolutions())
def test_sparse_equals_float64_in_every_variant(isa: str, drawn) -> None:
    case = build(*drawn)
    arrays = sparse_arrays(case)
    with forced_isa(isa):
        src = case.source.geometry.base
        for variant in variants_conv_sparse(arrays["offsets"], case.table, src):
            step = conv_sparse(**arrays, place=case.place, variant=variant)
            result = case.run(step)
            np.testing.assert_allclose(
                result, case.expected(), **TOLERANCE, err_msg=variant
            )
            assert step.macs == arrays["values"].size * result[0].size


@pytest.mark.parametrize("isa", EVERY)
@settings(max_examples=15, deadline=None)
@given(drawn=convolutions(stride=1, kernel=3, groups=1, source="aligned", dilation=1))
def test_shifting_kernel_equals_float64(isa: str, drawn) -> None:
    case = build(*drawn)
    arrays = sparse_arrays(case)
    with forced_isa(isa):
        src = case.source.geometry.base
        for variant in variants_conv_sparse(arrays["offsets"], case.table, src):
            result = case.run(conv_sparse(**arrays, place=case.place, variant=variant))
            np.testing.assert_allclose(
                result, case.expected(), **TOLERANCE, err_msg=variant
            )


@pytest.mark.parametrize("isa", EVERY)
@settings(max_examples=15, deadline=None)
@given(drawn=convolutions(density=1.0))
def test_dense_equals_float64_in_every_variant(isa: str, drawn) -> None:
    case = build(*drawn)
    arrays = case.dense()
    with forced_isa(isa):
        for variant in variants_conv_dense(arrays["weights"], case.table):
            step = conv_dense(
                **arrays, bias=case.bias, place=case.place, variant=variant
            )
            result = case.run(step)
            np.testing.assert_allclose(
                result, case.expected(), **TOLERANCE, err_msg=variant
            )
            assert step.macs == case.weights.size * result[0].size


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("residual", [False, True])
def test_dense_tiles_that_wrap_around_rows_equal_float64(
    isa: str, residual: bool
) -> None:
    # 7 x 7 pixels are 3 full vectors and one of a pixel; sixteen pixels of a strip wrap
    # around rows of 7 twice or three times, into up to three segments of 24 channels.
    shape = {"kernel": 1, "height": 7, "width": 7, "source": "strips", "outputs": 24}
    case = build(3, {**SHAPE, **shape, "residual": residual, "density": 1.0})
    assert case.table.vec_mask.shape[1] == 3
    with forced_isa(isa):
        arrays = case.dense()
        for variant in variants_conv_dense(arrays["weights"], case.table):
            step = conv_dense(
                **arrays, bias=case.bias, place=case.place, variant=variant
            )
            np.testing.assert_allclose(case.run(step), case.expected(), **TOLERANCE)


@pytest.mark.parametrize("isa", EVERY)
@settings(max_examples=15, deadline=None)
@given(drawn=convolutions(inputs=1, outputs=1, groups=7, density=1.0))
def test_depthwise_equals_float64(isa: str, drawn) -> None:
    case = build(*drawn)
    with forced_isa(isa):
        step = depthwise(
            weights=case.weights.reshape(7, -1),
            offsets=case.offsets.reshape(-1),
            in_cs=case.source.geometry.channel_stride,
            bias=case.bias,
            place=case.place,
        )
        np.testing.assert_allclose(case.run(step), case.expected(), **TOLERANCE)


@pytest.mark.parametrize("isa", EVERY)
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("source", ["planes", "aligned", "rows"])
def test_special_values_stay_where_they_belong(isa, special, source) -> None:
    # Dense weights: a pruned weight skips an infinity that others multiply by zero.
    size = {"height": 7, "width": 7, "density": 1.0}
    case = build(11, SHAPE | size | {"source": source})
    case.image[3, 2, 4] = special
    arrays = sparse_arrays(case)
    with forced_isa(isa):
        src = case.source.geometry.base
        for variant in variants_conv_sparse(arrays["offsets"], case.table, src):
            result = case.run(conv_sparse(**arrays, place=case.place, variant=variant))
            np.testing.assert_allclose(
                result, case.expected(), **TOLERANCE, err_msg=variant
            )
        assert not np.isfinite(case.expected()).all()


@pytest.mark.parametrize("isa", EVERY)
def test_negative_zero_and_nan_pass_a_relu(isa: str) -> None:
    case = build(5, SHAPE | {"kernel": 1, "source": "strips", "inputs": 1})
    case.image[:] = np.float32(-0.0)
    case.image[0, 0, 0] = np.nan
    case.weights[:] = 1.0
    case.bias[:] = np.float32(-0.0)
    with forced_isa(isa):
        result = case.run(conv_sparse(**sparse_arrays(case), place=case.place))
    assert np.isnan(result[:, 0, 0]).all()
    np.testing.assert_array_equal(result[:, 1:], 0.0)
