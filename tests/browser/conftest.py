"""Fixtures of the browser tests: a real server, a real Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.support import ROOT

# A first page on a busy machine imports PyTorch: seconds, or minutes in bad company.
START_S = 180
WAIT_MS = 300_000
VIEWPORT = {"width": 1280, "height": 900}


def chromium_path() -> str | None:
    """Return the browser that PLAYWRIGHT_CHROMIUM or the search path names."""
    named = os.environ.get("PLAYWRIGHT_CHROMIUM")
    if named:
        return named
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """Return a running Chromium; without one, skip at home and fail under CI."""
    sync = pytest.importorskip("playwright.sync_api") if not _ci() else None
    if sync is None:
        import playwright.sync_api as sync
    path = chromium_path()
    if path is None:
        reason = "no Chromium: install it (Debian: apt-get install chromium)"
        pytest.fail(reason) if _ci() else pytest.skip(reason)
    with sync.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of the app, served for this test session alone."""
    port = _free_port()
    folder = tmp_path_factory.mktemp("server")
    environment = os.environ | {
        "WORKBENCH_HOME": str(folder / "workspace"),
        "OMP_NUM_THREADS": "1",
        "WORKBENCH_FIRST_START": "0",
    }
    command = [sys.executable, "-m", "workbench", "app", "--port", str(port)]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            _wait_until_up(f"http://127.0.0.1:{port}/_stcore/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.fixture
def page(chromium: object, server: str) -> Iterator[object]:
    """Return an empty light page of its own session."""
    context = chromium.new_context(viewport=VIEWPORT, color_scheme="light")
    context.set_default_timeout(WAIT_MS)
    yield context.new_page()
    context.close()


def settled(page: object) -> None:
    """Wait until the script has ended, and require that nothing raised."""
    page.locator(
        "[data-testid='stApp'][data-test-script-state='notRunning']"
    ).wait_for()
    assert page.locator("[data-testid='stException']").count() == 0


def _ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the server ended with code {process.returncode}")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"no server at {address} after {START_S} s")
