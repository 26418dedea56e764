"""Typed face of the compiled kernels: validate once, then forward.

Belongs here: what the engine may call. A factory checks its arguments and returns a
Step; an Executor runs steps over an arena of float32. Without the compiled module the
same names run in NumPy, which is also the specification (``reference``).
Does not belong here: layouts, graphs, selection (engine).
"""

from workbench.kernels.backend import forced_isa, info
from workbench.kernels.executor import Executor
from workbench.kernels.steps.blocks import conv_blocks, variants_conv_blocks
from workbench.kernels.steps.dense import conv_dense, variants_conv_dense
from workbench.kernels.steps.depthwise import depthwise
from workbench.kernels.steps.linear import linear_dense, linear_sparse
from workbench.kernels.steps.peak import fma_peak
from workbench.kernels.steps.pointwise import (
    activation,
    add,
    convert,
    load_input,
    mul,
    store_output,
)
from workbench.kernels.steps.sparse import conv_sparse, variants_conv_sparse
from workbench.kernels.steps.spatial import global_avg, pool
from workbench.kernels.steps.winograd import conv_winograd, variants_conv_winograd
from workbench.kernels.values.frames import Frame
from workbench.kernels.values.specs import Placement
from workbench.kernels.values.types import (
    GUARD_FLOATS,
    LANES,
    NO_ACTIVATION,
    Activation,
    Geometry,
    ImageRows,
    KernelError,
    KernelInfo,
    Step,
    Vectors,
)
from workbench.kernels.values.winograd_spec import (
    WinogradBlock,
    WinogradTaps,
    WinogradTiles,
    WinogradWeights,
)

__all__ = [
    "GUARD_FLOATS",
    "LANES",
    "NO_ACTIVATION",
    "Activation",
    "Executor",
    "Frame",
    "Geometry",
    "ImageRows",
    "KernelError",
    "KernelInfo",
    "Placement",
    "Step",
    "Vectors",
    "WinogradBlock",
    "WinogradTaps",
    "WinogradTiles",
    "WinogradWeights",
    "activation",
    "add",
    "conv_blocks",
    "conv_dense",
    "conv_sparse",
    "conv_winograd",
    "convert",
    "depthwise",
    "fma_peak",
    "forced_isa",
    "global_avg",
    "info",
    "linear_dense",
    "linear_sparse",
    "load_input",
    "mul",
    "pool",
    "store_output",
    "variants_conv_blocks",
    "variants_conv_dense",
    "variants_conv_sparse",
    "variants_conv_winograd",
]
