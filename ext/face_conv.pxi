# Packing of the dense and depthwise convolutions.


def conv_dense(spec, int isa, bint weights_outer):
    """Return the step of a checked ConvDense."""
    cdef wb_conv_dense args
    cdef list keep = []
    cdef int tile = wb_dense_tile(isa)
    groups, each, taps = spec.weights.shape
    blocks = -(-each // tile)
    tail = each - (blocks - 1) * tile
    last = tile if tail > tile // 2 else tile // 2
    packed = np.zeros((groups, ((blocks - 1) * tile + last) * taps), dtype=np.float32)
    for block in range(blocks):
        width = tile if block < blocks - 1 else last
        part = spec.weights[:, block * tile : block * tile + width].transpose(0, 2, 1)
        room = packed[:, block * tile * taps :][:, : taps * width]
        room.reshape(groups, taps, width)[:, :, : part.shape[2]] = part
    bias = np.zeros((groups, blocks * tile), dtype=np.float32)
    bias[:, :each] = spec.bias.reshape(groups, each)
    args.place = place_of(spec.place, keep)
    args.groups, args.each, args.taps, args.blocks = groups, each, taps, blocks
    args.vectors = 3
    args.weights_outer = weights_outer
    args.group_stride = spec.group_stride
    args.group_floats = packed.shape[1]
    args.offsets = <const int32_t *>data(own(keep, spec.offsets, np.int32))
    args.weights = <const float *>data(own(keep, packed, np.float32))
    args.bias = <const float *>data(own(keep, bias, np.float32))
    step = new_step("conv_dense", isa, &args, sizeof(args), keep)
    step.macs = spec.weights.size * spec.place.vectors.pixels
    step.bytes = packed.nbytes
    step.extent = spec.place.extent
    step.channels = groups * each
    step.divisible, step.reach = spec.place, reach_of(spec.offsets)
    if groups > 1:
        span = (groups - 1) * spec.group_stride
        step.reach = (step.reach[0] + min(0, span), step.reach[1] + max(0, span))
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
    args.offsets = <const int32_t *>data(own(keep, spec.offsets, np.int32))
    args.weights = <const float *>data(own(keep, spec.weights, np.float32))
    args.bias = <const float *>data(own(keep, spec.bias, np.float32))
    step = new_step("depthwise", isa, &args, sizeof(args), keep)
    step.macs = spec.weights.size * spec.place.vectors.pixels
    step.bytes = spec.weights.nbytes
    step.extent = spec.place.extent
    span = (args.channels - 1) * spec.in_cs
    low, high = reach_of(spec.offsets)
    step.channels = args.channels
    step.divisible = spec.place
    step.reach = (low + min(0, span), high + max(0, span))
    return step


def dense_tile(int isa):
    """Return how many output channels a tile of conv_dense holds."""
    return wb_dense_tile(isa)
