"""How fast the pages are, and how much memory the server takes, in a real browser.

    python -m benchmarks.ui [--rounds 5] [--parts pages,sliders,memory]

Starts the app in a workspace of its own, drives it with Debian's Chromium, prints
Markdown: first paint of every page, seconds from a slider to the tiles that follow it,
memory while three sessions open, prune and export large networks.
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import workbench as wb
from benchmarks.app_server import WAIT_MS, chromium, served, still
from workbench.measure.conditions import read_conditions
from workbench.ui.services import recipes

PAGES = ("", "kernels", "prune", "sensitivity", "speed", "train", "learn", "runs")
LARGE_MODELS = ("resnet50-224", "vgg16-224", "mobilenetv1-224")
PRESETS = ("PCONV 70 %", "Magnitude 80 %", "Filters 30 %")
LIVE_MODELS = ("lenet5-mnist5k", "resnet20-cifar10")
PARTS = ("pages", "sliders", "memory")
# The tile that says what was removed and the one that says how long the answer took
# stand fresh on the page, with another text than before.
TILES_FOLLOW = """(before) => {
  const tiles = [...document.querySelectorAll("[data-testid='stMetric']")]
  const named = (name) => tiles.find((one) => one.innerText.startsWith(name))
  const ends = [named("Weights removed"), named("Answered in")]
  if (ends.some((one) => !one || one.closest("[data-stale='true']"))) return false
  const text = ends.map((one) => one.innerText).join("|")
  return text === before ? false : text
}"""
DONE = "[data-testid='stApp'][data-test-script-state='notRunning']"


def main() -> None:
    """Start the server, measure, print, stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", default=",".join(PARTS))
    asked = parser.parse_args()
    parts = asked.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}")
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder)) as (process, address),
        chromium() as browser,
    ):
        print(f"{read_conditions(1).line}\n")
        if "pages" in parts:
            pages(browser, address, asked.rounds)
        if "sliders" in parts:
            sliders(browser, address, 2 * asked.rounds)
        if "memory" in parts:
            memory(browser, address, process)


def pages(browser: Any, address: str, rounds: int) -> None:
    """Print how long every page takes to its first control and to its end."""
    tab = visitor(browser)
    began = time.perf_counter()
    opened(tab, address)
    print(f"First page after the server's start: {time.perf_counter() - began:.1f} s")
    print("\n| page | first control (s) | script ended (s), median | n |")
    print("|---|---|---|---|")
    for name in PAGES:
        opened(tab, f"{address}/{name}")
        found = [opened(tab, f"{address}/{name}") for _ in range(rounds)]
        paint, whole = (statistics.median(one) for one in zip(*found, strict=True))
        print(
            f"| {name or 'model'} | {paint:.2f} | {whole:.2f} | {rounds} |", flush=True
        )


def visitor(browser: Any) -> Any:
    """Return a page of a session of its own."""
    tab = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    tab.set_default_timeout(WAIT_MS)
    return tab


def opened(tab: Any, address: str) -> tuple[float, float]:
    """Return seconds until the first control is visible, and until the script ends."""
    began = time.perf_counter()
    tab.goto(address)
    tab.get_by_label("Model", exact=True).first.wait_for()
    paint = time.perf_counter() - began
    tab.locator(DONE).wait_for()
    return paint, time.perf_counter() - began


def sliders(browser: Any, address: str, rounds: int) -> None:
    """Print seconds from a key press on a slider to the new text or tile."""
    print("\n| control | answer (s), median | fastest | slowest | n |")
    print("|---|---|---|---|---|")
    tab = visitor(browser)
    found = {"lesson: zeros": lesson_slider(tab, address, rounds)}
    for model in LIVE_MODELS:
        found[f"prune: {model}"] = live_slider(tab, address, model, rounds)
    for what, times in found.items():
        print(
            f"| {what} | {statistics.median(times):.2f} | {min(times):.2f} | "
            f"{max(times):.2f} | {len(times)} |",
            flush=True,
        )
    tab.context.close()


def lesson_slider(tab: Any, address: str, rounds: int) -> list[float]:
    """Return seconds until the sentence of a lesson follows its slider."""
    tab.goto(f"{address}/learn?lesson=zeros")
    lesson = tab.get_by_role("slider", name="Zeros in the matrix (%)")
    lesson.wait_for()
    tab.locator(DONE).wait_for()
    found = []
    for step in range(rounds):
        key, now = ("ArrowLeft", 75) if step % 2 == 0 else ("ArrowRight", 80)
        lesson.focus()
        began = time.perf_counter()
        lesson.press(key)
        tab.get_by_text(f"{now} of them by zero").wait_for()
        found.append(time.perf_counter() - began)
    return found


def live_slider(tab: Any, address: str, model: str, rounds: int) -> list[float]:
    """Return seconds until the tiles of the page Prune follow its slider.

    Every step is a sparsity that was not seen before: pruned, asked and timed anew. The
    first answer, which captures the network, is not counted.
    """
    half = wb.Recipe.uniform("magnitude", 0.5).model_copy(update={"model": model})
    tab.goto(f"{address}/prune?model={model}&recipe={recipes.packed(half)}")
    slider = tab.get_by_role("slider", name="Sparsity of all layers (%)")
    slider.wait_for()
    found = []
    before = ""
    for _ in range(rounds + 1):
        tab.locator(DONE).wait_for()
        slider.focus()
        began = time.perf_counter()
        slider.press("ArrowRight")
        before = tab.wait_for_function(TILES_FOLLOW, arg=before).json_value()
        found.append(time.perf_counter() - began)
    return found[1:]


def memory(browser: Any, address: str, process: subprocess.Popen[bytes]) -> None:
    """Print the server's memory while sessions open, prune and export large models."""
    tabs = {}
    print("\n| step | server now (MB) | peak in the step (MB) |\n|---|---|---|")
    for model in LARGE_MODELS:
        tab = tabs[model] = visitor(browser)
        with step(f"{model}: model, kernels, prune", process):
            for name in ("", "kernels", "prune"):
                opened(tab, f"{address}/{name}?model={model}")
        for preset in PRESETS:
            with step(f"{model}: {preset}", process):
                tab.get_by_role("button", name=preset, exact=True).click()
                tab.wait_for_timeout(700)
                still(tab)
    for name in ("Model", "Kernels", "Runs and export"):
        for model, tab in tabs.items():
            with step(f"{model}: page {name}, pruned", process):
                tab.get_by_role("link", name=name, exact=True).first.click()
                tab.wait_for_timeout(700)
                still(tab)
    for model, tab in tabs.items():
        with step(f"{model}: safetensors written, read back", process):
            tab.get_by_role("button", name="Write and verify").click()
            tab.get_by_role("button", name="Download safetensors").wait_for()
            still(tab)


@contextmanager
def step(what: str, process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Print a row: resident memory after the block, and the most within it."""
    proc = Path(f"/proc/{process.pid}")
    (proc / "clear_refs").write_text("5")
    yield
    rows = dict(
        line.split(":", 1) for line in (proc / "status").read_text().splitlines()
    )
    now, most = (int(rows[key].split()[0]) * 1024e-6 for key in ("VmRSS", "VmHWM"))
    print(f"| {what} | {now:.0f} | {most:.0f} |", flush=True)


if __name__ == "__main__":
    main()
