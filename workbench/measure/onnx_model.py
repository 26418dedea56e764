"""A torch module as one ONNX model with a free batch size.

Belongs here: the conversion that peers and the ONNX export share. Does not belong
here: writing files (export/onnx.py).
"""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from workbench.capture.from_torch.ends import (
    Given,
    Results,
    Watched,
    arguments,
    call,
    images_of,
    results_of,
)
from workbench.capture.from_torch.twin import twin
from workbench.errors import WorkbenchError
from workbench.extras import missing_package
from workbench.measure.onnx_pools import adaptive_table

INPUT_NAME = "input"
BATCH_NAME = "batch"
# It would say on every export that torchvision's operations are not there.
_TALKATIVE = "torch.onnx._internal.exporter._registration"


def to_onnx(
    module: torch.nn.Module, shapes: Sequence[int] | Mapping[str, tuple[int, ...]]
) -> Any:
    """Return the module as an `onnx.ModelProto`, weights inside, batch free.

    A network that came as an ONNX file is that file with the module's weights. Of
    others the exporter folds batch norm into the convolutions: masked zeros stay zero,
    other weights differ from the module's by that factor.

    Parameters
    ----------
    module : torch.nn.Module
        In eval mode.
    shapes : (C, H, W), or a mapping of names to shapes
        Of one image. Inputs and outputs keep their names; one by itself is called
        "input", "output".

    Raises
    ------
    WorkbenchError
        When the exporter's packages are missing or it refuses the module.
    """
    bring = getattr(module, "onnx_model", None)
    own = bring() if callable(bring) else None
    if own is not None:
        return own
    # Two images: the exporter would take a batch of one for a constant.
    known = dict(shapes) if isinstance(shapes, Mapping) else {INPUT_NAME: tuple(shapes)}
    example = images_of(known, 2)
    args, kwargs = arguments(module, example)
    batch = torch.export.Dim(BATCH_NAME, min=1)
    results = _results(module, images_of(known))
    names = [f"{n}_out" if n in known else n for n in results.tensors]
    if results.structure != "tensor":
        module = twin(module)
        Watched(module)
    try:
        with _silence(), torch.inference_mode():
            program = torch.onnx.export(
                module,
                args,
                kwargs=kwargs or None,
                dynamo=True,
                dynamic_shapes={name: {0: batch} for name in kwargs}
                or tuple({0: batch} for _ in args),
                input_names=list(known),
                output_names=names,
                custom_translation_table=adaptive_table(),
                verbose=False,
            )
    except ModuleNotFoundError as error:
        raise missing_package(error) or error from error
    except torch.onnx.errors.OnnxExporterError as error:
        raise WorkbenchError(
            found=f"torch cannot export this module to ONNX: {error}",
            expected="a module without data-dependent control flow",
            next_step="Export .safetensors instead, or rewrite what the message names.",
        ) from error
    if program is None:
        raise WorkbenchError(
            found="the ONNX exporter returned nothing",
            expected="an ONNX program",
            next_step="Check that torch is the version in requirements.txt.",
        )
    return program.model_proto


def _results(module: torch.nn.Module, image: Given) -> Results:
    with torch.inference_mode():
        return results_of(call(module, image))


@contextmanager
def _silence() -> Iterator[None]:
    talkative = logging.getLogger(_TALKATIVE)
    level = talkative.level
    talkative.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        talkative.setLevel(level)
