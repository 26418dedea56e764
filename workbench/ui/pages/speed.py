"""Speed: measured now, per engine and per layer, losses as plain as wins."""

import streamlit as st

from workbench.ui import theme
from workbench.ui.components.shared.job_panel import find, job_panel, launch
from workbench.ui.components.shared.snippets import snippets
from workbench.ui.components.speed.bench_results import bench_results, bench_so_far
from workbench.ui.components.speed.explorers import (
    algorithm_explorer,
    break_even_explorer,
)
from workbench.ui.components.speed.machine import machine
from workbench.ui.components.speed.peers import choose_peers
from workbench.ui.components.speed.thread_sweep import thread_sweep
from workbench.ui.services import code, networks, recipes
from workbench.workflows import orders
from workbench.workflows.bench import STEPS, BenchOrder, run_bench

network = networks.current()
recipe = recipes.current()
pruned = None if recipes.is_empty(recipe) else networks.pruned(network, recipe)
machine()

with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    threads = st.number_input(
        "Threads", 1, 64, 1, key="threads", bind="query-params", width=110
    )
    seconds = st.slider(
        "Seconds of measuring",
        1,
        30,
        4,
        key="seconds",
        bind="query-params",
        width=200,
        help="Rounds of all engines in turn; more rounds, narrower intervals.",
    )
    against = choose_peers()

order = BenchOrder(network, pruned, threads, float(seconds), against)
running = find("bench")
with st.container(horizontal=True, vertical_alignment="center"):
    st.button(
        "Measure now",
        type=theme.main_button(),
        icon=":material/play_arrow:",
        on_click=launch,
        args=("bench", orders.start, order, run_bench),
        disabled=running is not None and not running.finished,
    )
    carried = None if pruned is None else recipe
    option = "" if pruned is None else f" --recipe {code.FILE}"
    subject = "net" if pruned is None else "net, pruned"
    snippets(
        command=f"{code.recipe_command(carried)}python -m workbench bench "
        f"{code.argument(network)}{option} --threads {threads} --seconds {seconds} "
        f"--against {','.join(against) or 'torch'}",
        python=f"{code.opening(network, carried)}found = wb.bench(\n"
        f"    {subject}, threads={threads}, against={against!r}, "
        f"budget_s={float(seconds)}\n)\nprint(found.to_dict())",
        key="bench-code",
    )
    if pruned is None:
        st.caption("No recipe yet: only dense programs are measured.")

mine = running is not None and running.spec["inputs"] == order.inputs
if running is not None and (not running.finished or mine):
    if not mine:
        st.caption("A measurement with other settings is still running.")
    job_panel(running, STEPS, bench_so_far)
else:
    earlier = orders.recorded(order)
    if earlier is None:
        st.caption(
            "Nothing measured with these settings yet. About "
            f"{order.estimate_s:.0f} s on a quiet machine."
        )
    else:
        st.caption(f"Measured before, {earlier.created[:16]} UTC.")
        bench_results(earlier.results, key="bench")
        if "layers" not in earlier.results:
            st.caption("Layers were not timed: “Measure now” times each of them.")

even, threading, crossover = st.tabs(
    ["Break-even of a layer", "Threads", "Algorithms"],
    key="explore",
    on_change="rerun",
    bind="query-params",
)
if even.open:
    with even:
        break_even_explorer(network)
if threading.open:
    with threading:
        thread_sweep(network, pruned)
if crossover.open:
    with crossover:
        algorithm_explorer()
