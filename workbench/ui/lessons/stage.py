"""What several lessons measure with: layers of one kind, timed in turn.

Belongs here: making small networks and timing them inside a job. Does not belong
here: timing itself (``measure``), drawing.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import workbench as wb

if TYPE_CHECKING:
    from workbench.jobs.job import Job
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork

Net: TypeAlias = "Network | PrunedNetwork"

ROUNDS = 40
BUDGET_S = 4.0
LAYER = "0"
TEACHING_MODEL = "minivgg-mnist5k"


def conv_network(
    channels: int, side: int, *, size: int = 3, seed: int = 0
) -> "Network":
    """Return a network of one convolution, a mean over pixels, and nothing else.

    Parameters
    ----------
    channels : int
        In and out.
    side : int
        Height and width of its input in pixels.
    size : int
        Height and width of its kernels.
    seed : int
        Of its weights.
    """
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = nn.Sequential(
            nn.Conv2d(channels, channels, size, padding=size // 2, bias=False),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(1),
        )
    made: Network = wb.from_module(
        module, input_shape=(channels, side, side), name=f"{size}x{size}-{channels}"
    )
    return made


def prune_layer(
    network: "Network", method: str, layer: str = LAYER, **params: object
) -> "PrunedNetwork":
    """Return a network with one layer pruned by a method."""
    from workbench.pruning.recipe.rule import Rule

    recipe = wb.Recipe(layers=(Rule.of(layer, method, **params),))
    pruned: PrunedNetwork = wb.prune(network, recipe)
    return pruned


def time_all(
    job: "Job",
    ours: "Mapping[str, Net]",
    torch_too: "Sequence[tuple[str, Net]]" = (),
    *,
    seed: int = 0,
) -> dict[str, Any]:
    """Return interleaved times of several networks in our engine, and in PyTorch.

    Parameters
    ----------
    job : Job
        Told about progress; its cancel stops the timing.
    ours : mapping
        Row name to network, run by the bundled engine.
    torch_too : sequence of (str, network)
        Rows run by PyTorch.
    seed : int
        Of the input.

    Returns
    -------
    dict
        ``rows`` by name with median_ms, p10_ms, p90_ms, n; ``line``: conditions.
    """
    from workbench.measure.contenders import peer_contender, subject_of
    from workbench.measure.interleave import Settings, measure_contenders
    from workbench.measure.peers import ours as engine
    from workbench.measure.peers import torch_eager

    contenders = [
        peer_contender(torch_eager.PEER, subject_of(net), name=name)
        for name, net in torch_too
    ]
    contenders += [
        peer_contender(engine.PEER, subject_of(net), name=name)
        for name, net in ours.items()
    ]
    found = measure_contenders(
        contenders,
        rounds=ROUNDS,
        settings=Settings(budget_s=BUDGET_S, seed=seed, on_round=job.on_round),
    )
    rows = found.to_dict()["rows"]
    return {
        "rows": {row["name"]: row for row in rows if row["median_ms"] is not None},
        "line": found.conditions.line,
    }
