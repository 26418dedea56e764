"""One record of a training: what the command line keeps, the page finds."""

from dataclasses import replace
from pathlib import Path

import workbench as wb
from tests.support.shell import RECIPE, Shell, recipe, shell
from workbench.ui.services.finetunes import FinetuneChoice
from workbench.workflows import orders
from workbench.workflows.finetune import FinetuneOrder
from workbench.workflows.headlines import headline
from workbench.workflows.lottery import LotteryOrder

__all__ = ["recipe", "shell"]


def order(settings: dict[str, object], *, images: int = 128) -> FinetuneOrder:
    net = wb.load_model("lenet5-mnist5k")
    train, val, test = (
        wb.dataset_for(net, split=split) for split in ("train", "val", "test")
    )
    pruned = wb.prune(net, wb.Recipe.loads(RECIPE))
    return FinetuneOrder(pruned, train.take(images), val, test, settings)


def test_the_page_finds_what_the_command_line_trained(
    shell: Shell, recipe: Path
) -> None:
    found = shell.json(
        "finetune", "lenet5-mnist5k", "--recipe", recipe, "--images", 128,
        "--epochs", 1, "--lr", 0.02,
    )  # fmt: skip
    # The page says all of its form, the command what differs from the defaults.
    page = {"epochs": 1, "lr": 0.02, "seed": 0, "schedule": "one-shot", "distill": 0.0}
    kept = orders.recorded(order(page))
    assert kept is not None
    assert kept.results["tuned"] == found["accuracy"]["tuned"]
    assert kept.results["raw"] == found["accuracy"]["raw"]
    assert kept.results["bn"] == {
        "kept": False,
        "why": "the network has no batch norms",
    }
    assert len(kept.results["history"]) == 1
    head = headline(kept.results)
    assert head is not None
    assert head.what == "trained"
    for other in (order({**page, "epochs": 2}), order(page, images=64)):
        assert orders.recorded(other) is None


def test_what_train_did_by_a_method_is_found_whatever_recipe_the_page_holds(
    shell: Shell,
) -> None:
    found = shell.json(
        "train", "lenet5-mnist5k", "--method", "flops", "--set", "target=0.5",
        "--images", 64, "--epochs", 1,
    )  # fmt: skip
    page = {"epochs": 1, "seed": 0, "schedule": "one-shot"}
    asked = replace(order(page, images=64), method="flops", params={"target": 0.5})
    kept = orders.recorded(asked)
    assert kept is not None
    assert kept.results["tuned"] == found["accuracy"]
    assert kept.results["raw"] is None
    assert kept.results["network"] == found["digest"]
    for other in (replace(asked, params={"target": 0.6}), replace(asked, method="")):
        assert orders.recorded(other) is None


def test_training_under_a_recipe_from_fresh_weights_is_a_finetune_of_those(
    shell: Shell, recipe: Path
) -> None:
    found = shell.json(
        "train", "lenet5-mnist5k", "--fresh", "--recipe", recipe, "--images", 64,
        "--epochs", 1,
    )  # fmt: skip
    asked = order({"epochs": 1, "seed": 0}, images=64)
    start = wb.prune(wb.fresh(asked.pruned.base), asked.pruned.recipe)
    kept = orders.recorded(replace(asked, pruned=start))
    assert kept is not None
    assert kept.results["tuned"] == found["accuracy"]
    assert orders.recorded(asked) is None


def test_lottery_tickets_are_found_too(shell: Shell) -> None:
    from workbench.training.lottery import LotteryPlan

    found = shell.json(
        "train", "lenet5-mnist5k", "--fresh", "--method", "lottery", "--images", 64,
        "--epochs", 1, "--set", "rounds=1", "--set", "control=false",
    )  # fmt: skip
    asked = order({}, images=64)
    assert asked.val is not None
    page = FinetuneChoice({"epochs": 1, "seed": 0, "weight_decay": 5e-4}, 64)
    kept = orders.recorded(
        LotteryOrder(
            asked.pruned.base,
            asked.train,
            asked.val,
            LotteryPlan(rounds=1, control=False),
            page.settings,
        )
    )
    assert kept is not None
    assert kept.results["rounds"] == found["rounds"]
    assert [row["round"] for row in found["rounds"]] == [0, 1]
