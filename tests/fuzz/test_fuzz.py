"""A bounded run of every target, the same cases each time.

`python -m tests.fuzz TARGET` runs more of them.
"""

from pathlib import Path
from random import Random

import pytest

from tests.fuzz import cases, limits, mutations
from tests.fuzz.cases import Outcome, input_of, inputs, run_cases
from tests.fuzz.targets import TARGETS, target_named
from workbench.errors import WorkbenchError

SEED = 11
CASES = 50
MOST_REFUSED_SHARE = 4
"""At least one of so many is refused: else the changes change nothing."""


@pytest.mark.parametrize("name", TARGETS)
def test_readers_refuse_or_read(name: str, tmp_path: Path) -> None:
    found = run_cases(name, tmp_path, seed=SEED, until=inputs(CASES))
    assert dict(found.findings) == {}, f"rerun: python -m tests.fuzz {name}"
    assert found.refused + found.read == CASES
    assert found.refused > CASES // MOST_REFUSED_SHARE


@pytest.mark.parametrize("name", TARGETS)
def test_a_case_is_the_same_each_time(name: str) -> None:
    target = target_named(name)
    seeds = list(target.seeds())
    again = list(target.seeds())
    assert seeds == again
    pairs = [input_of(target, s, name, "1:5") for s in (seeds, again)]
    assert pairs[0] == pairs[1]


def _reader(monkeypatch: pytest.MonkeyPatch, read: object) -> None:
    class Fake:
        SUFFIX = ".x"
        seeds = staticmethod(lambda: [b"seed"])
        mutate = staticmethod(lambda rng, data: mutations.damage(rng, data))

    seen: list[bytes] = []

    def guarded(path: Path) -> object:
        seen.append(path.read_bytes())
        return None if len(seen) == 1 else read(path)  # type: ignore[operator]

    Fake.read = staticmethod(guarded)  # type: ignore[attr-defined]
    monkeypatch.setattr(cases, "target_named", lambda _: Fake)


def _run(folder: Path) -> Outcome:
    return run_cases("x", folder, seed=0, until=inputs(2))


def test_other_errors_are_findings_and_their_files_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path) -> object:
        raise KeyError(path.suffix)

    _reader(monkeypatch, read)
    found = _run(tmp_path)
    (key,) = found.findings
    assert key.startswith("KeyError at ")
    assert found.findings[key] == 2
    assert (tmp_path / "findings" / "case-0-1.x").is_file()
    assert "KeyError" in (tmp_path / "findings" / "case-0-1.txt").read_text()


def test_work_without_end_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(_: Path) -> object:
        while True:
            pass

    monkeypatch.setattr(limits, "MOST_SECONDS", 0.05)
    _reader(monkeypatch, read)
    (key,) = _run(tmp_path).findings
    assert key.startswith("TooSlowError at ")


def test_memory_is_a_finding_even_if_the_reader_refuses_for_lack_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(_: Path) -> object:
        try:
            raise MemoryError
        except MemoryError as error:
            raise WorkbenchError("a", "b", "c.") from error

    _reader(monkeypatch, read)
    (key,) = _run(tmp_path).findings
    assert key.startswith("TooLargeError at ")


def test_memory_that_was_used_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_GROWTH_BYTES", 16 << 20)
    # Far more: the system may take cold pages of a large process away meanwhile.
    _reader(monkeypatch, lambda _: len(b"\1" * (256 << 20)))
    (key,) = _run(tmp_path).findings
    assert key.startswith("TooLargeError at ")


def test_trees_are_changed_and_the_original_is_not() -> None:
    value = {"a": [1, 2, {"b": "text"}], "c": 0.5}
    found = [mutations.tree(Random(n), value) for n in range(300)]
    assert value == {"a": [1, 2, {"b": "text"}], "c": 0.5}
    assert sum(repr(one) != repr(value) for one in found) > 270
    assert any("9223372036854775808" in repr(one) for one in found)
