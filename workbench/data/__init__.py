"""Labelled images: where they are found, how they are read, how they are split."""

from workbench.data.dataset import Dataset
from workbench.data.loading import dataset_for, load_dataset
from workbench.data.raw import DataError

__all__ = ["DataError", "Dataset", "dataset_for", "load_dataset"]
