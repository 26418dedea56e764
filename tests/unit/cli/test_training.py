"""The commands that train: what they print, write and refuse."""

from pathlib import Path

import pytest

from tests.support.shell import RECIPE, Shell

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
    (kept,) = shell.json("runs")["runs"]
    assert (kept["kind"], kept["inputs"]["images"]) == ("finetune", 128)
    # What the options leave out: the recipe's block, then the defaults.
    settings = kept["inputs"]["settings"]
    assert (settings["epochs"], settings["schedule"]) == (1, "gradual")
    assert (settings["lr"], settings["rates"]) == (0.02, "one-cycle")
    assert kept["results"]["tuned"] == found["accuracy"]["tuned"]
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
    assert "BN re-estimated: the network has no batch norms" in out


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


def test_train_from_scratch_is_repeatable(shell: Shell) -> None:
    words = ("train", "lenet5-mnist5k", "--fresh", *FEW, "--lr", 0.05)
    one, two = shell.json(*words), shell.json(*words)
    assert one["digest"] == two["digest"]
    assert one["digest"] != shell.json(*words, "--seed", 1)["digest"]
    assert (one["sparsity"], one["macs"]) == (0.0, one["dense_macs"])
    assert len(one["history"]) == 1


def test_train_under_a_recipes_masks(shell: Shell, tmp_path: Path) -> None:
    hetconv = tmp_path / "hetconv.yaml"
    hetconv.write_text("layers:\n  - {match: features.3, method: hetconv, p: 4}\n")
    found = shell.json("train", "minivgg-mnist5k", "--fresh", "--recipe", hetconv, *FEW)
    # 32 x 32 kernels of 28 x 28 outputs: a quarter whole, the others 1x1.
    left = 32 * 32 * (9 + 3 * 1) // 4 * 28 * 28
    dense = 32 * 32 * 9 * 28 * 28
    assert found["dense_macs"] - found["macs"] == dense - left


def test_train_by_a_method_that_chooses(shell: Shell) -> None:
    words = ("train", "minivgg-mnist5k", "--method", "flops", "--set", "target=0.5")
    found = shell.json(*words, *FEW)
    assert found["macs"] / found["dense_macs"] == pytest.approx(0.5, rel=0.03)
    assert found["history"][0]["remarks"]["zeros"] > 0
    (kept,) = shell.json("runs")["runs"]
    assert (kept["kind"], kept["inputs"]["method"]) == ("finetune", "flops")
    assert kept["inputs"]["params"]["target"] == 0.5


def test_train_plays_the_lottery(shell: Shell) -> None:
    words = ("train", "lenet5-mnist5k", "--fresh", "--method", "lottery")
    found = shell.json(*words, "--set", "rounds=1", *FEW)
    assert [row["round"] for row in found["rounds"]] == [0, 1]
    assert found["rounds"][1]["control"]["n"] == 500


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("--set target=0.5", "--set target=0.5 without --method"),
        ("--method flops --set target", "--set 'target'"),
        ("--method flops --set target=2", "target: 2"),
        ("--method flop", "method 'flop'"),
        ("--method flops --recipe {recipe}", "both --recipe and --method"),
    ],
)
def test_wrong_use_of_train(shell: Shell, recipe: Path, words: str, found: str) -> None:
    given = [word.format(recipe=recipe) for word in words.split()]
    code, out, err = shell.run("train", "lenet5-mnist5k", *given)
    assert (code, out) == (2, "")
    assert found in err.splitlines()[0]
