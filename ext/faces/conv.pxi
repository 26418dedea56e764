# Packing of the dense and depthwise convolutions.
from kernels.conv_dense.conv_dense cimport *
from kernels.conv_dense.dense_tiles cimport *
from kernels.depthwise.depthwise cimport *

DENSE_TILE = np.dtype(
    [("weights", np.int64), ("out", np.int64), ("offsets", np.int32), ("count", np.int32)]
)
"""wb_dense_tile as numpy knows it."""


cdef tuple pack_tiles(list keep, object weights, object tiles, object width):
    """Return weights (G, M, T) as [tile][tap][width], and where each tile starts."""
    cdef int64_t filters = weights.shape[1], taps = weights.shape[2], t
    cdef const int64_t[::1] group = tiles.group, first = tiles.first, count = tiles.count
    cdef const int64_t[::1] room = width, start
    cdef const float *source
    cdef float *target
    ends = np.cumsum(width * taps)
    floats_of(int(width.max()) * taps * len(width))
    starts = ends - width * taps
    start = starts
    nbytes = int(ends.max()) * weights.dtype.itemsize
    raw = np.zeros(nbytes + 64, dtype=np.uint8)
    keep.append(raw)
    packed = raw[-raw.ctypes.data % 64 :][:nbytes].view(weights.dtype)
    if weights.dtype == np.float32:
        source, target = <const float *>data(weights), <float *>data(packed)
        for t in range(group.shape[0]):
            wb_pack_dense(source + (group[t] * filters + first[t]) * taps, count[t], taps,
                          room[t], target + start[t])
        return packed, starts
    for t in range(group.shape[0]):
        part = weights[group[t], first[t] : first[t] + count[t]].T
        place = packed[start[t] :][: taps * room[t]].reshape(taps, room[t])
        place[:, : count[t]] = part
    return packed, starts


cdef const wb_dense_tile *tile_table(list keep, object tiles, object starts,
                                     int64_t out_cs, int64_t taps):
    """Return the table of tiles; output channels are out_cs floats apart."""
    table = np.empty(starts.size, DENSE_TILE)
    table["weights"] = starts
    table["out"] = tiles.outputs * out_cs
    table["offsets"] = tiles.group * taps
    table["count"] = tiles.count
    return <const wb_dense_tile *>data(own(keep, table, DENSE_TILE))


cdef const float *spread(list keep, object tiles, object values):
    """Return one float an output channel, padded to whole tiles."""
    return <const float *>data(own(keep, tiles.spread(values), np.float32))


cdef Step dense_step(str op, object spec, int isa, wb_conv_dense *args, object tiles,
                     list keep):
    """Fill what conv_dense and conv_palette share, and return the step."""
    cdef int64_t taps = spec.weights.shape[2]
    width = np.where(tiles.count > tiles.width // 2, tiles.width, tiles.width // 2)
    packed, starts = pack_tiles(keep, spec.weights, tiles, width)
    args.place = place_of(spec.place, keep)
    args.place.out_cs = floats_of(spec.place.out_cs * tiles.pitch)
    args.tiles, args.taps, args.vectors = starts.size, taps, 3
    args.floats = packed.size
    args.tile = tile_table(keep, tiles, starts, spec.place.out_cs, taps)
    args.offsets = <const int32_t *>data(own(keep, spec.offsets, np.int32))
    args.bias = spread(keep, tiles, spec.bias)
    if packed.dtype == np.float32:
        args.weights = <const float *>data(packed)
    else:
        args.codes = <const uint8_t *>data(packed)
    step = new_step(op, isa, args, sizeof(wb_conv_dense), keep)
    step.macs = spec.weights.size * spec.place.vectors.pixels
    step.bytes = packed.nbytes
    step.spans[0].at = <const void *>data(packed)
    step.spans[0].bytes = step.bytes
    step.extent = spec.place.extent
    step.channels = spec.bias.size
    step.divisible, step.reach = spec.place, reach_of(spec.offsets)
    return step


def conv_dense(spec, int isa, tiles, bint weights_outer):
    """Return the step of a checked ConvDense whose filters were cut into tiles."""
    cdef wb_conv_dense args
    memset(&args, 0, sizeof(args))
    args.weights_outer = weights_outer
    return dense_step("conv_dense", spec, isa, &args, tiles, [])


def conv_palette(spec, int isa, tiles):
    """Return the step of a checked ConvPalette whose filters were cut into tiles."""
    cdef wb_conv_dense args
    cdef list keep = []
    memset(&args, 0, sizeof(args))
    table = np.zeros(256, dtype=np.float32)
    table[: spec.codebook.size] = spec.codebook
    args.weights_outer = 1
    args.table = <const float *>data(own(keep, table, np.float32))
    args.scale = spread(keep, tiles, spec.scale)
    step = dense_step("conv_palette", spec, isa, &args, tiles, keep)
    step.scratch_floats = floats_of(spec.weights.shape[2] * tiles.width)
    return step


def depthwise(spec, int isa, grid):
    """Return the step of a checked Depthwise; grid comes from chains.depthwise_grid."""
    cdef wb_depthwise args
    cdef list keep = []
    args.place = place_of(spec.place, keep)
    args.channels, args.taps = spec.weights.shape
    args.in_cs = spec.in_cs
    args.grid, args.columns = grid.step, grid.columns
    args.row_stride = grid.row_stride
    args.pace = spec.place.vectors.pace
    masks = spec.place.vectors.vec_mask
    args.repeats = np.array_equal(masks[grid.columns :], masks[: -grid.columns])
    frame_in(&args, spec.place, keep)
    args.offsets = <const int32_t *>data(own(keep, spec.offsets, np.int32))
    args.weights = <const float *>data(own(keep, spec.weights, np.float32))
    args.bias = <const float *>data(own(keep, spec.bias, np.float32))
    step = new_step("depthwise", isa, &args, sizeof(args), keep)
    step.macs = spec.weights.size * spec.place.vectors.pixels
    step.bytes = spec.weights.nbytes
    step.extent = spec.place.extent
    span = (args.channels - 1) * spec.in_cs
    low, high = reach_of(spec.offsets)
    if spec.place.frame is not None:
        low = high = 0
    step.channels = args.channels
    step.divisible = spec.place
    step.reach = (low + min(0, span), high + max(0, span))
    return step


cdef frame_in(wb_depthwise *args, object place, list keep):
    frame = place.frame
    args.lanes = NULL
    if frame is None:
        return
    lanes = frame.lanes()
    inside = np.flatnonzero(np.all(lanes == 0xFFFF, axis=1))
    args.lanes = <const uint16_t *>data(own(keep, lanes, np.uint16))
    args.height, args.top = frame.height, frame.top
    args.inner[0] = inside.min() if inside.size else 0
    args.inner[1] = inside.max() + 1 if inside.size else 0
    args.origin = place.vectors.vec_in[0]


def dense_width(int isa):
    """Return how many output channels a tile of conv_dense holds."""
    return wb_dense_width(isa)
