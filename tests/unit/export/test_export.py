"""Every format gives the network back, under its name only once it was proved."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.utils import prune as torch_prune

import workbench as wb
from tests.support.small_networks import (
    INPUT_SHAPE,
    exported,
    small_network,
    small_pruned,
)
from workbench.errors import WorkbenchError
from workbench.export.export import export
from workbench.export.format import Exportable, Format
from workbench.export.report import Check, failed
from workbench.export.table import FORMATS, find_format, format_of
from workbench.export.tensors import same_bits
from workbench.export.verify import verify
from workbench.models.digest import digest_state
from workbench.models.weights_file import read_weights

SUFFIXES = {one.name: one.suffixes[0] for one in FORMATS}


@pytest.mark.parametrize("name", SUFFIXES)
def test_an_export_is_proved_and_reported(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"net{SUFFIXES[name]}"
    report = export(small_pruned(), path)
    assert report.format == name
    assert report.bytes == path.stat().st_size
    assert report.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert all(check.ok for check in report.checks)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    found = verify(path, small_pruned())
    assert found.ok, found.to_dict()
    assert verify(path).ok


@pytest.mark.parametrize("name", ["safetensors", "pt", "pt-masked"])
def test_weights_load_in_plain_torch_bit_by_bit(tmp_path: Path, name: str) -> None:
    pruned = small_pruned()
    path = tmp_path / f"net{SUFFIXES[name]}"
    export(pruned, path)
    assert digest_state(read_weights(path).state) == pruned.digest


def test_safetensors_hold_zeros_and_say_where_they_come_from(tmp_path: Path) -> None:
    pruned = small_pruned()
    export(pruned, tmp_path / "net.safetensors")
    state = load_file(tmp_path / "net.safetensors")
    for layer_id, mask in pruned.masks.items():
        assert torch.count_nonzero(state[f"{layer_id}.weight"][~mask]) == 0
    text = (tmp_path / "net.safetensors").read_bytes()
    assert pruned.digest.encode() in text
    assert b"magnitude" in text


def test_a_state_dict_loads_into_the_module(tmp_path: Path) -> None:
    export(small_pruned(), tmp_path / "net.pt")
    other = small_network(1)
    state = torch.load(tmp_path / "net.pt", weights_only=True)
    assert all(
        map(same_bits, state.values(), small_pruned().module.state_dict().values())
    )
    assert set(state) == set(other.module.state_dict())


def test_masked_weights_load_where_torch_pruned(tmp_path: Path) -> None:
    pruned = small_pruned()
    export(pruned, tmp_path / "net.masked.pt")
    state = torch.load(tmp_path / "net.masked.pt", weights_only=True)
    conv = torch.nn.Conv2d(8, 8, 3, padding=1)
    torch_prune.identity(conv, "weight")
    conv.load_state_dict(
        {name[2:]: value for name, value in state.items() if name.startswith("3.")}
    )
    conv(torch.zeros(1, 8, 8, 8))
    assert torch.equal(conv.weight, pruned.module.state_dict()["3.weight"])
    removed = ~pruned.masks["3"]
    dense = pruned.base.module.state_dict()["3.weight"]
    assert torch.equal(state["3.weight_orig"][removed], dense[removed])


def test_onnx_takes_any_batch_and_keeps_the_zeros(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    path = tmp_path / "net.onnx"
    path.write_bytes(exported("onnx"))
    model = onnx.load(path)
    assert not model.graph.input[0].type.tensor_type.shape.dim[0].HasField("dim_value")
    weights = {w.name: onnx.numpy_helper.to_array(w) for w in model.graph.initializer}
    zeros = sum(
        int((w == 0).sum()) for w in weights.values() if w.shape == (8, 8, 3, 3)
    )
    assert zeros == int((~small_pruned().masks["3"]).sum())


def test_onnx_is_checked_without_onnxruntime_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx")
    from workbench.export.formats import onnx as format_file

    (tmp_path / "net.onnx").write_bytes(exported("onnx"))
    monkeypatch.setattr(
        format_file, "find_spec", lambda name: None if name == "onnxruntime" else name
    )
    found = verify(tmp_path / "net.onnx", small_pruned())
    assert found.ok
    assert "equal to torch on batches of 1, 3" in str(found.checks[-1])


def test_the_recipe_prunes_to_the_same_bytes_again(tmp_path: Path) -> None:
    pruned = small_pruned()
    export(pruned, tmp_path / "net.yaml")
    again = wb.prune(small_network(), wb.Recipe.load(tmp_path / "net.yaml"))
    assert again.digest == pruned.digest


@pytest.mark.parametrize("name", ["safetensors", "pt"])
def test_a_dense_network_is_exported_as_it_is(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"net{SUFFIXES[name]}"
    export(small_network(), path)
    assert verify(path, small_network()).ok
    assert not verify(path, small_pruned()).ok


@pytest.mark.parametrize("name", ["pt-masked", "recipe"])
def test_a_dense_network_has_no_masks_and_no_recipe(tmp_path: Path, name: str) -> None:
    with pytest.raises(WorkbenchError, match="Prune it first"):
        export(small_network(), tmp_path / f"net{SUFFIXES[name]}")
    assert list(tmp_path.iterdir()) == []


def test_the_format_is_named_or_read_off_the_suffix(tmp_path: Path) -> None:
    assert format_of(Path("a.masked.pt")).name == "pt-masked"
    assert format_of(Path("A.PT")).name == "pt"
    report = export(small_pruned(), tmp_path / "weights.dat", format="safetensors")
    assert report.format == "safetensors"
    with pytest.raises(WorkbenchError, match="suffix says no format"):
        export(small_pruned(), tmp_path / "weights.dat")
    with pytest.raises(WorkbenchError, match=r"one of safetensors, pt, pt-masked"):
        find_format("keras")
    with pytest.raises(WorkbenchError, match="mkdir -p"):
        export(small_pruned(), tmp_path / "none" / "net.pt")


def test_a_file_that_fails_its_check_never_gets_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.bad"
    path.write_text("the older file")

    def write(network: Exportable, part: Path) -> None:
        part.write_text("half a file")

    def check(part: Path, network: Exportable | None) -> list[Check]:
        return [failed("structure", "half", expected="all", next_step="Again.")]

    bad = Format("bad", "Bad", (".bad",), write, check)
    monkeypatch.setattr("workbench.export.export.format_of", lambda path: bad)
    with pytest.raises(WorkbenchError, match=r"net\.bad: half; expected all\. Again\."):
        export(small_pruned(), path)
    assert path.read_text() == "the older file"
    assert os.listdir(tmp_path) == ["net.bad"]


def test_the_exported_program_gives_torchs_output(tmp_path: Path) -> None:
    export(small_pruned(), tmp_path / "net.wbp")
    program = wb.Program.load(tmp_path / "net.wbp")
    x = np.random.default_rng(3).standard_normal((2, *INPUT_SHAPE), dtype=np.float32)
    with torch.inference_mode():
        wanted = small_pruned().module(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(program(x), wanted, rtol=1e-4, atol=1e-5)
