"""Whatever a program is called with: the same numbers, or a sentence."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.nets import make
from workbench.capture.compile import compile
from workbench.engine.program import Program
from workbench.errors import WorkbenchError
from workbench.kernels import executor


@pytest.fixture(scope="module")
def program() -> Program:
    module, x = make("lenet", 0.5)
    return compile(module, example=x, tune="model")


@pytest.fixture(scope="module")
def images(program: Program) -> np.ndarray:
    shape = (3, *program.input_shape)
    return np.random.default_rng(2).standard_normal(shape, dtype=np.float32)


def test_other_layouts_and_types_of_equal_numbers(
    program: Program, images: np.ndarray, tmp_path: Path
) -> None:
    expected = program(images)
    twice = np.repeat(images, 2, axis=3)
    np.save(tmp_path / "x.npy", images)
    for x in (
        np.asfortranarray(images),
        twice[..., ::2],
        images[:, :, ::-1][:, :, ::-1],
        images.astype(np.float64),
        images.astype(">f4"),
        images.astype(object),
        images.tolist(),
        np.load(tmp_path / "x.npy", mmap_mode="r"),
    ):
        np.testing.assert_array_equal(program(x), expected)


def test_strides_of_zero_are_one_image_again(
    program: Program, images: np.ndarray
) -> None:
    same = np.broadcast_to(images[:1], (4, *images.shape[1:]))
    assert same.strides[0] == 0
    np.testing.assert_array_equal(program(same), np.repeat(program(images[:1]), 4, 0))


def test_no_images_have_no_results(program: Program) -> None:
    assert program(np.zeros((0, *program.input_shape))).shape == (0, 10)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(1, 1, 28, 28, dtype=torch.cfloat), "of type torch.complex64"),
        (torch.zeros(1, 1, 28, 28, requires_grad=True), "no array"),
        (torch.zeros(1, 1, 28, 28, device="meta"), "no array"),
        (object(), "no array"),
        ("text", "no array"),
        ([[1, 2], [3]], "no array"),
        ([10**400], "no array"),
        (np.zeros((1, 1, 28, 28), np.complex64), "elements of type complex64"),
        (np.zeros((1, 1, 28, 28), "datetime64[s]"), r"of type datetime64\[s\]"),
        (np.float32(1), r"of shape \(1,\)"),
        (np.zeros((1, 28, 28, 1)), r"of shape \(1, 28, 28, 1\)"),
        (np.zeros((0,)), r"of shape \(0,\)"),
    ],
)
def test_other_things_are_named(program: Program, x: object, message: str) -> None:
    with pytest.raises(WorkbenchError, match=message):
        program(x)


def test_a_batch_without_memory_is_named(program: Program) -> None:
    many = np.broadcast_to(np.float32(0), (2**50, *program.input_shape))
    with pytest.raises(WorkbenchError, match="there is no memory for so many images"):
        program(many)


def test_batches_longer_than_c_counts_run_in_pieces(
    program: Program, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = program(images)
    monkeypatch.setattr(executor, "MOST_IMAGES", 2)
    np.testing.assert_array_equal(program(images), expected)


@pytest.mark.parametrize("rounds", [0, -1, 2**31, 10**12])
def test_rounds_of_timing_are_bounded(program: Program, rounds: int) -> None:
    x = np.zeros((1, *program.input_shape), np.float32)
    with pytest.raises(WorkbenchError, match=f"{rounds} rounds"):
        program.profile(x, rounds=rounds)
