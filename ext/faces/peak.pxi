# The step that measures how fast this core multiplies and adds.
from kernels.peak.fma_peak cimport *


def fma_peak(spec, int isa):
    """Return the step of a checked FmaPeak."""
    cdef wb_fma_peak args
    cdef int64_t floats = 16 * wb_fma_vectors(isa)
    args.rounds = spec.rounds
    step = new_step("fma_peak", isa, &args, sizeof(args), [])
    step.macs = spec.rounds * floats
    step.extent = 0, floats
    return step
