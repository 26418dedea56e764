"""Networks that people bring: what the product makes of each of a long list.

    pip install timm && pip install --no-deps torchvision
    python -m benchmarks.zoo --no-times              # what works, with few pixels
    python -m benchmarks.zoo                         # the same with times
    python -m benchmarks.zoo --only resnet18 yolo --checks equal shrunk
    python -m benchmarks.zoo --onnx light net.onnx rapidocr_onnxruntime
    python -m benchmarks.zoo --table                 # of the answers so far

Every network runs in a process of its own with a time limit. Each answer is one line of
a CSV file, appended when it is found: a second start asks only what is not answered,
and `--again` what was answered with no. ONNX files are given by path, or as the name of
an installed package whose files are taken; `light` are those of the onnx package.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from benchmarks.zoo_checks import CHECKS, COLUMNS, OF_FILES, Answer, Case
from benchmarks.zoo_networks import NETWORKS
from benchmarks.zoo_table import Answers, append, markdown, read

LIMIT_S = {"captured": 120, "equal": 120, "shrunk": 180, "onnx": 240, "times": 300}
"""Seconds of a question; a network has those of all that are asked of it."""

LIGHT = "light"


def main() -> None:
    """Ask every network what is not answered yet and print the table."""
    options = _options()
    if options.child:
        _child(options)
        return
    options.file.parent.mkdir(parents=True, exist_ok=True)
    names = _names(options)
    if not options.table:
        for name in names:
            _ask(name, options)
    print(markdown(read(options.file), names))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--only", nargs="*", default=[], help="networks, by their names in the table")
    add("--checks", nargs="*", default=list(CHECKS), choices=list(CHECKS))
    add("--no-times", action="store_true", help="nothing is timed; few pixels")
    add("--onnx", nargs="*", default=[], help="files or packages, not the list")
    add("--again", action="store_true", help="ask again what was answered with no")
    add("--table", action="store_true", help="ask nothing; print the table")
    add("--limit", type=float, default=1.0, help="times the usual time limits")
    add("--file", type=Path, default=Path("build/benchmarks/zoo.csv"))
    add("--child", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.no_times:
        options.checks = [name for name in options.checks if name != "times"]
    return options


def _names(options: argparse.Namespace) -> list[str]:
    if options.onnx:
        return [str(path) for given in options.onnx for path in _files(given)]
    names = [entry.name for entry in NETWORKS]
    unknown = set(options.only) - set(names)
    if unknown:
        sys.exit(f"not in the list: {', '.join(sorted(unknown))}")
    return [name for name in names if not options.only or name in options.only]


def _files(given: str) -> Iterable[Path]:
    """Return the ONNX files of a path or of an installed package."""
    if given.endswith(".onnx"):
        return [Path(given)]
    found = find_spec("onnx" if given == LIGHT else given)
    if found is None or not found.submodule_search_locations:
        sys.exit(f"{given}: neither an ONNX file nor an installed package")
    root = Path(found.submodule_search_locations[0])
    if given == LIGHT:
        root = root / "backend" / "test" / "data" / "light"
    return sorted(root.rglob("*.onnx"))


def _ask(name: str, options: argparse.Namespace) -> None:
    """Ask one network in a process of its own; what kills it is an answer too."""
    checks = _open(name, options, read(options.file))
    while checks:
        started = time.monotonic()
        problem = _run(name, checks, options)
        seconds = time.monotonic() - started
        print(f"{name}: {', '.join(checks)}, {seconds:.0f} s", flush=True)
        left = _open(name, options, read(options.file), checks)
        if not left:
            return
        answers = [
            Answer(column, False, "-", problem or "no answer")
            for column in COLUMNS[left[0]]
        ]
        append(options.file, name, answers)
        checks = left[1:]


def _open(
    name: str,
    options: argparse.Namespace,
    answers: Answers,
    asked: list[str] | None = None,
) -> list[str]:
    """Return the questions without an answer; of those just asked, or of all."""
    if asked is not None:
        return [c for c in asked if _state(name, c, answers, options.mark) is None]
    options.mark = answers.lines
    checks = [c for c in options.checks if c in OF_FILES or not options.onnx]
    return [
        check
        for check in checks
        if (state := _state(name, check, answers)) is None
        or (options.again and not state)
    ]


def _state(name: str, check: str, answers: Answers, since: int = 0) -> bool | None:
    """Return whether a question was answered with yes; None if it was not answered."""
    known = answers.of(name, since)
    found = [known[column] for column in COLUMNS[check] if column in known]
    asked = [answer for answer in found if answer.column not in ("foreign", "numpy")]
    return all(answer.ok for answer in asked) if found else None


def _run(name: str, checks: list[str], options: argparse.Namespace) -> str | None:
    """Return None, or how the process of a network died."""
    command = [sys.executable, "-m", "benchmarks.zoo", "--child", name]
    command += ["--file", str(options.file), "--checks", *checks]
    command += ["--no-times"] if options.no_times else []
    limit = options.limit * sum(LIMIT_S[check] for check in checks)
    log = options.file.with_suffix(".log")
    with log.open("a") as file:
        process = subprocess.Popen(
            command,
            stdout=file,
            stderr=file,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"did not end within {limit:.0f} s"
    return None if code == 0 else f"ended the process with code {code}"


def _child(options: argparse.Namespace) -> None:
    """Answer the questions about one network in this process."""
    case = Case(options.child, small=options.no_times)
    for check in options.checks:
        answers = []
        try:
            for answer in CHECKS[check](case):
                answers.append(answer)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            done = {answer.column for answer in answers}
            kind = type(error).__name__
            note = f"{kind}: {error}".replace("\n", " ")[:400]
            rest = [column for column in COLUMNS[check] if column not in done]
            answers += [Answer(column, False, "-", note) for column in rest]
        append(options.file, options.child, answers)


if __name__ == "__main__":
    main()
