"""Files that claim more than they hold: refused before memory or time is spent."""

import base64
import io
import json
import pickle
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from onnx import TensorProto, helper
from PIL import Image
from safetensors.torch import save

from tests.fuzz.targets import checkpoint
from workbench.analysis.sensitivity.csv_file import read_csv
from workbench.cli.options import parse_settings
from workbench.compression.wbz import read_wbz
from workbench.data.loading import load_dataset
from workbench.data.raw import DataError
from workbench.errors import WorkbenchError
from workbench.export.verify import verify
from workbench.models.loading import load_upload
from workbench.models.matching import WeightsMismatchError
from workbench.models.weights_file import DamagedFileError, read_weights
from workbench.pruning.recipe.errors import RecipeError
from workbench.pruning.recipe.plain_yaml import MOST_CHARACTERS, read_value
from workbench.pruning.recipe.recipe import Recipe
from workbench.ui.services.recipes import unpacked


@pytest.mark.parametrize("shape", [(2_000_000, 0), (2_000_000, 1), (0, 64)])
def test_a_head_that_claims_classes_is_compared_before_it_is_built(
    shape: tuple[int, int],
) -> None:
    content = save({"fc.weight": torch.zeros(shape, dtype=torch.uint8)})
    with pytest.raises(WeightsMismatchError, match=r"missing \(\d+\): conv1\.weight"):
        load_upload("resnet20", content, name="x", dataset=None)


@pytest.mark.parametrize("width", [0, 1_000_000_007])
def test_a_stem_that_claims_channels_is_compared_before_it_is_built(width: int) -> None:
    empty = torch.zeros((width, 1, 3, 0), dtype=torch.uint8)
    content = save(
        {"classifier.weight": torch.zeros(10, 1), "features.0.weight": empty}
    )
    with pytest.raises(WorkbenchError):
        load_upload("vgg16-cifar", content, name="x", dataset=None)


def _state(size: int, stride: int, *, zipped: bool = True) -> bytes:
    """Return a state dict whose tensor has another size than its four elements."""
    room = io.BytesIO()
    state = {"w": torch.arange(4.0), "v": torch.ones(71, 3)}
    torch.save(state, room, _use_new_zipfile_serialization=zipped)
    data = room.getvalue()
    if not zipped:
        return _other_shape(data, size, stride)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    (name,) = (one for one in found if one.endswith("data.pkl"))
    found[name] = _other_shape(found[name], size, stride)
    again = io.BytesIO()
    with zipfile.ZipFile(again, "w") as archive:
        for one, content in found.items():
            archive.writestr(one, content)
    return again.getvalue()


def _other_shape(pickled: bytes, size: int, stride: int) -> bytes:
    wanted = b"J" + struct.pack("<i", size) + b"\\1K" + bytes([stride]) + b"\x85"
    changed, count = re.subn(rb"K\x04(\x85q.)K\x01\x85", wanted, pickled, count=1)
    assert count == 1
    return changed


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(("size", "stride"), [(5, 1), (2**30, 1), (2**30, 0)])
def test_a_tensor_that_its_storage_cannot_hold_is_refused(
    size: int, stride: int, zipped: bool
) -> None:
    assert torch.equal(
        read_weights(_state(4, 1, zipped=zipped)).state["w"], torch.arange(4.0)
    )
    with pytest.raises(DamagedFileError, match=rf"a tensor of shape \({size},\)"):
        read_weights(_state(size, stride, zipped=zipped))


def _wbz(records: list[object], sections: list[bytes]) -> bytes:
    header = {"facts": {}, "tensors": records, "sections": [len(s) for s in sections]}
    packed = zlib.compress(json.dumps(header).encode())
    body = b"WBZ1" + struct.pack("<I", len(packed)) + packed + b"".join(sections)
    return body + sha256(body).digest()


@pytest.mark.parametrize("size", [0, 4, 11, 13])
def test_a_section_of_other_bytes_than_its_shape_is_refused(size: int) -> None:
    record = {"name": "a", "dtype": "float32", "shape": [3], "as": "raw"}
    assert read_wbz(_wbz([record], [bytes(12)])).state["a"].tolist() == [0, 0, 0]
    with pytest.raises(WorkbenchError, match=rf"{size} bytes for a of shape \[3\]"):
        read_wbz(_wbz([record], [bytes(size)]))


