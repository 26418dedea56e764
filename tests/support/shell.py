"""The command line, run in the process of a test."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from workbench.cli.main import main

RECIPE = 'version: 1\nlayers:\n  - {match: "*", method: magnitude, sparsity: 0.8}\n'


class Shell:
    """Runs commands in this process and keeps what they print."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *words: object) -> tuple[int, str, str]:
        """Return exit code, stdout and stderr."""
        arguments = ["workbench", *(str(word) for word in words)]
        self._monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capsys.readouterr()
        return int(ended.value.code or 0), out, err

    def json(self, *words: object, code: int = 0) -> dict[str, Any]:
        """Return what a command prints with --json."""
        ended, out, err = self.run(*words, "--json")
        assert ended == code, err
        found: dict[str, Any] = json.loads(out)
        return found


@pytest.fixture
def shell(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Shell:
    """Return a shell; what a command changes in sys.path is undone."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    torch.set_num_threads(1)
    return Shell(monkeypatch, capsys)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Return a recipe file."""
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path
