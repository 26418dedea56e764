"""A torch module as one ONNX model with a free batch size.

Belongs here: the conversion that peers and the ONNX export share. Does not belong
here: writing files (export/onnx.py).
"""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from workbench.errors import WorkbenchError
from workbench.extras import missing_package
from workbench.measure.onnx_pools import adaptive_table

INPUT_NAME = "input"
OUTPUT_NAME = "output"
BATCH_NAME = "batch"
# It would say on every export that torchvision's operations are not there.
_TALKATIVE = "torch.onnx._internal.exporter._registration"


def to_onnx(module: torch.nn.Module, input_shape: Sequence[int]) -> Any:
    """Return the module as an `onnx.ModelProto`, weights inside, batch free.

    The exporter folds batch norm into the convolutions: masked zeros stay zero,
    other weights differ from the module's by that factor.

    Parameters
    ----------
    module : torch.nn.Module
        In eval mode.
    input_shape : (C, H, W)
        Of one image.

    Raises
    ------
    WorkbenchError
        When the exporter's packages are missing or it refuses the module.
    """
    # Two images: the exporter would take a batch of one for a constant.
    example = torch.zeros(2, *input_shape)
    batch = torch.export.Dim(BATCH_NAME, min=1)
    try:
        with _silence(), torch.inference_mode():
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                dynamic_shapes=({0: batch},),
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
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
