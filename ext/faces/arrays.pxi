# Packing of steps on arrays of any rank.
from kernels.along.along cimport *
from kernels.products.products cimport *
from kernels.views.views cimport *

from workbench.kernels.values.views import ALONG, FUNCTIONS, SAME_SHAPE


cdef wb_view view_of(object view, list keep):
    cdef wb_view result
    memset(&result, 0, sizeof(result))
    if view.fixed is not None:
        result.fixed = <const float *>data(own(keep, view.fixed, np.float32))
    result.base = view.base
    for axis, stride in enumerate(view.strides):
        result.strides[axis] = stride
    return result


cdef tuple extent_of(list pairs):
    """Return the range of the arena that views touch; pairs of view and sizes."""
    found = [view.extent(sizes) for view, sizes in pairs if view.fixed is None]
    return min(e[0] for e in found), max(e[1] for e in found)


def views(spec, int isa):
    """Return the step of a checked Views."""
    cdef wb_views args
    cdef list keep = []
    memset(&args, 0, sizeof(args))
    for place, view in enumerate((spec.out, spec.a, spec.b)):
        args.view[place] = view_of(view, keep)
    args.function = FUNCTIONS.index(spec.function)
    args.plane = spec.plane
    args.axes = len(spec.sizes)
    for axis, size in enumerate(spec.sizes):
        args.sizes[axis] = size
    step = new_step("views", isa, &args, sizeof(args), keep)
    given = [spec.out, spec.a, spec.b]
    step.extent = extent_of([(view, spec.sizes) for view in given])
    step.bytes = sum(one.fixed.nbytes for one in given[1:] if one.fixed is not None)
    return step


def along(spec, int isa):
    """Return the step of a checked Along."""
    cdef wb_along args
    cdef list keep = []
    memset(&args, 0, sizeof(args))
    args.src, args.dst = spec.src, spec.dst
    args.outer, args.count, args.inner = spec.shape
    args.kind = ALONG.index(spec.kind)
    args.centre = spec.centre
    args.eps = spec.eps
    if spec.scale is not None:
        args.scale = <const float *>data(own(keep, spec.scale, np.float32))
    if spec.shift is not None:
        args.shift = <const float *>data(own(keep, spec.shift, np.float32))
    args.per_line, args.per_number = spec.per_line, spec.per_number
    step = new_step("along", isa, &args, sizeof(args), keep)
    outer, count, inner = spec.shape
    floats = outer * count * inner
    wide = floats if spec.kind in SAME_SHAPE else outer * inner
    step.extent = min(spec.src, spec.dst), max(spec.src + floats, spec.dst + wide)
    step.bytes = sum(array.nbytes for array in keep)
    return step


def products(spec, int isa):
    """Return the step of a checked Products."""
    cdef wb_products args
    cdef list keep = []
    memset(&args, 0, sizeof(args))
    args.left, args.right = view_of(spec.left, keep), view_of(spec.right, keep)
    args.dst = spec.dst
    args.axes = len(spec.batch)
    matrices = 1
    for axis, size in enumerate(spec.batch):
        args.sizes[axis] = size
        matrices *= size
    args.rows, args.depth, args.columns = spec.rows, spec.depth, spec.columns
    step = new_step("products", isa, &args, sizeof(args), keep)
    wide = floats_of(matrices * spec.rows * spec.columns)
    low, high = extent_of(
        [(spec.left, (*spec.batch, spec.rows, spec.depth)),
         (spec.right, (*spec.batch, spec.depth, spec.columns))]
    )
    step.extent = min(low, spec.dst), max(high, spec.dst + wide)
    step.scratch_floats = floats_of(16 * spec.depth)
    step.macs = wide * spec.depth
    return step
