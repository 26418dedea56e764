"""Fine-tuning: removed weights stay zero, killed runs resume, test images are safe."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import workbench as wb
from tests.support import ROOT
from tests.support.training_cases import digest, one_thread, stripe_network, stripes
from workbench.errors import WorkbenchError
from workbench.jobs.job import Job, JobCancelled
from workbench.pruning.masks import revived
from workbench.training.finetune import tune
from workbench.training.finetune_options import FinetuneOptions
from workbench.training.loop.fit import FitHooks
from workbench.training.loop.options import EpochLog
from workbench.training.loop.technique import Technique

__all__ = ["one_thread"]

RECIPE = """version: 1
seed: 3
layers:
  - {match: "0", method: magnitude, sparsity: 0.5}
  - {match: "3", method: filter, sparsity: 0.25}
  - {match: "8", method: magnitude, sparsity: 0.5}
finetune: {epochs: 3, lr: 0.05}
"""
# Everything that could bring a removed weight back.
HARD = {"momentum": 0.9, "weight_decay": 0.01, "ema": 0.9, "batch_size": 16}


def _pruned(recipe: str = RECIPE) -> wb.PrunedNetwork:
    return wb.prune(stripe_network(), wb.Recipe.loads(recipe))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("channels_last", [False, True])
def test_removed_weights_stay_exactly_zero(precision: str, channels_last: bool) -> None:
    pruned = wb.prune(stripe_network(), wb.Recipe.uniform("magnitude", 0.6))
    before = digest(pruned.module)
    logs: list[EpochLog] = []
    tuned = wb.finetune(
        pruned,
        stripes(),
        hooks=FitHooks(after_epoch=logs.append),
        epochs=2,
        lr=0.1,
        precision=precision,
        channels_last=channels_last,
        **HARD,
    )
    # Layer 3 has 12 * 8 * 9 = 864 weights, round(0.6 * 864) = 518 go; the first
    # convolution and the classifier stay dense under a wildcard.
    assert [log.remarks for log in logs] == [{"zeros_kept": 518, "zeros": 518}] * 2
    assert logs[0].text.endswith("zeros kept 518/518")
    assert revived(tuned.module, pruned.parameter_masks) == {}
    weight = tuned.module.get_parameter("3.weight")
    assert int((weight == 0).sum()) == 518
    assert not torch.equal(weight, pruned.module.get_parameter("3.weight"))
    assert digest(pruned.module) == before
    assert tuned.masks is pruned.masks


def test_removed_channels_keep_their_norms_at_zero() -> None:
    pruned = _pruned()
    masks = pruned.parameter_masks
    # Filters 3 of 12 go with their batch norm's scale and offset.
    assert int((~masks["4.weight"]).sum()) == int((~masks["4.bias"]).sum()) == 3
    result = tune(pruned, stripes(), **HARD)
    expected = sum(int((~mask).sum()) for mask in masks.values())
    assert result.history[-1].remarks["zeros_kept"] == expected
    assert revived(result.network.module, masks) == {}


def test_the_recipe_says_how_unless_the_caller_does() -> None:
    recipe = wb.Recipe.loads(RECIPE)
    shown = FinetuneOptions.of(recipe, {"ema": 0.5})
    assert (shown.epochs, shown.lr, shown.seed, shown.ema) == (3, 0.05, 3, 0.5)
    assert FinetuneOptions.of(recipe, {"epochs": 7}).epochs == 7
    plain = FinetuneOptions.of(wb.Recipe.uniform("magnitude", 0.5), {})
    assert (plain.epochs, plain.lr, plain.schedule) == (5, 0.01, "one-shot")
    assert len(tune(_pruned(), stripes()).history) == 3


def test_augmentation_follows_the_data() -> None:
    shown = FinetuneOptions(lr=0.2, rates="cosine", warm_up=0.1)
    assert shown.fit_options("mnist5k").augment == "jitter"
    assert shown.fit_options("cifar10").augment == "mirror-crop-flip"
    plain = shown.fit_options("stripes")
    assert (plain.augment, plain.peak_lr, plain.schedule) == ("none", 0.2, "cosine")
    assert plain.warm_up == 0.1


def test_it_learns_and_scores_validation_images_only() -> None:
    pruned = wb.prune(stripe_network(), wb.Recipe.uniform("magnitude", 0.5))
    val = stripes(64, 5, "val")
    result = tune(pruned, stripes(), val=val, epochs=12, lr=0.1, batch_size=16)
    scores = [log.val_top1 for log in result.history]
    assert scores[-1] == wb.evaluate(result.network, val).top1
    assert scores[-1] is not None
    assert scores[-1] >= 0.85
    assert result.history[-1].loss < 0.5 * result.history[0].loss


def test_statistics_can_be_estimated_again_at_the_end() -> None:
    pruned = wb.prune(stripe_network(), wb.Recipe.uniform("magnitude", 0.5))
    plain = wb.finetune(pruned, stripes(), epochs=1)
    fresh = wb.finetune(pruned, stripes(), epochs=1, bn_images=96)
    same = wb.reestimate_bn(plain, stripes(), images=96)
    assert digest(fresh.module) == digest(same.module) != digest(plain.module)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"epoch": 3}, "option 'epoch'; expected one of .*Did you mean 'epochs'"),
        ({"schedule": "sometimes"}, "schedule 'sometimes'; expected one of one-shot"),
        ({"ema": 1.0}, r"ema 1.0; expected a share"),
        ({"lr": 0.0}, "learning rate 0"),
        ({"bn_images": -1}, "bn_images -1"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(WorkbenchError, match=words):
        wb.finetune(_pruned(), stripes(), **settings)


def test_the_test_split_is_never_trained_on() -> None:
    test = stripes(16, 1, "test")
    for parts in ({"data": test}, {"data": stripes(), "val": test}):
        with pytest.raises(WorkbenchError, match="the test split of 'stripes'"):
            wb.finetune(_pruned(), **parts)


class _Meddler(Technique):
    """Changes a removed weight behind the masks."""

    def prepare(self, module: nn.Module) -> None:
        self.weight = module.get_parameter("3.weight")

    @torch.no_grad()
    def after_step(self) -> None:
        self.weight[self.weight == 0] = 1e-6


def test_a_weight_that_comes_back_stops_the_run() -> None:
    pruned = wb.prune(stripe_network(), wb.Recipe.uniform("magnitude", 0.5))
    with pytest.raises(WorkbenchError, match=r"432 removed weights of '3\.weight'"):
        wb.finetune(pruned, stripes(), hooks=FitHooks(techniques=(_Meddler(),)))


def test_a_job_follows_and_cancels_between_batches(tmp_path: Path) -> None:
    job = Job("j", {})
    path = tmp_path / "run.ckpt"

    def watch(done: int, total: int) -> None:
        # 96 images in batches of 16 are 6 batches an epoch; stop in the second.
        if done == 8:
            job.cancel()
        job.on_round(done, total)

    with pytest.raises(JobCancelled):
        wb.finetune(
            _pruned(),
            stripes(),
            checkpoint=path,
            hooks=FitHooks(after_batch=watch),
            **HARD,
        )
    assert (job.view().done, job.view().total) == (8, 18)
    resumed = wb.finetune(_pruned(), stripes(), checkpoint=path, **HARD)
    whole = wb.finetune(_pruned(), stripes(), **HARD)
    assert digest(resumed.module) == digest(whole.module)


_CHILD = """
import os, signal, sys
import torch
import workbench as wb
from tests.support.training_cases import stripe_network, stripes
from tests.unit.training.test_finetune import HARD, RECIPE
from workbench.training.loop.fit import FitHooks

