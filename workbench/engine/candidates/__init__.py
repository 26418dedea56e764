"""Every kernel that may run a node: one file each, one line each in `TABLE`."""

from workbench.engine.candidates.array import ArrayOperation, ForeignOperation
from workbench.engine.candidates.array_native import (
    AlongAxis,
    Elementwise,
    MatrixProduct,
    Moving,
)
from workbench.engine.candidates.base import Binding, Candidate, Form, Operand
from workbench.engine.candidates.blocks import BlockConv
from workbench.engine.candidates.dense import DenseConv
from workbench.engine.candidates.depthwise import DepthwiseConv
from workbench.engine.candidates.elementwise import (
    Binary,
    ChannelShuffle,
    Flatten,
    Unary,
    Upsample,
)
from workbench.engine.candidates.generated import GeneratedConv
from workbench.engine.candidates.linear import DenseLinear, SparseLinear
from workbench.engine.candidates.palette import (
    Expanded,
    PaletteConv,
    PaletteLinear,
    PaletteSparseLinear,
)
from workbench.engine.candidates.pooling import GlobalPool, WindowPool
from workbench.engine.candidates.shared import SharedConv
from workbench.engine.candidates.sparse import SparseConv
from workbench.engine.candidates.winograd import WinogradConv
from workbench.engine.candidates.winograd_domain import WinogradDomain

TABLE: tuple[Candidate, ...] = (
    SparseConv(),
    BlockConv(),
    GeneratedConv(),
    SharedConv(),
    DenseConv(),
    WinogradConv(2),
    WinogradConv(4),
    WinogradConv(6),
    WinogradDomain(sparse=True),
    WinogradDomain(sparse=False),
    DepthwiseConv(),
    DenseLinear(),
    SparseLinear(),
    PaletteConv(),
    PaletteLinear(),
    PaletteSparseLinear(),
    Expanded(DenseLinear()),
    Expanded(SparseConv()),
    Expanded(BlockConv()),
    Expanded(GeneratedConv()),
    Expanded(DenseConv()),
    Expanded(WinogradConv(2)),
    Expanded(WinogradConv(4)),
    WindowPool(),
    GlobalPool(),
    Binary(),
    Unary(),
    Flatten(),
    ChannelShuffle(),
    Upsample(),
    Moving(),
    Elementwise(),
    AlongAxis(),
    MatrixProduct(),
    ArrayOperation(),
    ForeignOperation(),
)

__all__ = ["TABLE", "Binding", "Candidate", "Form", "Operand"]
