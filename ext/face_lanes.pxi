# Packing of the dense convolution with output channels as lanes.
cdef extern from "conv_lanes.h" nogil:
    ctypedef struct wb_conv_lanes:
        int64_t pixels
        const int64_t *in_ "in"
        const int64_t *out
        int64_t src
        int64_t dst
        int64_t out_cs
        int64_t residual
        wb_act act
        int32_t outputs
        int32_t taps
        int32_t blocks
        const int32_t *offsets
        const float *weights
        const float *bias
    int wb_lanes_block(int isa)


def conv_lanes(spec, int isa, table):
    """Return the step of a checked ConvDense of one group over a lanes.Pixels table."""
    cdef wb_conv_lanes args
    cdef list keep = []
    cdef int block = wb_lanes_block(isa)
    _, outputs, taps = spec.weights.shape
    blocks = -(-outputs // block)
    padded = np.zeros((blocks * block, taps), dtype=np.float32)
    padded[:outputs] = spec.weights[0]
    packed = padded.reshape(blocks, block, taps).transpose(0, 2, 1)
    bias = np.zeros(blocks * block, dtype=np.float32)
    bias[:outputs] = spec.bias
    place = spec.place
    args.pixels = table.reads.size
    args.in_ = <const int64_t *>data(own(keep, table.reads, np.int64))
    args.out = <const int64_t *>data(own(keep, table.writes, np.int64))
    args.src, args.dst, args.out_cs = place.src, place.dst, place.out_cs
    args.residual = WB_NONE if place.residual is None else place.residual
    args.act = act_of(place.act)
    args.outputs, args.taps, args.blocks = outputs, taps, blocks
    args.offsets = <const int32_t *>data(own(keep, spec.offsets, np.int32))
    args.weights = <const float *>data(own(keep, packed, np.float32))
    args.bias = <const float *>data(own(keep, bias, np.float32))
    step = new_step("conv_lanes", isa, &args, sizeof(args), keep)
    step.macs = spec.weights.size * spec.place.vectors.pixels
    step.bytes = padded.nbytes
    step.spans[0].at = args.weights
    step.spans[0].bytes = step.bytes
    step.extent = place.extent
    return step
