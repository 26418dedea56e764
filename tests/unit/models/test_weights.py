"""Weights files: what is read, what is refused unread, what is damaged."""

import argparse
import contextlib
import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save
from torch import nn
from torch.nn.utils import prune

from workbench.errors import WorkbenchError
from workbench.models import load_model, load_upload, read_weights
from workbench.models.digest import digest_state
from workbench.models.matching import WeightsMismatchError, load_into
from workbench.models.weights_file import (
    DIGEST_KEY,
    DamagedFileError,
    UnsafeFileError,
)


def _module() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def _pt(value: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def _old_pt(value: Any) -> bytes:
    return _pt(value, _use_new_zipfile_serialization=False)


_READABLE: dict[str, Callable[[], bytes]] = {
    "state_dict": lambda: _pt(_module().state_dict()),
    "old torch file": lambda: _old_pt(_module().state_dict()),
    "parameters": lambda: _pt(dict(_module().state_dict(keep_vars=True))),
    "nested": lambda: _pt({"epoch": 3, "state_dict": _module().state_dict()}),
    "data parallel": lambda: _pt(
        {f"module.{name}": value for name, value in _module().state_dict().items()}
    ),
    "safetensors": lambda: save(_module().state_dict()),
}


@pytest.mark.parametrize("make", _READABLE.values(), ids=_READABLE.keys())
def test_tensors_come_back_bit_for_bit(make: Callable[[], bytes]) -> None:
    file = read_weights(make())
    assert digest_state(file.state) == digest_state(_module().state_dict())
    assert file.masks == {}


def test_pruning_keys_are_merged_and_the_mask_is_kept() -> None:
    module = _module()
    prune.l1_unstructured(module[0], "weight", amount=0.5)
    file = read_weights(_pt(module.state_dict()))
    assert torch.equal(file.state["0.weight"], module[0].weight)
    assert int((file.state["0.weight"] == 0).sum()) == 54
    assert int(file.masks["0.weight"].sum()) == 54
    assert file.masks["0.weight"].dtype is torch.bool
    assert "0.weight_orig" not in file.state


def test_a_mask_of_another_shape_is_refused() -> None:
    state = {"a.weight_orig": torch.ones(2, 3), "a.weight_mask": torch.ones(2)}
    with pytest.raises(DamagedFileError, match=r"shape \(2,\); expected \(2, 3\)"):
        read_weights(_pt(state))


class _Trap:
    """Makes a directory when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self._path),)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_with_code_is_refused_and_never_runs(
    tmp_path: Path, protocol: int
) -> None:
    trap = tmp_path / "ran"
    traps = {
        "bare": pickle.dumps({"w": _Trap(trap)}, protocol),
        "zip": _pt({"w": _Trap(trap)}, pickle_protocol=max(protocol, 2)),
    }
    for content in traps.values():
        with pytest.raises(WorkbenchError):
            read_weights(content)
        assert not trap.exists()


_UNSAFE: dict[str, tuple[Callable[[], bytes], str]] = {
    "whole module": (lambda: _pt(_module()), "calls torch.nn.modules"),
    "whole module, old": (lambda: _old_pt(_module()), "calls torch.nn.modules"),
    "namespace": (
        lambda: _pt({"state_dict": {}, "args": argparse.Namespace(a=1)}),
        "calls argparse.Namespace",
    ),
}


@pytest.mark.parametrize(("make", "words"), _UNSAFE.values(), ids=_UNSAFE.keys())
def test_objects_besides_tensors_are_refused_with_the_way_out(
    make: Callable[[], bytes], words: str
) -> None:
    with pytest.raises(UnsafeFileError) as caught:
        read_weights(make())
    assert words in caught.value.found
    assert "state_dict" in caught.value.next_step


def test_an_exported_program_is_refused() -> None:
    program = torch.export.export(_module().eval(), (torch.zeros(1, 3, 8, 8),))
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    with pytest.raises(UnsafeFileError, match=r"\.pt2.*runs code.*state_dict"):
        read_weights(buffer.getvalue())


def test_torchscript_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("net/data.pkl", "net/code/__torch__.py", "net/constants.pkl"):
            archive.writestr(name, b"x")
    with pytest.raises(UnsafeFileError, match="TorchScript"):
        read_weights(buffer.getvalue())


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused_unread() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data.pkl", b"\x80\x02" + bytes(1 << 24))
    with pytest.raises(UnsafeFileError, match="unpack to 16,777,218"):
        read_weights(buffer.getvalue())


@pytest.mark.parametrize("kept", [0, 5, 60, 0.5, 0.99])
@pytest.mark.parametrize("kind", ["state_dict", "old torch file", "safetensors"])
def test_truncated_files_are_damaged(kind: str, kept: float) -> None:
    whole = _READABLE[kind]()
    part = whole[: int(kept * len(whole)) if kept < 1 else int(kept)]
    with pytest.raises(DamagedFileError) as caught:
        read_weights(part)
    assert caught.value.next_step


def test_a_flipped_bit_in_a_zip_is_found() -> None:
    module = _module()
    content = bytearray(_pt(module.state_dict()))
    content[content.find(module[0].weight.detach().numpy().tobytes()) + 7] ^= 4
    with pytest.raises(DamagedFileError, match="damaged"):
        read_weights(bytes(content))


def test_a_flipped_bit_in_safetensors_is_found_through_its_digest() -> None:
    state = _module().state_dict()
    content = bytearray(save(state, metadata={DIGEST_KEY: digest_state(state)}))
    assert digest_state(read_weights(bytes(content)).state) == digest_state(state)
    content[-3] ^= 1
    with pytest.raises(DamagedFileError, match="its own metadata"):
        read_weights(bytes(content))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a text file, for example" * 9, "neither a safetensors nor a torch file"),
        (_pt([1, 2]), "holds list"),
        (_pt({"a": torch.ones(1), "b": 3}), "'b', which is no tensor"),
    ],
)
def test_other_content_is_named(content: bytes, words: str) -> None:
    with pytest.raises(DamagedFileError) as caught:
        read_weights(content)
    assert words in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match=r"none\.pt cannot be read"):
        read_weights(tmp_path / "none.pt")


def test_misfits_are_listed_by_name() -> None:
    state = dict(_module().state_dict())
    state["extra.weight"] = torch.ones(1)
    state["0.weight"] = torch.ones(4, 3, 5, 5)
    del state["1.bias"]
    with pytest.raises(WeightsMismatchError) as caught:
        load_into(_module(), state)
    assert caught.value.missing == ("1.bias",)
    assert caught.value.unexpected == ("extra.weight",)
    assert caught.value.wrong_shape == ("0.weight (4, 3, 5, 5) for (4, 3, 3, 3)",)
    assert "missing (1): 1.bias" in str(caught.value)


def test_batch_counters_may_be_missing_and_nan_may_not_be_there() -> None:
    module = _module()
    state = dict(module.state_dict())
    del state["1.num_batches_tracked"]
    load_into(module, state)
    state["1.running_var"] = torch.tensor([1.0, float("nan"), 1.0, 1.0])
    with pytest.raises(WorkbenchError, match=r"'1\.running_var' holds NaN"):
        load_into(module, state)


def test_an_upload_tells_its_own_classes_and_width() -> None:
    from sample_models.vgg16_cifar import build

    module = build(num_classes=7, width=0.25)
    net = load_upload(
        "vgg16-cifar", save(module.state_dict()), name="mine", dataset=None
    )
    assert net.layers[0].weight_shape == (16, 3, 3, 3)
    assert net.layers[-1].output_shape == (7,)
    assert (net.name, net.classes) == ("mine", ())
    assert net.digest == digest_state(module.state_dict())


def test_half_precision_weights_become_float32() -> None:
    half = {
        name: value.half() if value.is_floating_point() else value
        for name, value in load_model("lenet5").module.state_dict().items()
    }
    net = load_model("lenet5", weights=_pt(half))
    weight = net.module.get_parameter("conv1.weight")
    assert weight.dtype is torch.float32
    assert torch.equal(weight, half["conv1.weight"].float())


@given(
    kind=st.sampled_from(["state_dict", "old torch file", "safetensors"]),
    places=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=4),
    value=st.integers(0, 255),
    cut=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_altered_bytes_give_tensors_or_one_of_our_errors(
    kind: str, places: list[float], value: int, cut: bool
) -> None:
    content = bytearray(_READABLE[kind]())
    for place in places:
        content[int(place * len(content))] = value
    if cut:
        content = content[: int(places[0] * len(content))]
    with contextlib.suppress(WorkbenchError):
        file = read_weights(bytes(content))
        assert all(isinstance(t, torch.Tensor) for t in file.state.values())
