"""Every dataset format: a small file reads back; a wrong or damaged one is named."""

import io
import json
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from PIL import Image

from workbench.data import (
    cifar_archive,
    cifar_binary,
    image_folder,
    npz,
    parquet,
)
from workbench.data.raw import DataError

_BATCHES = (*(f"data_batch_{index}" for index in range(1, 6)), "test_batch")


def _pixels(count: int, shape: tuple[int, ...] = (3, 32, 32)) -> NDArray[np.uint8]:
    random = np.random.RandomState(0)
    return random.randint(0, 256, (count, *shape)).astype(np.uint8)


def _png(image: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    picture = image[0] if image.shape[0] == 1 else image.transpose(1, 2, 0)
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


def _parquet(
    path: Path, images: list[Any], labels: list[Any], *, names: tuple[str, str, bool]
) -> Path:
    image_name, label_name, with_classes = names
    cells = [{"bytes": image, "path": None} for image in images]
    table = pa.table({image_name: cells, label_name: labels})
    if with_classes:
        features = {label_name: {"names": ["cat", "dog"], "_type": "ClassLabel"}}
        info = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": info})
    pq.write_table(table, path)
    return path


@pytest.mark.parametrize("columns", [("img", "label"), ("image", "fine_label")])
def test_parquet_reads_back(tmp_path: Path, columns: tuple[str, str]) -> None:
    images = _pixels(4, (3, 5, 6))
    encoded = [_png(image) for image in images]
    _parquet(
        tmp_path / "pets-train.parquet", encoded, [0, 1, 1, 0], names=(*columns, True)
    )
    files = parquet.collect(tmp_path, "pets")
    assert parquet.parts(files) == ("train",)
    raw = parquet.read(files, "train")
    assert np.array_equal(raw.images, images)
    assert raw.labels.tolist() == [0, 1, 1, 0]
    assert raw.classes == ("cat", "dog")


def test_parquet_shards_are_joined_in_order_and_classes_numbered(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").mkdir()
    images = _pixels(4, (1, 3, 3))
    for shard in (1, 0):
        part = images[2 * shard : 2 * shard + 2]
        _parquet(
            tmp_path / "data" / f"validation-0000{shard}-of-00002.parquet",
            [_png(image) for image in part],
            [shard, 2],
            names=("image", "label", False),
        )
    files = parquet.collect(tmp_path, "anything")
    raw = parquet.read(files, "val")
    assert np.array_equal(raw.images, images)
    assert raw.labels.tolist() == [0, 2, 1, 2]
    assert raw.classes == ("0", "1", "2")


def test_parquet_of_several_datasets_needs_a_name(tmp_path: Path) -> None:
    for name in ("pets", "cars"):
        _parquet(
            tmp_path / f"{name}-test.parquet",
            [_png(_pixels(1)[0])],
            [0],
            names=("img", "label", True),
        )
    assert [f.name for f in parquet.collect(tmp_path, "cars")] == ["cars-test.parquet"]
    assert parquet.collect(tmp_path, "birds") == ()
    with pytest.raises(DataError, match=r"2 datasets .*\(cars, pets\)"):
        parquet.collect(tmp_path, None)


def test_truncated_parquet_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x-test.parquet"
    _parquet(path, [_png(_pixels(1)[0])], [0], names=("img", "label", True))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"x-test\.parquet cannot be read as parquet"):
        parquet.read((path,), "test")


@pytest.mark.parametrize(
    ("images", "labels", "names", "words"),
    [
        ([b"no image"], [0], ("img", "label"), "row 0 of"),
        ([None], [0], ("img", "label"), "holds no image bytes"),
        ([_png(_pixels(1)[0])], [0], ("picture", "label"), "named img or image"),
        ([_png(_pixels(1)[0])], [0], ("img", "class"), "named label or fine_label"),
        ([_png(_pixels(1)[0])], ["cat"], ("img", "label"), "expected integers"),
        ([_png(_pixels(1)[0])], [2], ("img", "label"), "labels 2..2"),
        (
            [_png(_pixels(1)[0]), _png(_pixels(1, (3, 8, 8))[0])],
            [0, 1],
            ("img", "label"),
            "(3, 8, 8) and (3, 32, 32)",
        ),
        ([_png(_pixels(1)[0])[:200]], [0], ("img", "label"), "cannot be decoded"),
    ],
)
def test_wrong_parquet_content_is_named(
    tmp_path: Path,
    images: list[Any],
    labels: list[Any],
    names: tuple[str, str],
    words: str,
) -> None:
    path = _parquet(
        tmp_path / "x-test.parquet", images, labels, names=(*names, "label" in names)
    )
    with pytest.raises(DataError) as caught:
        parquet.read((path,), "test")
    assert words in str(caught.value)


def _official(images: NDArray[np.uint8], labels: list[int]) -> dict[str, bytes]:
    """Return batch files as the official archive has them, two images a batch."""
    return {
        name: pickle.dumps(
            {
                b"data": images[2 * i : 2 * i + 2].reshape(2, -1),
                b"labels": labels[2 * i : 2 * i + 2],
            },
            protocol=2,
        )
        for i, name in enumerate(_BATCHES)
    }


def _tar(path: Path, directory: str, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{directory}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_python_archive_reads_back(tmp_path: Path, packed: bool) -> None:
    images, labels = _pixels(12), [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]
    files = _official(images, labels)
    if packed:
        _tar(tmp_path / "cifar-10-python.tar.gz", "cifar-10-batches-py", files)
    else:
        folder = tmp_path / "cifar-10-batches-py"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
    found = cifar_archive.collect(tmp_path, "cifar10")
    train = cifar_archive.read(found, "train")
    test = cifar_archive.read(found, "test")
    assert np.array_equal(np.concatenate([train.images, test.images]), images)
    assert [*train.labels, *test.labels] == labels
    assert train.classes[3] == "cat"


class _Harmful:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Path]]:
        return Path.mkdir, (self._path,)


