"""Engines that print while they load must not print into what a program reads.

Belongs here: moving standard output aside. Does not belong here: any engine.
"""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout


@contextmanager
def talking_aside() -> Iterator[None]:
    """Send standard output of Python and C to standard error; drop warnings."""
    sys.stdout.flush()
    before = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(before, 1)
        os.close(before)
