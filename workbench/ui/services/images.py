"""Pictures of a dataset and what a network says about them.

Belongs here: enlarging pixels, running a handful of images. Does not belong here:
accuracy over a dataset (``accuracy``).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

if TYPE_CHECKING:
    from workbench.data.dataset import Dataset
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork

TARGET_PX = 224
HANDFUL = 8


@dataclass(frozen=True, eq=False)
class Prediction:
    """One image, its class, and the network's answer with its probability."""

    index: int
    picture: np.ndarray[Any, np.dtype[np.uint8]]
    truth: str
    answer: str
    probability: float

    @property
    def right(self) -> bool:
        """Whether the answer is the image's class."""
        return self.answer == self.truth


@st.cache_data(max_entries=32, show_spinner=False)
def _predict(
    digest: str,
    data_digest: str,
    chosen: tuple[int, ...],
    _network: "Network | PrunedNetwork",
    _data: "Dataset",
) -> list[Prediction]:
    import torch

    with torch.inference_mode():
        logits = _network.module(_data.tensor(np.array(chosen, dtype=np.int64)))
        probabilities = torch.softmax(logits, dim=1)
    best, answers = probabilities.max(dim=1)
    return [
        Prediction(
            index=index,
            picture=enlarge(_data.images[index]),
            truth=_data.classes[int(_data.labels[index])],
            answer=_class(_data, int(answers[row])),
            probability=float(best[row]),
        )
        for row, index in enumerate(chosen)
    ]


def predict(
    network: "Network | PrunedNetwork", data: "Dataset", *, handful: int, seed: int
) -> list[Prediction]:
    """Return what a network says about a handful of images.

    Parameters
    ----------
    network : Network or PrunedNetwork
        Asked.
    data : Dataset
        Where the images come from.
    handful : int
        Which eight, from 1.
    seed : int
        Of the order of the images.
    """
    order = np.random.default_rng(seed).permutation(len(data))
    chosen = order[(handful - 1) * HANDFUL : handful * HANDFUL]
    positions = tuple(int(index) for index in chosen)
    return _predict(network.digest, data.digest, positions, network, data)


def _class(data: "Dataset", index: int) -> str:
    """Return the name of a class; a network can have more outputs than the data."""
    return data.classes[index] if index < len(data.classes) else f"output {index}"


def enlarge(image: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a (C, H, W) image as (H, W, 3), pixels repeated so that they stay sharp.

    Examples
    --------
    >>> enlarge(np.zeros((1, 28, 28), np.uint8)).shape
    (224, 224, 3)
    """
    channels, height, _ = image.shape
    colour = image if channels == 3 else np.repeat(image[:1], 3, axis=0)
    factor = max(1, TARGET_PX // height)
    big = colour.repeat(factor, axis=1).repeat(factor, axis=2)
    return np.ascontiguousarray(big.transpose(1, 2, 0))


@dataclass(frozen=True)
class Disagreement:
    """An image that two networks answer differently.

    Parameters
    ----------
    index : int
        Place in the dataset.
    truth, first, second : str
        Its class, and the two answers.
    """

    index: int
    truth: str
    first: str
    second: str

    @property
    def first_right(self) -> bool:
        """Whether the first network is right."""
        return self.first == self.truth

    @property
    def second_right(self) -> bool:
        """Whether the second network is right."""
        return self.second == self.truth


@st.cache_data(max_entries=32, show_spinner=False)
def _answers(
    digest: str, data_digest: str, _network: "Network | PrunedNetwork", _data: "Dataset"
) -> np.ndarray[Any, np.dtype[np.int64]]:
    import torch

    with torch.inference_mode():
        found = [
            _network.module(pixels).argmax(dim=1).numpy()
            for pixels, _ in _data.batches(250)
        ]
    return np.concatenate(found)


def compare(
    first: "Network | PrunedNetwork", second: "Network | PrunedNetwork", data: "Dataset"
) -> list[Disagreement]:
    """Return the images on which two networks disagree, in the dataset's order."""
    one = _answers(first.digest, data.digest, first, data)
    other = _answers(second.digest, data.digest, second, data)
    names = data.classes
    return [
        Disagreement(
            int(index),
            names[int(data.labels[index])],
            _class(data, int(one[index])),
            _class(data, int(other[index])),
        )
        for index in np.flatnonzero(one != other)
    ]
