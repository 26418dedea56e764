"""Each engine that is installed gives torch's output; an absent one is named."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import numpy_helper

import workbench as wb
from tests.support.onnx_files import classifier, numbers, run, saved
from tests.support.small_networks import INPUT_SHAPE, small_network, small_pruned
from workbench.errors import WorkbenchError
from workbench.kernels import info
from workbench.measure.agreement import compare_outputs
from workbench.measure.bench import bench, contenders_of
from workbench.measure.contenders import peer_contender, subject_of
from workbench.measure.interleave import MIN_ROUNDS, Settings, measure_contenders
from workbench.measure.onnx_model import to_onnx
from workbench.measure.peers import find_peer, peers, remote_runner
from workbench.measure.peers.protocol import (
    FunctionRunner,
    Peer,
    Setup,
    Subject,
    needs,
)
from workbench.measure.peers.remote_runner import RemoteRunner
from workbench.measure.peers.subject import OnnxNetwork, OnnxSubject

QUICK = Settings(warmup=1, budget_s=0.0, min_sample_ms=0.0)


@cache
def shared_subject() -> Subject:
    """Return one subject for all: the ONNX file is made once."""
    return subject_of(small_pruned())


def test_the_table_names_every_engine_once() -> None:
    assert {"workbench", "torch", "torch_channels_last", "onnxruntime"} <= set(peers())
    assert all(peer.name == name and peer.label for name, peer in peers().items())
    with pytest.raises(WorkbenchError, match="engine 'tensorrt'"):
        find_peer("tensorrt")


@pytest.mark.parametrize("name", list(peers()))
@pytest.mark.parametrize("threads", [1, 2])
def test_an_engine_equals_torch_on_pruned_weights(name: str, threads: int) -> None:
    peer = peers()[name]
    absent = peer.available()
    if absent is not None:
        assert "run: " in absent or "set " in absent
        pytest.skip(absent)
    subject = shared_subject()
    runner = peer.prepare(subject, Setup(threads, batch=2))
    x = np.random.default_rng(5).standard_normal((2, *INPUT_SHAPE), dtype=np.float32)
    output = runner(x)
    assert output.dtype == np.float32
    assert compare_outputs(output, subject.reference(x), tolerance=1e-4).ok
    assert runner.sample_ns(x, 3) > 0
    np.testing.assert_array_equal(runner(x), output)
    runner.close()
    torch.set_num_threads(1)


def test_an_onnx_file_is_measured_without_torch(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(shared_subject().onnx_path.read_bytes())
    network = OnnxNetwork.read(path)
    assert (network.name, network.input_shape) == ("net", INPUT_SHAPE)
    # The middle layer lost 3/4 of 8 x 8 x 3 x 3; the others keep 216 and 1280 weights.
    assert network.sparsity == pytest.approx(432 / (216 + 576 + 1280))
    subject = subject_of(network)
    assert subject.weights == "pruned"
    x = np.random.default_rng(5).standard_normal((2, *INPUT_SHAPE), dtype=np.float32)
    reference = subject.reference(x)
    assert compare_outputs(reference, shared_subject().reference(x)).max_rel < 1e-5
    refused = {
        peer.name: peer_contender(peer, subject, name=peer.name).absent
        for peer in (find_peer("workbench"), find_peer("torch"))
    }
    assert refused["torch"] is not None
    assert "net is an ONNX file" in refused["torch"]
    with pytest.raises(WorkbenchError, match="a torch module"):
        _ = subject.module
    row = bench(path, against=(), budget_s=0.0).rows[0]
    assert (row.name, row.refused) == ("workbench pruned", None)


def test_converted_files_stay_where_they_are_kept(tmp_path: Path) -> None:
    calls: list[Path] = []

    def write(path: Path) -> None:
        calls.append(path)
        path.write_text("made")

    for _ in range(2):
        subject = subject_of(small_pruned(), keep=tmp_path)
        assert subject.converted("net.x", write).read_text() == "made"
    other = subject_of(small_network(), keep=tmp_path).converted("net.x", write)
    assert len(calls) == 2
    assert len(list(tmp_path.rglob("net.x"))) == 2
    assert other.parent.parent == tmp_path


def test_rows_say_which_weights_hold_zeros() -> None:
    pruned = small_pruned()
    given = replace(small_network(), module=pruned.module)
    names = [one.name for one in contenders_of(given, against=())]
    assert names == ["torch pruned", "workbench pruned"]
    names = [one.name for one in contenders_of(given, pruned, against=())]
    assert names == ["torch given", "workbench given", "workbench pruned"]
    names = [one.name for one in contenders_of(small_network(), pruned, against=())]
    assert names == ["torch dense", "workbench dense", "workbench pruned"]


def test_the_data_driven_kernels_can_be_asked_for_alone() -> None:
    programs = {
        kinds: wb.compile(small_pruned(), tune="model", generated=kinds)
        for kinds in (True, False)
    }
    used = {
        kinds: {step.candidate for step in program.steps}
        for kinds, program in programs.items()
    }
    assert "generated" not in used[False]
    rejected = {
        rejection.candidate: rejection.reason
        for step in programs[False].steps
        for rejection in step.rejected
        if step.op == "conv2d"
    }
    if info().native:
        assert "data-driven" in rejected["generated"]
    x = np.ones((1, *INPUT_SHAPE), np.float32)
    assert compare_outputs(programs[True](x), programs[False](x)).max_rel < 1e-5


def test_an_absent_engine_is_named_and_the_others_are_measured() -> None:
    gone = Peer(
        "gone", "Gone", None, lambda: "not installed; run: x", lambda s, t: None
    )  # type: ignore[arg-type,return-value]
    subject = subject_of(small_network())
    contenders = [
        peer_contender(peer, subject, name=peer.name)
        for peer in (gone, find_peer("torch"))
    ]
    found = measure_contenders(contenders, rounds=MIN_ROUNDS, settings=QUICK)
    assert found.absent == (("gone", "not installed; run: x"),)
    assert found.to_dict()["absent"] == [
        {"name": "gone", "reason": "not installed; run: x"}
    ]
    assert [row.name for row in found.rows] == ["torch"]


def test_an_engine_that_cannot_load_the_network_is_refused_not_fatal() -> None:
    def prepare(subject: Subject, setup: Setup) -> FunctionRunner:
        raise ValueError("no such operation")

    bad = Peer("bad", "Bad", None, lambda: None, prepare)
    subject = subject_of(small_network())
    found = measure_contenders(
        [peer_contender(bad, subject, name="bad")], rounds=MIN_ROUNDS, settings=QUICK
    )
    assert found.rows[0].refused == "could not load the network: no such operation"


def test_rivals_run_dense_and_pruned_weights() -> None:
    if needs("onnxruntime", install="") is not None:
        pytest.skip("onnxruntime is an extra")
    found = bench(
        small_network(), small_pruned(), against=("onnxruntime",), budget_s=0.0
    )
    assert [row.name for row in found.rows][-2:] == [
        "onnxruntime dense",
        "onnxruntime pruned",
    ]
    assert all(row.refused is None for row in found.rows)
    assert "onnxruntime" in dict(found.conditions.versions)


def test_a_module_that_cannot_become_onnx_is_refused_in_words() -> None:
    class Branching(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(WorkbenchError, match="cannot export this module to ONNX"):
        to_onnx(Branching().eval(), (3, 8, 8))


def test_the_onnx_file_goes_with_its_subject() -> None:
    subject = Subject(small_pruned(), weights="pruned")
    path = subject.onnx_path
    assert subject.onnx_path == path
    assert path.is_file()
    del subject
    assert not path.exists()


FAR_SIDE = """
import os
def version():
    return "7.1"