def test_python_archive_never_runs_code(tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    (tmp_path / "data_batch_1").write_bytes(b"")
    (tmp_path / "test_batch").write_bytes(pickle.dumps({b"data": _Harmful(trap)}, 2))
    with pytest.raises(DataError, match="a pickle that calls"):
        cifar_archive.read((tmp_path,), "test")
    assert not trap.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (pickle.dumps([1, 2], 2), "'data' (N x 3072 bytes)"),
        (pickle.dumps({b"data": 5, b"labels": []}, 2), "'data' (N x 3072 bytes)"),
        (pickle.dumps({b"data": _pixels(2), b"labels": [0, 0]}, 2)[:99], "is damaged"),
        (
            pickle.dumps({b"data": _pixels(1).reshape(1, -1), b"labels": [10]}, 2),
            "labels 10..10",
        ),
        (
            pickle.dumps({b"data": _pixels(1).reshape(1, -1), b"labels": [1, 2]}, 2),
            "1 images but 2 labels",
        ),
    ],
)
def test_wrong_python_batches_are_named(
    tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / "test_batch").write_bytes(content)
    with pytest.raises(DataError) as caught:
        cifar_archive.read((tmp_path,), "test")
    assert words in str(caught.value)


def test_a_truncated_tar_is_named(tmp_path: Path) -> None:
    path = _tar(
        tmp_path / "cifar-10-python.tar.gz", "x", _official(_pixels(12), [0] * 12)
    )
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DataError, match="lacks a batch or is damaged"):
        cifar_archive.read((path,), "train")


def _records(images: NDArray[np.uint8], labels: list[int]) -> bytes:
    pairs = zip(labels, images, strict=True)
    rows = [bytes([label]) + image.tobytes() for label, image in pairs]
    return b"".join(rows)


@pytest.mark.parametrize("packed", [False, True])
def test_binary_version_reads_back(tmp_path: Path, packed: bool) -> None:
    images, labels = _pixels(6), [0, 9, 2, 7, 4, 5]
    files = {
        f"{name}.bin": _records(images[i : i + 1], labels[i : i + 1])
        for i, name in enumerate(_BATCHES)
    }
    if packed:
        _tar(tmp_path / "cifar-10-binary.tar.gz", "cifar-10-batches-bin", files)
    else:
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
    found = cifar_binary.collect(tmp_path, None)
    train = cifar_binary.read(found, "train")
    assert np.array_equal(train.images, images[:5])
    assert train.labels.tolist() == labels[:5]
    assert cifar_binary.read(found, "test").labels.tolist() == [5]


def test_a_part_of_a_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "test_batch.bin").write_bytes(_records(_pixels(2), [1, 2])[:-1])
    with pytest.raises(DataError, match=r"6145 bytes; expected a whole number"):
        cifar_binary.read((tmp_path,), "test")
    with pytest.raises(DataError, match="lacks a batch"):
        cifar_binary.read((tmp_path,), "train")


