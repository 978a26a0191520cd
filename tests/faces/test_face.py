"""A face seen through matrices, and several findings of one face."""

from dataclasses import replace

import numpy as np
import pytest

from kaogae.faces import Face, apply_matrix
from kaogae.faces.face import joined, merge

FACE = Face((30, 20, 60, 70), (50, 50), (80, 54), (66, 75), (65, 62), (67, 90), 0.9)


def test_a_mirrored_face_has_its_eyes_named_by_the_viewer() -> None:
    flip = np.array([[-1.0, 0, 200], [0, 1, 0]])
    seen = FACE.mapped(flip)
    assert seen.left_eye == pytest.approx((120, 54))
    assert seen.right_eye == pytest.approx((150, 50))
    assert seen.box == pytest.approx((110, 20, 60, 70))
    assert seen.mapped(flip) == FACE


def test_its_crop_matrix_levels_its_eyes() -> None:
    left, right = apply_matrix(FACE.matrix(100), [FACE.left_eye, FACE.right_eye])
    assert left[1] == pytest.approx(right[1])


def test_findings_of_one_face_become_the_surest_of_them() -> None:
    shifted = replace(FACE, box=(35, 22, 60, 70), confidence=0.95)
    other = replace(FACE, box=(300, 20, 30, 30), left_eye=(300, 30), right_eye=(312, 30), confidence=0.99)
    assert merge([FACE, other, shifted]) == [shifted, other]  # the larger one first


def test_what_two_detectors_say_is_joined() -> None:
    one = Face((0, 0, 10, 10), (2, 4), (8, 4), (5, 8), (5, 6), (5, 10), 0.5)
    other = Face((4, 0, 14, 12), (4, 4), (12, 8), (5, 8), (5, 6), (5, 12), 1.0)
    both = joined([one, other])
    assert both.confidence == 1.0
    assert both.left_eye == pytest.approx((2 + 4 / 3, 4))
    assert both.box == pytest.approx((8 / 3, 0, 10 + 8 / 3, 10 + 4 / 3))
    assert joined([other, one]).right_eye == pytest.approx(both.right_eye)
    assert joined([one]) == one
