"""The Dataset value, its splits and subsets, and MNIST-5k."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.data import Dataset, load_dataset
from workbench.data.dataset import make_dataset
from workbench.data.digest import digest_arrays
from workbench.data.splits import balanced_subset, stratified_parts
from workbench.errors import WorkbenchError


def _data(count: int = 10) -> Dataset:
    images = np.arange(count * 12, dtype=np.uint8).reshape(count, 3, 2, 2)
    return make_dataset(
        "tiny",
        "test",
        images=images,
        labels=np.arange(count) % 3,
        classes=("a", "b", "c"),
        norm=((0.5, 0.25, 0.0), (0.5, 0.25, 1.0)),
    )


def test_tensor_normalises_by_hand() -> None:
    data = _data()
    x = data.tensor(1)
    assert x.shape == (1, 3, 2, 2)
    assert x.dtype is torch.float32
    # Image 1 starts at pixel value 12; its channels at 12, 16 and 20.
    assert float(x[0, 0, 0, 0]) == pytest.approx((12 / 255 - 0.5) / 0.5, abs=1e-6)
    assert float(x[0, 1, 0, 0]) == pytest.approx((16 / 255 - 0.25) / 0.25, abs=1e-6)
    assert float(x[0, 2, 0, 0]) == pytest.approx(20 / 255, abs=1e-6)


def test_tensor_takes_int_slice_array_or_nothing() -> None:
    data = _data()
    assert torch.equal(data.tensor(np.array([2, 0])), data.tensor()[[2, 0]])
    assert torch.equal(data.tensor(slice(3, 5)), data.tensor()[3:5])
    for bad in (10, -1):
        with pytest.raises(WorkbenchError, match=r"expected an index in 0\.\.9"):
            data.tensor(bad)


def test_batches_cover_everything_in_order() -> None:
    data = _data()
    pairs = list(data.batches(4))
    assert [len(x) for x, _ in pairs] == [4, 4, 2]
    assert torch.equal(torch.cat([x for x, _ in pairs]), data.tensor())
    assert torch.cat([y for _, y in pairs]).tolist() == data.labels.tolist()
    with pytest.raises(WorkbenchError, match="batch size 0"):
        next(data.batches(0))


def test_pixels_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        _data().images[0, 0, 0, 0] = 1


def test_take_is_balanced_repeatable_and_named() -> None:
    data = load_dataset("mnist5k", split="test")
    some = data.take(250)
    assert np.bincount(some.labels).tolist() == [25] * 10
    assert some.digest == f"{data.digest}#250"
    assert np.array_equal(some.images, data.take(250).images)
    assert data.take(5000) is data
    with pytest.raises(WorkbenchError, match="subset of 0"):
        data.take(0)


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_subsets_are_as_even_as_they_can_be(
    labels: list[int], data: st.DataObject
) -> None:
    array = np.array(labels)
    n = data.draw(st.integers(1, len(labels)))
    chosen = balanced_subset(array, n)
    assert len(chosen) == n
    assert sorted(set(chosen.tolist())) == chosen.tolist()
    counts = np.bincount(array[chosen], minlength=5)
    whole = np.bincount(array, minlength=5)
    # A class may lag behind the fullest by more than one only if it is used up.
    for label in range(5):
        assert counts[label] >= counts.max() - 1 or counts[label] == whole[label]


@given(labels=st.lists(st.integers(0, 3), min_size=1, max_size=80))
@settings(max_examples=60, deadline=None)
def test_parts_are_disjoint_and_complete(labels: list[int]) -> None:
    parts = stratified_parts(np.array(labels), (0.7, 0.1, 0.2))
    together = np.concatenate(parts)
    assert sorted(together.tolist()) == list(range(len(labels)))


def test_mnist5k_splits_are_the_ones_the_samples_were_trained_on() -> None:
    splits = {
        name: load_dataset("mnist5k", split=name) for name in ("train", "val", "test")
    }
    assert {name: len(data) for name, data in splits.items()} == {
        "train": 3500,
        "val": 500,
        "test": 1000,
    }
    assert {name: data.digest[:12] for name, data in splits.items()} == {
        "train": "c57bf6d75a41",
        "val": "8f937aaf3f56",
        "test": "70b71c83ce19",
    }
    assert np.bincount(splits["train"].labels).tolist() == [350] * 10
    seen = {image.tobytes() for image in splits["train"].images}
    leaked = sum(image.tobytes() in seen for image in splits["test"].images)
    assert leaked == 0


def test_digest_sees_shape_pixels_and_labels() -> None:
    images, labels = np.zeros((2, 1, 2, 2), np.uint8), np.array([0, 1])
    base = digest_arrays(images, labels)
    other = images.copy()
    other[1, 0, 1, 1] = 1
    assert digest_arrays(other, labels) != base
    assert digest_arrays(images, labels[::-1].copy()) != base
    assert digest_arrays(images.reshape(1, 2, 2, 2), labels) != base
    assert digest_arrays(images, labels.astype(np.int32)) == base
