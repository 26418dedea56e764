"""The `.wbz` file: bit-exact, whole, and clear about damage."""

import hashlib
import zlib

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import workbench as wb
from tests.support.small_networks import small_network, small_pruned
from workbench.cli.main import build
from workbench.compression import wbz
from workbench.compression.container import MAGIC, join, split
from workbench.compression.palette import Palette
from workbench.compression.tensors import CHOICES, Coding
from workbench.compression.wbz import read_wbz, to_wbz
from workbench.errors import WorkbenchError


def small():
    return wb.compress(small_pruned(), "4:conv,3:fc")


def same(one, other):
    return all(
        one[name].dtype == tensor.dtype
        and one[name].shape == tensor.shape
        and one[name].numpy().tobytes() == tensor.numpy().tobytes()
        for name, tensor in other.items()
    ) and set(one) == set(other)


@pytest.mark.parametrize("coder", CHOICES)
@pytest.mark.parametrize("gap_bits", [None, 1, 8])
def test_reads_back_bit_exact(coder, gap_bits):
    net = small()
    state = {k: v.detach() for k, v in net.module.state_dict().items()}
    coding = Coding(coder, gap_bits)
    file = read_wbz(to_wbz(state, net.palettes, coding=coding).data)
    assert same(file.state, state)
    for name, palette in net.palettes.items():
        assert np.array_equal(file.palettes[name].codes, palette.codes)
        assert file.palettes[name].pruned == palette.pruned


def test_a_pruned_network_without_palettes_loses_nothing():
    state = small_pruned().module.state_dict()
    written = to_wbz(state, {})
    assert {k: p.record["as"] for k, p in written.layers().items()} == {
        "3.weight": "sparse",
    } or "sparse" in {p.record["as"] for p in written.packed.values()}
    assert same(read_wbz(written.data).state, state)


def test_strange_tensors_survive():
    state = {
        "a": torch.tensor(7),
        "b": torch.tensor([1.5, -0.0, float("inf")], dtype=torch.bfloat16),
        "c": torch.tensor([[0.0, -0.0], [0.0, float("nan")]]),
        "d": torch.zeros(3, 0),
        "e": torch.zeros(4, 4),
        "f": torch.tensor([True, False]),
    }
    file = read_wbz(to_wbz(state, {}).data)
    for name, tensor in state.items():
        bits = [t.reshape(-1).view(torch.uint8) for t in (file.state[name], tensor)]
        assert torch.equal(*bits), name
        assert file.state[name].shape == tensor.shape


def test_every_flipped_byte_is_noticed():
    data = to_wbz({"x.weight": torch.eye(4)}, {}).data
    for place in range(len(data)):
        broken = bytearray(data)
        broken[place] ^= 4
        with pytest.raises(WorkbenchError, match=r"wbz"):
            read_wbz(bytes(broken))


@pytest.mark.parametrize("keep", [0, 3, 4, 20, 60, -1])
def test_cut_files_are_refused(keep):
    net = small()
    data = to_wbz(net.module.state_dict(), net.palettes).data
    with pytest.raises(WorkbenchError, match=r"whole \.wbz"):
        read_wbz(data[:keep])


def reseal(header, sections):
    """Return a file whose checksum fits whatever its header says."""
    return join(header, sections)


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [1 << 20, 1 << 20]},
        {"shape": [-1, 4]},
        {"shape": [2, 4]},
        {"shape": "many"},
        {"as": "magic"},
        {"k": 3},
        {"n": 10**9},
        {"n": 1},
        {"c": "brotli"},
        {"g": 1},
        {"name": None},
    ],
)
def test_headers_that_lie_are_refused(change):
    weight = np.zeros(64, np.float32)
    weight[::3] = np.arange(1, 23) % 5 + 1
    palette = wb.compress(_linear(weight), 3).palettes["1"]
    state = {"1.weight": torch.from_numpy(palette.weight())}
    coding = Coding("fixed", gap_bits=2)
    header, sections = split(to_wbz(state, {"1": palette}, coding=coding).data)
    assert header["tensors"][0]["n"] == 22
    header["tensors"][0] |= change
    with pytest.raises(WorkbenchError):
        read_wbz(reseal(header, sections))


NASTY = (-1, 0, 1, 2, 9, 300, 10**18, 3.5, True, None, "x", [], [1], {})


