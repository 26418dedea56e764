"""Weights as safetensors: a JSON header whose sizes and places must fit the bytes."""

import json
from functools import cache
from pathlib import Path
from random import Random

import torch
from safetensors.torch import save

from tests.fuzz.mutations import damage, json_bytes, number, tree
from tests.support.small_networks import exported, small_network
from workbench.models.weights_file import read_weights

SUFFIX = ".safetensors"


@cache
def seeds() -> tuple[bytes, ...]:
    state = {k: v.clone() for k, v in small_network().module.state_dict().items()}
    parts = {
        "half": torch.ones(3, 2, dtype=torch.float16),
        "none": torch.zeros(0, 4),
        "w_orig": torch.ones(2, 2),
        "w_mask": torch.eye(2),
        "yes": torch.ones(2, dtype=torch.bool),
    }
    return exported("safetensors"), bytes(save(state)), bytes(save(parts))


def mutate(rng: Random, data: bytes) -> bytes:
    length = int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError):
        return damage(rng, data)
    if rng.random() < 0.3:
        return damage(rng, data)
    text = json_bytes(rng, tree(rng, header))
    if rng.random() < 0.1:
        return number(rng).to_bytes(16, "little", signed=True)[:8] + data[8:]
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def read(path: Path) -> object:
    return read_weights(path)
