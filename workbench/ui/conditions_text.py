"""Under which conditions a number holds, in words for its tooltip.

Belongs here: n, spread, threads, machine and images as text. Does not belong here: what
a number means (``glossary``), reading the machine (``measure.conditions``).
"""

from collections.abc import Mapping
from typing import Any

from workbench.ui.format import count, interval, millis


def accuracy(found: Mapping[str, Any], images: str) -> str:
    r"""Return n, the interval and the images of an accuracy.

    Parameters
    ----------
    found : mapping
        ``n`` and, where it was kept, ``interval`` (two fractions).
    images : str
        Name and split of the images; "" where the run did not keep it.

    Examples
    --------
    >>> accuracy({"n": 1000, "interval": (0.96, 0.98)}, "MNIST, test")
    'n = 1\u202f000 images (MNIST, test); 95 % interval 96.0–98.0\xa0%.'
    """
    said = [f"n = {count(found['n'])} images" if "n" in found else "n not recorded"]
    said[0] += f" ({images})" if images else ""
    if found.get("interval"):
        said.append(f"95 % interval {interval(*found['interval'])}")
    return "; ".join(said) + "."


def time(row: Mapping[str, Any], line: str) -> str:
    """Return n and the spread of a measured time, then machine, threads and date.

    Parameters
    ----------
    row : mapping
        Of ``Measurement.to_dict()["rows"]``: ``n``, ``p10_ms``, ``p90_ms``.
    line : str
        ``Conditions.line``.

    Examples
    --------
    >>> time({"n": 30, "p10_ms": 1.0, "p90_ms": 2.0}, "a CPU, 1 thread")[:20]
    'Median of n = 30 run'
    """
    if "p10_ms" not in row:
        return f"n and spread not recorded. {line}."
    return (
        f"Median of n = {row['n']} runs, 10th to 90th percentile "
        f"{millis(row['p10_ms'])} to {millis(row['p90_ms'])}. {line}."
    )


def here() -> str:
    """Return this machine, for what was measured just now with one thread."""
    return f"{machine()}, 1 thread, just now."


def machine() -> str:
    """Return the processor's name."""
    from workbench.measure.conditions import cpu_model

    return str(cpu_model())


def latency_row(latency: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Return the timed row of an engine in a recorded measurement, if it has one."""
    for row in latency.get("rows", ()):
        if row["name"] == name and row["median_ms"] is not None:
            found: Mapping[str, Any] = row
            return found
    return None
