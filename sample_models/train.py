"""Train a sample model: ``python -m sample_models.train NAME [--data DIR]``.

Writes the weights and the card beside the architectures (or into ``--out``). The test
split is scored once, at the end; nothing is chosen by it. Belongs here: the command.
Does not belong here: the loop (``training.loop.fit``) and the card (``card.py``).
"""

import argparse
import dataclasses
import json
import sys
import time
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save

from sample_models.card import make_card
from sample_models.recipes import STAGES
from workbench.data import load_dataset
from workbench.errors import WorkbenchError
from workbench.models.architectures import architecture
from workbench.models.inspect import from_module
from workbench.models.samples import Sample, sample, sample_directory
from workbench.models.weights_file import DIGEST_KEY
from workbench.training.loop.fit import FitHooks, fit
from workbench.training.loop.options import EpochLog, FitOptions

_SPLITS = ("train", "val", "test")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0, or 2 with a message when it is used wrongly."""
    parser = argparse.ArgumentParser(
        prog="python -m sample_models.train", description="Train a sample model."
    )
    parser.add_argument("name", choices=list(STAGES))
    parser.add_argument("--data", help="directory that holds the dataset")
    parser.add_argument("--epochs", type=int, help="one stage of so many, for a trial")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--checkpoint", type=Path, help="continue from here if it exists"
    )
    parser.add_argument("--remark", default="", help="put on the card")
    parser.add_argument("--out", type=Path, default=sample_directory())
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    stages = STAGES[given.name]
    try:
        if given.epochs is not None:
            stages = (dataclasses.replace(stages[0], epochs=given.epochs),)
        train_sample(
            sample(given.name),
            stages,
            data=given.data,
            out=given.out,
            checkpoint=given.checkpoint,
            remark=given.remark,
        )
    except WorkbenchError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def train_sample(
    chosen: Sample,
    stages: tuple[FitOptions, ...],
    *,
    data: str | None,
    out: Path,
    checkpoint: Path | None,
    remark: str = "",
) -> Path:
    """Train a sample and write its weights and card; return the path of the card.

    Parameters
    ----------
    chosen : Sample
        Which sample.
    stages : tuple of FitOptions
        How to train it; each stage starts from the weights of the one before.
    data : str or None
        Where its dataset lies.
    out : Path
        Directory to write into.
    checkpoint : Path or None
        Written after every epoch (one file a stage, ".1", ".2" and so on put after the
        name); if it exists, the run continues from it.
    remark : str
        Put on the card, for example that other work shared the machine.
    """
    splits = {
        name: load_dataset(chosen.dataset, split=name, root=data) for name in _SPLITS
    }
    torch.manual_seed(stages[0].seed)
    module = architecture(chosen.architecture).build()
    history: tuple[EpochLog, ...] = ()
    for number, options in enumerate(stages, start=1):
        show = partial(_show, f"stage {number} epoch", options.epochs)
        result = fit(
            module,
            splits["train"],
            options=options,
            val=splits["val"],
            checkpoint=_of_stage(checkpoint, number),
            hooks=FitHooks(after_epoch=show),
        )
        module, history = result.module, history + result.history
    network = from_module(
        module,
        input_shape=chosen.input_shape,
        name=chosen.name,
        classes=splits["test"].classes,
        dataset=chosen.dataset,
    )
    weights = save(
        {name: t.contiguous() for name, t in network.module.state_dict().items()},
        metadata={DIGEST_KEY: network.digest},
    )
    card = make_card(
        chosen, network, history, stages=stages, splits=splits, weights=weights
    )
    if remark:
        card["training"]["remark"] = remark
    out.mkdir(parents=True, exist_ok=True)
    _write(out / f"{chosen.name}.safetensors", weights)
    text = json.dumps(card, indent=2) + "\n"
    path = out / f"{chosen.name}.card.json"
    _write(path, text.encode())
    sys.stdout.write(f"test top-1 {card['accuracy']['top1']:.4f}: wrote {path}\n")
    return path


def _of_stage(checkpoint: Path | None, number: int) -> Path | None:
    if checkpoint is None:
        return None
    return checkpoint.with_name(f"{checkpoint.name}.{number}")


def _show(title: str, epochs: int, log: EpochLog) -> None:
    sys.stdout.write(
        f"{time.strftime('%H:%M:%S')} {title} {log.epoch}/{epochs} "
        f"loss {log.loss:.4f} lr {log.lr:.4f} {log.seconds:.0f} s "
        f"{log.images_per_s:.0f} images/s val {log.val_top1:.4f}\n"
    )
    sys.stdout.flush()


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(content)
    beside.replace(path)


if __name__ == "__main__":
    sys.exit(main())
