# Packing of the sparse convolutions and the linear layers.
from kernels.conv_sparse.conv_sparse cimport *
from kernels.linear.linear cimport *


cdef class Packed:
    """Owner of what wb_pack_sparse made."""

    cdef wb_packed c

    def __dealloc__(self):
        wb_free_packed(&self.c)


cdef wb_conv_sparse pack_pairs(spec, plan, offsets, vectors, list keep) except *:
    """Return rows of (offset, value) pairs packed by a strips.SparsePlan; no place."""
    cdef wb_conv_sparse args
    cdef wb_sparse_plan how
    cdef Packed packed = Packed()
    indptr = own(keep, spec.indptr, np.int32)
    strip_in = own(keep, vectors.vec_in[: plan.strip], np.int64)
    how.rows = indptr.size - 1
    how.blocks = plan.blocks
    how.classes = plan.classes
    how.strip = strip_in.size
    how.unit = plan.unit
    how.first_dx = plan.first_dx
    how.l1_floats = plan.l1_floats
    how.strip_in = <const int64_t *>data(strip_in)
    if wb_pack_sparse(&how, <const int32_t *>data(indptr),
                      <const int32_t *>data(offsets),
                      <const float *>data(spec.values), &packed.c) != 0:
        raise MemoryError("packing a sparse convolution")
    keep.append(packed)
    args.rows, args.chunks = how.rows, packed.c.chunks
    args.blocks, args.classes = how.blocks, how.classes
    args.strip = plan.strip
    args.row_vectors = plan.row_vectors
    args.last_dx = plan.first_dx + plan.classes - 1
    args.unit = how.unit
    args.chunk_base = packed.c.chunk_base
    args.runs = packed.c.runs
    args.run_at = packed.c.run_at
    args.nz_at = packed.c.nz_at
    args.index = packed.c.index
    args.values = packed.c.values
    args.bias = <const float *>data(own(keep, spec.bias, np.float32))
    return args


cdef int64_t packed_bytes(spec, const wb_conv_sparse *args):
    """Return the bytes of pairs and runs."""
    runs = args.run_at[args.chunks * args.blocks]
    return (spec.values.size * (8 if args.unit == 1 else 6)
            + runs * 4 * (1 + args.classes))


def conv_sparse(spec, int isa, plan):
    """Return the step of a checked ConvSparse, packed by a strips.SparsePlan."""
    cdef list keep = []
    cdef wb_conv_sparse args = pack_pairs(
        spec, plan, spec.offsets, spec.place.vectors, keep)
    args.place = place_of(spec.place, keep)
    op = "conv_sparse_shift" if plan.row_vectors else "conv_sparse"
    step = new_step(op, isa, &args, sizeof(args), keep)
    step.macs = spec.values.size * spec.place.vectors.pixels
    step.bytes = packed_bytes(spec, &args)
    step.extent = spec.place.extent
    step.channels = args.rows
    step.divisible, step.reach = spec.place, reach_of(spec.offsets)
    if args.chunks > 1:
        step.scratch_floats = floats_of((spec.indptr.size - 1) * plan.strip * 16)
    return step


def linear_dense(spec, int isa):
    """Return the step of a checked LinearDense."""
    cdef wb_linear_dense args
    cdef list keep = [spec.weights]
    args.outputs, args.inputs = spec.weights.shape
    args.src, args.dst = spec.src, spec.dst
    args.act = act_of(spec.act)
    args.weights = <const float *>data(spec.weights)
    args.bias = <const float *>data(own(keep, spec.bias, np.float32))
    step = new_step("linear_dense", isa, &args, sizeof(args), keep)
    step.macs = spec.weights.size
    step.bytes = spec.weights.nbytes
    step.spans[0].at = args.weights
    step.spans[0].bytes = step.bytes
    step.extent = (min(args.src, args.dst),
                   max(args.src + args.inputs, args.dst + args.outputs))
    return step


def linear_sparse(spec, int isa):
    """Return the step of a checked LinearSparse."""
    cdef wb_linear_sparse args
    cdef list keep = []
    args.outputs = spec.indptr.size - 1
    args.src, args.dst = spec.src, spec.dst
    args.act = act_of(spec.act)
    args.wide = spec.inputs > 65536
    columns = own(keep, spec.columns, np.int32 if args.wide else np.uint16)
    args.indptr = <const int32_t *>data(own(keep, spec.indptr, np.int32))
    args.columns = data(columns)
    args.values = <const float *>data(own(keep, spec.values, np.float32))
    args.bias = <const float *>data(own(keep, spec.bias, np.float32))
    step = new_step("linear_sparse", isa, &args, sizeof(args), keep)
    step.macs = spec.values.size
    step.bytes = spec.values.nbytes + columns.nbytes
    step.extent = (min(args.src, args.dst),
                   max(args.src + spec.inputs, args.dst + args.outputs))
    return step
