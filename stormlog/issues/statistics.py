"""Mean, deviation and linear regression from exact integer sums.

Promise: the sums are integers, so the order in which samples were added, and by whom (a loop here or
an aggregate in SQL), cannot change the last digit of the answer.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

_TINY: Final = 1e-300
_MAX_FRACTION_TERMS: Final = 100_000


class Regression(NamedTuple):
    """Least squares line through the samples.

    Attributes:
        slope: Units of y per unit of x.
        r: Correlation, from -1 to 1; 0 where all y are equal.
        r_squared: Its square, rounded once.
        p_value: Probability of a correlation at least that strong without any relation.
    """

    slope: float
    r: float
    r_squared: float
    p_value: float


def mean_and_std(n: int, sum_y: int, sum_yy: int) -> tuple[float, float] | None:
    """Return mean and sample standard deviation (divisor n - 1), or ``None`` below two samples.

    Args:
        n: Number of samples.
        sum_y: Sum of the samples.
        sum_yy: Sum of their squares.
    """
    if n < 2:
        return None
    return sum_y / n, math.sqrt((n * sum_yy - sum_y * sum_y) / (n * (n - 1)))


def linear_regression(
    n: int, sum_x: int, sum_y: int, sum_xx: int, sum_xy: int, sum_yy: int
) -> Regression | None:
    """Fit y to x.

    Args:
        n: Number of samples.
        sum_x: Sum of x, best taken relative to one of them to keep the numbers small.
        sum_y: Sum of y.
        sum_xx: Sum of squares of x.
        sum_xy: Sum of products.
        sum_yy: Sum of squares of y.

    Returns:
        The fit, or ``None`` below three samples or where all x are equal.

    Source: docs/concepts.md#hidden-memory.
    """
    # n times the centred sums: exact, where a difference of doubles would lose most digits.
    spread_x = n * sum_xx - sum_x * sum_x
    spread_y = n * sum_yy - sum_y * sum_y
    shared = n * sum_xy - sum_x * sum_y
    if n < 3 or spread_x <= 0:
        return None
    slope = shared / spread_x
    if spread_y <= 0:
        return Regression(slope=slope, r=0.0, r_squared=0.0, p_value=1.0)
    whole = spread_x * spread_y
    explained = shared * shared
    r_squared = explained / whole
    return Regression(
        slope=slope,
        r=math.copysign(math.sqrt(r_squared), shared),
        r_squared=r_squared,
        p_value=incomplete_beta((n - 2) / 2, 0.5, (whole - explained) / whole, r_squared),
    )


def student_t_two_sided(t: float, degrees_of_freedom: float) -> float:
    """Return the probability that a Student t variable is at least as far from 0 as ``t``."""
    square = t * t
    total = degrees_of_freedom + square
    return incomplete_beta(degrees_of_freedom / 2, 0.5, degrees_of_freedom / total, square / total)


def incomplete_beta(a: float, b: float, x: float, y: float) -> float:
    """Return the regularised incomplete beta function.

    Args:
        a: First parameter, > 0.
        b: Second parameter, > 0.
        x: Upper limit, 0 to 1.
        y: ``1 - x``, handed in because the caller often knows it more exactly.
    """
    if x <= 0.0:
        return 0.0
    if y <= 0.0:
        return 1.0
    # log1p where one of the two is close to 1, as its own logarithm would lose digits there.
    log_x = math.log1p(-y) if y < 0.5 else math.log(x)
    log_y = math.log1p(-x) if x < 0.5 else math.log(y)
    front = math.exp(a * log_x + b * log_y - _log_beta(a, b))
    # The fraction converges fast below this point only; above it the mirrored one does.
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _beta_fraction(a, b, x) / a
    return 1.0 - front * _beta_fraction(b, a, y) / b


def _log_beta(a: float, b: float) -> float:
    if b == 0.5 and a >= 20.0:
        # The difference of two large lgamma values loses digits: use its expansion instead.
        inverse = 1.0 / a
        square = inverse * inverse
        series = inverse * (1 / 8 - square * (1 / 192 - square * (1 / 640 - square * (17 / 14336))))
        return math.lgamma(0.5) - 0.5 * math.log(a) + series
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Evaluate the continued fraction of the incomplete beta function by Lentz's method."""
    c = 1.0
    d = 1.0 / _not_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, _MAX_FRACTION_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d = 1.0 / _not_zero(1.0 + even * d)
        c = _not_zero(1.0 + even / c)
        value *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 / _not_zero(1.0 + odd * d)
        c = _not_zero(1.0 + odd / c)
        step = d * c
        value *= step
        if abs(step - 1.0) < 1e-15:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
