"""Damaged, unsafe and foreign files are refused with what, expected and next step."""

import random
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.support.small_networks import (
    exported,
    small_network,
    small_pruned,
    suffix_of,
)
from workbench.errors import WorkbenchError
from workbench.export.report import Verification
from workbench.export.seal import BLANK, MARK, is_whole, seal
from workbench.export.table import FORMATS
from workbench.export.verify import verify

NAMES = tuple(one.name for one in FORMATS)
SEALED = tuple(name for name in NAMES if name not in ("wbp", "wbz"))
SEED = 7
FLIPS = 120


def verify_bytes(folder: Path, name: str, data: bytes) -> Verification:
    path = folder / f"net{suffix_of(name)}"
    path.write_bytes(data)
    return verify(path)


def refusal(found: Verification) -> str:
    """Return the sentence of the failed check; it must have all three parts."""
    assert not found.ok, found.to_dict()
    bad = next(check for check in found.checks if not check.ok)
    assert bad.found
    assert bad.expected
    assert bad.next_step.endswith((".", ")", "l"))
    with pytest.raises(WorkbenchError) as raised:
        found.require()
    assert raised.value.next_step == bad.next_step
    return str(bad)


def flip(data: bytes, bit: int) -> bytes:
    flipped = bytearray(data)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_file_is_accepted(tmp_path: Path, name: str) -> None:
    found = verify_bytes(tmp_path, name, exported(name))
    assert found.ok, found.to_dict()
    assert found.to_dict()["kind"] in (name, "pt")


@pytest.mark.parametrize("name", NAMES)
def test_any_flipped_bit_is_refused(tmp_path: Path, name: str) -> None:
    data = exported(name)
    rng = random.Random(SEED)
    for bit in (rng.randrange(len(data) * 8) for _ in range(FLIPS)):
        found = verify_bytes(tmp_path, name, flip(data, bit))
        assert not found.ok, f"rerun: SEED={SEED}, bit {bit} of {len(data) * 8}"
        refusal(found)


@pytest.mark.parametrize("name", SEALED)
def test_a_flipped_bit_in_the_seal_itself_is_refused(tmp_path: Path, name: str) -> None:
    data = exported(name)
    start = data.index(MARK) * 8
    for bit in range(start, start + len(BLANK) * 8, 3):
        assert not verify_bytes(tmp_path, name, flip(data, bit)).ok, f"bit {bit}"


def test_bits_all_over_a_recipe_count(tmp_path: Path) -> None:
    data = exported("recipe")
    for bit in range(0, len(data) * 8, 5):
        assert not verify_bytes(tmp_path, "recipe", flip(data, bit)).ok, f"bit {bit}"


@pytest.mark.parametrize("name", NAMES)
def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, name: str) -> None:
    data = exported(name)
    rng = random.Random(SEED)
    cuts = {0, 1, 8, len(data) // 2, len(data) - 64, len(data) - 1}
    for keep in cuts | {rng.randrange(len(data)) for _ in range(30)}:
        found = verify_bytes(tmp_path, name, data[:keep])
        assert not found.ok, f"rerun: SEED={SEED}, {keep} of {len(data)} bytes"
        refusal(found)


@pytest.mark.parametrize("name", NAMES)
def test_bytes_after_the_end_are_refused(tmp_path: Path, name: str) -> None:
    for tail in (b"\0", b"\n# more\n"):
        assert not verify_bytes(tmp_path, name, exported(name) + tail).ok


def test_a_recipe_edited_on_purpose_is_told_how_to_say_so(tmp_path: Path) -> None:
    data = exported("recipe").replace(b"0.75", b"0.25")
    text = refusal(verify_bytes(tmp_path, "recipe", data))
    assert "delete its first line" in text
    assert verify_bytes(tmp_path, "recipe", data.partition(b"\n")[2]).ok


def test_a_whole_pickled_model_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(small_network().module, path)
    text = refusal(verify(path))
    assert "torch.nn.modules.container.Sequential" in text
    assert "torch.save(model.state_dict(), path)" in text


def test_a_bare_pickle_never_runs(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    evil = f"cos\nsystem\n(S'touch {trace}'\ntR.".encode()
    for name in ("model.pkl", "model.pt", "model.bin"):
        path = tmp_path / name
        path.write_bytes(b"\x80\x02" + evil)
        assert "os.system" in refusal(verify(path))
    assert not trace.exists()


def test_exported_and_scripted_programs_are_refused(tmp_path: Path) -> None:
    module = small_network().module
    program = torch.export.export(module, (torch.zeros(1, 3, 8, 8),))
    torch.export.save(program, tmp_path / "model.pt2")
    assert "exported program" in refusal(verify(tmp_path / "model.pt2"))
    (tmp_path / "renamed.pt").write_bytes((tmp_path / "model.pt2").read_bytes())
    assert "exported program" in refusal(verify(tmp_path / "renamed.pt"))
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), tmp_path / "script.pt")
    assert "TorchScript" in refusal(verify(tmp_path / "script.pt"))


