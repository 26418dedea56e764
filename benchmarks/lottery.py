"""Lottery tickets: rewound weights against other random weights under the same masks.

    python -m benchmarks.lottery [--model lenet5-mnist5k] [--rounds 6] [--epochs 6]
        [--seeds 3] [--rewind 0] [--checkpoint FOLDER]

Each round removes a share of what is left by magnitude, puts the survivors back to
their values at the start (or at step ``--rewind``) and trains them again; the control
trains the same masks from other random weights. Top-1 on the test split, the mean and
the range over seeds; nothing is chosen by it.
"""

import argparse
import time
from pathlib import Path

import torch

import workbench as wb
from workbench.measure.conditions import cpu_model
from workbench.training.lottery import LotteryPlan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="lenet5-mnist5k")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--rate", type=float, default=0.5)
    parser.add_argument("--rewind", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--lr", type=float, default=0.03)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--checkpoint", type=Path, help="folder to resume from")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    network = wb.load_model(options.model)
    train = wb.dataset_for(network, split="train")
    test = wb.dataset_for(network, split="test")
    plan = LotteryPlan(options.rounds, options.rate, options.rewind)
    print(
        f"{options.model}: {options.epochs} epochs of {len(train)} images a round, lr "
        f"{options.lr} one-cycle, rewinding to step {options.rewind}, "
        f"{options.seeds} seeds; {cpu_model()}, {options.threads} thread(s), torch "
        f"{torch.__version__}"
    )
    started = time.perf_counter()
    scores: dict[int, tuple[float, list[float], list[float]]] = {}
    for seed in range(options.seeds):
        path = None
        if options.checkpoint is not None:
            options.checkpoint.mkdir(parents=True, exist_ok=True)
            path = options.checkpoint / f"seed{seed}"
        rounds = wb.lottery(
            wb.fresh(network, seed=seed),
            train,
            # The plan never looks at these scores.
            test,
            plan=plan,
            checkpoint=path,
            epochs=options.epochs,
            lr=options.lr,
            batch_size=64,
            seed=seed,
        )
        for one in rounds:
            row = scores.setdefault(one.number, (one.sparsity, [], []))
            row[1].append(one.accuracy.top1)
            control = ""
            if one.control is not None:
                row[2].append(one.control.top1)
                control = f" control {one.control.top1:.4f}"
            print(
                f"{time.strftime('%H:%M:%S')} seed {seed} round {one.number} "
                f"sparsity {one.sparsity:.4f} ticket {one.accuracy.top1:.4f}{control}",
                flush=True,
            )
    print("\n| round | sparsity | ticket % (range) | random control % (range) |")
    print("|---" * 4 + "|")
    for number, (sparsity, tickets, controls) in scores.items():
        control = "" if number == 0 else cell(controls)
        print(f"| {number} | {sparsity:.4f} | {cell(tickets)} | {control} |")
    minutes = (time.perf_counter() - started) / 60
    print(f"\n{minutes:.1f} minutes")


def cell(values: list[float]) -> str:
    """Return `mean (lowest - highest)` in percent."""
    mean = sum(values) / len(values)
    return f"{100 * mean:.2f} ({100 * min(values):.2f} - {100 * max(values):.2f})"


if __name__ == "__main__":
    main()
