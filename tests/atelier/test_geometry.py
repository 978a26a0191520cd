import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaogae.atelier.geometry import Pose, ellipse, mirror, outline, points, sample, smooth, stroke


def numbers(path: str) -> list[float]:
    return [float(value) for value in re.findall(r"-?\d+\.?\d*", path)]


def test_smooth_runs_through_its_knots() -> None:
    path = smooth([(0, 0), (1, 2), (3, 1)])
    assert path.startswith("M0.0000,0.0000C")
    assert path.count("C") == 2
    assert numbers(path)[-2:] == [3, 1]


def test_sample_meets_ends_and_closed_curves_do_not_repeat_the_first_point() -> None:
    knots = points((0, 0), (1, 1), (2, 0))
    line = sample(knots, 9)
    assert line.shape == (9, 2)
    np.testing.assert_allclose(line[[0, 4, -1]], knots)
    assert not np.allclose(sample(knots, 9, closed=True)[-1], knots[0])


def test_a_short_span_beside_a_long_one_does_not_overshoot() -> None:
    values = numbers(smooth([(10, 0), (0.1, 0.955), (0, 1), (-0.1, 0.955), (-10, 0)]))
    assert max(values[1::2]) <= 1.0


def test_a_stroke_swells_in_the_middle_and_tapers() -> None:
    path = stroke([(0, 0), (1, 0), (2, 0)], 0.2, taper=(0, 0))
    assert max(numbers(path)[1::2]) == pytest.approx(0.1, abs=1e-6)
    assert path.endswith("Z")


def test_outline_joins_arcs_with_corners() -> None:
    assert outline([(0, 0), (1, -1), (2, 0)], [(2, 0), (1, 1), (0, 0)]).count("L") == 1


def test_an_ellipse_of_no_size_is_still_valid() -> None:
    assert all(math.isfinite(value) for value in numbers(ellipse((0, 0), 0, 0)))


@given(st.floats(-1, 1), st.floats(-1.2, 1.4), st.floats(0, 0.6), st.floats(-0.3, 0.3))
def test_turning_left_mirrors_turning_right(x: float, y: float, yaw: float, pitch: float) -> None:
    right = Pose(yaw, pitch)([(x, y)])
    left = Pose(-yaw, pitch)([(-x, y)])
    np.testing.assert_allclose(mirror(left), right, atol=1e-9)


def test_a_face_that_looks_ahead_is_drawn_where_it_is() -> None:
    np.testing.assert_allclose(Pose()([(0.5, 0.0), (0.0, 1.1)]), [(0.5, 0.0), (0.0, 1.1)])
