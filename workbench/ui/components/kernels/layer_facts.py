"""One line of facts about the selected layer.

Belongs here: shape, work and what the recipe does to it. Does not belong here: the
layer table.
"""

from typing import TYPE_CHECKING

import streamlit as st

from workbench.ui.format import count, percent, shape, short

if TYPE_CHECKING:
    from workbench.models.network import Layer
    from workbench.pruning.pruned import PrunedNetwork


def layer_facts(layer: "Layer", pruned: "PrunedNetwork | None") -> None:
    """Draw the layer's shape, stride, work, and its sparsity when pruned."""
    kind = "depthwise convolution" if layer.depthwise else layer.kind
    facts = [
        f"**{kind}** {shape(layer.weight_shape)}",
        f"{count(layer.params)} weights",
        f"{short(layer.macs)} dense MACs",
    ]
    if layer.kind == "conv":
        facts.insert(1, f"stride {layer.stride[0]}")
        facts.append(f"output {shape(layer.output_shape)}")
    if pruned is not None and layer.id in pruned.masks:
        zeros = 1 - float(pruned.masks[layer.id].float().mean())
        facts.append(f":orange[**{percent(zeros)} pruned**]")
    st.markdown(" · ".join(facts), width="stretch")
