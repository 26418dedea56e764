"""A checkpoint that cannot be written costs the checkpoint, not the training."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import workbench as wb
from tests.support.shell import Shell, recipe, shell
from tests.support.training_cases import one_thread, stripe_network, stripes
from workbench.errors import WorkbenchError
from workbench.training.finetune_options import FinetuneOptions
from workbench.training.loop.fit import FitHooks, fit
from workbench.training.loop.options import FitOptions
from workbench.writing import WriteError

__all__ = ["one_thread", "recipe", "shell"]

OPTIONS = FitOptions(epochs=2, peak_lr=0.05)


def test_the_training_goes_on_and_says_each_epoch(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "a.ckpt"
    said: list[WriteError] = []
    module = stripe_network().module
    shown = fit(
        module,
        stripes(),
        options=OPTIONS,
        checkpoint=path,
        hooks=FitHooks(unsaved=said.append),
    )
    plain = fit(module, stripes(), options=OPTIONS)
    assert [str(path) in error.found for error in said] == [True, True]
    for one, other in zip(
        shown.module.parameters(), plain.module.parameters(), strict=True
    ):
        assert torch.equal(one, other)


def test_without_a_hook_it_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.warns(RuntimeWarning, match="no checkpoint: .*cannot be written"):
        fit(
            stripe_network().module,
            stripes(),
            options=FitOptions(epochs=1, peak_lr=0.05),
            checkpoint=tmp_path / "file" / "a.ckpt",
        )


def test_reading_a_checkpoint_back_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    options = FitOptions(epochs=1, peak_lr=0.05)
    fit(stripe_network().module, stripes(), options=options, checkpoint=path)
    code = (
        "import sys; from pathlib import Path; "
        "from workbench.training.loop.checkpoint import Checkpoint; "
        "print(len(Checkpoint.load(Path(sys.argv[1])).history))"
    )
    # Torch warns once a process, so this one may have heard it before.
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(wb.__file__).parents[1],
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


@pytest.mark.parametrize("rate", [math.nan, math.inf, -math.inf, 0.0, -1.0])
def test_impossible_learning_rates_are_refused(rate: float) -> None:
    with pytest.raises(WorkbenchError, match="learning rate"):
        FitOptions(epochs=1, peak_lr=rate)


@pytest.mark.parametrize("decay", [math.nan, math.inf, -1.0])
def test_impossible_weight_decay_is_refused(decay: float) -> None:
    with pytest.raises(WorkbenchError, match="weight_decay"):
        FitOptions(epochs=1, weight_decay=decay)


@pytest.mark.parametrize("heat", [math.nan, math.inf, 0.0])
def test_an_impossible_temperature_is_refused(heat: float) -> None:
    with pytest.raises(WorkbenchError, match="temperature"):
        FinetuneOptions(temperature=heat)


def test_an_endless_drop_is_refused() -> None:
    with pytest.raises(WorkbenchError, match="a drop of nan"):
        wb.SweepOptions(stop_drop=math.nan)


def test_what_training_found_is_shown_before_the_error_of_its_file(
    shell: Shell, recipe: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    code, out, err = shell.run(
        *("finetune", "lenet5-mnist5k", "--recipe", recipe),
        *("--images", 64, "--epochs", 1, "--checkpoint", tmp_path / "file" / "a.ckpt"),
        *("-o", tmp_path / "none" / "w.safetensors"),
    )
    assert code == 2
    assert "BN re-estimated" in out
    assert "no checkpoint: " in err
    assert "; the training goes on\n" in err
    assert f"Error: folder {tmp_path / 'none'} does not exist" in err
    assert len(shell.json("runs")["runs"]) == 1
