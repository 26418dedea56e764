"""A step whose time says how many multiply-adds this core can do.

Belongs here: the checking face. Does not belong here: timing it (measure/fma_peak.py).
"""

from workbench.kernels.backend import make_step
from workbench.kernels.reference.peak import fma_peak as reference
from workbench.kernels.values import checks
from workbench.kernels.values.specs import FmaPeak
from workbench.kernels.values.types import Step

MAX_ROUNDS = 1 << 40


def fma_peak(*, rounds: int) -> Step:
    """Return a step of multiply-adds on registers alone, on one core.

    It takes every value of its extent, the head of the arena, ``rounds`` times through
    v / 2 + 1 / 2; ``macs`` counts these.

    Parameters
    ----------
    rounds : int
        At least 1.

    Raises
    ------
    KernelError
        When rounds are not positive.
    """
    checks.require(
        1 <= rounds <= MAX_ROUNDS,
        f"rounds={rounds}",
        f"1..{MAX_ROUNDS}",
        "Ask for at least one round.",
    )
    return make_step("fma_peak", FmaPeak(rounds), reference)
