"""Networks that `benchmarks.methods` prunes: loaded, converted, or trained for it.

A method that learns what matters trains first, from the loaded weights, for as long as
every row is tuned afterwards; what it learned is kept beside the results.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import workbench as wb
from workbench.analysis.cost.equal_macs import AtMacs, at_macs, macs_share
from workbench.pruning.method import MaskSet
from workbench.training.learn import Driven
from workbench.training.learned.pruned import with_masks
from workbench.training.learned.winograd_conv import in_winograd_domain

LEARNED = {"slimming": "slimming", "skeleton": "stripe"}
"""Penalty that trains first, and the method that then ranks what it left."""
WHOLE = 1.0
"""The cut comes at the end: tuning is a pass of its own, the same for every row."""


class Bases:
    """Networks to prune, by variant; trained ones are read again from their files."""

    def __init__(
        self,
        network: wb.Network,
        train: wb.Dataset,
        *,
        folder: Path,
        settings: dict[str, Any],
        seed: int,
    ) -> None:
        self.network, self.train, self.folder = network, train, folder
        self.settings, self.seed = settings, seed

    def at(
        self, variant: tuple[str, dict[str, Any]], target: float, base: str | None
    ) -> AtMacs:
        """Return the variant's pruning nearest to a share of the dense MACs."""
        method, params = variant
        if base == "flops":
            pruned = self._gated(target)
            share = macs_share(pruned)
            return AtMacs(pruned.recipe, pruned, share, share)
        network = self.base(base)
        ratio = self._ratio(network)
        found = at_macs(
            network,
            method,
            min(target / ratio, 1.0),
            data=self.train,
            seed=self.seed,
            params=params,
        )
        return replace(found, share=found.share * ratio, least=found.least * ratio)

    def pruned(self, recipe: str, target: float, base: str | None) -> wb.PrunedNetwork:
        """Return what ``at`` found, from the recipe that it wrote."""
        if base == "flops":
            return self._gated(target)
        return wb.prune(self.base(base), wb.Recipe.loads(recipe), self.train)

    def base(self, name: str | None) -> wb.Network:
        """Return the network that a variant prunes."""
        if name is None:
            return self.network
        if name == "winograd":
            return in_winograd_domain(self.network)
        path = self.folder / f"{name}.pt"
        if not path.exists():
            how = Driven.of(name, sparsity=0.0, switch=WHOLE)
            self._save(path, self._learn(how))
        return replace(self.network, module=self._read(path).module)

    def _gated(self, target: float) -> wb.PrunedNetwork:
        path = self.folder / f"flops-{target:g}.pt"
        if not path.exists():
            self._save(
                path, self._learn(Driven.of("flops", target=target, switch=WHOLE))
            )
        return self._read(path)

    def _learn(self, how: Driven) -> wb.PrunedNetwork:
        shown = {**self.settings, "seed": self.seed}
        images = shown.pop("images")
        return wb.learn(self.network, self.train.take(images), how=how, **shown)

    def _ratio(self, network: wb.Network) -> float:
        """Return the MACs of a base over the loaded network's: 4/9 in the domain."""
        wanted = wb.layer_costs(self.network).dense_macs
        return wb.layer_costs(network).dense_macs / wanted

    def _save(self, path: Path, pruned: wb.PrunedNetwork) -> None:
        self.folder.mkdir(exist_ok=True)
        beside = path.with_name(path.name + ".part")
        values = {
            "state": pruned.module.state_dict(),
            "masks": dict(pruned.masks),
            "channel_masks": dict(pruned.channel_masks),
            "recipe": pruned.recipe.dump(),
        }
        torch.save(values, beside)
        beside.replace(path)

    def _read(self, path: Path) -> wb.PrunedNetwork:
        values = torch.load(path, weights_only=True)
        module = wb.load_model(self.network.name).module
        module.load_state_dict(values["state"])
        return with_masks(
            self.network,
            module,
            found=MaskSet(values["masks"], values["channel_masks"]),
            recipe=wb.Recipe.loads(values["recipe"]),
        )
