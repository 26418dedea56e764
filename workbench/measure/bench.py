"""The comparison behind every speed claim: dense and pruned, ours and theirs.

Belongs here: which contenders stand next to each other. Does not belong here: how
they are timed (interleave.py), how the result is shown (cli, ui).
"""

from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

from workbench.engine.program import Program
from workbench.errors import WorkbenchError
from workbench.measure.contenders import (
    PRUNED,
    Contender,
    peer_contender,
    program_contender,
    subject_of,
)
from workbench.measure.interleave import Settings, measure_contenders
from workbench.measure.measurement import Measurement
from workbench.measure.peers import ours, torch_eager
from workbench.measure.peers.protocol import Subject
from workbench.measure.peers.subject import OnnxNetwork
from workbench.measure.peers.table import find_peer
from workbench.models.network import Network
from workbench.pruning.pruned import PrunedNetwork

ROUNDS = 100
GIVEN = "given"
"""How weights with zeros are called when a recipe prunes them further."""


def bench(
    network: Network | OnnxNetwork | str | PathLike[str],
    pruned: Network | PrunedNetwork | None = None,
    *,
    threads: int = 1,
    against: Sequence[str] = ("torch",),
    budget_s: float = 10.0,
    on_round: Callable[[int, int], None] | None = None,
    programs: Sequence[Program] = (),
) -> Measurement:
    """Return the three bars (torch dense, our dense, our pruned) and the peers.

    Rows are called "<engine> dense" and "<engine> pruned". The first three are the
    three bars; then every engine in `against` runs both weights, since a rival's
    best may be either.

    Parameters
    ----------
    network : Network, or path of an ONNX file
        The dense weights. Weights that hold zeros are called "pruned", and "given"
        where other ones are pruned further.
    pruned : Network, PrunedNetwork or None
        The pruned weights; None, or `network` again, leaves those rows out.
    threads : int
        Given to every engine.
    against : sequence of str
        Names in the peer table. One that cannot run here is named in `absent`.
    budget_s : float
        Seconds to spend on rounds; the fewest rounds are always made.
    on_round : callable (done, total) or None
        Called after each round; may raise to stop.
    programs : sequence of Program
        What is compiled already: that of `network`, then that of `pruned`. They stay
        open; what is not there is compiled. One that was compiled for another number
        of threads is refused.

    Raises
    ------
    WorkbenchError
        When a name in `against` is unknown, the engine does not read the ONNX file, or
        there are more programs than networks.
    """
    found = contenders_of(network, pruned, against=against)
    return measure_contenders(
        _with_programs(found, programs),
        threads=threads,
        rounds=ROUNDS,
        settings=Settings(budget_s=budget_s, on_round=on_round),
    )


def contenders_of(
    network: Network | OnnxNetwork | str | PathLike[str],
    pruned: Network | PrunedNetwork | None = None,
    *,
    against: Sequence[str] = ("torch",),
    keep: Path | None = None,
) -> list[Contender]:
    """Return the contenders that `bench` measures, in the order of its rows.

    Parameters
    ----------
    network, pruned, against
        As in `bench`.
    keep : Path or None
        Folder where files converted for other engines stay for the next time.

    Raises
    ------
    WorkbenchError
        As in `bench`.
    """
    peers = [find_peer(name) for name in dict.fromkeys(against)]
    if isinstance(network, str | PathLike):
        network = OnnxNetwork.read(Path(network))
    subjects = _subjects(network, pruned, keep)
    pairs = [(torch_eager.PEER, subjects[0])] if subjects[0].has_module else []
    pairs += [(ours.PEER, subject) for subject in subjects]
    pairs += [(peer, subject) for peer in peers for subject in subjects]
    return [
        peer_contender(peer, subject, name=f"{peer.name} {subject.weights}")
        for peer, subject in dict.fromkeys(pairs)
    ]


def _with_programs(
    contenders: list[Contender], programs: Sequence[Program]
) -> list[Contender]:
    """Return the contenders; the first of our engine run the programs given."""
    left = iter(programs)
    ready = [
        program_contender(program, one.subject, name=one.name)
        if one.engine == ours.PEER.name and (program := next(left, None)) is not None
        else one
        for one in contenders
    ]
    if next(left, None) is not None:
        raise WorkbenchError(
            found=f"{len(programs)} programs",
            expected="one for each network, in the order of the networks",
            next_step="Leave out the program of the network that is not measured.",
        )
    return ready


def _subjects(
    network: Network | OnnxNetwork,
    pruned: Network | PrunedNetwork | None,
    keep: Path | None,
) -> list[Subject]:
    first = subject_of(network, keep=keep)
    if pruned is None or pruned is network:
        return [first]
    second = subject_of(pruned, keep=keep)
    second.weights = PRUNED
    if first.weights == PRUNED:
        first.weights = GIVEN
    return [first, second]
