"""A sweep on a real Ray cluster of two nodes, one of them killed in the middle."""

import os
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
import torch

import workbench as wb
from tests.support import ROOT
from tests.support.sweep_data import val_data
from workbench.errors import WorkbenchError
from workbench.jobs.job import Job
from workbench.models.network import Network
from workbench.workflows.sweep.choose import executor_named
from workbench.workflows.sweep.executors import LocalExecutor
from workbench.workflows.sweep.order import SweepOrder
from workbench.workflows.sweep.run import run_sweep

# Where the tests of a change run, a missing Ray is a failure, not a skip.
ray = import_module("ray") if os.environ.get("CI") else pytest.importorskip("ray")

STORE_BYTES = 100 * 1024 * 1024


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Ray's workers give way to everything else that this machine does, as 15.
    monkeypatch.setenv("RAY_worker_niceness", "0")
    made = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 1,
            "include_dashboard": False,
            "object_store_memory": STORE_BYTES,
        },
    )
    made.second = made.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
    made.wait_for_nodes()
    yield made
    ray.shutdown()
    made.shutdown()


def small() -> Network:
    network: Network = wb.load_model("lenet5-mnist5k")
    return network


@pytest.mark.timeout(400)
def test_two_nodes_one_killed_give_what_one_thread_gives(cluster: Any) -> None:
    from workbench.workflows.sweep.ray_executor import RayExecutor

    torch.set_num_threads(1)

    net = small()
    order = SweepOrder(
        net, val_data(net, 40), ("magnitude", "filter"), (0.3, 0.5, 0.7, 0.9)
    )
    local = run_sweep(Job("local", {}), order)
    executor = RayExecutor(address=cluster.address, workers=2)
    job = Job("ray", {})
    killed: list[bool] = []

    def kill_once(view: Any) -> None:
        if view.done >= 6 and not killed:
            killed.append(True)
            cluster.remove_node(cluster.second, allow_graceful=False)

    job.watch(kill_once)
    found = run_sweep(job, order, executor=executor)
    assert killed == [True]
    assert found == local
    assert len(found.rows) == 4 * 4 + 3 * 4


def test_executors_by_name() -> None:
    assert isinstance(executor_named("local"), LocalExecutor)
    with pytest.raises(WorkbenchError, match="--executor cloud"):
        executor_named("cloud")
    with pytest.raises(WorkbenchError, match="--address here"):
        executor_named("local", address="here")
