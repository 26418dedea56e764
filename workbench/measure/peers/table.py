"""Every engine that can be measured: one line each."""

from workbench.errors import WorkbenchError
from workbench.measure.peers import (
    deepsparse,
    executorch,
    litert,
    mnn,
    mnn_sparse,
    ncnn,
    onnxruntime,
    openvino,
    ours,
    torch_channels_last,
    torch_compile,
    torch_eager,
    tvm,
)
from workbench.measure.peers.protocol import Peer

PEERS: tuple[Peer, ...] = (
    ours.PEER,
    torch_eager.PEER,
    torch_channels_last.PEER,
    torch_compile.PEER,
    onnxruntime.PEER,
    openvino.PEER,
    ncnn.PEER,
    mnn.PEER,
    mnn_sparse.PEER,
    litert.PEER,
    executorch.PEER,
    tvm.PEER,
    deepsparse.PEER,
)


def find_peer(name: str) -> Peer:
    """Return the engine of that name.

    Raises
    ------
    WorkbenchError
        When the table has no such name.
    """
    for peer in PEERS:
        if peer.name == name:
            return peer
    raise WorkbenchError(
        found=f"engine {name!r}",
        expected="one of " + ", ".join(peer.name for peer in PEERS),
        next_step="Correct the name; `workbench doctor` tells which are installed.",
    )


def peers() -> dict[str, Peer]:
    """Return every engine by name; `.available()` tells which can run here."""
    return {peer.name: peer for peer in PEERS}
