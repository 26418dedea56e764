"""Minutes of cases in a child process: a crash is a finding, and the next one goes on.

Belongs here: the child, its limits, the sum. Does not belong here: a case (``cases``).
"""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.cases import Outcome, run_cases, save, seconds
from tests.fuzz.limits import bound_space
from tests.fuzz.targets import target_named

_NOTES = "progress.json"
_POLL_S, _PATIENCE_S = 0.2, 300
# Work is limited in processor time; this is for readers that sleep.


def campaign(name: str, folder: Path, *, limit_s: float, seed: int) -> Outcome:
    """Return the outcome of so many seconds of cases on one reader."""
    folder.mkdir(parents=True, exist_ok=True)
    notes, total = folder / _NOTES, Outcome()
    end = time.monotonic() + limit_s
    while (left := end - time.monotonic()) > 0:
        notes.unlink(missing_ok=True)
        words = [name, "--folder", str(folder), "--seconds", f"{left:.1f}"]
        words += ["--seed", str(seed), "--child", str(total.next)]
        ended = _run([sys.executable, "-m", "tests.fuzz", *words], notes)
        if not notes.exists():
            raise SystemExit(f"{name}: the child ended before its first case: {ended}")
        shown = json.loads(notes.read_text())
        total.refused += shown["refused"]
        total.read += shown["read"]
        total.findings.update(shown["findings"])
        total.inputs += shown["inputs"]
        total.next = shown["next"]
        if ended != "exit 0":
            # The note was written before the case that ended the process.
            total.inputs += 1
            total.findings[ended] += 1
            data = (folder / f"input{target_named(name).SUFFIX}").read_bytes()
            suffix, case = target_named(name).SUFFIX, f"{seed}:{total.next}"
            save(folder, suffix, case, ended, data, "", total)
            total.next += 1
    return total


def _run(words: list[str], notes: Path) -> str:
    begun = time.time()
    child = subprocess.Popen(words)
    while (code := child.poll()) is None:
        time.sleep(_POLL_S)
        last = notes.stat().st_mtime if notes.exists() else begun
        if time.time() - last > _PATIENCE_S:
            child.kill()
            child.wait()
            return "a reader that waits for ever"
    if code >= 0:
        return f"exit {code}"
    return f"killed by {signal.Signals(-code).name}"


def child(name: str, folder: Path, *, limit_s: float, seed: int, first: int) -> None:
    """Run cases in this process until the time is over; keep notes for the parent."""

    def note(outcome: Outcome) -> None:
        shown = {**vars(outcome), "findings": dict(outcome.findings)}
        (folder / _NOTES).write_text(json.dumps(shown))

    # Imports and seeds may take what they need; on a busy machine that is minutes.
    until = seconds(limit_s)
    target_named(name).seeds()
    bound_space()
    note(run_cases(name, folder, seed=seed, until=until, first=first, note=note))
