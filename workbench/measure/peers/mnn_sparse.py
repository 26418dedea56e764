"""MNN with its sparse kernels, chosen at conversion where it expects a gain."""

from functools import partial

from workbench.measure.peers import mnn
from workbench.measure.peers.protocol import Peer

PEER = Peer(
    "mnn_sparse",
    "MNN, fp32, converted with --detectSparseSpeedUp",
    "mnn",
    mnn.available,
    partial(mnn.Session, sparse=True),
)
