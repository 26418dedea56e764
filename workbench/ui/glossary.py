"""The words of the workbench: what each means and how it is computed.

Belongs here: every definition that a tooltip, a table header or the glossary shows.
Does not belong here: numbers of any network.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from workbench.errors import WorkbenchError


@dataclass(frozen=True)
class Term:
    """A word, its meaning in one or two sentences, and its formula if it has one."""

    name: str
    meaning: str
    formula: str = ""


def _terms(*terms: Term) -> Mapping[str, Term]:
    return MappingProxyType({term.name: term for term in terms})


GLOSSARY: Mapping[str, Term] = _terms(
    Term("sparsity", "Share of weights that are zero.", "zeros / weights"),
    Term("density", "Share of weights that are not zero.", "1 − sparsity"),
    Term(
        "dense MACs",
        "Multiply-adds of a layer when every weight is used, for one image.",
        "(I / groups) · KH · KW · O · OH · OW",
    ),
    Term(
        "theoretical MACs",
        "Multiply-adds that are left when zero weights cost nothing.",
        "non-zero weights · OH · OW",
    ),
    Term(
        "executed MACs",
        "Multiply-adds that the chosen kernel really does, padding included.",
    ),
    Term("parameters", "Numbers that training sets: weights and biases."),
    Term(
        "share of MACs",
        "How much of the network's dense work this layer does.",
        "dense MACs of the layer / dense MACs of the network",
    ),
    Term(
        "share of time",
        "How much of the measured time this layer takes.",
        "ms of the layer / ms of all steps",
    ),
    Term(
        "top-1",
        "Share of images whose most probable class is the right one.",
        "right / n",
    ),
    Term(
        "top-5",
        "Share of images whose right class is among the five most probable.",
        "in the first five / n",
    ),
    Term(
        "interval",
        "Where the accuracy on unlimited data of this kind would lie, with 95 % "
        "confidence (Wilson).",
        "(p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n), z = 1.96",
    ),
    Term("n", "How many images or repetitions a number rests on."),
    Term(
        "raw",
        "Accuracy right after pruning, nothing retrained.",
    ),
    Term(
        "BN re-estimated",
        "Accuracy after the means and variances of the batch normalisation were "
        "measured again on training images; no weight changes.",
    ),
    Term(
        "latency",
        "Time of one forward pass of one image: median of interleaved rounds; the "
        "line runs from the 10th to the 90th percentile.",
    ),
    Term(
        "speed-up",
        "Measured time over measured time, nothing else.",
        "median of the baseline / median of the contender",
    ),
    Term(
        "torch dense",
        "PyTorch eager on the unpruned network: what you have today.",
    ),
    Term(
        "our dense",
        "This workbench's engine on the unpruned network: the fair baseline for "
        "what pruning itself gains.",
    ),
    Term(
        "pruned",
        "This workbench's engine on the pruned network, zeros skipped.",
    ),
    Term(
        "size dense",
        "Bytes when every weight is stored as float32.",
        "4 · weights",
    ),
    Term(
        "size sparse",
        "Bytes when only non-zero weights and their positions are stored.",
    ),
    Term(
        "filter norm",
        "Length of a filter: how much it can contribute.",
        "Σ |w| over I, KH, KW",
    ),
    Term(
        "connectivity",
        "Which input channel reaches which filter: one cell a kernel.",
        "√Σ w² over KH, KW",
    ),
    Term(
        "threshold",
        "Smallest magnitude that survives in this layer.",
        "min |w| over kept weights",
    ),
    Term(
        "pattern",
        "Positions that stay in a 3 × 3 kernel: the centre and the three largest "
        "neighbours, so that every kernel keeps four weights (PCONV).",
    ),
    Term(
        "coverage",
        "Share of kernels whose own best pattern is in the dictionary.",
        "kernels whose pattern is among the first K / kernels",
    ),
    Term(
        "retained energy",
        "Share of squared weight that survives when every kernel takes its best "
        "pattern of the dictionary.",
        "Σ w² kept / Σ w²",
    ),
    Term(
        "coupling group",
        "Layers whose channels must go together, because an addition or a following "
        "layer ties them.",
    ),
    Term(
        "recipe",
        "Which method prunes which layer, with which parameters: the file that the "
        "browser, the command line and Python share.",
    ),
    Term(
        "kernel chosen",
        "The routine that runs this layer: the fastest of all that may run it, "
        "measured on this machine.",
    ),
    Term(
        "schedule",
        "When weights are removed while training: one-shot keeps the masks as they "
        "are; iterative prunes and retrains in rounds; gradual grows the masks along "
        "a cubic; admm pulls weights towards pruned ones, then cuts.",
    ),
    Term(
        "distillation",
        "Share of the dense network's answers in the loss; the rest is the labels.",
        "(1 − d) · cross-entropy + d · T² · KL(dense / T ‖ pruned / T)",
    ),
    Term(
        "zeros kept",
        "Removed weights that are still exactly zero after the epoch, counted one by "
        "one; all of them, or the training stops.",
        "zeros in the network / zeros of the masks",
    ),
    Term(
        "fill-in",
        "Zeros of a pruned kernel that the Winograd transform turns into numbers: a "
        "coordinate is zero only if every tap that reaches it is.",
        "zeros of g − zeros of G g Gᵀ",
    ),
    Term(
        "palette",
        "Weights of a layer share few values; a weight is stored as the number of its "
        "value (trained quantisation, Deep Compression).",
        "2^bits values, bits · weights / 8 bytes",
    ),
    Term("method", "Turns scores of weights into a mask: what to keep."),
    Term("mask", "One bit a weight: 1 = keep. Shape of the weight."),
)


def term(name: str) -> Term:
    """Return a term by name.

    Raises
    ------
    WorkbenchError
        The glossary has no such term.
    """
    try:
        return GLOSSARY[name]
    except KeyError:
        raise WorkbenchError(
            f"no glossary entry for {name!r}",
            "one of " + ", ".join(GLOSSARY),
            "Add it to workbench/ui/glossary.py.",
        ) from None


def tip(name: str) -> str:
    """Return a term's meaning and formula as a tooltip.

    Examples
    --------
    >>> tip("sparsity")
    'Share of weights that are zero.\\n\\n`zeros / weights`'
    """
    entry = term(name)
    return entry.meaning + (f"\n\n`{entry.formula}`" if entry.formula else "")
