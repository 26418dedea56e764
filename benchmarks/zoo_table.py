"""The answers of the zoo: their file, and the table out of it.

Belongs here: reading and writing answers, Markdown. Does not belong here: asking
(zoo.py).
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.zoo_checks import Answer
from benchmarks.zoo_networks import NETWORKS

FIELDS = ("network", "column", "ok", "value", "note")
LONGEST = 110
"""Characters of a reason below the table."""

QUESTIONS = ("captured", "equal", "shrunk", "written", "read")
"""Columns that are answered with yes or no."""


@dataclass(frozen=True)
class Answers:
    """What is known, in the order in which it was found.

    Parameters
    ----------
    rows : sequence of (network, Answer)
    """

    rows: Sequence[tuple[str, Answer]]

    @property
    def lines(self) -> int:
        """How many answers there are."""
        return len(self.rows)

    def of(self, name: str, since: int = 0) -> dict[str, Answer]:
        """Return the newest answers about a network by column."""
        mine = self.rows[since:]
        return {answer.column: answer for who, answer in mine if who == name}


def read(path: Path) -> Answers:
    """Return the answers of a file; none if there is no file."""
    if not path.is_file():
        return Answers(())
    with path.open(newline="") as file:
        found = csv.DictReader(file)
        return Answers(
            [
                (
                    row["network"],
                    Answer(
                        row["column"], row["ok"] == "yes", row["value"], row["note"]
                    ),
                )
                for row in found
            ]
        )


def append(path: Path, name: str, answers: Iterable[Answer]) -> None:
    """Write answers behind those of a file."""
    new = not path.is_file()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(FIELDS)
        for one in answers:
            ok = "yes" if one.ok else "no"
            writer.writerow([name, one.column, ok, one.value, one.note])


def markdown(answers: Answers, names: Sequence[str]) -> str:
    """Return the table, how many of each column are right, and the reasons of the rest.

    Parameters
    ----------
    answers : Answers
    names : sequence of str
        Networks in the order of the table.
    """
    known = {name: answers.of(name) for name in names}
    known = {name: found for name, found in known.items() if found}
    heads = ("captured", "equal", "shrunk", "written", "read", "foreign", "numpy")
    timed = any("dense" in found for found in known.values())
    columns = heads + (("dense", "pruned", "runtime") if timed else ())
    titles = [_TITLES[column] for column in columns]
    titles += ["ratio"] if timed else []
    lines = [
        "| network | " + " | ".join(titles) + " |",
        "|---" * (len(titles) + 1) + "|",
    ]
    for name, found in known.items():
        cells = [_cell(found.get(column)) for column in columns]
        cells += [_ratio(found)] if timed else []
        lines.append(f"| {Path(name).name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *_counts(known), "", *_reasons(known)])


_TITLES = {
    "captured": "captured",
    "equal": "equals torch",
    "shrunk": "30 % of filters cut: weights",
    "written": "ONNX written",
    "read": "ONNX read back",
    "foreign": "foreign steps",
    "numpy": "NumPy steps",
    "dense": "ms dense",
    "pruned": "ms 90 %",
    "runtime": "ms ONNX Runtime",
}


def _cell(answer: Answer | None) -> str:
    if answer is None:
        return ""
    if answer.column in ("foreign", "numpy") or answer.ok:
        return "yes" if answer.column == "captured" else answer.value
    return "**no**" if answer.value == "-" else f"**{answer.value}**"


def _ratio(found: dict[str, Answer]) -> str:
    both = [found.get(column) for column in ("runtime", "dense")]
    if any(one is None or not one.ok for one in both):
        return ""
    theirs, ours = (float(one.value) for one in both if one is not None)
    return f"{theirs / ours:.2f}"


def _counts(known: dict[str, dict[str, Answer]]) -> list[str]:
    """Return how many networks answer each question with yes."""
    parts = []
    for column in QUESTIONS:
        found = [one[column] for one in known.values() if column in one]
        if found:
            parts.append(f"{column} {sum(a.ok for a in found)} of {len(found)}")
    linear = {entry.name for entry in NETWORKS if not entry.convolutional}
    cut = [
        one["shrunk"].ok
        for name, one in known.items()
        if "shrunk" in one and name not in linear
    ]
    if cut:
        parts.append(f"shrunk among CNNs {sum(cut)} of {len(cut)}")
    return [", ".join(parts)]


def _reasons(known: dict[str, dict[str, Answer]]) -> list[str]:
    """Return the reasons of every no, equal ones once."""
    where: dict[str, list[str]] = {}
    for name, found in known.items():
        for column in QUESTIONS:
            answer = found.get(column)
            if answer is not None and not answer.ok:
                text = answer.note[:LONGEST] or f"{answer.value} apart"
                where.setdefault(f"{column}: {text}", []).append(Path(name).name)
    ordered = sorted(where.items(), key=lambda one: -len(one[1]))
    return [f"* {reason} [{', '.join(names)}]" for reason, names in ordered]
