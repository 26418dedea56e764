# Packing of the fully connected layers with a table of weights.
from kernels.palette.palette cimport *


cdef const float *full_table(list keep, object codebook):
    table = np.zeros(WB_PALETTE, dtype=np.float32)
    table[: codebook.size] = codebook
    return <const float *>data(own(keep, table, np.float32))


def palette_dense(spec, int isa):
    """Return the step of a checked PaletteDense; its codes are not copied."""
    cdef wb_palette_dense args
    cdef list keep = [spec.codes]
    args.outputs, args.inputs = spec.codes.shape
    args.entries = spec.codebook.size
    args.src, args.dst = spec.src, spec.dst
    args.act = act_of(spec.act)
    args.table = full_table(keep, spec.codebook)
    args.codes = <const uint8_t *>data(spec.codes)
    args.scale = <const float *>data(own(keep, spec.scale, np.float32))
    args.bias = <const float *>data(own(keep, spec.bias, np.float32))
    step = new_step("palette_dense", isa, &args, sizeof(args), keep)
    step.macs = spec.codes.size
    step.bytes = spec.codes.nbytes
    step.extent = (min(args.src, args.dst),
                   max(args.src + args.inputs, args.dst + args.outputs))
    return step


def palette_sparse(spec, int isa):
    """Return the step of a checked PaletteSparse."""
    cdef wb_palette_sparse args
    cdef list keep = []
    args.outputs = spec.indptr.size - 1
    args.src, args.dst = spec.src, spec.dst
    args.act = act_of(spec.act)
    args.wide = spec.inputs > 65536
    columns = own(keep, spec.columns, np.int32 if args.wide else np.uint16)
    args.indptr = <const int32_t *>data(own(keep, spec.indptr, np.int32))
    args.columns = data(columns)
    args.table = full_table(keep, spec.codebook)
    args.codes = <const uint8_t *>data(own(keep, spec.codes, np.uint8))
    args.scale = <const float *>data(own(keep, spec.scale, np.float32))
    args.bias = <const float *>data(own(keep, spec.bias, np.float32))
    step = new_step("palette_sparse", isa, &args, sizeof(args), keep)
    step.macs = spec.codes.size
    step.bytes = spec.codes.nbytes + columns.nbytes
    step.extent = (min(args.src, args.dst),
                   max(args.src + spec.inputs, args.dst + args.outputs))
    return step
