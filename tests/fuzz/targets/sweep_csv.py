"""Sweeps as CSV: our long form, Distiller's, NNI's wide form."""

from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import workbench as wb
from tests.fuzz.mutations import FLOATS, TEXTS, damage, number
from tests.support.small_networks import small_network
from tests.support.sweep_data import val_data
from workbench.analysis.sensitivity.csv_file import read_csv, write_long, write_wide

SUFFIX = ".csv"


@cache
def seeds() -> tuple[bytes, ...]:
    net = small_network()
    options = wb.SweepOptions(latency="model")
    sweep = wb.sensitivity(
        net,
        val_data(net, 10),
        methods=("magnitude", "filter"),
        sparsities=(0.5, 0.9),
        options=options,
    )
    with TemporaryDirectory() as folder:
        long, wide = Path(folder, "long.csv"), Path(folder, "wide.csv")
        write_long(sweep, long)
        write_wide(sweep, wide, method="magnitude")
        distiller = (
            b"parameter,sparsity,top1,top5,loss\nmodule.a.weight,0.0,90,99,0.5\n"
            b"module.a.weight,0.5,80.5,98,0.7\n"
        )
        return long.read_bytes(), wide.read_bytes(), distiller


def mutate(rng: Random, data: bytes) -> bytes:
    if rng.random() < 0.3:
        return damage(rng, data)
    lines = [line.split(",") for line in data.decode("utf-8", "replace").split("\n")]
    for _ in range(rng.choice([1, 1, 2, 5])):
        row, kind = rng.choice(lines), rng.random()
        at = rng.randrange(len(row))
        if kind < 0.2:
            del row[at:]
        elif kind < 0.3:
            row.insert(at, row[at])
        else:
            row[at] = rng.choice(
                [str(number(rng)), str(rng.choice(FLOATS)), *TEXTS, '"', "1" * 5000]
            )
        row[:] = row or [""]
    return "\n".join(",".join(row) for row in lines).encode()


def read(path: Path) -> object:
    return read_csv(path, dense_top1=0.9)