torch.set_num_threads(1)
die_at = int(sys.argv[2])

def watch(done, total):
    if done == die_at:
        os.kill(os.getpid(), signal.SIGKILL)

pruned = wb.prune(stripe_network(), wb.Recipe.loads(RECIPE))
tuned = wb.finetune(pruned, stripes(), checkpoint=sys.argv[1],
                    hooks=FitHooks(after_batch=watch), **HARD)
print(tuned.digest)
"""


def test_killed_with_signal_9_it_resumes_to_the_same_weights(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"

    def child(die_at: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", _CHILD, str(path), str(die_at)],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    killed = child(9)
    assert killed.returncode == -signal.SIGKILL
    assert killed.stdout == ""
    assert path.exists()
    resumed = child(0)
    assert resumed.returncode == 0, resumed.stderr
    whole = wb.finetune(_pruned(), stripes(), **HARD)
    assert resumed.stdout.strip() == whole.digest


def test_a_checkpoint_of_other_weights_or_techniques_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    wb.finetune(_pruned(), stripes(), checkpoint=path, **HARD)
    other = wb.prune(stripe_network(), wb.Recipe.loads(RECIPE.replace("0.25", "0.5")))
    with pytest.raises(WorkbenchError, match="started from weights"):
        wb.finetune(other, stripes(), checkpoint=path, **HARD)
    extra = FitHooks(techniques=(Technique(),))
    with pytest.raises(WorkbenchError, match="was made with frozen masks of"):
        wb.finetune(_pruned(), stripes(), checkpoint=path, hooks=extra, **HARD)
