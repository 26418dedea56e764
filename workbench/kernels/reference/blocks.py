"""What the convolution in n x 1 blocks computes, in NumPy.

Belongs here: the specification of conv_blocks. Does not belong here: speed.
"""

from workbench.kernels.reference.conv import lanes_of, store
from workbench.kernels.reference.step import ReferenceStep
from workbench.kernels.values.specs import ConvBlocks
from workbench.kernels.values.types import F32


def conv_blocks(spec: ConvBlocks) -> ReferenceStep:
    """Return the step of ``bias + sum value * arena[in + offset]`` a channel."""
    place, height = spec.place, spec.height

    def apply(arena: F32, x: F32, y: F32) -> None:
        lanes = lanes_of(place)
        results = []
        for o, bias in enumerate(spec.bias):
            group = o // height
            row = slice(spec.indptr[group], spec.indptr[group + 1])
            where = lanes[:, :, None] + spec.offsets[row]
            results.append(bias + arena[where] @ spec.values[row, o % height])
        for o, sums in enumerate(results):
            store(arena, place, o, sums)

    return ReferenceStep(
        "numpy_conv_blocks",
        spec.values.size * place.vectors.pixels,
        spec.values.nbytes + spec.offsets.nbytes,
        place.extent,
        apply,
    )
