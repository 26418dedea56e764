"""Knowledge distillation: the pruned network also learns what the dense one answers.

Belongs here: the technique. Does not belong here: choosing a teacher (``finetune``
takes the dense network that was pruned).
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from workbench.training.loop.technique import Batch, Technique


class Distillation(Technique):
    """Mixes the loss with the divergence from a teacher's softened answers.

    ``(1 - share) CE + share T^2 KL(softmax(teacher / T) || softmax(student / T))``;
    T^2 keeps the gradients' size as the temperature changes.

    Parameters
    ----------
    teacher : nn.Module
        Copied; used in evaluation mode, without gradients.
    share : float
        Of the teacher in the loss, 0..1.
    temperature : float
        T, above 0.

    Source
    ------
    Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015,
    section 2.
    """

    def __init__(self, teacher: nn.Module, share: float, temperature: float) -> None:
        self.teacher = copy.deepcopy(teacher).eval().requires_grad_(False)
        self.share, self.temperature = share, temperature
        self.identity = f"distillation {share} at temperature {temperature}"

    def loss(self, loss: Tensor, batch: Batch) -> Tensor:
        """Return the mixed loss."""
        with torch.no_grad():
            answers = self.teacher(batch.images)
        return (1 - self.share) * loss + self.share * divergence(
            batch.scores, answers, self.temperature
        )


def divergence(scores: Tensor, answers: Tensor, temperature: float) -> Tensor:
    """Return ``T^2 KL(teacher || student)``, the mean over the batch.

    Parameters
    ----------
    scores, answers : Tensor, shape (N, classes)
        Logits of student and teacher.
    temperature : float
        T.

    Examples
    --------
    Equal answers: 0. Else for T = 1 the sum of p log(p / q).

    >>> one = torch.tensor([[0.0, 1.0]])
    >>> float(divergence(one, one, 4.0))
    0.0
    """
    student = functional.log_softmax(scores.float() / temperature, dim=1)
    teacher = functional.log_softmax(answers.float() / temperature, dim=1)
    found = functional.kl_div(student, teacher, reduction="batchmean", log_target=True)
    return temperature**2 * found
