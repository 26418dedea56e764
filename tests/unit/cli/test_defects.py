"""Nothing that a command meets ends in a traceback: one sentence and a report."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from workbench.cli import main as entry
from workbench.cli.commands import methods as methods_
from workbench.defect import Defect, explained, in_short, report_of, saved
from workbench.errors import WorkbenchError


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that lets `workbench methods` raise an error."""

    def breaks(error: BaseException) -> None:
        def run(as_json: bool = False) -> None:
            raise error

        monkeypatch.setattr(methods_, "run", run)

    monkeypatch.setattr(sys, "argv", ["workbench", "methods"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    return breaks


def ended() -> int:
    with pytest.raises(SystemExit) as found:
        entry.main()
    return int(found.value.code or 0)


@pytest.mark.parametrize(
    "error",
    [TypeError("no such thing"), EOFError("no more"), IndexError(), KeyError(1)],
)
def test_a_defect_is_one_sentence_and_a_report(
    broken: Any, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    broken(error)
    assert ended() == 3
    out, err = capsys.readouterr()
    assert out == ""
    found, expected, then, where = err.splitlines()
    assert found == f"Error: {in_short(error)}"
    assert "this is a defect of ours" in expected
    assert "Send us the report" in then
    path = Path(where.removeprefix("Report: "))
    report = path.read_text()
    path.unlink()
    assert "asked for: workbench methods\n" in report
    assert f"in run\n    raise error\n{type(error).__name__}" in report
    assert "Pruning Workbench 0.1.0, Python 3." in report
    assert "kernels " in report
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (WorkbenchError("a", "b", "c"), 2, "Error: a\nExpected: b\nNext: c\n"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 141, ""),
        (SystemExit(1), 1, ""),
    ],
)
def test_what_is_no_defect_has_its_own_code(
    broken: Any,
    error: BaseException,
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken(error)
    assert ended() == code
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize(
    ("error", "found", "step"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space", "Make room"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "/x", "permissions"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many", "ulimit -n"),
        (MemoryError(), "not enough memory", "Close other programs"),
        (RuntimeError("[enforce fail] can't allocate memory: 9"), "memory", "smaller"),
    ],
)
def test_what_the_machine_refuses_is_no_defect(
    error: Exception, found: str, step: str
) -> None:
    shown = explained(error, "")
    assert not isinstance(shown, Defect)
    assert found in shown.found
    assert step in shown.next_step


def test_a_report_has_no_secrets_and_no_variables() -> None:
    password = "hunter" + "2"
    try:
        raise ValueError(f"ray://me:{password}@host, api_key={password}")
    except ValueError as error:
        report = report_of(error, f"workbench --address http://me:{password}@host")
        short = in_short(error)
    assert password not in report + short
    assert "ray://***@host, api_key=***" in report
    assert "http://***@host" in report


def test_a_long_message_is_cut_in_the_sentence_alone() -> None:
    error = ValueError("x" * 5000)
    assert len(in_short(error)) == 300
    assert "x" * 5000 in report_of(error, "")


def test_without_a_place_for_the_report_it_is_printed(
    broken: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("workbench.cli.output.saved", lambda report: None)
    broken(TypeError("no such thing"))
    assert ended() == 3
    assert "asked for: workbench methods\n" in capsys.readouterr().err


def test_a_report_is_readable_by_its_owner_alone() -> None:
    path = saved("text")
    assert path is not None
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()


def shell(line: str) -> tuple[int, str, str]:
    """Run a line of bash with `W` standing for the command line of this checkout."""
    root = Path(entry.__file__).parents[2]
    program = f'W() {{ {sys.executable} -m workbench "$@"; }}; set -o pipefail; {line}'
    done = subprocess.run(
        ["bash", "-c", program],
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_streams_that_are_closed_full_or_unread_end_quietly() -> None:
    line = (
        "W methods >&-; echo $?; W methods > /dev/full; echo $?; "
        "(W methods; echo $? >&2) | true; W methods --json <&- 2>&- | wc -l"
    )
    _, out, err = shell(line)
    assert [int(code) for code in out.split()[:2]] == [0, 2]
    assert int(out.split()[2]) > 10
    assert "Error: No space left on device\n" in err
    assert err.splitlines()[-1] in ("0", "141")
    assert "Traceback" not in err
    assert "Exception ignored" not in err


def test_names_that_cannot_be_encoded_are_printed(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.onnx")
    _, _, err = shell(f"W verify {tmp_path}/$'caf\\xe9.onnx'; echo $? >&2")
    assert json.dumps(name)[1:-1].lower() in err.lower()
    assert err.splitlines()[-1] == "2"
    assert "Traceback" not in err
