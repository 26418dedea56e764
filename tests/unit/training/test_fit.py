"""The training loop: it learns, repeats, resumes, and leaves its input alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.support.training_cases import one_thread, stripes
from workbench.errors import WorkbenchError
from workbench.models.digest import digest_state
from workbench.training.loop.augment import (
    Augment,
    augment,
    crop_flip,
    jitter,
    mirror_crop_flip,
    mirror_crop_flip_cutout,
)
from workbench.training.loop.checkpoint import Checkpoint
from workbench.training.loop.fit import FitHooks, fit, top1
from workbench.training.loop.options import EpochLog, FitOptions
from workbench.training.loop.schedules import SCHEDULES, schedule

__all__ = ["one_thread"]


def _net() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.AdaptiveMaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 2),
    )


_OPTIONS = FitOptions(epochs=4, batch_size=16, peak_lr=0.05, augment="crop-flip")


def _digest(module: nn.Module) -> str:
    return digest_state(module.state_dict())


def test_it_learns_and_leaves_the_input_alone() -> None:
    start = _net()
    before = _digest(start)
    options = FitOptions(epochs=12, batch_size=16, peak_lr=0.1)
    result = fit(start, stripes(), options=options, val=stripes(64, seed=5))
    assert _digest(start) == before
    assert not result.module.training
    assert [log.epoch for log in result.history] == list(range(1, 13))
    assert result.history[-1].loss < 0.5 * result.history[0].loss
    score = result.history[-1].val_top1
    assert score is not None
    assert score >= 0.85
    assert score == top1(result.module, stripes(64, seed=5), options)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_same_seed_gives_the_same_weights(precision: str) -> None:
    options = replace(_OPTIONS, precision=precision, epochs=2)
    one = fit(_net(), stripes(), options=options)
    torch.manual_seed(99)
    two = fit(_net(), stripes(), options=options)
    other = fit(_net(), stripes(), options=replace(options, seed=1))
    assert _digest(one.module) == _digest(two.module)
    assert _digest(one.module) != _digest(other.module)


@pytest.mark.parametrize("channels_last", [False, True])
def test_resumed_equals_uninterrupted(tmp_path: Path, channels_last: bool) -> None:
    options = replace(_OPTIONS, channels_last=channels_last)
    whole = fit(_net(), stripes(), options=options)
    path = tmp_path / "run" / "fit.ckpt"

    def stop(log: EpochLog) -> None:
        if log.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(
            _net(),
            stripes(),
            options=options,
            checkpoint=path,
            hooks=FitHooks(after_epoch=stop),
        )
    assert len(Checkpoint.load(path).history) == 2
    resumed = fit(_net(), stripes(), options=options, checkpoint=path)
    assert _digest(resumed.module) == _digest(whole.module)
    assert [log.loss for log in resumed.history] == [log.loss for log in whole.history]
    assert [file.name for file in path.parent.iterdir()] == ["fit.ckpt"]


def test_a_finished_checkpoint_gives_the_result_without_training(
    tmp_path: Path,
) -> None:
    path = tmp_path / "fit.ckpt"
    done = fit(_net(), stripes(), options=_OPTIONS, checkpoint=path)
    steps: list[nn.Module] = []
    again = fit(
        _net(),
        stripes(),
        options=_OPTIONS,
        checkpoint=path,
        hooks=FitHooks(after_step=steps.append),
    )
    assert steps == []
    assert _digest(again.module) == _digest(done.module)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fit.ckpt"
    fit(_net(), stripes(), options=replace(_OPTIONS, epochs=1), checkpoint=path)
    with pytest.raises(WorkbenchError, match=r"epochs=1; expected epochs=4"):
        fit(_net(), stripes(), options=_OPTIONS, checkpoint=path)
    with pytest.raises(WorkbenchError, match="was made on data"):
        fit(
            _net(),
            stripes(seed=3),
            options=replace(_OPTIONS, epochs=1),
            checkpoint=path,
        )


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / "fit.ckpt"
    fit(_net(), stripes(), options=replace(_OPTIONS, epochs=1), checkpoint=path)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(WorkbenchError, match="cannot be read as a training checkpoint"):
        fit(_net(), stripes(), options=_OPTIONS, checkpoint=path)


def test_a_hook_keeps_pruned_weights_at_zero() -> None:
    start = _net()
    mask = torch.rand(8, 1, 3, 3, generator=torch.Generator().manual_seed(0)) > 0.5

    def freeze(module: nn.Module) -> None:
        with torch.no_grad():
            module.get_parameter("0.weight").mul_(mask)

    freeze(start)
    result = fit(start, stripes(), options=_OPTIONS, hooks=FitHooks(after_step=freeze))
    weight = result.module.get_parameter("0.weight")
    assert not weight[~mask].any()
    assert bool((weight[mask] != start.get_parameter("0.weight")[mask]).any())


def test_frozen_parameters_do_not_move() -> None:
    start = _net()
    start.get_parameter("6.weight").requires_grad_(False)
    result = fit(start, stripes(), options=replace(_OPTIONS, epochs=1))
    moved = result.module.get_parameter("0.weight") != start.get_parameter("0.weight")
    assert torch.equal(
        result.module.get_parameter("6.weight"), start.get_parameter("6.weight")
    )
    assert bool(moved.any())


def test_norms_and_biases_are_not_decayed() -> None:
    # With a loss that does not depend on the weights, only decay moves them.
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 2), nn.Linear(2, 2))
    with torch.no_grad():
        net[1].weight.fill_(0.5)
        net[1].bias.fill_(0.5)
        net[2].weight.zero_()
    net[2].requires_grad_(False)
    options = FitOptions(
        epochs=1,
        batch_size=96,
        peak_lr=0.1,
        schedule="constant",
        momentum=0.0,
        weight_decay=0.1,
    )
    result = fit(net, stripes(), options=options)
    # One step: 0.5 - 0.1 * 0.1 * 0.5.
    assert torch.allclose(result.module.get_parameter("1.weight"), torch.tensor(0.495))
    assert torch.equal(result.module.get_parameter("1.bias"), torch.full((2,), 0.5))


def test_a_diverging_run_stops_with_advice() -> None:
    options = replace(_OPTIONS, peak_lr=1e30, schedule="constant")
    with pytest.raises(WorkbenchError, match="Lower the learning rate"):
        fit(_net(), stripes(), options=options)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epochs": 0}, "expected at least 1 each"),
        ({"peak_lr": 0.0}, "a number above 0"),
        ({"precision": "fp16"}, "precision 'fp16'"),
    ],
)
def test_impossible_options_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(WorkbenchError, match=words):
        replace(_OPTIONS, **changes)


def test_unknown_schedule_and_augmentation_are_refused() -> None:
    with pytest.raises(WorkbenchError, match="schedule 'linear'; expected one of"):
        schedule("linear")
    with pytest.raises(WorkbenchError, match="augmentation 'cutout'"):
        augment("cutout")


def test_schedules_by_hand() -> None:
    one_cycle = SCHEDULES["one-cycle"]
    assert one_cycle(0.1) == pytest.approx(0.5)
    assert one_cycle(0.2) == pytest.approx(1.0)
    assert one_cycle(1.0) == pytest.approx(0.0)
    assert SCHEDULES["cosine"](0.5) == pytest.approx(0.5)
    assert [SCHEDULES["step"](p) for p in (0.4, 0.6, 0.8)] == pytest.approx(
        [1, 0.1, 0.01]
    )
    assert SCHEDULES["constant"](0.7) == 1.0
    assert all(0 <= f(p / 50) <= 1 for f in SCHEDULES.values() for p in range(51))


@pytest.mark.parametrize(
    ("change", "mode"), [(crop_flip, "constant"), (mirror_crop_flip, "reflect")]
)
def test_crops_are_windows_of_the_padded_image(change: Augment, mode: str) -> None:
    image = torch.arange(1, 37, dtype=torch.uint8).view(1, 1, 6, 6)
    out = change(image.repeat(300, 1, 1, 1), torch.Generator().manual_seed(0))
    assert (out.shape, out.dtype) == ((300, 1, 6, 6), torch.uint8)
    padded = torch.nn.functional.pad(image.float(), (4, 4, 4, 4), mode=mode)[0, 0]
    windows = {
        bytes(window.to(torch.uint8).flatten().tolist())
        for row in range(9)
        for column in range(9)
        for plain in (padded[row : row + 6, column : column + 6],)
        for window in (plain, plain.flip(1))
    }
    found = {bytes(crop.flatten().tolist()) for crop in out}
    assert found <= windows
    # At least 81 of the windows differ; 300 draws miss few of them.
    assert len(found) > 60


def test_cutout_replaces_a_square_of_half_the_side_by_the_mean() -> None:
    pixels = torch.full((400, 1, 8, 8), 100, dtype=torch.uint8)
    pixels[200:] = 200
    out = mirror_crop_flip_cutout(pixels, torch.Generator().manual_seed(0))
    cut = out == 150
    assert torch.equal(out[~cut], pixels[~cut])
    rows, columns = cut.any(dim=3).sum(dim=2), cut.any(dim=2).sum(dim=2)
    assert torch.equal(cut.sum(dim=(1, 2, 3)), (rows * columns).flatten())
    # The side is 4, less where the centre is near the border: at 0 two rows are left.
    assert sorted(set(rows.flatten().tolist())) == [2, 3, 4]
    assert sorted(set(columns.flatten().tolist())) == [2, 3, 4]


def test_jitter_keeps_the_digit_and_the_range() -> None:
    pixels = torch.zeros(64, 1, 28, 28, dtype=torch.uint8)
    pixels[:, :, 10:18, 10:18] = 200
    out = jitter(pixels, torch.Generator().manual_seed(0))
    assert (out.shape, out.dtype) == (pixels.shape, torch.float32)
    assert float(out.min()) >= 0
    assert float(out.max()) <= 200 * (1 + 1e-5)
    mass = out.sum(dim=(1, 2, 3)) / pixels[0].sum()
    # Zooming by 10 % changes the area by at most 1.1 squared.
    assert 0.8 < float(mass.min()) < float(mass.max()) < 1.25
    assert float(out.std(dim=0).max()) > 10


def test_augmentation_repeats_under_its_generator() -> None:
    pixels = torch.randint(0, 256, (8, 3, 16, 16)).to(torch.uint8)
    for change in (crop_flip, mirror_crop_flip, mirror_crop_flip_cutout, jitter):
        one = change(pixels, torch.Generator().manual_seed(4))
        two = change(pixels, torch.Generator().manual_seed(4))
        assert torch.equal(one, two)
