"""Each engine that is installed gives torch's output; an absent one is named."""

import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from small_networks import INPUT_SHAPE, small_network, small_pruned

from workbench.errors import WorkbenchError
from workbench.measure.agreement import compare_outputs
from workbench.measure.bench import bench
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
