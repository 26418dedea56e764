"""A run: one thing that was done, what went in and what came out.

Belongs here: the value and its comparison. Does not belong here: where it is kept
(store.py).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["running", "done", "failed", "cancelled", "interrupted", "damaged"]
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """Return one recorded run.

    Parameters
    ----------
    id : str
        UTC time and a random tail; unique, sorts by age.
    kind : str
        What was done, e.g. "eval", "bench", "prune", "export".
    status : str
        "interrupted": its process died before it said how it ended. "damaged": what
        is on disk does not fit its checksum, so it is not shown.
    created, finished : str
        UTC, ISO 8601; `finished` is empty until it ended.
    key : str
        Sha256 hex over kind and inputs: equal keys asked the same question.
    inputs, results : mapping
        JSON values. Inputs name model, recipe, data and machine by digest.
    rows : int
        Partial results recorded so far.
    error : str
        Why it failed, else empty.
    """

    id: str
    kind: str
    status: Status
    created: str
    finished: str
    key: str
    inputs: Json
    results: Json
    rows: int
    error: str

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return asdict(self)


@dataclass(frozen=True)
class Difference:
    """Return one value that differs between two runs.

    Parameters
    ----------
    name : str
        Dotted path, starting with "inputs" or "results".
    a, b : JSON value or None
        None where a run has no such value.
    delta : float or None
        `b - a` of two numbers.
    """

    name: str
    a: Any
    b: Any
    delta: float | None


def canonical(value: object) -> str:
    """Return JSON that is equal for equal values.

    Examples
    --------
    >>> canonical({"b": 1, "a": 2})
    '{"a":2,"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def run_key(kind: str, inputs: Json) -> str:
    """Return the digest of a question: same kind, same inputs, same key."""
    return hashlib.sha256(canonical([kind, dict(inputs)]).encode()).hexdigest()


def compare_runs(a: Run, b: Run) -> tuple[Difference, ...]:
    """Return every input and result that differs, sorted by name."""
    flat_a, flat_b = _flat_run(a), _flat_run(b)
    return tuple(
        Difference(name, one, other, _delta(one, other))
        for name in sorted(flat_a.keys() | flat_b.keys())
        if (one := flat_a.get(name)) != (other := flat_b.get(name))
    )


def _flat_run(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = {}
    _flatten("inputs", run.inputs, found)
    _flatten("results", run.results, found)
    return found


def _flatten(name: str, value: Any, found: dict[str, Any]) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _flatten(f"{name}.{key}", inner, found)
    elif isinstance(value, list | tuple):
        for at, inner in enumerate(value):
            _flatten(f"{name}.{_label(at, inner)}", inner, found)
    else:
        found[name] = value


def _label(at: int, value: Any) -> str:
    """Name a row by what it says of itself, so that the order does not matter."""
    if isinstance(value, Mapping):
        for key in ("name", "id", "layer"):
            if isinstance(value.get(key), str):
                return str(value[key])
    return str(at)


def _delta(a: Any, b: Any) -> float | None:
    numbers = all(
        isinstance(value, int | float) and not isinstance(value, bool)
        for value in (a, b)
    )
    return float(b - a) if numbers else None
