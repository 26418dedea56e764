"""What people pass to measure(), resolved into things that can be prepared.

Belongs here: names, programs, networks and callables becoming Contenders. Does not
belong here: timing them (interleave.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from workbench.compression.compressed import CompressedNetwork
from workbench.engine.program import Program
from workbench.errors import WorkbenchError
from workbench.measure.peers import ours
from workbench.measure.peers.protocol import (
    FunctionRunner,
    Peer,
    Runner,
    Setup,
    Subject,
)
from workbench.measure.peers.subject import OnnxNetwork, OnnxSubject
from workbench.measure.peers.table import find_peer
from workbench.models.given import require_network
from workbench.models.network import Network
from workbench.pruning.pruned import PrunedNetwork

DENSE, PRUNED = "dense", "pruned"
NEGLIGIBLE = 0.01
"""Training leaves a weight in a million exactly zero; pruning one in a hundred."""

Given = (
    str
    | Program
    | Network
    | PrunedNetwork
    | CompressedNetwork
    | tuple[str, Callable[..., object]]
)


@dataclass(frozen=True)
class Contender:
    """Return one engine with the weights it is to run.

    Parameters
    ----------
    name : str
        How its row is called; unique within a measurement.
    engine : str
        Name in the peer table, or the one given with a callable.
    subject : Subject
        The weights, and the definition of the right output.
    prepare : callable (Setup) -> Runner
        Loads the network.
    package : str or None
        Distribution whose version is worth recording.
    absent : str or None
        Why this engine cannot run here.
    """

    name: str
    engine: str
    subject: Subject
    prepare: Callable[[Setup], Runner]
    package: str | None = None
    absent: str | None = None


def subject_of(
    owner: Network | PrunedNetwork | CompressedNetwork | OnnxNetwork,
    *,
    keep: Path | None = None,
) -> Subject:
    """Return the weights of a network under the name that fits them.

    A pruned network, and any other whose weights hold zeros, is "pruned".

    Parameters
    ----------
    owner : Network, PrunedNetwork, CompressedNetwork or OnnxNetwork
    keep : Path or None
        Folder where files converted for other engines stay; see `Subject`.
    """
    if not isinstance(owner, OnnxNetwork):
        require_network(owner)
    pruned = isinstance(owner, PrunedNetwork) or sparsity_of(owner) >= NEGLIGIBLE
    name = PRUNED if pruned else DENSE
    if isinstance(owner, OnnxNetwork):
        return OnnxSubject(owner, weights=name, keep=keep)
    return Subject(owner, weights=name, keep=keep)


def sparsity_of(
    owner: Network | PrunedNetwork | CompressedNetwork | OnnxNetwork,
) -> float:
    """Return zeros over all weights of two and more axes, 0..1."""
    if isinstance(owner, OnnxNetwork):
        return owner.sparsity
    found = [value for value in owner.module.parameters() if value.ndim >= 2]
    total = sum(weight.numel() for weight in found)
    zeros = total - sum(int(weight.count_nonzero()) for weight in found)
    return zeros / total if total else 0.0


def peer_contender(peer: Peer, subject: Subject, *, name: str) -> Contender:
    """Return an engine of the table on the given weights."""
    absent = peer.available()
    if absent is None and peer.from_module and not subject.has_module:
        absent = f"it starts from a torch module; {subject.owner.name} is an ONNX file"
    return Contender(
        name=name,
        engine=peer.name,
        subject=subject,
        prepare=lambda setup: peer.prepare(subject, setup),
        package=peer.package,
        absent=absent,
    )


def resolve(
    given: Sequence[Given], network: Network | PrunedNetwork | None
) -> tuple[Contender, ...]:
    """Return a contender for everything that was given.

    Parameters
    ----------
    given : sequence
        Peer names, programs, networks (run by the bundled engine), and
        (name, callable) pairs that map a float32 batch to an output.
    network : Network, PrunedNetwork or None
        The weights behind names, programs and callables. None takes the first
        network among `given`, or the one a program was compiled from.

    Raises
    ------
    WorkbenchError
        When nothing was given, names repeat, or the weights are unknown.
    """
    if not given:
        raise WorkbenchError(
            found="no contender",
            expected="at least one engine, program, network or (name, callable)",
            next_step='Pass for example [program, "torch"].',
        )
    owner = network or _first_network(given)
    subjects: dict[int, Subject] = {}

    def subject(one: Network | PrunedNetwork | CompressedNetwork) -> Subject:
        return subjects.setdefault(id(one), subject_of(one))

    contenders = []
    for one in given:
        if isinstance(one, Network | PrunedNetwork | CompressedNetwork):
            mine = subject(one)
            contenders.append(
                peer_contender(ours.PEER, mine, name=f"workbench {mine.weights}")
            )
        elif owner is None:
            raise WorkbenchError(
                found=f"{_describe(one)} without the network it belongs to",
                expected="the weights that define the right output",
                next_step="Pass network=..., or a Network among the contenders.",
            )
        else:
            contenders.append(_from_rest(one, subject(owner)))
    return _with_unique_names(contenders)


def _from_rest(one: object, subject: Subject) -> Contender:
    if isinstance(one, str):
        return peer_contender(find_peer(one), subject, name=one)
    if isinstance(one, Program):
        return program_contender(one, subject, name=ours.PEER.name)
    if not isinstance(one, tuple):
        raise WorkbenchError(
            found=f"{_describe(one)} among the contenders",
            expected="an engine's name, a Program, a network or (name, callable)",
            next_step="Wrap a module: workbench.from_module(module, input_shape=...).",
        )
    name, function = cast("tuple[str, Callable[..., object]]", one)
    return Contender(name, name, subject, lambda setup: FunctionRunner(function))


def program_contender(program: Program, subject: Subject, *, name: str) -> Contender:
    """Return a program that is compiled already; it stays open."""

    def prepare(setup: Setup) -> Runner:
        if program.threads != setup.threads:
            raise WorkbenchError(
                found=f"a program compiled for {program.threads} threads",
                expected=f"{setup.threads}, as every other contender gets",
                next_step=f"Compile it with threads={setup.threads}.",
            )
        return FunctionRunner(program)

    return Contender(name, ours.PEER.name, subject, prepare)


def _first_network(given: Sequence[Given]) -> Network | PrunedNetwork | None:
    for one in given:
        source = one.source() if isinstance(one, Program) and one.source else one
        if isinstance(source, Network | PrunedNetwork):
            return source
    return None


def _describe(one: object) -> str:
    return repr(one) if isinstance(one, str) else type(one).__name__


def _with_unique_names(contenders: list[Contender]) -> tuple[Contender, ...]:
    names = [one.name for one in contenders]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise WorkbenchError(
            found="more than one contender called " + ", ".join(repeated),
            expected="one name for one row",
            next_step="Pass (name, callable) pairs with names of their own.",
        )
    return tuple(contenders)
