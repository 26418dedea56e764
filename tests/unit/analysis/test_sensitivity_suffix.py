"""Running only what follows a pruned layer gives the very bits of the whole module."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from tests.support.pruning_networks import TOPOLOGIES, network
from tests.support.sweep_data import val_data
from workbench.analysis.sensitivity.suffix import (
    Runner,
    SuffixRunner,
    make_runner,
)
from workbench.models.inspect import from_module
from workbench.models.network import Network
from workbench.pruning import Recipe, prune
from workbench.pruning.method import MethodError

METHODS = ("magnitude", "kernel", "filter")
ROOMY = 1 << 30


def changes(net: Network, method: str) -> Iterator[dict[str, torch.Tensor]]:
    """Yield the changed parameters of pruning each layer alone, where it works."""
    for layer in net.layers[:-1]:
        recipe = Recipe.uniform(method, 0.5, match=layer.id)
        try:
            pruned = prune(net, recipe)
        except MethodError:
            continue
        yield {
            name: pruned.module.get_parameter(name).detach()
            for name in pruned.parameter_masks
        }


@pytest.mark.parametrize("kind", sorted(TOPOLOGIES))
def test_equal_to_the_whole_module_bit_for_bit(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = network(kind)
    data = val_data(net, 10)
    whole = Runner(net.module, data, 4)
    suffix = SuffixRunner(net.module, data, 4, cache_bytes=ROOMY)
    for method in METHODS:
        found = list(changes(net, method))
        assert len(found) >= 2
        for changed in found:
            expected = torch.cat([*whole(changed)])
            # All batches kept, one of them, none.
            for cache_bytes in (ROOMY, 10_000, 0):
                monkeypatch.setattr(suffix, "_budget", cache_bytes)
                assert torch.equal(expected, torch.cat([*suffix(changed)]))
                suffix._changed = frozenset()


def test_layers_may_come_in_any_order() -> None:
    net = network("residual")
    data = val_data(net, 10)
    found = list(changes(net, "magnitude"))
    whole, suffix = (
        Runner(net.module, data, 4),
        make_runner(net.module, data, batch=4, cache_bytes=ROOMY),
    )
    assert suffix.reuses_prefix
    for changed in (found[5], found[1], {}, found[8], found[0]):
        assert torch.equal(torch.cat([*whole(changed)]), torch.cat([*suffix(changed)]))


def test_what_comes_before_the_change_is_not_run_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The small residual network has 13 convolutions: the stem, 6 blocks of 2, and
    # 2 short cuts make 15; layer3.1.two.0 is the last of them.
    net = network("residual")
    data = val_data(net, 8)
    suffix = SuffixRunner(net.module, data, 8, cache_bytes=ROOMY)
    name = "layer3.1.two.0.weight"
    changed = {name: torch.zeros_like(net.module.get_parameter(name))}
    calls: list[str] = []
    needed = suffix._needed

    def spy(wanted, known):  # type: ignore[no-untyped-def]
        todo = needed(wanted, known)
        calls.extend(n.name for n in todo if "conv2d" in n.name)
        return todo

    monkeypatch.setattr(suffix, "_needed", spy)
    first = torch.cat([*suffix(changed)])
    assert len(calls) == 15
    calls.clear()
    assert torch.equal(first, torch.cat([*suffix(changed)]))
    assert len(calls) == 1


class InPlace(nn.Module):
    """Adds a short cut in place, so that a kept value would be overwritten."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 3, 3, padding=1)
        self.two = nn.Conv2d(3, 3, 3, padding=1)
        self.fc = nn.Linear(3 * 64, 10)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        short_cut = self.relu(self.one(x))
        y = self.relu(self.two(short_cut))
        short_cut += y
        return self.fc(short_cut.flatten(1))


class Branching(nn.Module):
    """Looks at the data: no static graph."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(192, 10)
        self.other = nn.Linear(192, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(1)
        return self.fc(flat) if float(flat.sum()) > 0 else self.other(flat)


def test_operations_in_place_do_not_spoil_what_is_kept() -> None:
    torch.manual_seed(0)
    net = from_module(InPlace(), input_shape=(3, 8, 8), name="in-place")
    data = val_data(net, 12)
    suffix = make_runner(net.module, data, batch=5, cache_bytes=ROOMY)
    assert suffix.reuses_prefix
    whole = Runner(net.module, data, 5)
    for _ in range(2):
        for changed in changes(net, "magnitude"):
            one, other = torch.cat([*whole(changed)]), torch.cat([*suffix(changed)])
            assert torch.equal(one, other)


def test_a_network_that_looks_at_its_data_runs_whole() -> None:
    torch.manual_seed(0)
    module = Branching().eval()
    net = from_module(module, input_shape=(3, 8, 8), name="branching")
    data = val_data(net, 6)
    runner = make_runner(module, data, batch=4, cache_bytes=ROOMY)
    assert not runner.reuses_prefix
    assert [len(scores) for scores in runner({})] == [4, 2]
    zero = {"fc.weight": torch.zeros(10, 192), "other.weight": torch.zeros(10, 192)}
    scores = torch.cat([*runner(zero)])
    assert float(module.fc.weight.detach().abs().sum()) > 0
    biases = torch.stack([module.fc.bias, module.other.bias]).detach()
    assert all(bool((biases == row).all(1).any()) for row in scores)


def test_a_check_between_batches_can_stop_a_run() -> None:
    net = network("sigmoid")
    runner = make_runner(net.module, val_data(net, 9), batch=3, cache_bytes=ROOMY)
    seen = []

    def check() -> None:
        seen.append(len(seen))
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(runner({}, check))
    assert seen == [0, 1]
