"""State dicts as torch writes them: a zip of a pickle and storages."""

import io
from functools import cache
from pathlib import Path
from random import Random

import torch

from tests.fuzz.mutations import damage
from tests.fuzz.pickles import repickled
from tests.fuzz.zips import members, rezipped
from tests.support.small_networks import exported, small_network
from workbench.models.weights_file import read_weights

SUFFIX = ".pt"


@cache
def seeds() -> tuple[bytes, ...]:
    state = small_network().module.state_dict()
    new, old = io.BytesIO(), io.BytesIO()
    torch.save({"state_dict": state}, new)
    torch.save(state, old, _use_new_zipfile_serialization=False)
    return exported("pt"), exported("pt-masked"), new.getvalue(), old.getvalue()


def mutate(rng: Random, data: bytes) -> bytes:
    found = members(data)
    if not found or rng.random() < 0.3:
        return damage(rng, data)
    name = rng.choice(list(found))
    pickled = [one for one in found if one.endswith("data.pkl")]
    if pickled and rng.random() < 0.7:
        name = pickled[0]
        found[name] = repickled(rng, found[name])
    else:
        found[name] = damage(rng, found[name])
    return rezipped(rng, found)


def read(path: Path) -> object:
    return read_weights(path)
