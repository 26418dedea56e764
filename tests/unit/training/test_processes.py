"""Two processes that train together: one set of weights, equal to one process's."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import workbench as wb
from tests.support import ROOT
from tests.support.training_cases import one_thread, stripes
from workbench.models.inspect import from_module
from workbench.training.finetune import tune
from workbench.training.loop.processes import joined, team

__all__ = ["one_thread"]

SETTINGS = {"epochs": 2, "lr": 0.05, "batch_size": 16}
# Sums over two halves of a batch are rounded otherwise than over the whole.
TOLERANCE = 1e-5


def pruned_net() -> wb.PrunedNetwork:
    """Return a pruned network without batch norm, which would see half batches."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        module = nn.Sequential(
            nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(216, 2)
        )
    network = from_module(module, input_shape=(1, 8, 8))
    return wb.prune(network, wb.Recipe.uniform("magnitude", 0.5, match="0"))


_CHILD = """
import sys
import torch
from tests.unit.training.test_processes import SETTINGS, pruned_net
from tests.support.training_cases import stripes
from workbench.training.finetune import tune
from workbench.training.loop.processes import joined

torch.set_num_threads(1)
with joined() as team:
    assert team.size == 2
    result = tune(pruned_net(), stripes(), checkpoint=sys.argv[1], **SETTINGS)
torch.save(result.network.module.state_dict(), f"{sys.argv[1]}.{team.rank}")
log = result.history[-1]
print(team.rank, f"{log.loss:.6f}", log.text.rpartition("zeros ")[2])
"""


_INTERRUPTED = """
import sys
import torch
from tests.unit.training.test_processes import SETTINGS, pruned_net
from tests.support.training_cases import stripes
from workbench.training.finetune import tune
from workbench.training.loop.fit import FitHooks
from workbench.training.loop.processes import joined

class Enough(Exception):
    pass

def stop(log):
    raise Enough

torch.set_num_threads(1)
with joined() as team:
    assert team.size == 2
    try:
        tune(pruned_net(), stripes(), checkpoint=sys.argv[1],
             hooks=FitHooks(after_epoch=stop), **SETTINGS)
    except Enough:
        open(f"{sys.argv[1]}.{team.rank}.stopped", "x").close()
"""


def test_alone_there_is_a_team_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined() as here:
        assert (here.rank, here.size, here.leads) == (0, 1, True)
    assert team().sums(1.0, 2.0) == [1.0, 2.0]
    assert team().share(torch.arange(4)).tolist() == [0, 1, 2, 3]


def test_two_processes_end_with_the_weights_of_one(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = tmp_path / "run.ckpt"
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    children = [
        subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(path)],
            cwd=ROOT,
            env={**os.environ, **shared, "RANK": str(rank), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    printed = [child.communicate(timeout=120)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0]
    alone = tune(pruned_net(), stripes(), **SETTINGS)
    # 6 filters of 9 weights, half of them removed.
    log = alone.history[-1]
    expected = f"{log.loss:.6f} kept 27/27"
    assert [line.strip() for line in printed] == [f"{r} {expected}" for r in (0, 1)]
    states = [torch.load(f"{path}.{rank}", weights_only=True) for rank in (0, 1)]
    for name, value in alone.network.module.state_dict().items():
        assert torch.equal(states[0][name], states[1][name])
        assert torch.allclose(states[0][name], value, atol=TOLERANCE)


def test_what_torchrun_left_goes_on_in_one_process(tmp_path: Path) -> None:
    path, script = tmp_path / "run.ckpt", tmp_path / "interrupted.py"
    script.write_text(_INTERRUPTED)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    child = subprocess.run(
        [*torchrun, "--nproc_per_node", "2", str(script), str(path)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert child.returncode == 0, child.stderr
    stopped = sorted(file.name for file in tmp_path.glob("*.stopped"))
    assert stopped == ["run.ckpt.0.stopped", "run.ckpt.1.stopped"]
    resumed = tune(pruned_net(), stripes(), checkpoint=path, **SETTINGS)
    whole = tune(pruned_net(), stripes(), **SETTINGS)
    # The first of two epochs was theirs.
    assert len(resumed.history) == len(whole.history) == 2
    expected = whole.network.module.state_dict()
    for name, value in resumed.network.module.state_dict().items():
        assert torch.allclose(value, expected[name], atol=TOLERANCE)
        assert torch.equal(value == 0, expected[name] == 0)
