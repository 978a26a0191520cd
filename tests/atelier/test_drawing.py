import random

import numpy as np
import pytest

from kaogae.atelier.character import Character
from kaogae.atelier.drawing import CROP_VIEW, Drawing, draw
from kaogae.atelier.expression import VARIANTS, canonical
from kaogae.atelier.geometry import Pose
from kaogae.atelier.render import Pixels, rasterise
from kaogae.atelier.rig import Rig
from kaogae.expressions import EXPRESSIONS

SIZE = 96


def pixels(drawing: Drawing) -> Pixels:
    return rasterise(drawing.svg(), SIZE, SIZE)


@pytest.mark.parametrize("seed", [0, 7, 19])
def test_the_same_seed_gives_the_same_document(seed: int) -> None:
    rig = canonical(EXPRESSIONS[seed % 5])
    first, second = (draw(Character.from_seed(seed), rig).svg() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("seed", range(6))
def test_expressions_share_landmarks_and_everything_outside_the_face(seed: int) -> None:
    character = Character.from_seed(seed)
    drawings = [draw(character, canonical(e)) for e in EXPRESSIONS]
    assert len({d.landmarks for d in drawings}) == 1
    images = [pixels(d)[..., :3].astype(int) for d in drawings]
    changed = np.max([np.abs(image - images[3]).max(-1) for image in images], axis=0)
    rows = np.flatnonzero((changed > 8).any(1))
    y = CROP_VIEW[1] + rows / SIZE * CROP_VIEW[3]
    # from the raised brows to the lowest tear
    assert y.min() > -0.95
    assert y.max() < character.face.chin + 0.12


def test_each_expression_changes_eyes_and_mouth_visibly() -> None:
    for seed in range(4):
        character = Character.from_seed(seed)
        calm = draw(character, canonical(EXPRESSIONS[3]))
        for expression in EXPRESSIONS[:3] + EXPRESSIONS[4:]:
            moved = draw(character, canonical(expression)).regions
            assert moved.mouth != calm.regions.mouth
            assert moved.left_eye != calm.regions.left_eye
            assert moved.left_brow != calm.regions.left_brow


def test_landmarks_lie_where_the_parts_are_drawn() -> None:
    for seed in range(12):
        dice = random.Random(seed)
        pose = Pose(dice.uniform(-0.4, 0.4), dice.uniform(-0.1, 0.1))
        drawing = draw(Character.from_seed(seed), Rig(), pose)
        marks, regions = drawing.landmarks, drawing.regions
        for point, box in ((marks.left_eye, regions.left_eye), (marks.right_eye, regions.right_eye)):
            assert box[0] < point[0] < box[2]
            assert box[1] < point[1] < box[3]
            assert abs((box[1] + box[3]) / 2 - point[1]) < 0.02
        assert regions.mouth[0] < marks.mouth[0] < regions.mouth[2]
        left, top, right, bottom = marks.face
        for x, y in (marks.nose, marks.mouth, marks.chin):
            assert left < x < right
            assert top < y < bottom + 1e-6


def test_every_variant_of_every_expression_renders() -> None:
    seed = 40
    for variants in VARIANTS.values():
        for variant in variants:
            seed += 1
            image = pixels(draw(Character.from_seed(seed), variant.rig, Pose(0.3 * (-1) ** seed)))
            assert image[SIZE // 2, SIZE // 2, 3] == 255


def test_a_face_half_way_lies_between_its_expressions() -> None:
    character = Character.from_seed(2)
    calm, sad = canonical(EXPRESSIONS[3]), canonical(EXPRESSIONS[1])
    images = [pixels(draw(character, calm.towards(sad, share))).astype(int) for share in (0, 0.02, 1)]
    assert np.abs(images[1] - images[0]).mean() < 0.25 * np.abs(images[2] - images[0]).mean()
