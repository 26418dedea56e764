"""What C must never see is refused, with what was found and what to do next."""

import numpy as np
import pytest

from tests.kernels.cases import SHAPE, build, placed, sparse_arrays
from workbench.kernels import (
    Activation,
    Geometry,
    KernelError,
    Vectors,
    add,
    conv_dense,
    conv_sparse,
    convert,
    depthwise,
    linear_dense,
    linear_sparse,
    load_input,
    pool,
)


def sparse(**changes):
    case = build(3, SHAPE)
    return conv_sparse(**placed({**sparse_arrays(case), **vars(case.place), **changes}))


def table(**changes) -> Vectors:
    parts = {
        "vec_in": np.zeros(2, dtype=np.int64),
        "vec_out": np.zeros((2, 1), dtype=np.int64),
        "vec_mask": np.ones((2, 1), dtype=np.uint16),
    }
    return Vectors(**(parts | changes))


CASE = build(3, SHAPE)
ARRAYS = sparse_arrays(CASE)
SPARSE = {
    "indptr of type int64": {"indptr": ARRAYS["indptr"].astype(np.int64)},
    "values with strides": {"values": np.repeat(ARRAYS["values"], 2)[::2]},
    "offsets of shape": {"offsets": ARRAYS["offsets"][None]},
    "indptr ends at": {"values": ARRAYS["values"][:-1].copy()},
    "indptr of 33 entries": {"indptr": ARRAYS["indptr"][::-1].copy()},
    "bias of 31 values": {"bias": ARRAYS["bias"][:-1].copy()},
    "the source touches floats": {"src": -4096},
    "the source touches": {"offsets": ARRAYS["offsets"] + np.int32(10**6)},
    "the destination touches": {"dst": CASE.floats - 8},
    "the residual touches": {"residual": CASE.floats - 8},
    "out_cs of -5": {"out_cs": -5},
    "variant 'fast'": {"variant": "fast"},
    "act of type str": {"act": "relu"},
    "vec_in of type int32": {"vectors": table(vec_in=np.zeros(2, dtype=np.int32))},
    r"vec_out \(3, 1\)": {"vectors": table(vec_out=np.zeros((3, 1), dtype=np.int64))},
    r"vec_mask \(2, 2\)": {
        "vectors": table(vec_mask=np.zeros((2, 2), dtype=np.uint16))
    },
    "row_vectors of 3": {"vectors": table(row_vectors=3)},
    "rows whose vectors": {"vectors": table(row_vectors=2)},
}


@pytest.mark.parametrize("message", SPARSE)
def test_conv_sparse_refuses(message: str) -> None:
    with pytest.raises(KernelError, match=message):
        sparse(**SPARSE[message])


def test_four_segments_are_refused() -> None:
    with pytest.raises(KernelError, match="S of 1 to 3"):
        sparse(
            vectors=table(
                vec_out=np.zeros((2, 4), dtype=np.int64),
                vec_mask=np.zeros((2, 4), dtype=np.uint16),
            )
        )


def test_dense_and_depthwise_refuse_reads_outside() -> None:
    o, c = CASE.weights.shape[:2]
    weights, offsets = CASE.dense().values()
    with pytest.raises(KernelError, match="one offset a tap and group"):
        conv_dense(
            weights=weights,
            offsets=offsets[:, :-1].copy(),
            bias=CASE.bias,
            place=CASE.place,
        )
    with pytest.raises(KernelError, match="the source touches floats"):
        conv_dense(
            weights=weights.reshape(2, o // 2, -1),
            offsets=np.concatenate((offsets, offsets + 10**6)),
            bias=CASE.bias,
            place=CASE.place,
        )
    with pytest.raises(KernelError, match="the source touches floats"):
        depthwise(
            weights=CASE.weights[:, 0].reshape(o, 9).copy(),
            offsets=CASE.offsets[0].reshape(9),
            in_cs=-(10**5),
            bias=CASE.bias,
            place=CASE.place,
        )
    assert c == 16


def test_linear_refuses_overlap_and_negative_columns() -> None:
    ones = np.ones(4, dtype=np.float32)
    with pytest.raises(KernelError, match="do not overlap"):
        linear_dense(
            weights=np.ones((4, 8), dtype=np.float32),
            bias=ones,
            src=0,
            dst=7,
            act=Activation(),
        )
    with pytest.raises(KernelError, match="column -1"):
        linear_sparse(
            indptr=np.array([0, 1, 1, 1, 1], dtype=np.int32),
            columns=np.array([-1], dtype=np.int32),
            values=ones[:1],
            bias=ones,
            src=0,
            dst=64,
            act=Activation(),
        )


def test_geometries_that_do_not_fit_are_refused() -> None:
    image = Geometry("planes", 2, 4, 4, 16, 4, 0)
    small = Geometry("planes", 2, 3, 4, 16, 4, 64)
    split = Geometry("planes", 8, 2, 2, 16, 2, 64)
    with pytest.raises(KernelError, match="a destination of"):
        convert(geometry_in=image, geometry_out=small)
    with pytest.raises(KernelError, match="a phase-split destination"):
        convert(geometry_in=small, geometry_out=image, phase_split=True)
    with pytest.raises(KernelError, match="b of 2 x 3 x 4"):
        add(a=image, b=small, out=image)
    with pytest.raises(KernelError, match="no size of a phase-split"):
        load_input(geometry_out=split, phase_split=True)
    with pytest.raises(KernelError, match="with an empty window"):
        pool(kind="max", geometry_in=small, geometry_out=image, kernel=(1, 1))
    with pytest.raises(KernelError, match="with a row stride of 3"):
        convert(geometry_in=Geometry("planes", 2, 4, 4, 16, 3, 0), geometry_out=image)
    with pytest.raises(KernelError, match="channels of the source of 0"):
        convert(geometry_in=Geometry("planes", 0, 4, 4, 16, 4, 0), geometry_out=image)


def test_activations_are_checked() -> None:
    with pytest.raises(KernelError, match="activation 'gel'"):
        Activation("gel")
    with pytest.raises(KernelError, match=r"clip bounds 6\.0\.\.0\.0"):
        Activation("clip", 6.0, 0.0)