def test_a_header_that_unpacks_without_end_is_refused() -> None:
    packed = zlib.compress(b"[" + b"[]," * (20 << 20) + b"[]]", 9)
    body = b"WBZ1" + struct.pack("<I", len(packed)) + packed
    with pytest.raises(WorkbenchError, match="a header that cannot be read"):
        read_wbz(body + sha256(body).digest())


def _npy(shape: str, data: bytes, kind: str = "|u1") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}"
    head = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (_npy("(1000000000000, 28, 28)", b""), _npy("(2,)", b"\0\1"), "claims to hold"),
        (_npy("(2, 2, 2)", bytes(7)), _npy("(2,)", b"\0\1"), "do not fit its shape"),
        (_npy("(2, 2, 2)", bytes(9)), _npy("(2,)", b"\0\1"), "do not fit its shape"),
        (_npy("(-2, 2, 2)", bytes(8)), _npy("(2,)", b"\0\1"), "numbers or texts"),
        (_npy("(2, 2, 2)", bytes(8)), b"no array", "cannot be read"),
        (
            _npy("(2, 2, 2)", bytes(8)),
            _npy("(2,)", struct.pack("<qq", 0, 2**40), "<i8"),
            "label 1099511627776",
        ),
    ],
)
def test_arrays_that_claim_other_sizes_are_refused(
    images: bytes, labels: bytes, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", images)
        archive.writestr("labels.npy", labels)
    with pytest.raises(DataError, match=words):
        load_dataset(path)


def test_an_array_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", _npy("(100000000,)", bytes(100_000_000)))
        archive.writestr("labels.npy", _npy("(2,)", b"\0\1"))
    with pytest.raises(DataError, match=r"claims to hold 100,000,000"):
        load_dataset(path)


def _png(width: int, height: int) -> bytes:
    room = io.BytesIO()
    Image.new("RGB", (8, 8)).save(room, "PNG")
    data = room.getvalue()
    head = b"IHDR" + struct.pack(">II", width, height) + data[24:29]
    return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]


@pytest.mark.parametrize("size", [(13_000, 13_000), (4_200_000, 1), (2**31 - 1, 2)])
def test_pictures_that_claim_more_pixels_than_bytes_hold(
    size: tuple[int, int], tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        (folder / name / "a.png").write_bytes(_png(*size))
    with pytest.raises(DataError, match=r"cannot be decoded|claims to hold"):
        load_dataset(folder)
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"img": [_png(*size)], "label": [0]}), path)
    with pytest.raises(DataError, match="cannot be decoded"):
        load_dataset(path)


def test_one_cell_that_a_column_repeats_without_end(tmp_path: Path) -> None:
    path, rows = tmp_path / "x.parquet", 4_000_000
    picture = pa.array([_png(8, 8)]).dictionary_encode()
    cells = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(rows, np.int32)), picture.dictionary
    )
    pq.write_table(pa.table({"img": cells, "label": np.zeros(rows, np.int8)}), path)
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match="claims to hold 768,000,000"):
        load_dataset(path)


