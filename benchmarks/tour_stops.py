"""The stops of the tour: how each view is reached, and what it shows.

Belongs here: the table. Does not belong here: taking pictures (``tour``).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.app_server import still

Reach = Callable[[Any, str], None]


@dataclass(frozen=True)
class Stop:
    """One view of the tour.

    Parameters
    ----------
    name : str
        File stem of its pictures.
    title : str
        Heading in the index.
    says : str
        What it shows, in a sentence.
    reach : callable (tab, address)
        Goes there in the running session; measures what is not measured yet.
    always : bool
        Later stops need what this one does, even when its picture is not asked for.
    apart : bool
        Reached by an address of its own: needs nothing of the stops before.
    below : str
        Name of a tab: the picture begins there.
    """

    name: str
    title: str
    says: str
    reach: Reach
    always: bool = False
    apart: bool = False
    below: str = ""


def page(name: str, *acts: Reach) -> Reach:
    """Return the way to a page by its link, then a few acts there."""

    def reach(tab: Any, address: str) -> None:
        tab.get_by_role("link", name=name, exact=True).first.click()
        tab.wait_for_timeout(300)
        still(tab)
        for act in acts:
            act(tab, address)
            still(tab)

    return reach


def press(name: str, role: str = "button") -> Reach:
    """Return a click on a control that must be there."""

    def act(tab: Any, address: str) -> None:
        tab.get_by_role(role, name=name, exact=True).first.click()
        tab.wait_for_timeout(300)

    return act


def fill(label: str, value: str) -> Reach:
    """Return typing a value into a field."""

    def act(tab: Any, address: str) -> None:
        field = tab.get_by_label(label, exact=True).first
        field.fill(value)
        field.press("Enter")
        tab.wait_for_timeout(500)

    return act


def choose(label: str, option: str) -> Reach:
    """Return choosing an option of a select box."""

    def act(tab: Any, address: str) -> None:
        tab.get_by_label(label, exact=True).first.click()
        tab.get_by_role("option", name=option, exact=True).click()
        tab.wait_for_timeout(500)

    return act


def choose_two_runs(tab: Any, address: str) -> None:
    """Choose the oldest and the newest measurement of a recipe as A and B."""
    for label, at in (("A", "last"), ("B", "first")):
        tab.get_by_role("combobox", name=re.compile(rf"\b{label}$")).click()
        getattr(tab.get_by_role("option").filter(has_text="trial"), at).click()
        tab.wait_for_timeout(500)


def link(where: str) -> Reach:
    """Return the way to an address, in a session of its own."""

    def reach(tab: Any, address: str) -> None:
        tab.goto(f"{address}/{where}")
        still(tab)

    return reach


def run_once(name: str, *, unless: str, starts_ms: int = 2500) -> Reach:
    """Return starting a job and waiting for it, unless its result stands there."""

    def act(tab: Any, address: str) -> None:
        button = tab.get_by_role("button", name=name, exact=True).first
        if tab.get_by_text(unless).count() or not button.count():
            return
        if button.is_enabled():
            button.click()
            tab.wait_for_timeout(starts_ms)
            still(tab)

    return act


def lesson(name: str) -> Reach:
    """Return the way to a lesson by its own address; its measurement is made."""
    measure = run_once("Measure", unless="Measured before")

    def reach(tab: Any, address: str) -> None:
        tab.goto(f"{address}/learn?lesson={name}")
        tab.get_by_role("heading", name="Three questions").wait_for()
        still(tab)
        measure(tab, address)

    return reach


def _lesson(name: str, title: str, says: str) -> Stop:
    return Stop(f"learn-{name}", f"Lesson: {title}", says, lesson(name), apart=True)


def _tab_of_kernels(name: str, says: str) -> Stop:
    return Stop(
        f"kernels-{name.split()[-1].lower()}",
        f"Kernels: {name if name in _NAMES else name.lower()}",
        says,
        page("Kernels", press(name, "tab")),
        below=name,
    )


def _tab_of_runs(name: str, tab: str, title: str, says: str, *acts: Reach) -> Stop:
    return Stop(
        f"runs-{name}",
        f"Runs and export: {title}",
        says,
        page("Runs and export", press(tab, "tab"), *acts),
        below=tab,
    )


_RUN_TABS = (
    (
        "list",
        "All runs",
        "all runs",
        "Accuracy against latency of every network that was measured, and the list.",
    ),
    (
        "compare",
        "Compare A and B",
        "A and B",
        "Two measurements layer by layer.",
        choose_two_runs,
    ),
    (
        "differ",
        "Dense against pruned",
        "dense against pruned",
        "The images that the dense and the pruned network answer differently.",
    ),
)
_NAMES = ("Winograd",)
_KERNEL_TABS = (
    ("Filter norms", "The norm of every filter, dense and pruned."),
    ("Connectivity", "Which input channel still reaches which filter."),
    ("Patterns", "The patterns of this network, and what they cover as K grows."),
    ("Winograd", "Zeros of the weights that come back when kernels are transformed."),
    ("Palette", "The same weights from a codebook of a few values."),
)

STOPS = (
    Stop(
        "model",
        "Model",
        "The network layer by layer, the kernels of one layer, its graph, its accuracy "
        "and what it answers on sample images.",
        page("Model"),
    ),
    Stop(
        "prune",
        "Prune",
        "A recipe, what it removes, and what it does: accuracy raw and with batch "
        "norms re-estimated, size, multiply-adds, and three measured times.",
        page(
            "Prune",
            press("Magnitude 80 %"),
            run_once("Apply and measure", unless="Measured before"),
            press("PCONV 70 %"),
            run_once("Apply and measure", unless="Measured before"),
        ),
        always=True,
    ),
    Stop(
        "kernels",
        "Kernels",
        "Every kernel of the pruned layer with its mask, and the weights behind it.",
        page("Kernels"),
        always=True,
    ),
    *(_tab_of_kernels(*row) for row in _KERNEL_TABS),
    Stop(
        "sensitivity",
        "Sensitivity",
        "What each layer loses at each sparsity, and a recipe out of it.",
        page("Sensitivity", run_once("Start", unless="Nothing is left to do.")),
    ),
    Stop(
        "speed",
        "Speed",
        "Measured now: engines side by side, layer by layer, kernel by kernel.",
        page(
            "Speed",
            run_once("Measure now", unless="Measured before"),
            run_once("Measure", unless="Break-even:"),
        ),
    ),
    Stop(
        "speed-threads",
        "Speed: threads",
        "What more threads gain, engine by engine.",
        page(
            "Speed",
            press("Threads", "tab"),
            run_once("Measure", unless="One line an engine"),
        ),
        below="Threads",
    ),
    Stop(
        "speed-algorithms",
        "Speed: algorithms",
        "Direct, Winograd, FFT and Strassen on a layer of one's choice.",
        page(
            "Speed",
            press("Algorithms", "tab"),
            run_once("Measure", unless="Fastest:"),
        ),
        below="Algorithms",
    ),
    Stop(
        "train",
        "Train",
        "Fine-tuning with every removed weight held at zero, epoch by epoch.",
        page(
            "Train",
            fill("Epochs", "4"),
            choose("Training images", "500"),
            run_once("Start", unless="Trained before"),
        ),
    ),
    Stop(
        "runs",
        "Runs and export: files",
        "Files to take away, each read back before it is offered.",
        page("Runs and export", press("Write and verify")),
    ),
    *(_tab_of_runs(*row) for row in _RUN_TABS),
    Stop(
        "model-large",
        "Model: a large network",
        "ResNet-50 block by block: area is work, colour what pruning removed.",
        link("?model=resnet50-224&work_as=block+by+block"),
        apart=True,
    ),
    _lesson("zeros", "why zeros alone are not faster", "Dense loops and lists."),
    _lesson("spmm", "sparse times dense", "The inner loop, step by step."),
    _lesson("winograd", "Winograd F(2,3) by hand", "Four products instead of six."),
    _lesson("patterns", "patterns and connectivity", "The PCONV way of pruning."),
    _lesson("structured", "structured or not", "Four grains at equal sparsity."),
    _lesson("hetconv", "HetConv and P", "Kernels of two sizes in one layer."),
    _lesson("stages", "Deep Compression", "Prune, share, code: bytes by stage."),
    _lesson("transforms", "FFT and Strassen", "When a transform wins."),
    _lesson("layouts", "layouts", "Where a value sits in memory."),
    _lesson("tickets", "lottery tickets", "Rewinding against new random weights."),
)
