"""The paper's recipe: eight flipped 192-crops of each face, never a part of a test face in train."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaogae.catalog import Workspace
from kaogae.dataset import Shares, freeze, load
from kaogae.dataset.catalogued import Choice, catalogued_faces
from kaogae.dataset.paper import Recipe
from kaogae.errors import ManifestError, UsageError
from kaogae.expressions import Expression
from kaogae.faces import apply_matrix


@pytest.fixture(scope="module")
def both(drawn_workspace, tmp_path_factory):
    """The same faces whole and after the recipe."""
    catalog = Workspace(drawn_workspace).open()
    few = Choice(expressions=(Expression.HAPPY, Expression.CRYING))
    source = catalogued_faces(Workspace(drawn_workspace), catalog, few)
    catalog.close()
    sets, shares = tmp_path_factory.mktemp("sets"), Shares(0.2, 0.2)
    whole = load(freeze("whole", [source], sets, shares=shares).path)
    return whole, load(freeze("paper", [source], sets, shares=shares, paper=True).path), source


def test_each_crop_is_where_its_line_says(both):
    whole, paper, _ = both
    assert (paper.size, len(paper.faces)) == (192, 8 * len(whole.faces))
    known = {face.sha256: (face, p) for face, p in zip(whole.faces, whole.pictures(whole.faces), strict=True)}
    for face, pixels in zip(paper.faces, paper.pictures(paper.faces), strict=True):
        parent, full = known[face.crop.of]
        seen = full[:, ::-1] if face.crop.mirrored else full
        left, top = face.crop.left, face.crop.top
        assert np.array_equal(pixels, seen[top : top + 192, left : left + 192])
        assert (face.expression, face.character, face.split) == (
            parent.expression, parent.character, parent.split,
        )  # fmt: skip


def test_each_face_has_eight_different_crops_and_half_are_mirrored(both):
    _, paper, _ = both
    crops = defaultdict(set)
    for face in paper.faces:
        crops[face.crop.of].add((face.crop.left, face.crop.top, face.crop.mirrored))
    assert {len(places) for places in crops.values()} == {8}
    lefts = [face.crop.left for face in paper.faces]
    assert (min(lefts), max(lefts)) == (0, 32)
    assert 0.4 < np.mean([face.crop.mirrored for face in paper.faces]) < 0.6


def test_no_crop_of_a_face_is_in_another_split(both):
    _, paper, _ = both
    splits = defaultdict(set)
    for face in paper.faces:
        splits[face.crop.of].add(face.split)
        splits[face.source, face.character].add(face.split)
    assert {len(found) for found in splits.values()} == {1}
    assert set(Counter(face.split for face in paper.faces)) == {"train", "validation", "test"}


def test_landmarks_and_matrix_follow_the_crop_and_the_mirror(both):
    _, paper, source = both
    rows = {face.origin.post: face for face in source.faces}
    other = {"left_eye": "right_eye", "right_eye": "left_eye"}
    for face in paper.faces:
        assert face.landmarks["left_eye"][0] < face.landmarks["right_eye"][0]
        raw = rows[face.origin.post]
        # from the crop in the workspace back to the picture, and from there to the random crop
        native = np.vstack([np.array(raw.origin.matrix), [0, 0, 1]])
        for name, point in raw.landmarks.items():
            picture = np.linalg.solve(native, [*point, 1])[:2]
            expected = face.landmarks[other.get(name, name) if face.crop.mirrored else name]
            assert np.allclose(apply_matrix(np.array(face.origin.matrix), picture), expected, atol=0.02)


def test_the_same_seed_gives_the_same_crops_and_another_one_others(both, tmp_path):
    _, paper, source = both
    settings = {"paper": True, "shares": Shares(0.2, 0.2)}
    assert freeze("a", [source], tmp_path, workers=2, **settings).hash == paper.hash
    other = load(freeze("b", [source], tmp_path, seed=1, **settings).path)
    assert not {face.sha256 for face in other.faces} >= {face.sha256 for face in paper.faces}


def test_crops_come_back_from_an_export_but_are_not_cropped_again(both, tmp_path):
    _, paper, _ = both
    assert freeze("again", [paper.path], tmp_path, size=192).hash == paper.hash
    with pytest.raises(ManifestError, match="random crop already"):
        freeze("twice", [paper.path], tmp_path, paper=True)


def test_the_papers_size_is_its_own(both, tmp_path):
    with pytest.raises(UsageError, match="have 224 pixels"):
        freeze("a", [both[2]], tmp_path, paper=True, size=128)


@given(st.integers(0, 2**32), st.binary(min_size=32, max_size=32))
def test_crops_stay_inside_the_face_and_differ(seed, digest):
    crops = Recipe(seed=seed).draw(digest.hex(), 224)
    assert len({(crop.left, crop.top, crop.mirrored) for crop in crops}) == 8
    assert all(0 <= crop.left <= 32 and 0 <= crop.top <= 32 for crop in crops)
