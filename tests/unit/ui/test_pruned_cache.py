"""The cache of pruned networks: what stays, what goes."""

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
    cache, log = PrunedCache(), []
    first = cache.take(("a", "r"), 5, made(5, log))
    assert cache.take(("a", "r"), 5, made(5, log)) is first
    assert log == [5]


def test_of_a_large_network_only_the_newest_stays_and_others_are_left_alone() -> None:
    cache, log = PrunedCache(), []
    small = cache.take(("b", "r"), 7, made(7, log))
    cache.take(("a", "one"), ALONE + 1, made(ALONE + 1, log))
    cache.take(("a", "two"), ALONE + 1, made(ALONE + 1, log))
    assert cache.take(("b", "r"), 7, made(7, log)) is small
    cache.take(("a", "one"), ALONE + 1, made(ALONE + 1, log))
    assert log == [7, ALONE + 1, ALONE + 1, ALONE + 1]


def test_the_one_not_used_for_longest_goes_when_weights_are_too_many() -> None:
    cache, log = PrunedCache(), []
    third = MOST_WEIGHTS // 3
    for name in "abc":
        cache.take((name, "r"), third, made(third, log))
    cache.take(("a", "r"), third, made(third, log))
    cache.take(("d", "r"), third, made(third, log))
    assert len(log) == 4
    cache.take(("a", "r"), third, made(third, log))
    assert len(log) == 4
    cache.take(("b", "r"), third, made(third, log))
    assert len(log) == 5


def test_the_number_of_networks_is_bounded_too() -> None:
    cache, log = PrunedCache(), []
    for name in range(MOST_NETWORKS + 1):
        cache.take((str(name), "r"), 1, made(1, log))
    cache.take(("0", "r"), 1, made(1, log))
    assert len(log) == MOST_NETWORKS + 2


def test_a_refusal_leaves_nothing_behind() -> None:
    cache, log = PrunedCache(), []

    def refused() -> Any:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.take(("a", "r"), 5, refused)
    assert cache.take(("a", "r"), 5, made(5, log)).report.weights == 5