def load(model, threads, batch):
    print("an engine that talks", model)
    def call(x):
        print("and talks")
        if x[0, 0, 0, 0] > 9:
            os._exit(3)
        return x.reshape(len(x), -1).sum(1, keepdims=True) + threads
    return call
"""


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteRunner]:
    shutil.copy(remote_runner._LOOP, tmp_path / "loop.py")
    (tmp_path / "fake_engine.py").write_text(FAR_SIDE)
    monkeypatch.setattr(remote_runner, "_LOOP", tmp_path / "loop.py")
    python = Path(sys.executable)
    runner = RemoteRunner(python, "fake", Path("m.onnx"), Setup(2), extra={})
    yield runner
    runner.close()


def test_an_engine_in_another_process_answers_and_is_timed(
    remote: RemoteRunner,
) -> None:
    assert remote.version == "7.1"
    x = np.ones((2, *INPUT_SHAPE), np.float32)
    np.testing.assert_array_equal(remote(x), [[194.0], [194.0]])
    assert 0 < remote.sample_ns(x, 2) < 10**10
    np.testing.assert_array_equal(remote(x * 0), [[2.0], [2.0]])


def test_an_engine_that_dies_is_reported_in_words(remote: RemoteRunner) -> None:
    with pytest.raises(WorkbenchError, match="ended without a word"):
        remote(np.full((1, *INPUT_SHAPE), 10, np.float32))


def test_an_engine_that_does_not_start_says_why() -> None:
    with pytest.raises(WorkbenchError, match="No such file"):
        RemoteRunner(
            Path(sys.executable), "no_such", Path("m.onnx"), Setup(1), extra={}
        )


def test_an_onnx_file_of_a_fixed_batch_is_timed_on_one_image(tmp_path: Path) -> None:
    model = classifier()
    for one in (*model.graph.input, *model.graph.output):
        one.type.tensor_type.shape.dim[0].dim_value = 4
    path = saved(model, tmp_path)
    subject = OnnxSubject(OnnxNetwork.read(path), weights="dense")
    x = numbers(2, 3, 8, 8)
    whole = run(path, x=np.concatenate([x, x]))[0]
    np.testing.assert_allclose(subject.reference(x), whole[:2], rtol=1e-4, atol=1e-4)
    # A batch inside of the network cannot be freed.
    sizes = next(one for one in model.graph.initializer if one.name == "sizes")
    sizes.CopyFrom(numpy_helper.from_array(np.array([4, 128]), "sizes"))
    path = saved(model, tmp_path, "inside.onnx")
    subject = OnnxSubject(OnnxNetwork.read(path), weights="dense")
    with pytest.raises(WorkbenchError, match="which does not run on one image"):
        subject.reference(x)