def test_foreign_files_are_accepted_without_a_checksum(tmp_path: Path) -> None:
    state = dict(small_network().module.state_dict())
    torch.save(state, tmp_path / "theirs.pth")
    save_file(state, tmp_path / "theirs.safetensors")
    for name in ("theirs.pth", "theirs.safetensors"):
        found = verify(tmp_path / name, small_network())
        assert found.ok, found.to_dict()
        assert any("not written by the workbench" in str(c) for c in found.checks)


def _onnx_file(path: Path, batch: int, kind: str) -> Path:
    """Write y = relu(x), x of (batch, 3, 8, 8) and an element type."""
    onnx = pytest.importorskip("onnx")
    dtype = getattr(onnx.TensorProto, kind)
    ends = [
        onnx.helper.make_tensor_value_info(name, dtype, [batch, 3, 8, 8])
        for name in "xy"
    ]
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "g", ends[:1], ends[1:])
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset), path)
    return path


def test_a_foreign_onnx_file_runs_on_the_batch_that_it_states(tmp_path: Path) -> None:
    found = verify(_onnx_file(tmp_path / "theirs.onnx", 2, "FLOAT"))
    assert found.ok, found.to_dict()
    assert "runs on batches of 2" in str(found.checks[-1])


def test_a_foreign_onnx_file_of_other_inputs_is_refused(tmp_path: Path) -> None:
    found = verify(_onnx_file(tmp_path / "theirs.onnx", 1, "DOUBLE"))
    assert "expected float32 inputs, first (N, C, H, W)" in refusal(found)


def test_a_file_of_one_format_under_the_name_of_another_is_refused(
    tmp_path: Path,
) -> None:
    for name in NAMES:
        other = "onnx" if name == "safetensors" else "safetensors"
        refusal(verify_bytes(tmp_path, name, exported(other)))


def test_a_checkpoint_around_the_weights_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "state": {}}, tmp_path / "a.pt")
    assert "no tensors" in refusal(verify(tmp_path / "a.pt"))
    torch.save([torch.zeros(1)], tmp_path / "b.pt")
    assert "a list without tensors" in refusal(verify(tmp_path / "b.pt"))


@pytest.mark.parametrize("name", NAMES)
def test_another_networks_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"net{suffix_of(name)}"
    path.write_bytes(exported(name))
    refusal(verify(path, small_pruned(0.5)))


def test_a_missing_file_and_an_unknown_suffix_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="no file"):
        verify(tmp_path / "none.pt")
    (tmp_path / "net.h5").write_bytes(b"x")
    with pytest.raises(WorkbenchError, match=re.escape(".safetensors")):
        verify(tmp_path / "net.h5")


def test_a_seal_covers_every_byte_but_its_own_digits() -> None:
    whole = seal(b"before " + BLANK.encode() + b" after")
    assert is_whole(whole)
    assert is_whole(b"no seal here") is None
    assert [is_whole(flip(whole, bit)) for bit in (0, len(whole) * 8 - 1)] == [
        False
    ] * 2
    with pytest.raises(WorkbenchError, match="2 blank seals"):
        seal(BLANK.encode() * 2)


@pytest.mark.parametrize("nested", [False, True])
def test_an_onnx_file_with_a_loop_is_not_run(tmp_path: Path, nested: bool) -> None:
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto
    shape = [1, 3, 8, 8]
    inner = [
        helper.make_tensor_value_info("i", kind.INT64, []),
        helper.make_tensor_value_info("c", kind.BOOL, []),
        helper.make_tensor_value_info("s", kind.FLOAT, shape),
    ]
    outer = [
        helper.make_tensor_value_info("c2", kind.BOOL, []),
        helper.make_tensor_value_info("s2", kind.FLOAT, shape),
    ]
    steps = [
        helper.make_node("Identity", ["c"], ["c2"]),
        helper.make_node("Relu", ["s"], ["s2"]),
    ]
    body = helper.make_graph(steps, "body", inner, outer)
    turns = helper.make_tensor("turns", kind.INT64, [], [2**40])
    go = helper.make_tensor("go", kind.BOOL, [], [1])
    node = helper.make_node("Loop", ["turns", "go", "x"], ["y"], body=body)
    if nested:
        done = [helper.make_tensor_value_info("y", kind.FLOAT, shape)]
        branch = helper.make_graph([node], "branch", [], done)
        node = helper.make_node(
            "If", ["go"], ["y"], then_branch=branch, else_branch=branch
        )
    ends = [helper.make_tensor_value_info(name, kind.FLOAT, shape) for name in "xy"]
    graph = helper.make_graph([node], "g", ends[:1], ends[1:], [turns, go])
    path = tmp_path / "loop.onnx"
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    found = verify(path)
    assert not found.ok
    assert found.checks[-1].found == "a model with Loop, whose turns nobody can bound"
