"""ncnn, converted from the same ONNX file by pnnx, in fp32."""

import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from workbench.errors import WorkbenchError
from workbench.measure.conditions import installed_versions
from workbench.measure.peers.protocol import (
    Array,
    Peer,
    Runner,
    Setup,
    Subject,
    needs,
)

WEIGHTS = "ncnn.bin"
_INSTALL = "pip install ncnn pnnx"
_HALF = (
    "use_fp16_packed",
    "use_fp16_storage",
    "use_fp16_arithmetic",
    "use_bf16_packed",
    "use_bf16_storage",
)


class _Net(Runner):
    def __init__(self, subject: Subject, setup: Setup) -> None:
        import ncnn

        self._mat = ncnn.Mat
        self._net = ncnn.Net()
        options = self._net.opt
        options.num_threads = setup.threads
        options.use_vulkan_compute = False
        for name in _HALF:
            setattr(options, name, False)
        version = installed_versions(["pnnx"]).get("pnnx", "unknown")
        param = subject.converted(f"ncnn-{version}.param", partial(_convert, subject))
        self._net.load_param(str(param))
        self._net.load_model(str(param.with_name(WEIGHTS)))
        self._input = self._net.input_names()[0]
        self._output = self._net.output_names()[0]

    def __call__(self, x: Array) -> Array:
        # ncnn has no batch: one image after the other.
        return np.stack([self._one(image) for image in x])

    def _one(self, image: Array) -> Array:
        with self._net.create_extractor() as extractor:
            extractor.input(self._input, self._mat(image))
            _, found = extractor.extract(self._output)
            return np.array(found, dtype=np.float32)


def _convert(subject: Subject, target: Path) -> None:
    """Write the network's structure, and its weights beside it."""
    import pnnx

    shape = ",".join(str(size) for size in (1, *subject.input_shape))
    with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
        source = Path(folder, "model.onnx")
        source.symlink_to(subject.onnx_path.absolute())
        done = subprocess.run(
            [pnnx.EXEC_PATH, source.name, f"inputshape=[{shape}]f32", "fp16=0"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        weights = Path(folder, "model.ncnn.bin")
        if done.returncode or not weights.is_file():
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise WorkbenchError(
                found=f"pnnx does not convert the network ({' '.join(last)})",
                expected="operations that ncnn has",
                next_step="Leave ncnn out for this network.",
            )
        shutil.move(weights, target.with_name(WEIGHTS))
        shutil.move(Path(folder, "model.ncnn.param"), target)


def _available() -> str | None:
    return needs("ncnn", install=_INSTALL) or needs("pnnx", install=_INSTALL)


PEER = Peer("ncnn", "ncnn, fp32", "ncnn", _available, _Net)
