# Packing of the dense and depthwise convolutions.


cdef extern from "dense_pack.h" nogil:
    ctypedef struct wb_dense_tiles:
        int64_t channels
        int64_t taps
        int64_t tile
        int64_t last
    void wb_pack_dense(wb_dense_tiles shape, const float *weights, float *packed)


cdef object pack_tiles(list keep, object weights, object dtype, int tile):
    """Return weights (G, O/G, T) as [group][block][tap][m]: see conv_dense.h."""
    cdef wb_dense_tiles shape
    groups, each, taps = weights.shape
    blocks = -(-each // tile)
    tail = each - (blocks - 1) * tile
    last = tile if tail > tile // 2 else tile // 2
    size = ((blocks - 1) * tile + last) * taps
    room = np.zeros(groups * size * np.dtype(dtype).itemsize + 64, dtype=np.uint8)
    keep.append(room)
    room = room[-room.ctypes.data % 64 :][: room.size - 64]
    packed = room.view(dtype).reshape(groups, size)
    if np.dtype(dtype) == np.float32 and weights.flags.c_contiguous:
        shape.channels, shape.taps, shape.tile, shape.last = each, taps, tile, last
        for group in range(groups):
            wb_pack_dense(shape, <const float *>data(weights[group]),
                          <float *>data(packed[group]))
        return packed
    for block in range(blocks):
        width = tile if block < blocks - 1 else last
        part = weights[:, block * tile : block * tile + width].transpose(0, 2, 1)
        place = packed[:, block * tile * taps :][:, : taps * width]
        place.reshape(groups, taps, width)[:, :, : part.shape[2]] = part
    return packed


cdef const float *pack_channels(list keep, object values, object shape, int64_t room):
    """Return one float a channel, padded to whole tiles a group."""
    groups, each = shape[:2]
    packed = np.zeros((groups, room), dtype=np.float32)
    packed[:, :each] = values.reshape(groups, each)
    return <const float *>data(own(keep, packed, np.float32))


cdef Step dense_step(str op, object spec, int isa, wb_conv_dense *args, object packed,
                     list keep):
    """Fill what conv_dense and conv_palette share, and return the step."""
    cdef int tile = wb_dense_tile(isa)
    groups, each, taps = spec.weights.shape
    blocks = -(-each // tile)
    args.place = place_of(spec.place, keep)
    args.groups, args.each, args.taps, args.blocks = groups, each, taps, blocks
    args.vectors = 3
    args.group_stride = spec.group_stride
    args.group_floats = packed.shape[1]
    args.offsets = <const int32_t *>data(own(keep, spec.offsets, np.int32))
    args.bias = pack_channels(keep, spec.bias, spec.weights.shape, blocks * tile)
    step = new_step(op, isa, args, sizeof(wb_conv_dense), keep)
    step.macs = spec.weights.size * spec.place.vectors.pixels
    step.bytes = packed.nbytes
    step.spans[0].at = <const void *>data(packed)
    step.spans[0].bytes = step.bytes
    step.extent = spec.place.extent
    step.channels = groups * each
    step.divisible, step.reach = spec.place, reach_of(spec.offsets)
    if groups > 1:
        span = (groups - 1) * spec.group_stride
        step.reach = (step.reach[0] + min(0, span), step.reach[1] + max(0, span))
    return step


def conv_dense(spec, int isa, bint weights_outer):
    """Return the step of a checked ConvDense."""
    cdef wb_conv_dense args
    cdef list keep = []
    memset(&args, 0, sizeof(args))
    packed = pack_tiles(keep, spec.weights, np.float32, wb_dense_tile(isa))
    args.weights_outer = weights_outer
    args.weights = <const float *>data(packed)
    return dense_step("conv_dense", spec, isa, &args, packed, keep)


def conv_palette(spec, int isa):
    """Return the step of a checked ConvPalette."""
    cdef wb_conv_dense args
    cdef list keep = []
    cdef int tile = wb_dense_tile(isa)
    memset(&args, 0, sizeof(args))
    packed = pack_tiles(keep, spec.weights, np.uint8, tile)
    blocks = -(-spec.weights.shape[1] // tile)
    table = np.zeros(256, dtype=np.float32)
    table[: spec.codebook.size] = spec.codebook
    args.weights_outer = 1
    args.codes = <const uint8_t *>data(packed)
    args.table = <const float *>data(own(keep, table, np.float32))
    args.scale = pack_channels(keep, spec.scale, spec.weights.shape, blocks * tile)
    step = dense_step("conv_palette", spec, isa, &args, packed, keep)
    step.scratch_floats = spec.weights.shape[2] * tile
    return step


def depthwise(spec, int isa, grid):
    """Return the step of a checked Depthwise; grid comes from native.depthwise_grid."""
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


def dense_tile(int isa):
    """Return how many output channels a tile of conv_dense holds."""
    return wb_dense_tile(isa)
