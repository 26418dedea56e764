"""Lightning: zeros are kept from the start of the fit to its end.

Belongs here: the callback. Does not belong here: what keeps the zeros
(``keep_zeros``).
"""

from importlib import import_module
from typing import Any

from workbench.errors import WorkbenchError
from workbench.training.keep_zeros import Given, keep_zeros

PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def keep_zeros_callback(masks: Given) -> Any:
    """Return a Lightning callback, for ``Trainer(callbacks=[...])``.

    Parameters
    ----------
    masks : PrunedNetwork, or mapping of str to torch.Tensor
        As ``workbench.keep_zeros`` takes them; their names are looked for in the
        Lightning module and in its parts.

    Raises
    ------
    WorkbenchError
        Lightning is not installed. While it fits: a removed weight is not zero.
    """
    base = _base()

    class KeepZeros(base):  # type: ignore[misc, valid-type]
        """Applies masks after every optimiser step, checks them after every batch."""

        def __init__(self) -> None:
            self.kept: keep_zeros | None = None

        def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
            self.kept = keep_zeros(pl_module, masks).__enter__()

        def on_train_batch_end(
            self, trainer: Any, pl_module: Any, *rest: Any, **more: Any
        ) -> None:
            if self.kept is not None:
                self.kept.check()

        def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
            kept, self.kept = self.kept, None
            if kept is not None:
                kept.__exit__(None, None, None)

        def on_exception(self, trainer: Any, pl_module: Any, exception: Any) -> None:
            kept, self.kept = self.kept, None
            if kept is not None:
                kept.__exit__(type(exception), exception, None)

    return KeepZeros()


def _base() -> Any:
    for name in PACKAGES:
        try:
            return import_module(name).Callback
        except ModuleNotFoundError:
            continue
    raise WorkbenchError(
        "Lightning is not installed",
        "the package lightning or pytorch_lightning",
        "Run: pip install lightning",
    )
