"""The comparison behind every speed claim: dense and pruned, ours and theirs.

Belongs here: which contenders stand next to each other. Does not belong here: how
they are timed (interleave.py), how the result is shown (cli, ui).
"""

from collections.abc import Callable, Sequence

from workbench.measure.contenders import Contender, peer_contender, subject_of
from workbench.measure.interleave import Settings, measure_contenders
from workbench.measure.measurement import Measurement
from workbench.measure.peers import ours, torch_eager
from workbench.measure.peers.protocol import Peer
from workbench.measure.peers.table import find_peer
from workbench.models.network import Network
from workbench.pruning.pruned import PrunedNetwork

ROUNDS = 100
TORCH_DENSE = "torch dense"
OURS_DENSE = "workbench dense"
OURS_PRUNED = "workbench pruned"


def bench(
    network: Network,
    pruned: Network | PrunedNetwork | None = None,
    *,
    threads: int = 1,
    against: Sequence[str] = ("torch",),
    budget_s: float = 10.0,
    on_round: Callable[[int, int], None] | None = None,
) -> Measurement:
    """Return the three bars (torch dense, our dense, our pruned) and the peers.

    Rows are called "<engine> dense" and "<engine> pruned". The first three are the
    three bars; then every engine in `against` runs both weights, since a rival's
    best may be either.

    Parameters
    ----------
    network : Network
        The dense weights.
    pruned : PrunedNetwork or None
        The pruned weights; None, or `network` again, leaves those rows out.
    threads : int
        Given to every engine.
    against : sequence of str
        Names in the peer table. One that cannot run here is named in `absent`.
    budget_s : float
        Seconds to spend on rounds; the fewest rounds are always made.
    on_round : callable (done, total) or None
        Called after each round; may raise to stop.

    Raises
    ------
    WorkbenchError
        When a name in `against` is unknown.
    """
    peers = [find_peer(name) for name in dict.fromkeys(against)]
    contenders = _contenders(network, pruned, peers)
    settings = Settings(budget_s=budget_s, on_round=on_round)
    return measure_contenders(
        contenders, threads=threads, rounds=ROUNDS, settings=settings
    )


def _contenders(
    network: Network,
    pruned: Network | PrunedNetwork | None,
    peers: Sequence[Peer],
) -> list[Contender]:
    owners = (network, pruned) if isinstance(pruned, PrunedNetwork) else (network,)
    subjects = [subject_of(one) for one in owners]
    pairs = [(torch_eager.PEER, subjects[0])]
    pairs += [(ours.PEER, subject) for subject in subjects]
    pairs += [(peer, subject) for peer in peers for subject in subjects]
    return [
        peer_contender(peer, subject, name=f"{peer.name} {subject.weights}")
        for peer, subject in dict.fromkeys(pairs)
    ]