@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 2, 3, 1)])
def test_npz_reads_back_in_either_layout(
    tmp_path: Path, axes: tuple[int, int, int, int]
) -> None:
    images = _pixels(4, (3, 6, 5))
    path = tmp_path / "mine.npz"
    np.savez(
        path,
        train_images=images.transpose(axes),
        train_labels=np.array([0, 1, 1, 0], np.int32),
        classes=np.array(["cat", "dog"]),
    )
    assert npz.collect(path, None) == (path,)
    assert npz.collect(tmp_path, "mine") == (path,)
    assert npz.parts((path,)) == ("train",)
    raw = npz.read((path,), "train")
    assert np.array_equal(raw.images, images)
    assert raw.classes == ("cat", "dog")


def test_npz_of_grey_images_without_channel(tmp_path: Path) -> None:
    path = tmp_path / "grey.npz"
    np.savez(path, x=_pixels(3, (7, 7)), y=np.array([2, 0, 1]))
    raw = npz.read((path,), npz.parts((path,))[0])
    assert raw.images.shape == (3, 1, 7, 7)
    assert raw.classes == ("0", "1", "2")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"images": np.zeros((1, 3, 4, 4)), "labels": np.zeros(1, int)}, "float64"),
        ({"images": _pixels(1), "labels": np.zeros((1, 2), int)}, "shape (1, 2)"),
        ({"images": _pixels(1), "labels": np.array([-1])}, "labels -1..-1"),
        ({"images": _pixels(1)}, "one named labels or y"),
        ({"images": np.array([{}]), "labels": np.zeros(1, int)}, "type object"),
        ({"images": _pixels(0), "labels": np.zeros(0, int)}, "no images"),
    ],
)
def test_wrong_npz_content_is_named(
    tmp_path: Path, arrays: dict[str, NDArray[Any]], words: str
) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError) as caught:
        npz.read((path,), "all")
    assert words in str(caught.value)


def test_truncated_npz_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, images=_pixels(4), labels=np.zeros(4, int))
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match="cannot be read"):
        npz.parts((path,))


def _folder(top: Path, pictures: dict[str, NDArray[np.uint8]]) -> None:
    for name, image in pictures.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_png(image))


def test_image_folder_reads_back_sorted(tmp_path: Path) -> None:
    images = _pixels(3, (3, 6, 5))
    _folder(
        tmp_path,
        {"dog/a.png": images[1], "cat/b.png": images[0], "dog/c.png": images[2]},
    )
    (tmp_path / "empty").mkdir()
    assert image_folder.collect(tmp_path, None) == (tmp_path,)
    assert image_folder.parts((tmp_path,)) == ("all",)
    raw = image_folder.read((tmp_path,), "all")
    assert np.array_equal(raw.images, images)
    assert (raw.labels.tolist(), raw.classes) == ([0, 1, 1], ("cat", "dog"))


def test_image_folder_with_parts_and_sizes(tmp_path: Path) -> None:
    grey = _pixels(2, (1, 8, 8))
    odd = _pixels(1, (1, 16, 20))[0]
    _folder(
        tmp_path / "train", {"x/1.png": grey[0], "x/2.png": grey[1], "y/3.png": odd}
    )
    _folder(tmp_path / "valid", {"x/4.png": grey[0], "y/5.png": grey[1]})
    assert image_folder.parts((tmp_path,)) == ("train", "val")
    assert image_folder.read((tmp_path,), "train").images.shape == (3, 1, 8, 8)
    assert len(image_folder.read((tmp_path,), "val").labels) == 2


def test_a_class_that_a_part_lacks_does_not_shift_the_labels(tmp_path: Path) -> None:
    grey = _pixels(4, (1, 8, 8))
    _folder(tmp_path / "train", {"ant/1.png": grey[0], "bee/2.png": grey[1]})
    _folder(tmp_path / "test", {"bee/3.png": grey[2], "cat/4.png": grey[3]})
    test = image_folder.read((tmp_path,), "test")
    assert test.classes == ("ant", "bee", "cat")
    assert test.labels.tolist() == [1, 2]
    assert image_folder.read((tmp_path,), "train").labels.tolist() == [0, 1]


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    _folder(tmp_path, {"x/1.png": _pixels(1)[0]})
    (tmp_path / "x" / "2.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"2\.png cannot be decoded"):
        image_folder.read((tmp_path,), "all")


def test_a_picture_of_absurd_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _folder(tmp_path, {"x/1.png": _pixels(1)[0]})
    # Pillow refuses what has more than twice this many pixels.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DataError, match=r"1\.png cannot be decoded"):
        image_folder.read((tmp_path,), "all")
