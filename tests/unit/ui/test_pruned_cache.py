"""The shelf of pruned networks: what stays, what goes."""

from types import SimpleNamespace
from typing import Any

import pytest

from workbench.ui.services.pruned_cache import (
    ALONE,
    MOST_NETWORKS,
    MOST_WEIGHTS,
    PrunedCache,
)


def made(weights: int, log: list[int]) -> Any:
    def make() -> Any:
        log.append(weights)
        return SimpleNamespace(report=SimpleNamespace(weights=weights))

    return make


def test_the_same_question_gives_the_same_object() -> None:
    shelf, log = PrunedCache(), []
    first = shelf.take(("a", "r"), 5, made(5, log))
    assert shelf.take(("a", "r"), 5, made(5, log)) is first
    assert log == [5]


def test_of_a_large_network_only_the_newest_stays_and_others_are_left_alone() -> None:
    shelf, log = PrunedCache(), []
    small = shelf.take(("b", "r"), 7, made(7, log))
    shelf.take(("a", "one"), ALONE + 1, made(ALONE + 1, log))
    shelf.take(("a", "two"), ALONE + 1, made(ALONE + 1, log))
    assert shelf.take(("b", "r"), 7, made(7, log)) is small
    shelf.take(("a", "one"), ALONE + 1, made(ALONE + 1, log))
    assert log == [7, ALONE + 1, ALONE + 1, ALONE + 1]


def test_the_one_not_used_for_longest_goes_when_weights_are_too_many() -> None:
    shelf, log = PrunedCache(), []
    third = MOST_WEIGHTS // 3
    for name in "abc":
        shelf.take((name, "r"), third, made(third, log))
    shelf.take(("a", "r"), third, made(third, log))
    shelf.take(("d", "r"), third, made(third, log))
    assert len(log) == 4
    shelf.take(("a", "r"), third, made(third, log))
    assert len(log) == 4
    shelf.take(("b", "r"), third, made(third, log))
    assert len(log) == 5


def test_the_number_of_networks_is_bounded_too() -> None:
    shelf, log = PrunedCache(), []
    for name in range(MOST_NETWORKS + 1):
        shelf.take((str(name), "r"), 1, made(1, log))
    shelf.take(("0", "r"), 1, made(1, log))
    assert len(log) == MOST_NETWORKS + 2


def test_a_refusal_leaves_nothing_behind() -> None:
    shelf, log = PrunedCache(), []

    def refused() -> Any:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        shelf.take(("a", "r"), 5, refused)
    assert shelf.take(("a", "r"), 5, made(5, log)).report.weights == 5
