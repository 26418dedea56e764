"""Hugging Face's Trainer: zeros are kept from the start of the training to its end.

Belongs here: the callback. Does not belong here: what keeps the zeros
(``keep_zeros``).
"""

from importlib import import_module
from typing import Any

from workbench.errors import WorkbenchError
from workbench.training.keep_zeros import Given, keep_zeros


def keep_zeros_callback(masks: Given) -> Any:
    """Return a callback: ``Trainer(..., callbacks=[keep_zeros_callback(pruned)])``.

    Parameters
    ----------
    masks : PrunedNetwork, or mapping of str to torch.Tensor
        As ``workbench.keep_zeros`` takes them; their names are looked for in the model
        and in its parts.

    Raises
    ------
    WorkbenchError
        transformers is not installed. While it trains: a removed weight is not zero.
    """
    try:
        base: Any = import_module("transformers").TrainerCallback
    except ModuleNotFoundError as error:
        raise WorkbenchError(
            "transformers is not installed",
            "the package transformers",
            "Run: pip install transformers",
        ) from error

    class KeepZeros(base):  # type: ignore[misc]
        """Applies masks after every optimiser step, checks them after every batch."""

        def __init__(self) -> None:
            self.kept: keep_zeros | None = None

        def on_train_begin(
            self, args: Any, state: Any, control: Any, *, model: Any, **more: Any
        ) -> None:
            self.kept = keep_zeros(model, masks).__enter__()

        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            if self.kept is not None:
                self.kept.check()

        def on_train_end(
            self, args: Any, state: Any, control: Any, **more: Any
        ) -> None:
            kept, self.kept = self.kept, None
            if kept is not None:
                kept.__exit__(None, None, None)

    return KeepZeros()
