"""Faces are found, in small and large pictures, on any background; and not where there are none."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from kaogae.atelier.portrait import Portrait
from kaogae.atelier.rig import Rig
from kaogae.faces import AnimefaceDetector, Face, find_faces
from kaogae.faces.detector import confirmed
from kaogae.faces.landmarks import propose
from kaogae.images import Picture

Pixels = np.ndarray


def place(drawn: Pixels, size: tuple[int, int], left: int, top: int, grey: int = 230) -> Pixels:
    """`drawn` on a plain picture of (width, height) = `size`."""
    picture = np.full((size[1], size[0], 3), grey, np.uint8)
    picture[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
    return picture


def test_a_drawn_face_is_found_with_confidence(drawn: Pixels) -> None:
    """Fails with Pillow 12, where animeface finds nothing, silently."""
    faces = AnimefaceDetector().detect(drawn)
    assert len(faces) == 1
    assert faces[0].confidence >= 0.8
    # The drawing is an aligned crop, so its eyes are where the design puts them
    side = drawn.shape[0]
    distance = side / 2.7
    for eye, sign in ((faces[0].left_eye, -1), (faces[0].right_eye, 1)):
        truth = (side / 2 + sign * distance / 2, side / 2 - 0.25 * distance)
        assert np.hypot(*np.subtract(eye, truth)) < 0.15 * distance


def test_a_small_face_in_a_very_large_picture_is_found_in_place(drawn: Pixels) -> None:
    small = drawn[::2, ::2]
    picture = place(small, (3400, 2400), 2100, 1500)
    (face,) = AnimefaceDetector().detect(picture)
    middle = np.add(face.left_eye, face.right_eye) / 2
    truth = np.array([2100, 1500]) + np.array([0.5, 0.5 - 0.25 / 2.7]) * small.shape[0]
    assert np.abs(middle - truth).max() < 0.06 * small.shape[0]


def test_faces_come_largest_first(drawn: Pixels) -> None:
    picture = place(drawn, (900, 500), 20, 100)
    picture[120:248, 600:728] = drawn[::2, ::2][:128, :128]
    faces = AnimefaceDetector().detect(picture)
    assert len(faces) == 2
    assert faces[0].eye_distance > 1.5 * faces[1].eye_distance


@pytest.mark.parametrize(
    "picture", [np.zeros((1, 1, 3)), np.full((90, 3000, 3), 255), np.zeros((500, 400, 3))]
)
def test_nothing_is_found_in_nothing(picture: np.ndarray) -> None:
    assert AnimefaceDetector().detect(picture.astype(np.uint8)) == []


def test_a_transparent_picture_is_tried_on_other_backgrounds() -> None:
    seen: list[int] = []

    class OnlyOnBlack:
        def detect(self, pixels: Pixels, *, every: bool = True) -> list[Face]:  # noqa: ARG002
            seen.append(int(pixels[0, 0, 0]))
            found = Face((0, 0, 4, 4), (1, 1), (3, 1), (2, 3), (2, 2), (2, 4), 1.0)
            return [found] if seen[-1] == 0 else []

    clear = Picture.of(np.zeros((8, 8, 4), np.uint8))
    assert len(find_faces(clear, OnlyOnBlack())) == 1
    assert seen == [255, 128, 0]
    assert find_faces(Picture.of(np.full((8, 8, 3), 9, np.uint8)), OnlyOnBlack()) == []
    assert seen[3:] == [9]


def test_faces_that_laugh_with_closed_eyes_are_found() -> None:
    """Of these animeface alone sees less than half."""
    laugh = Rig(eye_open=0.0, eye_smile=1.0, mouth_open=0.8, mouth_width=1.6, mouth_curve=0.9)
    pictures = [Portrait.from_seed(41_000_000 + i, roughness=0).render(laugh, 200, 60) for i in range(12)]
    assert sum(len(AnimefaceDetector().detect(picture)) == 1 for picture in pictures) >= 11


def test_a_tilted_face_is_found(drawn: Pixels) -> None:
    wide = np.pad(drawn, ((120, 120), (120, 120), (0, 0)), "edge")
    turn = cv2.getRotationMatrix2D((wide.shape[1] / 2, wide.shape[0] / 2), -25, 1)
    picture = cv2.warpAffine(wide, turn, wide.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    (face,) = AnimefaceDetector().detect(np.asarray(picture, np.uint8))
    along = np.subtract(face.right_eye, face.left_eye)
    assert np.degrees(np.arctan2(along[1], along[0])) == pytest.approx(25, abs=8)


def test_what_is_found_does_not_depend_on_the_least_confidence(drawn: Pixels) -> None:
    picture = place(drawn, (900, 500), 20, 100)
    assert AnimefaceDetector(0.5).detect(picture) == AnimefaceDetector(0.8).detect(picture)
    assert AnimefaceDetector(1.01).detect(picture) == []


def test_a_second_thought_keeps_faces_and_drops_what_only_lay_like_one(drawn: Pixels) -> None:
    (proposal, *_) = propose(drawn, 0.3)
    assert confirmed(drawn, proposal).confidence >= 0.8
    aside = replace(proposal, left_eye=(5.0, 230.0), right_eye=(60.0, 235.0), box=(0, 200, 65, 50))
    assert confirmed(drawn, aside).confidence < 0.5
