"""Statistics from exact sums: the digits do not depend on order, size or offset."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormlog.issues.statistics import (
    Regression,
    incomplete_beta,
    linear_regression,
    mean_and_std,
    student_t_two_sided,
)


def fit(xs: Sequence[int], ys: Sequence[int]) -> Regression | None:
    return linear_regression(
        len(xs),
        sum(xs),
        sum(ys),
        sum(x * x for x in xs),
        sum(x * y for x, y in zip(xs, ys, strict=True)),
        sum(y * y for y in ys),
    )


def moments(ys: Sequence[int]) -> tuple[int, int, int]:
    return len(ys), sum(ys), sum(y * y for y in ys)


def test_mean_and_deviation() -> None:
    assert mean_and_std(*moments([2, 4, 4, 4, 5, 5, 7, 9])) == (5.0, math.sqrt(32 / 7))
    assert mean_and_std(*moments([7, 7, 7])) == (7.0, 0.0)
    assert mean_and_std(*moments([7])) is None
    # A tiny spread on top of a huge value survives.
    assert mean_and_std(*moments([10**18, 10**18 + 1, 10**18 + 2])) == (float(10**18 + 1), 1.0)


def test_regression_of_a_textbook_case() -> None:
    fitted = fit([0, 1, 2, 3, 4], [10, 10, 10, 30, 40])
    assert fitted is not None
    assert fitted.slope == 8.0
    assert fitted.r_squared == pytest.approx(0.8, rel=1e-15)
    # Two-sided p-value of Student's t with three degrees of freedom.
    assert fitted.p_value == pytest.approx(0.04051932635383402, rel=1e-10)


def test_regression_of_perfect_and_absent_relations() -> None:
    assert fit([0, 1, 2], [5, 7, 9]) == Regression(slope=2.0, r=1.0, r_squared=1.0, p_value=0.0)
    assert fit([0, 1, 2], [9, 7, 5]) == Regression(slope=-2.0, r=-1.0, r_squared=1.0, p_value=0.0)
    assert fit([0, 1, 2], [4, 4, 4]) == Regression(slope=0.0, r=0.0, r_squared=0.0, p_value=1.0)
    assert fit([3, 3, 3], [1, 2, 3]) is None
    assert fit([0, 1], [1, 2]) is None


@pytest.mark.parametrize(
    ("t", "degrees", "p"),
    [
        (0.0, 5, 1.0),
        (1e-3, 3, 0.9992648949694609),
        (1.0, 1, 0.5),
        (2.0, 10, 0.07338803477074037),
        (5.0, 3, 0.015392438073302294),
        (3.5, 100, 0.0006964277173562688),
        (10.0, 5000, 2.520874711644015e-23),
        (1.5, 1_000_000, 0.1336147182367928),
    ],
)
def test_student_t(t: float, degrees: int, p: float) -> None:
    assert student_t_two_sided(t, degrees) == pytest.approx(p, rel=1e-10)
    assert student_t_two_sided(-t, degrees) == student_t_two_sided(t, degrees)


def test_incomplete_beta_has_its_closed_forms() -> None:
    for x in (0.0, 0.125, 0.5, 0.9, 1.0):
        assert incomplete_beta(1.0, 1.0, x, 1 - x) == pytest.approx(x, rel=1e-13)
        assert incomplete_beta(3.0, 1.0, x, 1 - x) == pytest.approx(x**3, rel=1e-13)
        assert incomplete_beta(1.0, 4.0, x, 1 - x) == pytest.approx(1 - (1 - x) ** 4, rel=1e-13)


samples = st.lists(st.tuples(st.integers(0, 10**15), st.integers(-(10**12), 10**12)), min_size=3, max_size=20)


@given(samples, st.randoms(use_true_random=False))
def test_order_of_samples_does_not_change_the_last_digit(
    pairs: list[tuple[int, int]], random: object
) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = (fit([x for x, _ in rows], [y for _, y in rows]) for rows in (pairs, shuffled))
    assert first == second


@given(samples, st.integers(-(10**18), 10**18))
def test_fit_does_not_depend_on_the_origin_of_time(pairs: list[tuple[int, int]], offset: int) -> None:
    ys = [y for _, y in pairs]
    assert fit([x for x, _ in pairs], ys) == fit([x + offset for x, _ in pairs], ys)


@given(samples)
def test_results_stay_in_their_ranges(pairs: list[tuple[int, int]]) -> None:
    fitted = fit([x for x, _ in pairs], [y for _, y in pairs])
    if fitted is not None:
        assert -1.0 <= fitted.r <= 1.0
        assert 0.0 <= fitted.r_squared <= 1.0
        assert 0.0 <= fitted.p_value <= 1.0
