# cython: language_level=3
"""The compiled kernels: packs checked arguments, runs steps without the GIL.

One module out of several included files, one a kernel family. Arguments were checked in
workbench/kernels; nothing here checks again. How to add a kernel: ext/README.md.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from core.wb cimport *

include "faces/step.pxi"
include "faces/runner.pxi"
include "faces/conv.pxi"
include "faces/lanes.pxi"
include "faces/sparse.pxi"
include "faces/gathered.pxi"
include "faces/blocks.pxi"
include "faces/moves.pxi"
include "faces/arrays.pxi"
include "faces/generated.pxi"
include "faces/palette.pxi"
include "faces/winograd.pxi"
include "faces/peak.pxi"
include "faces/parts.pxi"


def available():
    """Return the instruction sets that this build and machine have, slowest first."""
    return tuple(
        wb_isa_name(isa).decode() for isa in range(WB_ISAS) if wb_isa_available(isa)
    )


def compiler():
    """Return the compiler that built this module."""
    return wb_compiler().decode()


def kernel_symbols():
    """Return (op, symbols an instruction set) of every kernel in the table."""
    rows, index = [], 0
    while wb_kernel_at(index) != NULL:
        entry = wb_kernel_at(index)
        symbols = tuple(entry.symbol[isa].decode() for isa in range(WB_ISAS))
        rows.append((entry.op.decode(), symbols))
        index += 1
    return rows
