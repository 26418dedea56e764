"""Start, watch, stop, continue a training; its result and where it goes next.

Belongs here: the buttons and which results stand on the page. Does not belong here:
the form (``tuning_form``), the pictures (``tuning_results``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.ui import theme
from workbench.ui.components.shared.feedback import caught
from workbench.ui.components.shared.job_panel import find, job_panel, remember
from workbench.ui.components.shared.snippets import snippets
from workbench.ui.components.train.tuning_results import tuning_outcome, tuning_progress
from workbench.ui.format import count, duration
from workbench.ui.services import code, finetunes, recipes
from workbench.workflows import orders
from workbench.workflows.finetune import FinetuneOrder, done_before

if TYPE_CHECKING:
    from workbench.jobs.job import JobView

_JOB = "tuning"
# What the commands finetune and train take as options.
_TUNES = ("epochs", "lr", "schedule", "rounds", "distill", "rates", "ema")
_LEARNS = ("epochs", "lr", "rates", "seed")


def tuning_panel(order: FinetuneOrder) -> None:
    """Draw the buttons of an order, then its progress or its recorded result."""
    running = find(_JOB)
    mine = running is not None and running.spec.get("inputs") == order.inputs
    busy = running is not None and not running.finished
    before = () if busy else done_before(order)
    left = int(order.settings["epochs"]) - len(before)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            f"Continue after epoch {len(before)}" if before and left else "Start",
            type=theme.main_button(),
            icon=":material/play_arrow:",
            on_click=_begin(finetunes.start, order),
            disabled=busy
            or (not order.method and recipes.is_empty(order.pruned.recipe)),
        )
        st.button(
            "Start over",
            icon=":material/restart_alt:",
            on_click=_begin(finetunes.start_over, order),
            disabled=busy or not before,
            help="Forgets the checkpoint of these settings.",
        )
        _code(order)
        st.caption(f"About {duration(order.estimate_s)} on a quiet core.")
    conditions = (
        f"{order.train.name}: {count(len(order.train))} training images, seed "
        f"{order.settings['seed']}, "
        + (order.method or f"schedule {order.settings['schedule']}")
    )
    if busy and not mine:
        st.caption("A training with other settings is still running.")
    if running is not None and (busy or mine):
        job_panel(running, ["Training"], lambda view: _draw(view, order, conditions))
        return
    earlier = orders.recorded(order)
    if earlier is not None:
        st.caption(f"Trained before, {earlier.created[:16]} UTC.")
        rows = earlier.results["history"]
        _results(order, earlier.results, conditions)
    else:
        rows = [asdict(log) for log in before]
    tuning_progress(
        rows,
        epochs=int(order.settings["epochs"]),
        key="training",
        conditions=conditions,
    )


def _begin(
    how: Callable[[FinetuneOrder], str], order: FinetuneOrder
) -> Callable[[], None]:
    def begin() -> None:
        with caught():
            remember(_JOB, how(order))

    return begin


def _draw(view: "JobView", order: FinetuneOrder, conditions: str) -> None:
    if view.state == "done" and isinstance(view.result, dict):
        finetunes.keep(view.result["network"])
        _results(order, view.result["results"], conditions)
        st.caption("This network waits on the page Runs and export as “fine-tuned”.")
    tuning_progress(
        view.rows,
        epochs=int(order.settings["epochs"]),
        key="training",
        conditions=conditions,
    )


def _results(order: FinetuneOrder, results: object, conditions: str) -> None:
    if isinstance(results, dict):
        images = f"{order.test.name}, {order.test.split} images, n = {len(order.test)}"
        tuning_outcome(results, key="tuned", conditions=f"{images}; {conditions}")


def _code(order: FinetuneOrder) -> None:
    """Draw code that repeats the training; the command lacks the rarer settings."""
    network, settings = order.pruned.base, dict(order.settings)
    said = ", ".join(f"{key}={value!r}" for key, value in settings.items())
    images = f'train = wb.dataset_for(net, split="train").take({len(order.train)})\n'
    if order.method:
        flags = _flags(settings, _LEARNS)
        sets = " ".join(f"--set {key}={value}" for key, value in order.params.items())
        params = ", ".join(f"{key}={value!r}" for key, value in order.params.items())
        snippets(
            command=f"python -m workbench train {code.argument(network)} --method "
            f"{order.method} {sets} {flags} --images {len(order.train)} "
            "-o trained.safetensors",
            python=f"{code.opening(network)}{images}"
            "from workbench.training.learn import Driven\n\n"
            f'how = Driven.of("{order.method}", {params})\n'
            f"trained = wb.learn(net, train, how=how, {said})\n"
            'print(wb.export(trained, "trained.safetensors"))',
            key="tuning-code",
            note=_lacking(settings, _LEARNS),
        )
        return
    recipe = order.pruned.recipe
    snippets(
        command=f"{code.recipe_command(recipe)}python -m workbench finetune "
        f"{code.argument(network)} --recipe {code.FILE} {_flags(settings, _TUNES)} "
        f"--images {len(order.train)} -o tuned.safetensors",
        python=f"{code.opening(network, recipe)}{images}"
        f"tuned = wb.finetune(pruned, train, {said})\n"
        'print(wb.export(tuned, "tuned.safetensors"))',
        key="tuning-code",
        note=_lacking(settings, _TUNES),
    )


def _flags(settings: Mapping[str, Any], known: Sequence[str]) -> str:
    return " ".join(
        f"--{key} {settings[key]}" for key in known if settings.get(key) is not None
    )


def _lacking(settings: Mapping[str, Any], known: Sequence[str]) -> str:
    """Say which settings that differ from their defaults only Python takes."""
    from workbench.training.finetune_options import FinetuneOptions

    usual = FinetuneOptions()
    only = [
        key
        for key, value in settings.items()
        if key not in known and value != getattr(usual, key)
    ]
    return f"Only Python takes: {', '.join(only)}." if only else ""
