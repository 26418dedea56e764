# Packing of the sparse convolution in blocks.
from kernels.conv_blocks.conv_blocks cimport *
from kernels.conv_sparse.conv_sparse cimport *


cdef object packed_order(Packed packed, int64_t count):
    """Return where each packed entry came from, after a packing of ordinals.

    The packer moves four-byte values without looking at them, so the ordinals of the
    entries may stand in for values that have another size.
    """
    order = np.empty(count, dtype=np.int32)
    memcpy(data(order), packed.c.values, <size_t>count * 4)
    return order


def conv_blocks(spec, int isa, plan):
    """Return the step of a checked ConvBlocks, packed by a blocks.BlockPlan."""
    cdef wb_conv_blocks args
    cdef wb_sparse_plan how
    cdef list keep = []
    cdef Packed packed = Packed()
    cdef int64_t count = spec.offsets.size
    indptr = own(keep, spec.indptr, np.int32)
    strip_in = own(keep, spec.place.vectors.vec_in[: plan.strip], np.int64)
    ordinals = np.arange(count, dtype=np.int32)
    how.rows = indptr.size - 1
    how.blocks = plan.blocks
    how.classes, how.first_dx = 1, 0
    how.strip = strip_in.size
    how.unit = plan.unit
    how.l1_floats = plan.l1_floats
    how.strip_in = <const int64_t *>data(strip_in)
    if wb_pack_sparse(&how, <const int32_t *>data(indptr),
                      <const int32_t *>data(spec.offsets),
                      <const float *>data(ordinals), &packed.c) != 0:
        raise MemoryError("packing a sparse convolution")
    values = own(keep, spec.values[packed_order(packed, count)], np.float32)
    free(packed.c.values)
    packed.c.values = NULL
    keep.append(packed)
    args.place = place_of(spec.place, keep)
    args.outputs, args.height = spec.bias.size, spec.height
    args.chunks, args.blocks = packed.c.chunks, how.blocks
    args.strip, args.unit = plan.strip, how.unit
    args.chunk_base = packed.c.chunk_base
    args.runs = packed.c.runs
    args.run_at = packed.c.run_at
    args.nz_at = packed.c.nz_at
    args.index = packed.c.index
    args.values = <const float *>data(values)
    bias = np.zeros(how.rows * spec.height, dtype=np.float32)
    bias[: spec.bias.size] = spec.bias
    args.bias = <const float *>data(own(keep, bias, np.float32))
    step = new_step("conv_blocks", isa, &args, sizeof(args), keep)
    step.macs = spec.values.size * spec.place.vectors.pixels
    step.bytes = (values.nbytes + count * (4 if how.unit == 1 else 2)
                  + packed.c.run_count * 8)
    step.extent = spec.place.extent
    if packed.c.chunks > 1:
        step.scratch_floats = floats_of(
            (spec.indptr.size - 1) * spec.height * plan.strip * 16)
    return step
