"""What the server lets in: this machine alone, and no foreign page around its own."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT
from workbench.cli.commands.app import ADDRESS
from workbench.cli.commands.app import run as start
from workbench.errors import WorkbenchError
from workbench.ui import server

START_S = 180
HOSTILE = {
    "STREAMLIT_SERVER_ADDRESS": "0.0.0.0",
    "STREAMLIT_SERVER_ALLOWED_HOSTS": "*",
    "STREAMLIT_SERVER_BASE_URL_PATH": "elsewhere",
    "STREAMLIT_SERVER_PORT": "1",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """Yield the port of `workbench app` under an environment against it."""
    port = free_port()
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "workbench", "app", "--port", str(port), "--quiet"],
            cwd=ROOT,
            env=os.environ | HOSTILE | {"PYTHONPATH": str(ROOT)},
            stdout=file,
            stderr=file,
        )
        try:
            deadline = time.monotonic() + START_S
            while not answers(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline
                time.sleep(0.2)
            yield port, log
        finally:
            process.terminate()
            process.wait(timeout=30)


def answers(port: int, address: str = ADDRESS) -> bool:
    try:
        with socket.create_connection((address, port), timeout=5):
            return True
    except OSError:
        return False


@pytest.mark.parametrize(
    "path", ["/", "/_stcore/health", "/_stcore/host-config", "/kernels", "/no/such.js"]
)
def test_no_foreign_page_may_frame_any_answer(
    served: tuple[int, Path], path: str
) -> None:
    try:
        with urllib.request.urlopen(f"http://{ADDRESS}:{served[0]}{path}") as answer:
            headers = answer.headers
    except urllib.error.HTTPError as error:
        headers = error.headers
    assert headers.get_all("X-Frame-Options") == ["SAMEORIGIN"]
    assert headers.get_all("Content-Security-Policy") == ["frame-ancestors 'self'"]


def test_the_environment_does_not_open_the_app_to_others(
    served: tuple[int, Path],
) -> None:
    port, log = served
    # Every address of 127/8 is this machine; a server on 0.0.0.0 answers on all.
    assert not answers(port, "127.0.0.2")
    said = log.read_text()
    assert f"Pruning Workbench: http://127.0.0.1:{port}\n" in said
    assert "0.0.0.0" not in said
    assert "elsewhere" not in said


def test_a_port_in_use_is_said_before_anything_starts() -> None:
    with socket.socket() as taken:
        taken.bind((ADDRESS, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(WorkbenchError, match=f"port {port} of 127.0.0.1") as met:
            start(port=port)
    assert f"--port {port + 1}" in met.value.next_step


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.0.0.9", "::1", "localhost", "unix:///run/x"]
)
def test_addresses_of_this_machine_are_taken(address: str) -> None:
    server.require_loopback(address)


@pytest.mark.parametrize(
    "address", [None, "", "0.0.0.0", "::", "192.0.2.1", "example.org"]
)
def test_streamlit_run_refuses_other_addresses(address: str | None) -> None:
    with pytest.raises(SystemExit, match="asks for no password") as ended:
        server.require_loopback(address)
    assert "Next: unset STREAMLIT_SERVER_ADDRESS" in str(ended.value)
