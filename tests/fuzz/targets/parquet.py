"""Parquet files of encoded pictures."""

import io
import json
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.fuzz.mutations import damage, json_bytes, scalar, tree
from tests.fuzz.pictures import picture, repainted
from workbench.data.loading import load_dataset

SUFFIX = ".parquet"


def _written(cells: list[object], labels: list[object], about: bytes) -> bytes:
    room = io.BytesIO()
    table = pa.table({"img": cells, "label": labels})
    pq.write_table(table.replace_schema_metadata({"huggingface": about}), room)
    return room.getvalue()


@cache
def _rows() -> tuple[list[bytes], list[int], object]:
    random = np.random.default_rng(0)
    kinds = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF")
    pictures = [picture(random, kinds[index % 6]) for index in range(12)]
    names = {"info": {"features": {"label": {"names": ["cat", "dog"]}}}}
    return pictures, [index % 2 for index in range(12)], names


@cache
def seeds() -> tuple[bytes, ...]:
    pictures, labels, names = _rows()
    cells: list[object] = [{"bytes": one, "path": None} for one in pictures]
    about = json.dumps(names).encode()
    return _written(cells, list(labels), about), _written(list(pictures), labels, b"")


def mutate(rng: Random, data: bytes) -> bytes:
    if rng.random() < 0.5:
        return damage(rng, data)
    pictures, labels, names = _rows()
    cells: list[object] = [{"bytes": one, "path": None} for one in pictures]
    at, kind = rng.randrange(len(cells)), rng.random()
    about = json.dumps(names).encode()
    others: list[object] = list(labels)
    if kind < 0.6:
        cells[at] = {"bytes": repainted(rng, pictures[at]), "path": None}
    elif kind < 0.7:
        cells[at] = None
    elif kind < 0.8:
        about = json_bytes(rng, tree(rng, names))
    else:
        others[at] = scalar(rng, labels[at])
    try:
        return _written(cells, others, about)
    except (pa.ArrowException, OverflowError, TypeError):
        return damage(rng, data)


def read(path: Path) -> object:
    return load_dataset(path)
