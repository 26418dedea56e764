"""How numbers look on the screen: one spelling of every quantity.

Belongs here: counts, percentages, bytes, milliseconds, intervals as text. Does not
belong here: what the numbers mean (``glossary``).
"""

import re


def count(value: float) -> str:
    r"""Return a count with thin thousands separators.

    Examples
    --------
    >>> count(1234567)
    '1\u202f234\u202f567'
    """
    return f"{value:,.0f}".replace(",", "\u202f")


def short(value: float) -> str:
    r"""Return a count to three digits with k, M or G.

    Examples
    --------
    >>> short(40_560_000), short(999), short(1500)
    ('40.6\xa0M', '999', '1.50\xa0k')
    """
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            scaled = value / limit
            digits = 2 if abs(scaled) < 10 else 1 if abs(scaled) < 100 else 0
            return f"{scaled:.{digits}f}\u00a0{unit}"
    return f"{value:.0f}"


def percent(value: float, digits: int = 1) -> str:
    r"""Return a fraction 0..1 as percent.

    Examples
    --------
    >>> percent(0.975)
    '97.5\xa0%'
    """
    return f"{100 * value:.{digits}f}\u00a0%"


def points(value: float, digits: int = 1) -> str:
    """Return a difference of fractions as signed percentage points."""
    text = f"{100 * value:+.{digits}f}"
    return text.replace("-", "\u2212") + "\u00a0points"


def interval(low: float, high: float) -> str:
    """Return a 95 % interval of a fraction as percent."""
    return f"{100 * low:.1f}–{100 * high:.1f}\u00a0%"


def size(value: float) -> str:
    r"""Return bytes in the decimal unit people read.

    Examples
    --------
    >>> size(1_500_000), size(640)
    ('1.50\xa0MB', '640\xa0B')
    """
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= limit:
            scaled = value / limit
            digits = 2 if scaled < 10 else 1 if scaled < 100 else 0
            return f"{scaled:.{digits}f}\u00a0{unit}"
    return f"{value:.0f}\u00a0B"


def millis(value: float) -> str:
    r"""Return milliseconds to three digits.

    Examples
    --------
    >>> millis(0.01234), millis(0.5), millis(1.5), millis(123.4)
    ('0.0123\xa0ms', '0.500\xa0ms', '1.50\xa0ms', '123\xa0ms')
    """
    if value >= 100:
        return f"{value:.0f}\u00a0ms"
    if value >= 10:
        return f"{value:.1f}\u00a0ms"
    if value >= 1:
        return f"{value:.2f}\u00a0ms"
    return f"{value:#.3g}\u00a0ms"


def ratio(value: float) -> str:
    """Return a speed-up as a factor.

    Examples
    --------
    >>> ratio(2.346)
    '2.35×'
    """
    return f"{value:.2f}×"


def shape(values: tuple[int, ...]) -> str:
    """Return a tensor shape as people write it.

    Examples
    --------
    >>> shape((32, 16, 3, 3))
    '32 × 16 × 3 × 3'
    """
    return " × ".join(str(value) for value in values)


def duration(seconds: float) -> str:
    r"""Return a span of time in the unit people would say.

    Examples
    --------
    >>> duration(4.2), duration(75), duration(5400)
    ('4\xa0s', '75\xa0s', '90\xa0min')
    """
    if seconds < 120:
        return f"{max(seconds, 1):.0f}\u00a0s"
    if seconds < 3 * 3600:
        return f"{seconds / 60:.0f}\u00a0min"
    return f"{seconds / 3600:.1f}\u00a0h"


def literal(name: str) -> str:
    r"""Return a name as Markdown that shows it letter by letter.

    Examples
    --------
    >>> print(literal("nets:build"))
    nets\:build
    """
    return re.sub(r"([:*_`~$\[\]\\])", r"\\\1", name)
