"""The app as a process of its own, for scripts that drive it in a browser.

Belongs here: starting it and a Chromium, waiting until pages are still. Does not
belong here: what is measured (``ui``) or photographed (``tour``).
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
START_S = 120
# A machine that others use makes a measurement of seconds one of minutes.
WAIT_MS = 600_000
STILL_MS = 700
# Nothing runs, nothing is stale, every chart is drawn.
_IDLE = """() => {
  const app = document.querySelector("[data-testid='stApp']")
  if (!app || app.dataset.testScriptState !== "notRunning") return false
  const busy = ["stSpinner", "stProgress", "stSkeleton", "stAppSkeleton"]
  if (busy.some((id) => document.querySelector(`[data-testid='${id}']`))) return false
  if (document.querySelector("[data-stale='true']")) return false
  const charts = [...document.querySelectorAll("[data-testid='stVegaLiteChart']")]
  return charts.every((one) => one.querySelector("canvas, svg"))
}"""


@contextmanager
def served(workspace: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Yield the server's process and its address; stop it at the end.

    Parameters
    ----------
    workspace : Path
        Where it keeps runs; an empty folder shows what a newcomer sees.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench", "app", "--port", str(port), "--quiet"],
        cwd=ROOT,
        env=os.environ | {"WORKBENCH_HOME": str(workspace)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_up(f"{address}/_stcore/health")
        yield process, address
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield a running Chromium, Debian's or the one PLAYWRIGHT_CHROMIUM names."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("PLAYWRIGHT_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def still(tab: Any) -> None:
    """Wait until the page has stopped: no script, spinner, progress, growing chart."""
    height = -1
    while True:
        tab.wait_for_function(_IDLE, timeout=WAIT_MS)
        now = content_height(tab)
        if now == height:
            return
        height = now
        tab.wait_for_timeout(STILL_MS)


def content_height(tab: Any) -> int:
    """Return the height in pixels of all that the page holds."""
    return int(
        tab.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    )


def _wait_until_up(address: str) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit(f"no server at {address} after {START_S} s")
