"""Paths that a user names: only regular files are opened, anything else is named."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support import PACKAGE
from workbench.analysis.sensitivity.csv_file import read_csv
from workbench.capture.from_onnx.onnx_import import import_onnx
from workbench.compression.wbz import read_wbz
from workbench.data.loading import load_dataset
from workbench.engine.file import load_program
from workbench.errors import WorkbenchError
from workbench.export.verify import verify
from workbench.models.loading import load_model
from workbench.models.weights_file import read_weights
from workbench.pruning.recipe.recipe import Recipe
from workbench.reading import NotAFileError, open_regular, read_regular, regular
from workbench.training.loop.checkpoint import Checkpoint

READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "weights": (".safetensors", read_weights),
    "state dict": (".pt", read_weights),
    "recipe": (".yaml", Recipe.load),
    "sweep": (".csv", read_csv),
    "npz": (".npz", load_dataset),
    "parquet": (".parquet", load_dataset),
    "archive": (".tar.gz", load_dataset),
    "ONNX": (".onnx", import_onnx),
    "ONNX network": (".onnx", lambda path: load_model(str(path))),
    "wbz": (".wbz", read_wbz),
    "wbp": (".wbp", load_program),
    "checkpoint": (".pt", Checkpoint.load),
    "verified": (".onnx", verify),
    "verified recipe": (".yaml", verify),
}


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("make", [pipe, device])
def test_what_has_no_end_is_named(
    reader: str, make: Callable[[Path], None], tmp_path: Path
) -> None:
    suffix, read = READERS[reader]
    path = tmp_path / f"given{suffix}"
    make(path)
    with pytest.raises(WorkbenchError, match=f"it is a {make.__name__}, no file"):
        read(path)


@pytest.mark.parametrize("make", [pipe, device, folder])
def test_entries_of_an_image_folder_are_files(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / name / "0.png")
    make(tmp_path / "cat" / "1.png")
    with pytest.raises(WorkbenchError, match=r"1\.png \(it is a \w+, no file\)"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("make", [pipe, device])
def test_parts_of_a_cifar_archive_are_files(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    (tmp_path / "data_batch_1.bin").write_bytes(b"\0" * 3073)
    make(tmp_path / "data_batch_2.bin")
    with pytest.raises(WorkbenchError, match=f"it is a {make.__name__}, no file"):
        load_dataset(tmp_path, split="train")


def test_a_socket_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("given")
        with pytest.raises(NotAFileError, match="it is a socket"):
            regular("given")


def test_a_regular_file_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "given"
    path.write_bytes(b"abc")
    (tmp_path / "link").symlink_to(path)
    assert read_regular(tmp_path / "link") == b"abc"
    with open_regular(str(path)) as file:
        assert file.read(2) == b"ab"


# What is not a path of the user's: files of the system and of the package, temporary
# files of our own, and what this process has just written.
OWN = {
    "owner.py",
    "measure/conditions.py",
    "engine/planning/timing_cache.py",
    "engine/tuning/race_kernels.py",
    "export/export.py",
    "ui/components/mosaic/component.py",
    "ui/services/exports.py",
    "workflows/sweep/files.py",
    "measure/peers/subject.py",
    "data/download.py",
    "store/database.py",
}


def test_no_reader_opens_a_path_by_itself() -> None:
    ways = (".read_bytes(", ".read_text(", '.open("rb")', "ZipFile(path", "np.load(")
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if any(way in path.read_text() for way in ways)
    }
    assert found == OWN
