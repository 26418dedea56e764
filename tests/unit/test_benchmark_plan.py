"""The comparison of plans goes on where it was stopped, and says on how many images."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import workbench as wb
from benchmarks import plan
from tests.support.small_networks import small_network


def accuracy(n: int) -> wb.Accuracy:
    return wb.Accuracy(top1=0.75, top5=1.0, loss=0.5, n=n, interval=(0.7, 0.8))


def test_a_stopped_comparison_repeats_no_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    data = SimpleNamespace(take=lambda images: f"{images} images")
    options = SimpleNamespace(
        network="tiny",
        share=0.6,
        data=None,
        images=None,
        tune_images=40,
        epochs=1,
        lr=0.1,
    )

    def tune(fixed: str, train: str, **settings: Any) -> str:
        assert (fixed, train, settings["epochs"]) == ("fixed", "40 images", 1)
        return "tuned"

    def score(net: Any, test: Any) -> wb.Accuracy:
        # Stopped in the second of the four cells.
        if len(done) == 1 and "stopped" not in done:
            done.append("stopped")
            raise KeyboardInterrupt
        done.append(net if isinstance(net, str) else type(net).__name__)
        return accuracy(40)

    monkeypatch.setattr(wb, "load_model", lambda name: small_network(), raising=False)
    monkeypatch.setattr(wb, "dataset_for", lambda *a, **k: data, raising=False)
    monkeypatch.setattr(wb, "reestimate_bn", lambda *a: "fixed", raising=False)
    monkeypatch.setattr(wb, "finetune", tune, raising=False)
    monkeypatch.setattr(wb, "evaluate", score, raising=False)
    file = tmp_path / "plan.json"

    def comparison() -> plan.Comparison:
        made = plan.Comparison(options, plan.Book(file))  # type: ignore[arg-type]
        recipe = wb.Recipe.uniform("magnitude", 0.5).dump()
        made.facts["recipes"] = {"plan": recipe}
        return made

    with pytest.raises(KeyboardInterrupt):
        comparison().score()
    comparison().score()
    assert done == ["Network", "stopped", "PrunedNetwork", "fixed", "tuned"]
    comparison().score()
    assert len(done) == 5

    table = plan.markdown(plan.Book(file).facts).splitlines()
    share = "75.00 (70.00 .. 80.00)"
    assert table[2].endswith("| raw | BN | tuned | n |")
    assert table[4] == f"| dense |  |  | {share} |  |  | 40 |"
    assert table[5].endswith(f"| {share} | {share} | {share} | 40 |")
