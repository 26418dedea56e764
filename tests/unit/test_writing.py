"""Files that appear whole or not at all, and what a dead writer leaves."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

import workbench
from tests.support import ROOT
from tests.support.small_networks import small_network, small_pruned
from workbench.errors import WorkbenchError
from workbench.export.export import export
from workbench.training.loop.checkpoint import Checkpoint, Identity
from workbench.training.loop.options import FitOptions
from workbench.writing import WriteError, is_part, replaced, sweep, write_whole

FORMATS = ("safetensors", "pt", "pt-masked", "wbz", "wbp", "recipe")
OTHERS_PART = ".part-{}-1-1-0a0b0c0d-net.pt"


def test_the_new_file_takes_the_old_ones_place(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replaced(path) as part:
        assert part.parent == tmp_path
        assert is_part(part)
        assert part.suffix == ".txt"
        part.write_text("new")
        assert path.read_text() == "old"
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "new")]


def test_the_old_file_stays_if_anything_is_raised(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def stopped() -> None:
        with replaced(path) as part:
            part.write_text("half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "old")]


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with replaced(path) as one:
        one.write_text("one")
        with replaced(path) as other:
            other.write_text("other")
        assert path.read_text() == "other"
    assert path.read_text() == "one"


def test_long_names_and_links_stay(tmp_path: Path) -> None:
    long = tmp_path / ("é" * 120 + ".txt")
    write_whole(long, "text")
    assert long.read_text() == "text"
    link = tmp_path / "link"
    link.symlink_to(long)
    write_whole(link, b"more")
    assert link.is_symlink()
    assert long.read_text() == "more"


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_whole(tmp_path / "a", "")
    finally:
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["missing/a.txt", "pipe", "folder"])
def test_what_cannot_be_written_is_said(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with pytest.raises(WriteError, match="cannot be written"):
        write_whole(tmp_path / name, "text")
    assert {p.name for p in tmp_path.iterdir()} == {"pipe", "folder"}


def test_parts_of_a_killed_writer_are_swept(tmp_path: Path) -> None:
    script = (
        "import os, signal\nfrom pathlib import Path\n"
        "from workbench.writing import replaced\n"
        "with replaced('net.pt') as part:\n"
        "    part.write_bytes(bytes(1000))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert is_part(left)
    with replaced(tmp_path / "other.txt") as mine:
        # This process lives: its own file stays.
        assert [p.name for p in tmp_path.iterdir()] == [mine.name]
        assert sweep(tmp_path) == 0


def test_parts_of_other_machines_and_strangers_are_left_alone(tmp_path: Path) -> None:
    other = tmp_path / OTHERS_PART.format("0123456789ab")
    for path in (other, tmp_path / "theirs.part", tmp_path / ".part-1-net.pt"):
        path.write_text("")
    assert sweep(tmp_path) == 0
    yesterday = time.time() - 25 * 3600
    for path in tmp_path.iterdir():
        os.utime(path, (yesterday, yesterday))
    assert sweep(tmp_path) == 1
    assert not other.exists()


@contextmanager
def full_disk(limit: int = 1000) -> Iterator[None]:
    """Let no file grow beyond a limit, as if the disk were full."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_to_a_full_disk_says_so_and_leaves_nothing(
    name: str, tmp_path: Path
) -> None:
    small_pruned()
    with full_disk(100), pytest.raises(WriteError, match="room on the disk"):
        export(small_pruned(), tmp_path / "net.bin", format=name)
    assert list(tmp_path.iterdir()) == []


def _checkpoint(path: Path) -> None:
    state = {"w": torch.zeros(1000)}
    Checkpoint(FitOptions(epochs=1), Identity("d"), (), state, {}).save(path)


def _masks_of_sweep(path: Path) -> None:
    write_whole(path, "x" * 2000)


@pytest.mark.parametrize("write", [_checkpoint, _masks_of_sweep])
def test_other_files_on_a_full_disk(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "file"
    write(path)
    before = path.read_bytes()
    with full_disk(), pytest.raises(WorkbenchError, match="cannot be written"):
        write(path)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [before]


@pytest.mark.parametrize("name", FORMATS)
def test_equal_networks_give_equal_files(name: str, tmp_path: Path) -> None:
    contents = set()
    for number in range(8 if name == "safetensors" else 2):
        path = tmp_path / f"net{number}.bin"
        export(small_pruned(), path, format=name)
        contents.add(path.read_bytes())
    assert len(contents) == 1


def test_the_tree_has_one_way_to_replace_a_file() -> None:
    package = Path(workbench.__file__).parent
    others = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        for line in path.read_text().splitlines()
        if ("os.replace(" in line or "part-" in line) and path.name != "writing.py"
    }
    # A damaged database is moved away, not replaced.
    assert others == {"store/database.py"}
    assert small_network().name == "small"
