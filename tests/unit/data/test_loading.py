"""Finding datasets by name and path, the splits made of them, and the download."""

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import nn

from workbench.data import DataError, dataset_for, load_dataset
from workbench.data.discovery import VARIABLE, places, user_cache
from workbench.data.download import CIFAR10, Remote, download
from workbench.errors import WorkbenchError
from workbench.models import Network, from_module


def _binary(directory: Path, *, a_batch: int = 20) -> Path:
    """Write a CIFAR-10 binary version with few images, every class in each batch."""
    directory.mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(0)
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        records = random.randint(0, 256, (a_batch, 3073)).astype(np.uint8)
        records[:, 0] = np.arange(a_batch) % 10
        (directory / f"{name}.bin").write_bytes(records.tobytes())
    return directory


def _net(dataset: str | None, shape: tuple[int, int, int], outputs: int) -> Network:
    module = nn.Sequential(
        nn.Conv2d(shape[0], 2, 3),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(2, outputs),
    )
    classes = tuple(str(index) for index in range(outputs))
    return from_module(module, input_shape=shape, classes=classes, dataset=dataset)


def test_a_named_dataset_is_found_under_root(tmp_path: Path) -> None:
    _binary(tmp_path / "cifar-10-batches-bin")
    test = load_dataset("cifar10", split="test", root=tmp_path)
    train = load_dataset("cifar10", split="train", root=tmp_path)
    val = load_dataset("cifar10", split="val", root=tmp_path)
    assert (len(train), len(val), len(test)) == (90, 10, 20)
    assert np.bincount(val.labels).tolist() == [1] * 10
    assert (test.name, test.split, test.classes[0]) == ("cifar10", "test", "airplane")
    assert test.mean == (0.4914, 0.4822, 0.4465)
    together = {image.tobytes() for image in (*train.images, *val.images)}
    assert len(together) == 100


def test_a_path_to_the_same_files_is_recognised_as_cifar10(tmp_path: Path) -> None:
    folder = _binary(tmp_path / "anywhere")
    by_path = load_dataset(folder, split="val")
    by_name = load_dataset("cifar10", split="val", root=folder)
    assert by_path.name == "cifar10"
    assert by_path.digest == by_name.digest


def test_a_second_load_is_the_same_object_and_a_changed_file_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, images=np.zeros((9, 4, 4), np.uint8), labels=np.zeros(9, int))
    first = load_dataset(path)
    assert load_dataset(path) is first
    np.savez(path, images=np.ones((9, 4, 4), np.uint8), labels=np.zeros(9, int))
    assert load_dataset(path).digest != first.digest


