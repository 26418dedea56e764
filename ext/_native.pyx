# cython: language_level=3
"""The compiled kernels: packs checked arguments, runs steps without the GIL.

One module out of several included files, one a kernel family. Arguments were checked in
workbench/kernels; nothing here checks again. How to add a kernel: ext/README.md.
"""

include "c_api.pxi"
include "step.pxi"
include "runner.pxi"
include "face_conv.pxi"
include "face_lanes.pxi"
include "face_sparse.pxi"
include "face_gathered.pxi"
include "face_blocks.pxi"
include "face_moves.pxi"
include "emit/face_generated.pxi"
include "face_palette.pxi"
include "face_winograd.pxi"
include "face_peak.pxi"
include "face_parts.pxi"


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
