"""Masks on parameters, and PyTorch's weight_orig / weight_mask both ways."""

import pytest
import torch
from torch.nn.utils import prune as torch_prune

from tests.support.pruning_networks import chain
from workbench.models.weights_file import DamagedFileError, merge_masks
from workbench.pruning import Recipe, prune
from workbench.pruning.masks import (
    MaskError,
    apply_masks,
    revived,
)


def test_apply_masks_refuses_strangers() -> None:
    module = chain(3, 4).module
    with pytest.raises(MaskError, match=r"a mask for 'x\.weight', which the network"):
        apply_masks(module, {"x.weight": torch.ones(1, dtype=torch.bool)})
    with pytest.raises(MaskError) as caught:
        apply_masks(module, {"0.weight": torch.ones(4, 3, 3, dtype=torch.bool)})
    assert str(caught.value) == (
        "mask for '0.weight' of shape (4, 3, 3); expected the parameter's shape "
        "(4, 3, 3, 3). Rebuild the recipe for this checkpoint."
    )


def test_revived_counts_weights_that_came_back() -> None:
    pruned = prune(chain(3, 4, 4), Recipe.uniform("magnitude", 0.5, match="1"))
    assert revived(pruned.module, pruned.parameter_masks) == {}
    with torch.no_grad():
        pruned.module.get_parameter("1.weight")[~pruned.masks["1"]] += 1.0
    assert revived(pruned.module, pruned.parameter_masks) == {"1.weight": 72}


def test_torch_reads_what_we_write() -> None:
    net = chain(3, 4, 4)
    pruned = prune(net, Recipe.uniform("magnitude", 0.5, match="1"))
    state = pruned.torch_state()
    other = chain(3, 4, 4).module
    torch_prune.identity(other.get_submodule("1"), "weight")
    other.load_state_dict(state)
    images = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        assert torch.equal(other(images), pruned.module(images))
    dense = net.module.get_parameter("1.weight")
    assert torch.equal(state["1.weight_orig"], dense)


def test_we_read_what_torch_writes() -> None:
    module = chain(3, 4, 4).module
    torch_prune.l1_unstructured(module.get_submodule("1"), "weight", amount=0.5)
    plain, masks = merge_masks(module.state_dict(), "the module")
    assert set(plain) == set(chain(3, 4, 4).module.state_dict())
    assert int((~masks["1.weight"]).sum()) == 72
    assert torch.equal(plain["1.weight"], module.get_submodule("1").weight)


def test_orig_without_mask_is_refused() -> None:
    state = {"a.weight_orig": torch.zeros(2)}
    with pytest.raises(DamagedFileError, match=r"'a\.weight_orig' without a"):
        merge_masks(state, "the file")


def test_magnitude_equals_torchs_own() -> None:
    net = chain(3, 6, 9)
    pruned = prune(net, Recipe.uniform("magnitude", 0.37, match="1"))
    module = chain(3, 6, 9).module
    torch_prune.l1_unstructured(module.get_submodule("1"), "weight", amount=0.37)
    assert torch.equal(pruned.masks["1"], module.get_submodule("1").weight_mask.bool())
