# Packing of the dense convolution with output channels as lanes.
from core.wb cimport *
from kernels.conv_lanes.conv_lanes cimport *


def conv_lanes(spec, int isa, tiles, table):
    """Return the step of a checked ConvDense over a lanes.Pixels table."""
    cdef wb_conv_lanes args
    cdef list keep = []
    cdef int64_t taps = spec.weights.shape[2]
    width = np.full(tiles.count.size, tiles.width, dtype=np.int64)
    packed, starts = pack_tiles(keep, spec.weights, tiles, width)
    place = spec.place
    args.pixels = table.reads.size
    args.in_ = <const int64_t *>data(own(keep, table.reads, np.int64))
    args.out = <const int64_t *>data(own(keep, table.writes, np.int64))
    args.src, args.dst = place.src, place.dst
    args.out_cs = floats_of(place.out_cs * tiles.pitch)
    args.residual = WB_NONE if place.residual is None else place.residual
    args.act = act_of(place.act)
    args.tiles, args.taps = starts.size, taps
    args.tile = tile_table(keep, tiles, starts, place.out_cs, taps)
    args.offsets = <const int32_t *>data(own(keep, spec.offsets, np.int32))
    args.weights = <const float *>data(packed)
    args.bias = spread(keep, tiles, spec.bias)
    step = new_step("conv_lanes", isa, &args, sizeof(args), keep)
    step.macs = spec.weights.size * spec.place.vectors.pixels
    step.bytes = packed.nbytes
    step.spans[0].at = args.weights
    step.spans[0].bytes = step.bytes
    step.extent = place.extent
    return step


def lanes_width(int isa):
    """Return how many output channels a tile of conv_lanes holds."""
    return wb_lanes_width(isa)
