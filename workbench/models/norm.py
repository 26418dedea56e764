"""How a network's images are normalised: mean and standard deviation a channel.

Belongs here: reading and checking what people say of it, and what a module says itself.
Does not belong here: normalising (``data.dataset``).
"""

import math
from collections.abc import Sequence
from typing import Any

from torch import nn

from workbench.errors import WorkbenchError

Norm = tuple[tuple[float, ...], tuple[float, ...]]

_CONFIGS = ("pretrained_cfg", "default_cfg")
_WHITE = 255


def read_norm(text: str) -> Norm:
    """Return what ``MEAN/STD`` says, of pixels 0..1.

    Parameters
    ----------
    text : str
        One number each, or one a channel with commas between; where any is above 1, all
        are of pixels 0..255.

    Raises
    ------
    WorkbenchError
        Not two lists of numbers, or a deviation that is not above 0.

    Examples
    --------
    >>> read_norm("0.5,0.4/0.25")
    ((0.5, 0.4), (0.25,))
    >>> read_norm("127.5/127.5")
    ((0.5,), (0.5,))
    """
    try:
        mean, std = (tuple(map(float, part.split(","))) for part in text.split("/"))
    except ValueError:
        raise _refused(f"--norm {text!r}") from None
    if any(abs(one) > 1 for one in (*mean, *std)):
        mean = tuple(one / _WHITE for one in mean)
        std = tuple(one / _WHITE for one in std)
    return check_norm((mean, std))


def check_norm(norm: tuple[Sequence[float], Sequence[float]]) -> Norm:
    """Return a mean and a standard deviation as they are, of pixels 0..1.

    Raises
    ------
    WorkbenchError
        Numbers that are not finite, or a deviation that is not above 0.
    """
    mean, std = (tuple(map(float, part)) for part in norm)
    if not all(map(math.isfinite, (*mean, *std))) or not all(one > 0 for one in std):
        raise _refused(f"mean {mean} and standard deviation {std}")
    return mean, std


def for_channels(norm: Norm, channels: int) -> Norm:
    """Return one number a channel.

    Raises
    ------
    WorkbenchError
        Neither one number nor one for each channel.

    Examples
    --------
    >>> for_channels(((0.5,), (0.2, 0.3)), 2)
    ((0.5, 0.5), (0.2, 0.3))
    """
    for part in norm:
        if len(part) not in (1, channels):
            raise WorkbenchError(
                f"{len(part)} numbers to normalise images of {channels} channels",
                f"1 or {channels} for the mean, and for the standard deviation",
                "Write for example --norm 0.485,0.456,0.406/0.229,0.224,0.225.",
            )
    mean, std = (part * (channels // len(part)) for part in norm)
    return mean, std


def norm_said_by(module: nn.Module) -> Norm | None:
    """Return what a module's configuration says, as timm's models have one."""
    for name in _CONFIGS:
        config: Any = getattr(module, name, None)
        if isinstance(config, dict) and {"mean", "std"} <= set(config):
            return check_norm((config["mean"], config["std"]))
    return None


def _refused(found: str) -> WorkbenchError:
    return WorkbenchError(
        found,
        "MEAN/STD, finite numbers, the deviation above 0",
        "Write for example --norm 0.485,0.456,0.406/0.229,0.224,0.225, or 127/128.",
    )
