"""Torch's operations: of which kind each is.

Belongs here: one line an operation in ``KINDS``. Does not belong here: the kinds
themselves (``rules``, ``aten_kinds``).

An operation that is in no table blocks the channels that it reads, by its name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.pruning.coupling import aten_kinds as kinds
from workbench.pruning.coupling import aten_weights as weights
from workbench.pruning.coupling.aten_kinds import Call, Kind


def _named(names: str, kind: Kind) -> dict[str, Kind]:
    """Return one kind for many names."""
    return dict.fromkeys(names.split(), kind)


KINDS: dict[str, Kind] = {
    **_named(
        """
            hardswish _prelu_kernel _to_copy detach lift_fresh alias
            native_dropout hardsigmoid hardtanh celu selu elu softplus mish
            leaky_relu threshold
            """,
        kinds.pointwise,
    ),
    **_named(
        """
            cat stack repeat flip roll index index_select gather take
            repeat_interleave pixel_shuffle pixel_unshuffle channel_shuffle
            native_channel_shuffle reflection_pad1d reflection_pad2d
            reflection_pad3d replication_pad1d replication_pad2d
            replication_pad3d tril triu slice_scatter select_scatter
            diagonal_scatter clone contiguous _unsafe_view _reshape_copy rot90
            hstack
            """,
        kinds.moved,
    ),
    **_named(
        """
            max_pool1d max_pool2d max_pool2d_with_indices mkldnn_max_pool2d
            avg_pool2d avg_pool1d adaptive_avg_pool2d _adaptive_avg_pool2d
            adaptive_max_pool2d upsample_nearest2d _upsample_nearest_exact2d
            upsample_bilinear2d upsample_bicubic2d _upsample_bilinear2d_aa
            _upsample_bicubic2d_aa
            """,
        kinds.window(2),
    ),
    **_named(
        """
            upsample_nearest1d upsample_linear1d _upsample_nearest_exact1d
            """,
        kinds.window(1),
    ),
    **_named(
        """
            max_pool3d_with_indices avg_pool3d _adaptive_avg_pool3d
            upsample_nearest3d upsample_trilinear3d adaptive_max_pool3d
            """,
        kinds.window(3),
    ),
    **_named(
        """
            mean sum amax amin max min var std var_mean std_mean prod logsumexp
            norm linalg_vector_norm any all argmax argmin median
            """,
        kinds.reduced,
    ),
    **_named(
        """
            _softmax _log_softmax _safe_softmax softmax log_softmax cumsum
            cumprod logcumsumexp
            """,
        kinds.mixed_along,
    ),
    **_named(
        """
            native_batch_norm _native_batch_norm_legit_no_training
            cudnn_batch_norm _native_batch_norm_legit _batch_norm_no_update
            """,
        kinds.batch_norm,
    ),
    "native_group_norm": kinds.group_norm,
    "native_layer_norm": kinds.layer_norm,
    "_fused_rms_norm": kinds.layer_norm,
    "rms_norm": kinds.layer_norm,
    "constant_pad_nd": kinds.padded,
    "glu": kinds.glu,
    "channel_shuffle": kinds.shuffled,
    "native_channel_shuffle": kinds.shuffled,
    "im2col": kinds.unfolded,
    "col2im": kinds.folded,
    "convolution": weights.convolved,
    "_convolution": weights.convolved,
    "addmm": weights.added_product,
    "baddbmm": weights.added_product,
    "linear": weights.linear,
    "mm": weights.product,
    "bmm": weights.product,
    "_scaled_dot_product_flash_attention_for_cpu": weights.attention,
    "_scaled_dot_product_attention_math": weights.attention,
    "copy_": kinds.copied,
    "fill_": kinds.emptied,
    "zero_": kinds.emptied,
    "embedding": kinds.emptied,
    **_named(
        """
            zeros_like ones_like empty_like rand_like randn_like full_like
            new_zeros new_ones new_full new_empty new_empty_strided
            scalar_tensor
            """,
        kinds.emptied,
    ),
}


def labels_of(call: Call, out: Any) -> None:
    """Give everything that an operation made its labels."""
    name = call.name
    made = [one for one in _tensors(out) if one.numel()]
    kind = KINDS.get(name) or KINDS.get(name.removesuffix("_"))
    if kind is None and torch.Tag.pointwise in call.func.tags:
        kind = kinds.pointwise
    if kind is None and call.is_view:
        kinds.seen(call, made)
    elif kind is not None:
        kind(call, made)
    elif call.labels_read:
        where = f" in {call.where}" if call.where else ""
        call.book.labels.block(
            np.array(call.labels_read), f"the channels pass through {name}{where}"
        )
        for one in made:
            call.shadows.write(one, np.zeros((1,) * one.ndim, np.int64))


def _tensors(out: Any) -> list[Tensor]:
    if isinstance(out, Tensor):
        return [out]
    if isinstance(out, list | tuple):
        return [one for one in out if isinstance(one, Tensor)]
    return []


__all__ = ["Call", "labels_of"]