def test_data_in_one_piece_is_split_three_ways_with_measured_norm(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.npz"
    images = np.zeros((40, 4, 4), np.uint8)
    images[:, :2] = 255
    np.savez(path, images=images, labels=np.arange(40) % 4)
    sizes = [len(load_dataset(path, split=s)) for s in ("train", "val", "test")]
    assert sizes == [28, 4, 8]
    data = load_dataset(path)
    assert (data.name, data.mean, data.std) == ("mine", (0.5,), (0.5,))


def test_the_environment_variable_is_searched_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _binary(tmp_path / "cifar10", a_batch=10)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert len(load_dataset("cifar10", split="test")) == 10
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = places(None)
    assert found[0] == tmp_path
    assert (
        found[-1] == user_cache() == tmp_path / "cache" / "pruning-workbench" / "data"
    )
    assert any(place.parts[-2:] == ("shared", "data") for place in found)


def test_nothing_found_says_where_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_dataset("cifar10", root=tmp_path)
    assert str(tmp_path) in caught.value.found
    assert "cifar10-test.parquet" in caught.value.expected
    assert VARIABLE in caught.value.next_step


@pytest.mark.parametrize(
    ("spec", "words"),
    [("nowhere", "no file or directory nowhere"), ("README.txt", "in no known format")],
)
def test_wrong_paths_are_named(tmp_path: Path, spec: str, words: str) -> None:
    (tmp_path / "README.txt").write_text("words", encoding="utf-8")
    path = tmp_path / spec if "." in spec else spec
    with pytest.raises(DataError) as caught:
        load_dataset(path)
    assert words in str(caught.value)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(WorkbenchError, match="split 'dev'; expected one of train"):
        load_dataset("mnist5k", split="dev")


def test_dataset_for_takes_what_the_network_was_trained_on(tmp_path: Path) -> None:
    digits = _net("mnist5k", (1, 28, 28), 10)
    assert dataset_for(digits, split="val").name == "mnist5k"
    assert dataset_for(digits, split="val", root=tmp_path).name == "mnist5k"
    _binary(tmp_path)
    colour = _net("cifar10", (3, 32, 32), 10)
    assert dataset_for(colour, root=tmp_path).name == "cifar10"


def test_dataset_for_takes_another_dataset_of_the_same_form(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, images=np.zeros((20, 3, 32, 32), np.uint8), labels=np.arange(20) % 2)
    assert dataset_for(_net("cifar10", (3, 32, 32), 10), root=path).name == "mine"
    assert dataset_for(_net(None, (3, 32, 32), 2), root=path).name == "mine"


@pytest.mark.parametrize(
    ("shape", "outputs", "words"),
    [
        ((3, 24, 24), 10, "expected (3, 24, 24), the input of network"),
        ((1, 28, 28), 4, "10 classes in 'mnist5k'; expected at most 4"),
    ],
)
def test_data_that_does_not_fit_the_network_is_refused(
    shape: tuple[int, int, int], outputs: int, words: str
) -> None:
    with pytest.raises(DataError) as caught:
        dataset_for(_net("mnist5k", shape, outputs))
    assert words in str(caught.value)


def test_classes_in_another_order_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    images, labels = np.zeros((20, 3, 32, 32), np.uint8), np.arange(20) % 2
    np.savez(path, images=images, labels=labels, classes=np.array(["1", "0"]))
    with pytest.raises(DataError, match="in the order 1, 0; expected 0, 1"):
        dataset_for(_net("cifar10", (3, 32, 32), 10), root=path)


def test_a_network_without_dataset_needs_a_path() -> None:
    with pytest.raises(DataError, match="--data"):
        dataset_for(_net(None, (3, 32, 32), 10))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("served")
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", folder
        running.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        return


class _Short(_Quiet):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        # A piece of 100 bytes is promised.
        self.wfile.write(b"64\r\nonly a part")


def _remote(server: tuple[str, Path], content: bytes, sha256: str | None) -> Remote:
    address, folder = server
    (folder / "a.bin").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest() if sha256 is None else sha256
    return Remote(f"{address}/a.bin", "a.bin", len(content), digest)


def test_download_writes_the_file_and_reports_progress(
    server: tuple[str, Path], tmp_path: Path
) -> None:
    content = bytes(range(256)) * 3000
    seen: list[tuple[int, int]] = []
    path = download(
        _remote(server, content, None),
        directory=tmp_path / "new",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert path.read_bytes() == content
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (768_000, 768_000)
    assert [file.name for file in path.parent.iterdir()] == ["a.bin"]


def test_a_whole_file_is_not_fetched_again(
    server: tuple[str, Path], tmp_path: Path
) -> None:
    remote = _remote(server, b"content", None)
    download(remote, directory=tmp_path)
    (server[1] / "a.bin").unlink()
    assert download(remote, directory=tmp_path).read_bytes() == b"content"


def test_wrong_content_leaves_nothing_behind(
    server: tuple[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="gave content with SHA-256"):
        download(_remote(server, b"altered", "0" * 64), directory=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_transfer_leaves_nothing_behind(
    server: tuple[str, Path], tmp_path: Path
) -> None:
    remote = Remote(f"{server[0]}/none.bin", "none.bin", 1, "0" * 64)
    with pytest.raises(DataError, match="404"):
        download(remote, directory=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_connection_that_ends_early_leaves_nothing_behind(tmp_path: Path) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Short) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{running.server_port}/a.bin"
        with pytest.raises(DataError, match="Check the network"):
            download(Remote(url, "a.bin", 100, "0" * 64), directory=tmp_path)
        running.shutdown()
        thread.join()
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    remote = Remote("http://127.0.0.1/a.bin", "a.bin", 1, "0" * 64)
    with pytest.raises(DataError, match="file/data cannot be made"):
        download(remote, directory=tmp_path / "file" / "data")


def test_a_progress_callback_may_stop_the_transfer(
    server: tuple[str, Path], tmp_path: Path
) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(_remote(server, b"x" * 9, None), directory=tmp_path, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_the_official_archive_is_named_in_full() -> None:
    assert CIFAR10.url.startswith("https://")
    assert (len(CIFAR10.sha256), CIFAR10.size_bytes) == (64, 170_498_071)


def test_pictures_named_for_a_digits_network_are_taken(tmp_path: Path) -> None:
    for name in ("0", "1"):
        (tmp_path / name).mkdir()
        for index in range(5):
            grey = np.full((28, 28), 20 * index, dtype=np.uint8)
            Image.fromarray(grey).save(tmp_path / name / f"{index}.png")
    found = dataset_for(_net("mnist5k", (1, 28, 28), 10), root=tmp_path)
    assert found.classes == ("0", "1")
    assert len(found) == 2
