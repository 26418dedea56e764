"""How fast the pages are, and how much memory the server takes, in a real browser.

    python -m benchmarks.ui [--rounds 5]

Starts the app in a workspace of its own, drives it with Debian's Chromium, prints
Markdown: first paint of every page, answer of a slider, memory with three sessions.
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.app_server import WAIT_MS, chromium, served
from workbench.measure.conditions import read_conditions

PAGES = ("", "kernels", "prune", "sensitivity", "speed", "train", "learn", "runs")
MODELS = ("minivgg-mnist5k", "resnet50-224", "vgg16-224")
DONE = "[data-testid='stApp'][data-test-script-state='notRunning']"


def main() -> None:
    """Start the server, measure, print, stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder)) as (process, address),
        chromium() as browser,
    ):
        report(browser, address, process, rounds)


def report(
    browser: Any, address: str, process: subprocess.Popen[bytes], rounds: int
) -> None:
    """Print every table."""
    print(f"{read_conditions(1).line}\n")
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.set_default_timeout(WAIT_MS)
    began = time.perf_counter()
    opened(tab, address)
    print(f"First page after the server's start: {time.perf_counter() - began:.1f} s")
    print("\n| page | first control (s) | script ended (s), median | n |")
    print("|---|---|---|---|")
    for name in PAGES:
        opened(tab, f"{address}/{name}")
        found = [opened(tab, f"{address}/{name}") for _ in range(rounds)]
        paint, whole = (statistics.median(one) for one in zip(*found, strict=True))
        print(f"| {name or 'model'} | {paint:.2f} | {whole:.2f} | {rounds} |")
    print("\n| control | answer (s), median | slowest | n |\n|---|---|---|---|")
    for what, times in sliders(tab, address, 2 * rounds).items():
        print(
            f"| {what} | {statistics.median(times):.2f} | {max(times):.2f} | "
            f"{len(times)} |"
        )
    memory(browser, address, process)


def opened(tab: Any, address: str) -> tuple[float, float]:
    """Return seconds until the first control is visible, and until the script ends."""
    began = time.perf_counter()
    tab.goto(address)
    tab.get_by_label("Model", exact=True).first.wait_for()
    paint = time.perf_counter() - began
    tab.locator(DONE).wait_for()
    return paint, time.perf_counter() - began


def sliders(tab: Any, address: str, rounds: int) -> dict[str, list[float]]:
    """Return seconds from a key press on a slider to the changed text."""
    tab.goto(f"{address}/learn?lesson=zeros")
    lesson = tab.get_by_role("slider", name="Zeros in the matrix (%)")
    lesson.wait_for()
    tab.locator(DONE).wait_for()
    found: dict[str, list[float]] = {"lesson: zeros": [], "prune: sparsity": []}
    for step in range(rounds):
        key, now = ("ArrowLeft", 75) if step % 2 == 0 else ("ArrowRight", 80)
        lesson.focus()
        began = time.perf_counter()
        lesson.press(key)
        tab.get_by_text(f"{now} of them by zero").wait_for()
        found["lesson: zeros"].append(time.perf_counter() - began)
    tab.goto(f"{address}/prune")
    prune = tab.get_by_role("slider", name="Sparsity of all layers (%)")
    prune.wait_for()
    tab.locator(DONE).wait_for()
    before = ""
    for _ in range(rounds):
        prune.focus()
        began = time.perf_counter()
        prune.press("ArrowRight")
        tab.wait_for_function(
            "(old) => { const t = [...document.querySelectorAll('p')]"
            ".find((p) => p.innerText.startsWith('Preview:'));"
            " return t && t.innerText !== old }",
            arg=before,
        )
        found["prune: sparsity"].append(time.perf_counter() - began)
        before = tab.get_by_text("Preview:").first.inner_text()
    return found


def memory(browser: Any, address: str, process: subprocess.Popen[bytes]) -> None:
    """Print the server's memory as sessions on different models open every page."""
    print("\n| sessions | newest model | server's memory (MB) |\n|---|---|---|")
    for count, model in enumerate(MODELS, start=1):
        tab = browser.new_context().new_page()
        tab.set_default_timeout(WAIT_MS)
        for name in ("", "kernels", "prune"):
            opened(tab, f"{address}/{name}?model={model}")
        megabytes = psutil.Process(process.pid).memory_info().rss / 1e6
        print(f"| {count} | {model} | {megabytes:.0f} |")


if __name__ == "__main__":
    main()
