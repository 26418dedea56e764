"""What a newcomer finds: measured in the background when the app first starts.

Belongs here: which questions about the first sample network are answered without being
asked, once, and the job that does it. Does not belong here: the questions themselves
(``workflows``), drawing.
"""

import os
from typing import TYPE_CHECKING

import streamlit as st

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.ui.services import data, live, networks, sweeps
from workbench.workflows import orders
from workbench.workflows.bench import BenchOrder, run_bench, usual_peers
from workbench.workflows.profile import ProfileOrder, run_profile
from workbench.workflows.sweep.known import known_of

if TYPE_CHECKING:
    from workbench.data.dataset import Dataset
    from workbench.jobs.job import Job, JobView
    from workbench.models.network import Network
    from workbench.workflows.sweep.order import SweepOrder

SWITCH = "WORKBENCH_FIRST_START"
"""Environment variable: "0" leaves the first start out, as tests do."""
_WELCOMED = "welcomed"
METHODS = ("magnitude",)
SPARSITIES = (0.5, 0.7, 0.8, 0.9)
IMAGES = 200
STOP_DROP = 0.3
QUICK = 1000
SECONDS = 4.0
STEPS = (
    "timing every layer",
    "measuring PyTorch beside our engine",
    "a small sensitivity sweep",
)
_STEP = "step"


def sweep_order(network: "Network") -> "SweepOrder":
    """Return the sweep that the page Sensitivity opens with.

    Raises
    ------
    WorkbenchError
        No images on this machine.
    """
    return sweeps.order_of(
        network,
        METHODS,
        SPARSITIES,
        images=IMAGES,
        latency="none",
        stop_drop=STOP_DROP,
    )


def bench_order(network: "Network") -> BenchOrder:
    """Return the measurement that the page Speed opens with."""
    return BenchOrder(network, None, 1, SECONDS, usual_peers())


@st.cache_resource
def begin() -> str | None:
    """Start what is not known yet about the first sample; return the job's id.

    Once a server; None where everything is known from before.
    """
    from workbench.jobs.registry import registry

    name = wb.list_samples()[0].name
    network = networks.sample(name)
    if _known(network):
        return None
    # Sweep and images read the session's seed and folder: made here, not in the job.
    order = _sweep(network)
    images = None if order is None else data.load(network, "test").take(QUICK)
    spec = {"kind": "first start", "model": name}
    return registry().start(lambda job: _run(job, network, order, images), spec=spec).id


def welcome() -> None:
    """Begin, after the first page was drawn; draw it again so that it follows."""
    if st.session_state.get(_WELCOMED) or os.environ.get(SWITCH) == "0":
        return
    st.session_state[_WELCOMED] = True
    if begin() is not None and running() is not None:
        st.rerun()


def running() -> "JobView | None":
    """Return the job as it is now, None when there is none or it has ended."""
    from workbench.jobs.registry import registry

    for job in registry().jobs():
        view = job.view()
        if view.spec.get("kind") == "first start" and not view.finished:
            return view
    return None


def _known(network: "Network") -> bool:
    order = _sweep(network)
    return (
        orders.recorded(ProfileOrder(network)) is not None
        and orders.recorded(bench_order(network)) is not None
        and (order is None or known_of(order).whole)
    )


def _sweep(network: "Network") -> "SweepOrder | None":
    try:
        return sweep_order(network)
    except WorkbenchError:
        return None


def step_of(view: "JobView") -> int:
    """Return how many of the steps are over."""
    return sum(_STEP in row for row in view.rows)


def _run(
    job: "Job",
    network: "Network",
    order: "SweepOrder | None",
    images: "Dataset | None",
) -> None:
    """Answer the questions one after the other; each is recorded by itself."""
    from workbench.workflows.sweep.run import run_sweep

    def over(step: int) -> None:
        job.advance({_STEP: STEPS[step]}, cells=0)

    times = ProfileOrder(network)
    if orders.recorded(times) is None:
        run_profile(job, times)
    over(0)
    wanted = bench_order(network)
    if orders.recorded(wanted) is None:
        run_bench(job, wanted)
    over(1)
    if order is not None and not known_of(order).whole:
        run_sweep(job, order, store=wb.Store())
    over(2)
    live.warm(network, images)
