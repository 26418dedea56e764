"""What a training run is told, and what it says about every epoch.

Belongs here: the two values. Does not belong here: the loop (``fit.py``).
"""

from dataclasses import dataclass

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

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1:
            raise WorkbenchError(
                f"{self.epochs} epochs of batches of {self.batch_size}",
                "at least 1 each",
                "Choose higher numbers.",
            )
        if self.peak_lr <= 0:
            raise WorkbenchError(
                f"learning rate {self.peak_lr}", "a number above 0", "Try 0.1."
            )
        if self.precision not in PRECISIONS:
            raise WorkbenchError(
                f"precision '{self.precision}'",
                "one of " + ", ".join(PRECISIONS),
                "Use fp32 if in doubt.",
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
    """

    epoch: int
    loss: float
    lr: float
    seconds: float
    images_per_s: float
    val_top1: float | None