@pytest.mark.parametrize("coder", ["fixed", "huffman", "ans"])
def test_no_header_breaks_the_reader(coder):
    net = small()
    state = net.module.state_dict()
    data = to_wbz(state, net.palettes, coding=Coding(coder)).data
    header, sections = split(data)
    refused = 0
    for place, record in enumerate(header["tensors"][:3]):
        for field in (*record, "g", "z"):
            for value in NASTY:
                tensors = [dict(one) for one in header["tensors"]]
                tensors[place][field] = value
                try:
                    read_wbz(reseal({**header, "tensors": tensors}, sections))
                except WorkbenchError:
                    refused += 1
    assert refused > 150


def test_many_small_promises_are_refused_together(monkeypatch):
    monkeypatch.setattr(wbz, "LARGEST", 1 << 12)
    record = {"as": "palette", "k": 1, "z": 1, "c": "fixed", "g": 1, "n": 0, "p": "ans"}
    tensors = [
        {**record, "name": f"{n}.weight", "dtype": "float32", "shape": [1 << 10]}
        for n in range(5)
    ]
    header = {"facts": {}, "tensors": tensors}
    with pytest.raises(WorkbenchError, match="5,120 values in"):
        read_wbz(join(header, [b"", b"", b""] * 5))


def _linear(flat):
    module = nn.Sequential(nn.Flatten(), nn.Linear(16, 4, bias=False))
    with torch.no_grad():
        module[1].weight.copy_(torch.from_numpy(flat).view(4, 16))
    return wb.from_module(module, input_shape=(1, 4, 4))


def test_a_header_that_inflates_without_end_is_refused():
    packed = zlib.compress(b"[" * (1 << 27), 9)
    body = MAGIC + len(packed).to_bytes(4, "little") + packed
    data = body + hashlib.sha256(body).digest()
    assert len(data) < 1 << 20
    with pytest.raises(WorkbenchError, match="header"):
        read_wbz(data)


def test_a_palette_of_other_weights_is_refused():
    net = small()
    with pytest.raises(WorkbenchError, match=r"not the weight '0\.weight'"):
        to_wbz(small_network().module.state_dict(), net.palettes)
    stray = Palette(np.zeros(1, np.float32), np.zeros((1, 1), np.uint8), True)
    with pytest.raises(WorkbenchError, match="does not have"):
        to_wbz({}, {"gone": stray})


def test_export_verify_and_load(tmp_path):
    net = small()
    report = wb.export(net, tmp_path / "net.wbz")
    assert report.bytes == (tmp_path / "net.wbz").stat().st_size
    assert [check.name for check in report.checks] == [
        "structure",
        "digest",
        "weights",
        "palettes",
    ]
    assert wb.verify(tmp_path / "net.wbz", net).ok
    other = wb.verify(tmp_path / "net.wbz", small_pruned())
    assert not other.ok
    back = wb.load_wbz(tmp_path / "net.wbz", net=small_network())
    assert back.digest == net.digest
    assert set(back.palettes) == set(net.palettes)
    with pytest.raises(WorkbenchError, match="model 'small', which is no sample"):
        wb.load_wbz(tmp_path / "net.wbz")


def test_facts_name_recipe_and_weights(tmp_path):
    wb.export(small(), tmp_path / "net.wbz")
    facts = read_wbz(tmp_path / "net.wbz").facts
    assert facts["workbench.digest"] == small().digest
    assert "magnitude" in facts["workbench.recipe"]


def test_command_writes_the_file_and_the_papers_table(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    recipe = tmp_path / "r.yaml"
    wb.Recipe.uniform("magnitude", 0.9).save(recipe)
    out = tmp_path / "lenet.wbz"
    arguments = ["compress", "lenet5-mnist5k", "--recipe", str(recipe), "-o", str(out)]
    shown = CliRunner().invoke(build(), [*arguments, "--images", "200"])
    assert shown.exit_code == 0, shown.output
    for word in ("dense", "Huffman coded", "ANS coded", "bits/weight", "top-1", "fc1"):
        assert word in shown.output
    back = wb.load_wbz(out)
    assert back.name == "lenet5-mnist5k"
    assert back.palettes["fc1"].bits == 5
    # 430,500 weights of 4 bytes; a tenth of the two large layers is left, at about
    # 9 bits each: more than twenty times smaller.
    assert out.stat().st_size < 4 * 430_500 / 20
    (kept,) = wb.Store().runs()
    assert (kept.kind, kept.inputs["bits"]) == ("compress", "8:conv,5:fc")
    assert kept.results["file"]["bytes"] == out.stat().st_size
