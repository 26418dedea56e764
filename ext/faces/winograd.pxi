# Packing of the Winograd convolution.
from core.wb cimport *
from kernels.winograd.winograd cimport *
from kernels.winograd.winograd_pack cimport *

from workbench.kernels.values.winograd_spec import (
    WinogradTaps,
    coefficients,
    empty_aligned,
    filter_rows,
    pack_dense,
    pack_sparse,
)


cdef object pack_taps(weights):
    """Return 3x3 weights in the order of wb_winograd.taps."""
    cdef wb_winograd_taps source
    _, outputs, channels = weights.shape
    taps = np.ascontiguousarray(weights.taps)
    packed = empty_aligned(9 * -(-outputs // 8) * 8 * -(-channels // 2) * 2)
    source.taps = <const float *>data(taps)
    source.outputs, source.channels = outputs, channels
    cdef float *room = <float *>data(packed)
    with nogil:
        wb_winograd_pack(&source, room)
    return packed


def winograd(spec, int isa):
    """Return the step of a checked WinogradConv."""
    cdef wb_winograd args
    cdef list keep = []
    tiles, weights = spec.tiles, spec.weights
    memset(&args, 0, sizeof(args))
    args.place.count, args.place.segments = tiles.out_off.shape
    args.place.out = <const int64_t *>data(own(keep, tiles.out_off, np.int64))
    args.place.mask = <const uint16_t *>data(own(keep, tiles.out_mask, np.uint16))
    args.place.src, args.place.dst = spec.src, spec.dst
    args.place.out_cs = spec.out_cs
    args.place.residual = WB_NONE if spec.residual is None else spec.residual
    args.place.unzip = tiles.unzip
    args.place.act = act_of(spec.act)
    args.in_cs = spec.in_cs
    args.m = tiles.m
    args.outputs, args.channels = weights.shape[1:]
    args.vectors = tiles.vectors
    args.tail = tiles.count - 16 * (tiles.vectors - 1)
    args.rectify = spec.rectify
    args.nv, args.ob = spec.block.vectors, spec.block.outputs
    args.item_start = <const int32_t *>data(own(keep, tiles.item_start, np.int32))
    args.item_off = <const int64_t *>data(own(keep, tiles.item_off, np.int64))
    args.item_mask = <const uint16_t *>data(own(keep, tiles.item_mask, np.uint16))
    args.item_slot = <const int32_t *>data(own(keep, tiles.item_slot, np.int32))
    args.item_halo = <const uint16_t *>data(own(keep, tiles.item_halo, np.uint16))
    args.bias = <const float *>data(own(keep, spec.bias, np.float32))
    args.coef = <const float *>data(own(keep, coefficients(weights), np.float32))
    if weights.sparse:
        indptr, index, values = pack_sparse(weights.coords, args.nv)
        args.indptr = <const int32_t *>data(own(keep, indptr, np.int32))
        args.index = <const int32_t *>data(own(keep, index, np.int32))
        args.values = <const float *>data(own(keep, values, np.float32))
        held = indptr.nbytes + index.nbytes + values.nbytes
    elif isinstance(weights, WinogradTaps) and not spec.block.ready:
        packed = pack_taps(weights)
        keep.append(packed)
        args.taps = <const float *>data(packed)
        args.filter = <const float *>data(own(keep, filter_rows(weights), np.float32))
        held = packed.nbytes
    else:
        packed = pack_dense(weights.coords, args.ob)
        keep.append(packed)
        args.dense = <const float *>data(packed)
        held = packed.nbytes
    step = new_step("winograd", isa, &args, sizeof(args), keep)
    step.macs = spec.macs
    step.bytes = held
    if not weights.sparse:
        step.spans[0].at = args.taps if args.taps != NULL else args.dense
        step.spans[0].bytes = held
    step.extent = spec.extent
    step.scratch_floats = floats_of(wb_winograd_scratch(&args))
    return step
