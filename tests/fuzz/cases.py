"""One case after the other: a seed is changed, written, read, and the outcome counted.

Belongs here: what happens in one process. Does not belong here: starting it again
after a crash (``campaign``).
"""

import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import workbench
from tests.fuzz.limits import watched
from tests.fuzz.targets import Target, target_named
from workbench.errors import WorkbenchError

_PACKAGE = Path(workbench.__file__).parent

KEPT = 3
"""Files kept of each finding."""


@dataclass
class Outcome:
    """What became of the cases.

    ``findings`` counts by "exception at file:line function"; ``next`` is the number of
    the case to go on with.
    """

    inputs: int = 0
    refused: int = 0
    read: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    next: int = 0


def input_of(target: Target, seeds: list[bytes], name: str, case: str) -> bytes:
    """Return the file of a case; "seed:number" gives the same bytes each time."""
    rng = Random(f"{name}:{case}")
    data = target.mutate(rng, rng.choice(seeds))
    while rng.random() < 0.2:
        data = target.mutate(rng, data)
    return data


def run_cases(
    name: str,
    folder: Path,
    *,
    seed: int,
    until: Callable[[Outcome], bool],
    first: int = 0,
    note: Callable[[Outcome], None] = lambda _: None,
) -> Outcome:
    """Return the outcome of the cases from ``first`` until ``until`` says so.

    ``note`` is called before each reading, the input being in ``folder``. Findings are
    saved there under ``findings``.
    """
    target, outcome = target_named(name), Outcome(next=first)
    seeds = list(target.seeds())
    path = folder / f"input{target.SUFFIX}"
    for data in seeds:
        path.write_bytes(data)
        target.read(path)
    while not until(outcome):
        case = f"{seed}:{outcome.next}"
        data = input_of(target, seeds, name, case)
        path.write_bytes(data)
        note(outcome)
        outcome.next += 1
        outcome.inputs += 1
        try:
            with watched():
                target.read(path)
            outcome.read += 1
        except WorkbenchError:
            outcome.refused += 1
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001
            key = f"{type(error).__name__} at {place_of(error)}"
            outcome.findings[key] += 1
            said = "".join(traceback.format_exception(error, limit=-30))
            save(folder, target.SUFFIX, case, key, data, said, outcome)
    return outcome


def save(
    folder: Path,
    suffix: str,
    case: str,
    key: str,
    data: bytes,
    said: str,
    outcome: Outcome,
) -> None:
    """Keep the file of a finding, and what was said, unless there are enough."""
    if outcome.findings[key] > KEPT:
        return
    found = folder / "findings"
    found.mkdir(exist_ok=True)
    stem = f"case-{case.replace(':', '-')}"
    (found / f"{stem}{suffix}").write_bytes(data)
    (found / f"{stem}.txt").write_text(f"{key}\n{said}", encoding="utf-8")


def place_of(error: BaseException) -> str:
    """Return the innermost place inside the workbench, else the innermost one."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if Path(f.filename).is_relative_to(_PACKAGE)]
    last = (ours or list(frames))[-1]
    home = "/".join(Path(last.filename).parts[-2:])
    return f"{home}:{last.lineno} {last.name}"


def seconds(limit: float) -> Callable[[Outcome], bool]:
    """Return an ``until`` that is true after so many seconds."""
    end = time.monotonic() + limit
    return lambda _: time.monotonic() >= end


def inputs(limit: int) -> Callable[[Outcome], bool]:
    """Return an ``until`` that is true after so many inputs."""
    return lambda outcome: outcome.inputs >= limit
