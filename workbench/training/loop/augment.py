"""Random changes to training images, whole batches at a time.

Belongs here: pure functions of (pixels, generator). Every draw comes from the
generator that is passed in, so that a run repeats under its seed.
"""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Generator, Tensor
from torch.nn import functional

from workbench.errors import WorkbenchError

Augment = Callable[[Tensor, Generator], Tensor]

_PAD_PX = 4
_MAX_ROTATION = math.radians(12)
_MAX_SHIFT = 0.1
_MAX_ZOOM = 0.1


def crop_flip(pixels: Tensor, random: Generator) -> Tensor:
    """Return random crops of the images padded by 4 px, half of them mirrored.

    Parameters
    ----------
    pixels : Tensor of uint8, shape (N, C, H, W)
        A batch.
    random : Generator
        Where the draws come from.

    Source
    ------
    He et al., "Deep Residual Learning for Image Recognition", 2016, section 4.2.
    """
    return _windows(functional.pad(pixels, (_PAD_PX,) * 4), pixels.shape, random)


def mirror_crop_flip(pixels: Tensor, random: Generator) -> Tensor:
    """Return random crops of images padded by 4 px of their own mirror image.

    As ``crop_flip``, but without the black rim, so that the network sees the same
    brightness in training and in use: batch-norm statistics that are re-estimated on
    plain images then equal those of the training.

    Parameters
    ----------
    pixels : Tensor of uint8, shape (N, C, H, W)
        A batch; H and W above 4.
    random : Generator
        Where the draws come from.
    """
    rows, columns = (_mirrored(side) for side in pixels.shape[2:])
    return _windows(pixels[:, :, rows][:, :, :, columns], pixels.shape, random)


def mirror_crop_flip_cutout(pixels: Tensor, random: Generator) -> Tensor:
    """Return ``mirror_crop_flip`` with one grey square cut out of every image.

    The square has half the image's side; its centre lies anywhere, so that part of it
    may fall outside. Its grey is the batch's mean of each channel.

    Parameters
    ----------
    pixels : Tensor of uint8, shape (N, C, H, W)
        A batch; H and W above 4.
    random : Generator
        Where the draws come from.

    Source
    ------
    DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with
    Cutout", 2017, section 3.
    """
    crops = mirror_crop_flip(pixels, random)
    count, _, height, width = crops.shape
    rows, columns = (
        _near(torch.randint(0, side, (count, 1), generator=random), side)
        for side in (height, width)
    )
    square = rows[:, None, :, None] & columns[:, None, None, :]
    mean = crops.float().mean(dim=(0, 2, 3), keepdim=True).round().to(crops.dtype)
    return torch.where(square, mean, crops)


def _near(centre: Tensor, side: int) -> Tensor:
    """Return which of 0..side-1 lie in a window of half the side, (N, side)."""
    away = torch.arange(side) - centre
    return (away >= -(side // 4)) & (away < side // 4)


def _mirrored(side: int) -> Tensor:
    """Return indices -4..side+3, reflected into 0..side-1 without doubling the edge."""
    places = torch.arange(-_PAD_PX, side + _PAD_PX).abs()
    return torch.where(places < side, places, 2 * (side - 1) - places)


def _windows(padded: Tensor, shape: torch.Size, random: Generator) -> Tensor:
    """Return one random window of ``shape`` an image, half of them mirrored."""
    count, _, height, width = shape
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    offsets = torch.randint(0, 2 * _PAD_PX + 1, (2, count), generator=random)
    crops = windows[torch.arange(count), :, offsets[0], offsets[1]]
    mirrored = torch.rand(count, generator=random) < 0.5
    return torch.where(mirrored.view(-1, 1, 1, 1), crops.flip(3), crops)


def jitter(pixels: Tensor, random: Generator) -> Tensor:
    """Return slightly turned, shifted and zoomed images (for digits; never mirrored).

    Turns by up to 12 degrees, shifts by up to 5 % of the side, zooms by up to 10 %.

    Parameters
    ----------
    pixels : Tensor of uint8, shape (N, C, H, W)
        A batch.
    random : Generator
        Where the draws come from.

    Returns
    -------
    Tensor of float32, shape (N, C, H, W)
        Still in 0..255.
    """
    count = len(pixels)
    draw = torch.rand(4, count, generator=random) * 2 - 1
    angle = draw[0] * _MAX_ROTATION
    zoom = 1 + draw[1] * _MAX_ZOOM
    shift = draw[2:] * _MAX_SHIFT
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    rows = [torch.stack((cos, -sin, shift[0])), torch.stack((sin, cos, shift[1]))]
    affine = torch.stack(rows).permute(2, 0, 1)
    grid = functional.affine_grid(affine, list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels.float(), grid, align_corners=False)


def unchanged(pixels: Tensor, random: Generator) -> Tensor:
    """Return the images as they are."""
    return pixels


AUGMENTS: Mapping[str, Augment] = MappingProxyType(
    {
        "none": unchanged,
        "crop-flip": crop_flip,
        "mirror-crop-flip": mirror_crop_flip,
        "mirror-crop-flip-cutout": mirror_crop_flip_cutout,
        "jitter": jitter,
    }
)


def augment(name: str) -> Augment:
    """Return the augmentation of that name.

    Raises
    ------
    WorkbenchError
        If no augmentation has that name.
    """
    if name not in AUGMENTS:
        raise WorkbenchError(
            f"augmentation '{name}'", "one of " + ", ".join(AUGMENTS), "Choose one."
        )
    return AUGMENTS[name]
