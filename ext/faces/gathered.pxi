# Packing of the sparse convolution over gathered lines.
from core.wb cimport *
from kernels.conv_gathered.conv_gathered cimport *


cdef const wb_piece *pieces_of(list keep, object pieces):
    """Return the C form of gathered.Pieces."""
    kind = np.dtype([("at", np.int64), ("lane", np.int32), ("width", np.int32)])
    table = np.empty(pieces.at.size, kind)
    table["at"], table["lane"], table["width"] = pieces.at, pieces.lane, pieces.width
    return <const wb_piece *>data(own(keep, table, kind))


cdef int64_t longest_chunk(const wb_conv_gathered *args):
    """Return the most lines of a chunk."""
    cdef int32_t c
    cdef int64_t longest = 0
    for c in range(args.sums.chunks):
        longest = max(longest, wb_gathered_line(args, c + 1) - wb_gathered_line(args, c))
    return longest


def conv_gathered(spec, int isa, plan, gathering):
    """Return the step of a checked ConvSparse over gathered.Gathering."""
    cdef wb_conv_gathered args
    cdef list keep = []
    place = spec.place
    args.sums = pack_pairs(spec, plan, gathering.index, gathering.vectors, keep)
    args.sums.place = place_of(gathering.place, keep)
    args.vectors = gathering.vectors.vec_in.size
    args.lines = gathering.line_offset.size
    args.idle = gathering.vectors.vec_in.size * 16 > gathering.pixels
    args.reads, args.writes = gathering.reads.at.size, gathering.writes.at.size
    args.read = pieces_of(keep, gathering.reads)
    args.write = pieces_of(keep, gathering.writes)
    args.line_offset = <const int32_t *>data(own(keep, gathering.line_offset, np.int32))
    args.src, args.dst, args.out_cs = place.src, place.dst, place.out_cs
    args.residual = WB_NONE if place.residual is None else place.residual
    args.act = act_of(place.act)
    step = new_step("conv_gathered", isa, &args, sizeof(args), keep)
    step.macs = spec.values.size * gathering.pixels
    step.bytes = packed_bytes(spec, &args.sums)
    step.extent = place.extent
    lines = spec.indptr.size - 1 + longest_chunk(&args)
    step.scratch_floats = floats_of(lines * gathering.vectors.vec_in.size * 16)
    return step
