"""The .wbp file: same result after loading, without torch; damage is refused."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.engine.nets import make
from workbench.capture.compile import compile
from workbench.engine.file import PREFIX, ProgramFileError
from workbench.engine.program import Program
from workbench.engine.stored.filed import FiledParams
from workbench.kernels import forced_isa


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, bytes]:
    module, x = make("resnet", 0.8)
    program = compile(module, example=x, tune="model")
    path = tmp_path_factory.mktemp("wbp") / "net.wbp"
    program.save(path)
    return path, program(x), x.numpy().tobytes()


def test_loads_and_runs_without_torch(
    saved: tuple[Path, np.ndarray, bytes], tmp_path: Path
) -> None:
    path, expected, images = saved
    (tmp_path / "x.bin").write_bytes(images)
    code = f"""
import hashlib, sys
import numpy as np
from workbench.engine.program import Program
from workbench.kernels import forced_isa
x = np.fromfile({str(tmp_path / "x.bin")!r}, np.float32).reshape(3, 3, 33, 31)
print(hashlib.sha256(Program.load({str(path)!r})(x).tobytes()).hexdigest())
assert "torch" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.strip() == hashlib.sha256(expected.tobytes()).hexdigest()


def test_sparse_weights_come_back_exactly(
    saved: tuple[Path, np.ndarray, bytes],
) -> None:
    module, x = make("resnet", 0.8)
    program = compile(module, example=x, tune="model")
    loaded = Program.load(saved[0])
    for ours, theirs in zip(program.graph, loaded.graph, strict=True):
        assert ours.attrs == theirs.attrs
        for name, array in ours.params.items():
            np.testing.assert_array_equal(array, theirs.params[name])
    assert saved[0].stat().st_size < sum(
        array.nbytes for node in program.graph for array in node.params.values()
    )


def flip(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "weights": (lambda d: flip(d, len(d) - 200), "checksum"),
    "header": (lambda d: flip(d, PREFIX.size + 20), "undamaged header"),
    "cut weights": (lambda d: d[: len(d) - 4096], "ends after"),
    "cut header": (lambda d: d[: PREFIX.size + 100], "undamaged header"),
    "cut prefix": (lambda d: d[:10], "a .wbp program"),
    "foreign": (lambda d: b"PK\x03\x04" + d[4:], "starts with"),
    "newer": (lambda d: d[:8] + b"\x63" + d[9:], "version 99"),
}


@pytest.mark.parametrize("damage", list(DAMAGE))
def test_damage_is_refused(
    saved: tuple[Path, np.ndarray, bytes], tmp_path: Path, damage: str
) -> None:
    change, message = DAMAGE[damage]
    path = tmp_path / "bad.wbp"
    path.write_bytes(change(saved[0].read_bytes()))
    with pytest.raises(ProgramFileError, match=message):
        Program.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProgramFileError, match=r"none\.wbp cannot be read"):
        Program.load(tmp_path / "none.wbp")


def test_a_file_from_another_machine_is_planned_anew(
    saved: tuple[Path, np.ndarray, bytes],
) -> None:
    path, expected, images = saved
    x = np.frombuffer(images, np.float32).reshape(3, 3, 33, 31)
    with forced_isa("numpy"):
        elsewhere = Program.load(path)
        result = elsewhere(x)
    assert elsewhere.plan.kernels.startswith("numpy ")
    np.testing.assert_allclose(result, expected, atol=1e-5 * np.abs(expected).max())


def test_loaded_weights_stay_in_the_file_until_somebody_asks(
    saved: tuple[Path, np.ndarray, bytes],
) -> None:
    loaded = Program.load(saved[0])
    node = next(n for n in loaded.graph if n.op == "conv2d")
    params = node.params
    assert isinstance(params, FiledParams)
    assert "weight" in params
    assert "scale" not in params
    assert params.outlines()["weight"].shape == params["weight"].shape
    assert params.outlines()["weight"].strides == (0, 0, 0, 0)
    held = params["weight"]
    assert params["weight"] is held
    with pytest.raises(ValueError, match="read-only"):
        params["bias"][0] = 1.0


def test_a_loaded_program_saves_the_same_bytes(
    saved: tuple[Path, np.ndarray, bytes], tmp_path: Path
) -> None:
    Program.load(saved[0]).save(tmp_path / "again.wbp")
    assert (tmp_path / "again.wbp").read_bytes() == saved[0].read_bytes()