def _cifar(path: Path, batch: bytes, *, size: int | None = None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name in (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"):
            info = tarfile.TarInfo(name)
            info.size = len(batch)
            archive.addfile(info, io.BytesIO(batch))
        if size is not None:
            last = tarfile.TarInfo("test_batch")
            last.size = size
            archive.addfile(last, io.BytesIO(bytes(512 * (-(-size // 512)))))
    return path


_ONE = pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": [0]}, 2)


@pytest.mark.parametrize(
    "batch",
    [
        # The memo's place 2^31 - 1: the reader in C makes room up to there.
        b"\x80\x02}r\xff\xff\xff\x7f.",
        # An array of 2^30 bytes of whatever the memory held.
        b"\x80\x02}U\x04datacnumpy\nndarray\nJ\x00\x00\x00\x40\x85\x85Rs.",
        _ONE.replace(b"M\x00\x0c", b"M\x00\x0d"),
        pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": [1 << 70]}),
        pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": [None]}),
    ],
)
def test_batches_that_claim_what_they_do_not_hold(batch: bytes, tmp_path: Path) -> None:
    load_dataset(_cifar(tmp_path / "good.tar.gz", _ONE))
    with pytest.raises(DataError, match="is damaged or of another dataset"):
        load_dataset(_cifar(tmp_path / "x.tar.gz", batch))


def test_a_member_larger_than_any_batch_is_refused(tmp_path: Path) -> None:
    path = _cifar(tmp_path / "x.tar.gz", _ONE, size=129 << 20)
    with pytest.raises(DataError, match=r"claims 135,266,304 bytes"):
        load_dataset(path)


def _bomb(levels: int = 30) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for n in range(1, levels):
        lines.append(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]")
    return "\n".join(lines) + "\nversion: 1\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (_bomb(), "line 1: an alias or anchor"),
        ("version: 1\nlayers: &b [*b]\n", "line 2: an alias or anchor"),
        ("version: 1\nlayers: " + "[" * 5000, "line 2: more than 16 levels"),
        ("version: !!python/name:os.system x\n", "line 1: the tag"),
        ("version: !!binary aaaa\n", "line 1: the tag"),
        (f"version: 1\nseed: {'9' * 5000}\n", "line 2: '9999"),
        ("version: 1\nseed: 0x_\n", "line 2: '0x_'"),
        ('version: 1\nmodel: "\\ud800"\n', "line 2: half of a surrogate pair"),
        ("? [a]\n: 1\n", "line 1: a list or mapping as a key"),
        ("version: 1\nversion: 1\n", "line 2: key 'version' twice"),
        ("#" * (MOST_CHARACTERS + 1), "a longer text"),
    ],
)
def test_yaml_that_hides_something_is_refused_everywhere(
    text: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=words.replace("[", r"\[")):
        Recipe.load(path)
    (check,) = (one for one in verify(path).checks if not one.ok)
    assert words in str(check)
    link = base64.urlsafe_b64encode(zlib.compress(text.encode("utf-8"))).decode()
    assert unpacked(link) is None


def test_values_on_the_command_line_are_read_by_the_same_reader() -> None:
    assert read_value("2001-13-45") == "2001-13-45"
    assert parse_settings(["a=1e-3", "b=[1, 2]"]) == {"a": "1e-3", "b": [1, 2]}
    for text in ("&a [*a]", "!!python/object:x.y {}", "9" * 5000):
        with pytest.raises(WorkbenchError, match="whose value cannot be read"):
            parse_settings([f"a={text}"])


_HEAD = "parameter,sparsity,top1,top5,loss\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a.weight,0.5,80.5", "3 cells under 5 columns"),
        ("a.wei", "1 cells under 5 columns"),
        ("a.weight,,80,90,1", "no sparsity"),
        ("a.weight,nan,80,90,1", "sparsity nan"),
        ("a.weight,0.5,inf,90,1", "top1 inf"),
        ("a.weight,1.5,80,90,1", "sparsity 1.5"),
        ("a.weight,0.5,180,90,1", "top1 180"),
    ],
)
def test_a_sweep_that_was_cut_or_holds_no_numbers(
    line: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "sweep.csv"
    path.write_text(f"{_HEAD}a.weight,0.0,90,99,0.5\n{line}")
    with pytest.raises(WorkbenchError, match=rf"line 3 \({words}"):
        read_csv(path)


@pytest.mark.parametrize(
    "sides", [(1, 3, 2**40, 2), (1, 3, 8192, 8192), (2**31, 3, 1, 1)]
)
def test_a_model_for_images_beyond_all_memory_is_not_tried(
    sides: tuple[int, ...], tmp_path: Path
) -> None:
    pair = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name in "xy"
    ]
    node = helper.make_node("Relu", ["x"], ["y"])
    graph = helper.make_graph([node], "g", pair[:1], pair[1:])
    opset = helper.make_opsetid("", 17)
    path = tmp_path / "x.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    (check,) = (one for one in verify(path).checks if not one.ok)
    assert f"a model for batches of {sides[0]} of shape {sides[1:]}" in str(check)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content.update(module={"other": torch.zeros(1)}),
        lambda content: content.update(optimizer={}),
        lambda content: content.update(technique_states=[{"other": 1}]),
        lambda content: content.update(technique_states=[]),
        lambda content: content.update(history=[{"epoch": 1}]),
        lambda content: content["module"].update({"3.bias": torch.zeros(1000)}),
        lambda content: content.update(techniques=[{"ema": 1}]),
        lambda content: content.update(data_digest=7),
        lambda content: content["options"].update(seed=torch.zeros(2)),
    ],
)
def test_a_checkpoint_of_another_content_says_what_to_do(
    damage: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    path = tmp_path / "run.ckpt"
    path.write_bytes(checkpoint.seeds()[0])
    checkpoint.read(path)
    content = torch.load(path, weights_only=True)
    damage(content)
    torch.save(content, path)
    with pytest.raises(WorkbenchError, match="Delete the file to start the training"):
        checkpoint.read(path)
