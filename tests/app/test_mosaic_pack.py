"""The bytes of the mosaic: what the browser will read back."""

import json
from typing import Any

import numpy as np
import pytest

from workbench.ui.components.mosaic import KernelView, pack
from workbench.ui.components.mosaic.pack import MAX_WEIGHTS


def unpack(data: bytes) -> tuple[dict[str, Any], np.ndarray, np.ndarray | None]:
    length = int.from_bytes(data[:4], "little")
    head = json.loads(data[4 : 4 + length])
    shape = head["o"], head["i"], head["kh"], head["kw"]
    count = int(np.prod(shape))
    start = 4 + length
    weights = np.frombuffer(data, np.int8, count, start).reshape(shape)
    rest = np.frombuffer(data, np.uint8, offset=start + count)
    mask = np.unpackbits(rest)[:count].reshape(shape) if head["masked"] else None
    return head, weights, mask


def weights_of(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).normal(0, 0.1, shape).astype(np.float32)


def test_weights_come_back_within_half_a_step() -> None:
    values = weights_of(6, 5, 3, 3)
    head, quantised, mask = unpack(pack(KernelView("c", values)).data)
    clip = 127 * head["step"]
    inside = np.abs(values) <= clip
    error = np.abs(quantised * head["step"] - values)[inside]
    assert (head["o"], head["i"], head["kh"], head["kw"]) == (6, 5, 3, 3)
    assert error.max() <= head["step"] * 0.5001
    assert np.abs(quantised[~inside]).min() == 127
    assert mask is None


def test_printed_digits_are_not_finer_than_the_step() -> None:
    head, *_ = unpack(pack(KernelView("c", weights_of(8, 8, 3, 3))).data)
    assert 10.0 ** -head["digits"] >= head["step"]


@pytest.mark.parametrize("shape", [(3, 5, 3, 3), (7, 11)])
def test_the_mask_survives_to_the_bit(shape: tuple[int, ...]) -> None:
    values = weights_of(*shape)
    mask = np.abs(values) > 0.08
    head, _, bits = unpack(pack(KernelView("c", values, mask)).data)
    assert head["masked"] is True
    assert np.array_equal(bits.reshape(shape).astype(bool), mask)
    assert f"{100 * (1 - mask.mean()):.1f}" in head["summary"]


def test_a_layer_too_large_for_one_picture_is_shown_in_part_and_says_so() -> None:
    values = np.zeros((3000, 2000), np.float32)
    packed = pack(KernelView("fc", values))
    head, quantised, _ = unpack(packed.data)
    assert quantised.size <= MAX_WEIGHTS
    assert (head["o"], head["i"]) == (2097, 2000)
    assert "Filters 0 to 2096 of 3\u202f000" in packed.shown
    later, *_ = unpack(pack(KernelView("fc", values), first_filter=2900).data)
    assert (later["firstO"], later["o"]) == (2900, 100)


def test_a_layer_of_zeros_has_a_scale_all_the_same() -> None:
    head, quantised, _ = unpack(pack(KernelView("z", np.zeros((2, 2, 3, 3)))).data)
    assert head["step"] > 0
    assert not quantised.any()


def test_the_patterns_of_a_mask_are_named_by_their_bits() -> None:
    values = weights_of(2, 3, 3, 3)
    mask = np.zeros(values.shape, bool)
    # Four kernels keep their middle row (bits 3, 4, 5: 8 + 16 + 32), one a corner.
    mask[0, :, 1] = True
    mask[1, 0, 1] = True
    mask[1, 1, 0, 0] = True
    head, *_ = unpack(pack(KernelView("c", values, mask)).data)
    assert head["patterns"] == [[56, "80.0\u00a0%"], [1, "20.0\u00a0%"]]


def test_masks_without_a_dictionary_have_no_patterns() -> None:
    values = weights_of(16, 16, 3, 3)
    whole = np.ones(values.shape, bool)
    whole[3] = False
    free = np.abs(values) > 0.05
    for mask in (None, whole, free):
        head, *_ = unpack(pack(KernelView("c", values, mask)).data)
        assert head["patterns"] == []
    flat, *_ = unpack(pack(KernelView("f", values[:, :, 0, 0], free[:, :, 0, 0])).data)
    assert flat["patterns"] == []
