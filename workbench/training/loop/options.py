"""What a training run is told, and what it says about every epoch.

Belongs here: the two values. Does not belong here: the loop (``fit.py``).
"""

import math
from dataclasses import dataclass, field

from workbench.errors import WorkbenchError

PRECISIONS = ("fp32", "bf16")


@dataclass(frozen=True)
class FitOptions:
    """How to train.

    Parameters
    ----------
    epochs : int
        Passes over the training images.
    batch_size : int
        Images a step; an incomplete last batch of an epoch is left out unless it is
        the only one.
    peak_lr : float
        Highest learning rate; the schedule scales it.
    schedule : str
        A name of ``schedules.SCHEDULES``.
    momentum : float
        Nesterov momentum, 0..1.
    weight_decay : float
        On convolution and linear weights; biases and norms are not decayed.
    label_smoothing : float
        0..1.
    augment : str
        A name of ``augment.AUGMENTS``.
    precision : str
        ``"fp32"``, or ``"bf16"`` for autocast on the CPU.
    channels_last : bool
        Memory layout of weights and images; faster for some networks.
    seed : int
        Of the order of images, augmentation and dropout.
    warm_up : float
        Share of all steps, 0..1, over which the rate rises linearly before the
        schedule starts.
    ema : float
        Decay of the moving average of weights a step, 0 <= ema < 1; the average is
        what is scored and returned. 0 for none.
    cycles : int
        How often the schedule starts anew, evenly over the run.
    """

    epochs: int = 10
    batch_size: int = 128
    peak_lr: float = 0.1
    schedule: str = "one-cycle"
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.0
    augment: str = "none"
    precision: str = "fp32"
    channels_last: bool = False
    seed: int = 0
    warm_up: float = 0.0
    ema: float = 0.0
    cycles: int = 1

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size, self.cycles) < 1:
            raise WorkbenchError(
                f"{self.epochs} epochs of batches of {self.batch_size} in "
                f"{self.cycles} cycles",
                "at least 1 each",
                "Choose higher numbers.",
            )
        if not 0 < self.peak_lr < math.inf:
            raise WorkbenchError(
                f"learning rate {self.peak_lr}",
                "a number above 0",
                "Try 0.1.",
            )
        if self.precision not in PRECISIONS:
            raise WorkbenchError(
                f"precision '{self.precision}'",
                "one of " + ", ".join(PRECISIONS),
                "Use fp32 if in doubt.",
            )
        if not 0 <= self.weight_decay < math.inf:
            raise WorkbenchError(
                f"weight_decay {self.weight_decay}",
                "a finite number, 0 or more",
                "Try 5e-4.",
            )
        for name in ("warm_up", "ema", "momentum", "label_smoothing"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise WorkbenchError(
                    f"{name} {value}", "a share, 0 or more and below 1", "Try 0."
                )


@dataclass(frozen=True)
class EpochLog:
    """What one epoch did.

    Parameters
    ----------
    epoch : int
        1 is the first.
    loss : float
        Mean training loss of the epoch.
    lr : float
        Learning rate of its last step.
    seconds : float
        Wall time of the epoch without validation.
    images_per_s : float
        Training images a second.
    val_top1 : float or None
        Share of validation images classified correctly, 0..1; None without a
        validation split.
    remarks : dict of str to float
        What the run's techniques say of the epoch: ``zeros`` that the masks want and
        ``zeros_kept``, an ADMM ``residual``, and so on.
    """

    epoch: int
    loss: float
    lr: float
    seconds: float
    images_per_s: float
    val_top1: float | None
    remarks: dict[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Everything on one line, for people.

        Examples
        --------
        >>> EpochLog(1, 0.5, 0.01, 2.0, 400.0, 0.8, {"zeros": 9, "zeros_kept": 9}).text
        'loss 0.5000 lr 0.01 2.0 s 400 images/s val 80.00 % zeros kept 9/9'
        """
        words = [
            f"loss {self.loss:.4f} lr {self.lr:.4g} {self.seconds:.1f} s "
            f"{self.images_per_s:.0f} images/s"
        ]
        if self.val_top1 is not None:
            words.append(f"val {100 * self.val_top1:.2f} %")
        rest = dict(self.remarks)
        if "zeros" in rest:
            kept, wanted = rest.pop("zeros_kept"), rest.pop("zeros")
            words.append(f"zeros kept {kept:.0f}/{wanted:.0f}")
        return " ".join([*words, *(f"{name} {x:.4g}" for name, x in rest.items())])
