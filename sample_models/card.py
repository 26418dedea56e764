"""The card of a trained sample: where its weights come from and how good they are.

Belongs here: the card's content. Does not belong here: training.
"""

import dataclasses
import hashlib
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from workbench.analysis.accuracy import evaluate
from workbench.data import Dataset
from workbench.models.network import Network
from workbench.models.samples import Sample
from workbench.training.loop.options import EpochLog, FitOptions


def make_card(
    sample: Sample,
    network: Network,
    history: Sequence[EpochLog],
    *,
    stages: Sequence[FitOptions],
    splits: dict[str, Dataset],
    weights: bytes,
) -> dict[str, Any]:
    """Return the card as plain values for JSON.

    Parameters
    ----------
    sample : Sample
        Which sample.
    network : Network
        The trained network, as it will be loaded.
    history : sequence of EpochLog
        One an epoch, over all stages.
    stages : sequence of FitOptions
        How it was trained.
    splits : dict of str to Dataset
        ``"train"``, ``"val"`` and ``"test"``.
    weights : bytes
        Content of the safetensors file.
    """
    test = splits["test"]
    accuracy = evaluate(network, test)
    return {
        "name": sample.name,
        "architecture": sample.architecture,
        "note": sample.note,
        "parameters": sum(p.numel() for p in network.module.parameters()),
        "dataset": {
            "name": test.name,
            "splits": {
                name: {"images": len(data), "digest": data.digest}
                for name, data in splits.items()
            },
        },
        "training": {
            "epochs": len(history),
            "stages": [dataclasses.asdict(options) for options in stages],
            "minutes": round(sum(log.seconds for log in history) / 60, 1),
            "final_loss": round(history[-1].loss, 4),
            "val_top1": history[-1].val_top1,
            "machine": machine(),
        },
        "accuracy": {
            "split": "test",
            "top1": accuracy.top1,
            "top5": accuracy.top5,
            "loss": round(accuracy.loss, 4),
            "n": accuracy.n,
            "interval": [round(edge, 4) for edge in accuracy.interval],
        },
        "weights": {
            "file": f"{sample.name}.safetensors",
            "bytes": len(weights),
            "sha256": hashlib.sha256(weights).hexdigest(),
            "digest": network.digest,
        },
        "retrain": retrain_command(sample),
    }


def retrain_command(sample: Sample) -> str:
    """Return the command that trains the sample again."""
    command = f"python -m sample_models.train {sample.name}"
    return command if sample.dataset == "mnist5k" else f"{command} --data DIR"


def machine() -> str:
    """Return the processor, thread count and torch version."""
    return (
        f"{_processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    )


def _processor() -> str:
    table = Path("/proc/cpuinfo")
    if table.exists():
        for line in table.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
