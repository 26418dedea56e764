"""The table of architectures that come with the workbench.

An upload names one of them; a sample is one of them with weights. Adding one = one
file in ``sample_models/`` and one line here. Does not belong here: weights.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from torch import Tensor, nn

from workbench.errors import WorkbenchError
from workbench.models.factory import call_factory, import_factory


@dataclass(frozen=True)
class Architecture:
    """One architecture that the workbench can build.

    Parameters
    ----------
    name : str
        What an upload calls it.
    factory : str
        ``"package.module:function"``; the function takes ``num_classes`` and, if it
        has one, ``width``.
    input_shape : (int, int, int)
        One image, (C, H, W).
    head : str
        The last linear layer; its rows tell the number of classes.
    first : str
        The first convolution; its rows tell the width factor.
    first_width : int
        Its channels at width 1.
    """

    name: str
    factory: str
    input_shape: tuple[int, int, int]
    head: str
    first: str
    first_width: int

    @property
    def options(self) -> tuple[str, ...]:
        """Return the names of the keyword arguments that ``build`` takes."""
        return tuple(inspect.signature(import_factory(self.factory)).parameters)

    def build(self, **options: int | float) -> nn.Module:
        """Return the module with its initial weights.

        Parameters
        ----------
        **options : int or float
            ``num_classes``; also ``width`` where ``options`` lists it.

        Raises
        ------
        WorkbenchError
            If the architecture does not take one of the options.
        """
        return call_factory(self.factory, options)

    def options_for(self, state: Mapping[str, Tensor]) -> dict[str, int | float]:
        """Return the options under which the module fits these tensors.

        Reads the number of classes off the head, and the width off the first
        convolution; tensors that are missing leave the defaults.
        """
        found: dict[str, int | float] = {}
        head = state.get(f"{self.head}.weight")
        if head is not None and head.ndim == 2:
            found["num_classes"] = int(head.shape[0])
        first = state.get(f"{self.first}.weight")
        if first is not None and first.ndim == 4 and "width" in self.options:
            found["width"] = first.shape[0] / self.first_width
        return found


def _table(*rows: Architecture) -> Mapping[str, Architecture]:
    return MappingProxyType({row.name: row for row in rows})


_GREY, _SMALL, _LARGE = (1, 28, 28), (3, 32, 32), (3, 224, 224)
_HOME = "sample_models"

ARCHITECTURES: Mapping[str, Architecture] = _table(
    Architecture(
        "minivgg", f"{_HOME}.minivgg:build", _GREY, "classifier", "features.0", 32
    ),
    Architecture("lenet5", f"{_HOME}.lenet5:build", _GREY, "fc2", "conv1", 20),
    Architecture("resnet20", f"{_HOME}.resnet20:build", _SMALL, "fc", "conv1", 16),
    Architecture(
        "vgg16-cifar",
        f"{_HOME}.vgg16_cifar:build",
        _SMALL,
        "classifier",
        "features.0",
        64,
    ),
    Architecture(
        "mobilenetv1", f"{_HOME}.mobilenetv1:build", _LARGE, "classifier", "stem.0", 32
    ),
    Architecture("resnet50", f"{_HOME}.resnet50:build", _LARGE, "fc", "conv1", 64),
    Architecture(
        "vgg16", f"{_HOME}.vgg16:build", _LARGE, "classifier.6", "features.0", 64
    ),
)


def list_architectures() -> tuple[Architecture, ...]:
    """Return every architecture, in the order of the table."""
    return tuple(ARCHITECTURES.values())


def architecture(name: str) -> Architecture:
    """Return the architecture of that name.

    Raises
    ------
    WorkbenchError
        If there is none; names the nearest.
    """
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    near = get_close_matches(name, ARCHITECTURES, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else "Choose one of them."
    raise WorkbenchError(
        f"architecture '{name}'", "one of " + ", ".join(ARCHITECTURES), hint
    )
