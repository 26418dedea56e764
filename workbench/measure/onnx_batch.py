"""ONNX files that fix a batch, for engines that are timed on one image.

Belongs here: the same file with a free batch. Does not belong here: exporting networks
(``onnx_model``).
"""

from pathlib import Path

from workbench.measure.onnx_model import BATCH_NAME
from workbench.reading import regular


def write_with_free_batch(source: Path, target: Path) -> bool:
    """Write a file without its fixed batch; say whether it had one of several images.

    Sizes that it states of tensors in between are left out: they had the batch in them.

    Parameters
    ----------
    source, target : Path
    """
    import onnx

    model = onnx.load(regular(source))
    graph = model.graph
    weights = {one.name for one in graph.initializer}
    batches = {
        one.type.tensor_type.shape.dim[0].dim_value
        for one in graph.input
        if one.name not in weights and one.type.tensor_type.shape.dim
    }
    if max(batches, default=0) < 2:
        return False
    for one in (*graph.input, *graph.output):
        dims = one.type.tensor_type.shape.dim
        if one.name not in weights and dims and dims[0].dim_value in batches:
            dims[0].dim_param = BATCH_NAME
    del graph.value_info[:]
    onnx.save(model, target)
    return True
