"""Networks that a server is told to offer: what each is made of, as text for a process.

Belongs here: the value, its name, its way through an environment variable, loading.
Does not belong here: options (``cli``), pages (``ui``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from workbench.models.loading import load_model
from workbench.models.network import Network
from workbench.models.norm import Norm, check_norm
from workbench.models.sources import is_file

VARIABLE = "WORKBENCH_MODELS"
"""Environment variable that carries the networks to the server's process."""


@dataclass(frozen=True)
class Given:
    """One network: what ``load_model`` is told.

    Parameters
    ----------
    spec : str
        A sample, an architecture, ``package.module:function``, or the absolute path of
        an ONNX file.
    weights : str or None
        Absolute path of its weights.
    input_shape : tuple of int or None
        (C, H, W) of one image.
    random : bool
        Random weights of a fixed seed.
    settings : mapping of str to Any
        Arguments of the factory.
    norm : (mean, std) or None
        What its images are normalised with.
    """

    spec: str
    weights: str | None = None
    input_shape: tuple[int, int, int] | None = None
    random: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    norm: Norm | None = None

    @property
    def name(self) -> str:
        """What people call the network.

        Examples
        --------
        >>> Given("nets:build", "/tmp/w.safetensors").name
        'nets:build · w.safetensors'
        >>> Given("/tmp/net.onnx").name
        'net.onnx'
        """
        name = Path(self.spec).name if is_file(self.spec) else self.spec
        return f"{name} · {Path(self.weights).name}" if self.weights else name


@dataclass(frozen=True)
class Order:
    """The networks of a server, and where images of networks without a dataset are.

    Parameters
    ----------
    networks : sequence of Given
        In the order in which they are offered.
    data : str or None
        Dataset name, file or folder.
    """

    networks: Sequence[Given] = ()
    data: str | None = None

    def text(self) -> str:
        """Return the order as text for ``VARIABLE``."""
        return json.dumps(asdict(self))


def read_order() -> Order:
    """Return what the environment asks for; nothing without the variable."""
    found = json.loads(os.environ.get(VARIABLE, "{}"))
    networks = [
        Given(
            one["spec"],
            one["weights"],
            None if one["input_shape"] is None else tuple(one["input_shape"]),
            one.get("random", False),
            one.get("settings", {}),
            None if one.get("norm") is None else check_norm(one["norm"]),
        )
        for one in found.get("networks", ())
    ]
    return Order(tuple(networks), found.get("data"))


@cache
def given_networks() -> Mapping[str, tuple[Given, Network]]:
    """Return the networks of the environment by name, loaded once a process.

    Raises
    ------
    WorkbenchError
        A network cannot be made, or its weights do not fit.
    """
    found: dict[str, tuple[Given, Network]] = {}
    for one in read_order().networks:
        network = load_model(
            one.spec,
            weights=one.weights,
            input_shape=one.input_shape,
            random=one.random,
            norm=one.norm,
            **one.settings,
        )
        name, count = one.name, 1
        while name in found:
            count += 1
            name = f"{one.name} ({count})"
        found[name] = (one, replace(network, name=name))
    return found
