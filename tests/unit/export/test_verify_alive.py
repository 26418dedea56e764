"""A weights file that is cut while it is verified ends in a sentence."""

import subprocess
import sys
from pathlib import Path

from tests.support.small_networks import exported

# The file is cut once its tensors are read: what is compared is memory of its own.
PROBE = """
import os, sys
from pathlib import Path
from workbench.export.formats import safetensors as format

path = Path(sys.argv[1])
found = [str(c.ok) for c in format.check(path, None)]
kept = format.load
def cutting(data):
    state = kept(data)
    os.truncate(path, 64)
    return state
format.load = cutting
found.append("".join(str(int(c.ok)) for c in format.check(path, None)))
found.append("".join(str(int(c.ok)) for c in format.check(path, None)))
print(*found)
"""


def test_a_file_cut_while_it_is_verified(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(exported("safetensors"))
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["True", "True", "True", "0", "0"]
