"""The commands that train: what they print, write and refuse."""

from pathlib import Path

import pytest

from tests.unit.test_cli import RECIPE, Shell, recipe, shell

__all__ = ["recipe", "shell"]

FEW = ("--images", 128, "--epochs", 1)


def test_finetune_keeps_zeros_and_writes_what_it_says(
    shell: Shell, recipe: Path, tmp_path: Path
) -> None:
    out = tmp_path / "tuned.safetensors"
    recipe.write_text(RECIPE + "finetune: {epochs: 3, lr: 0.02, schedule: gradual}\n")
    found = shell.json(
        "finetune", "lenet5-mnist5k", "--recipe", recipe, *FEW, "-o", out
    )
    # fc1 has 400,000 weights, conv2 25,000; the first and the last layer stay dense.
    assert found["zeros"] == 0.8 * 425_000
    assert found["history"][0]["remarks"] == {"zeros_kept": 340_000, "zeros": 340_000}
    assert found["settings"] == {"epochs": 1, "precision": "fp32"}
    assert found["history"][0]["lr"] < 0.02
    assert set(found["accuracy"]) == {"raw", "bn_reestimated", "tuned"}
    assert found["accuracy"]["tuned"]["n"] == 1000
    assert found["export"]["format"] == "safetensors"
    again = shell.json(
        "finetune", "lenet5-mnist5k", "--weights", out, *FEW, "--schedule", "one-shot"
    )
    assert again["zeros"] == 340_000
    assert again["accuracy"]["raw"] == found["accuracy"]["tuned"]


def test_finetune_prints_every_epoch(shell: Shell, recipe: Path) -> None:
    code, out, _ = shell.run("finetune", "lenet5-mnist5k", "--recipe", recipe, *FEW)
    assert code == 0
    first = out.splitlines()[0]
    assert first.startswith("epoch 1: loss ")
    assert first.endswith("zeros kept 340000/340000")
    assert "BN re-estimated" in out


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", "neither --recipe nor --weights"),
        ("--recipe {recipe} --schedule none", "schedule 'none'"),
        ("--recipe {recipe} --distill 2", "distill 2.0"),
    ],
)
def test_wrong_use_of_training(
    shell: Shell, recipe: Path, words: str, found: str
) -> None:
    given = [word.format(recipe=recipe) for word in words.split()]
    code, out, err = shell.run("finetune", "lenet5-mnist5k", *given)
    assert (code, out) == (2, "")
    assert found in err.splitlines()[0]
