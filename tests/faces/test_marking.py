"""Near-duplicates in the catalogue: who stays, who doesn't, and that it's the same whenever it is asked."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import cv2
import numpy as np
import pytest
from sqlalchemy import select, update

from kaogae.atelier.portrait import Portrait, sample_rig
from kaogae.catalog import Campaign, Catalog, Face, Item, Picture, Vote, Workspace
from kaogae.expressions import EXPRESSIONS
from kaogae.faces.crops import crop_path, pixels_sha256, save_crop
from kaogae.faces.marking import mark
from kaogae.faces.quality import perceptual_hash, sharpness


@pytest.fixture(scope="module")
def crops() -> list[np.ndarray]:
    """One character with five expressions."""
    return [Portrait.from_seed(9203).render(sample_rig(9203, one, 0.8), 256) for one in EXPRESSIONS]


def half(crop: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.resize(crop, (128, 128), interpolation=cv2.INTER_AREA), np.uint8)


def saved_again(crop: np.ndarray) -> np.ndarray:
    coded = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, 70])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


class Shelf:
    """A workspace whose faces have these crops."""

    def __init__(self, workspace: Workspace, catalog: Catalog) -> None:
        self.workspace, self.catalog, self.count = workspace, catalog, 0

    def put(self, crop: np.ndarray, expression: str | None = None, **columns: Any) -> int:
        self.count += 1
        digest = save_crop(crop, self.workspace.folder)
        assert digest == pixels_sha256(crop)
        with self.catalog.session() as session:
            picture = Picture(site="test", post=str(self.count), state="searched")
            session.add(picture)
            session.flush()
            known = {
                "picture_id": picture.id,
                "number": 0,
                "site": "test",
                "box": [],
                "landmarks": {},
                "confidence": 0.9,
                "detector": "told",
                "matrix": [],
                "side": float(crop.shape[0]),
                "size": crop.shape[0],
                "file": crop_path(digest),
                "pixels_sha256": digest,
                "blur": sharpness(crop),
                "phash": perceptual_hash(crop),
                "expression": expression,
            }
            face = Face(**(known | columns))
            session.add(face)
            session.flush()
            return face.id

    def mark(self, distance: int = 8) -> dict[int, int]:
        """Who is marked as a duplicate of whom."""
        count = mark(self.workspace, self.catalog, distance)
        with self.catalog.reading() as session:
            found = {face.id: face for face in session.scalars(select(Face))}
        for face in found.values():
            marked = face.duplicate_of is not None
            assert (face.state, face.reason) == (("rejected", "near-duplicate") if marked else ("kept", None))
        pairs = {face.id: face.duplicate_of for face in found.values() if face.duplicate_of}
        assert len(pairs) == count
        return pairs


@pytest.fixture
def shelf(tmp_path: Any, catalog: Catalog) -> Shelf:
    return Shelf(Workspace(tmp_path / "data"), catalog)


def test_of_copies_the_largest_stays_then_the_sharpest(shelf: Shelf, crops: list[np.ndarray]) -> None:
    small, large, again = shelf.put(half(crops[0])), shelf.put(crops[0]), shelf.put(saved_again(crops[0]))
    marked = shelf.mark()
    assert marked == {small: large, again: large} or marked == {small: again, large: again}


def test_expressions_of_one_character_all_stay(shelf: Shelf, crops: list[np.ndarray]) -> None:
    for crop in crops:
        shelf.put(crop)
    assert shelf.mark(12) == {}


def test_the_same_drawing_under_two_labels_is_for_people_to_decide(
    shelf: Shelf, crops: list[np.ndarray]
) -> None:
    happy, sad, none = (shelf.put(crops[0], label) for label in ("happy", "sad", None))
    assert shelf.mark() == {none: happy}
    assert sad


def test_a_face_with_a_label_stays_for_one_without(shelf: Shelf, crops: list[np.ndarray]) -> None:
    large, small = shelf.put(crops[1]), shelf.put(half(crops[1]), "sad")
    assert shelf.mark() == {large: small}


def test_a_face_that_was_voted_on_stays(shelf: Shelf, crops: list[np.ndarray]) -> None:
    small = shelf.put(half(crops[2]))
    with shelf.catalog.session() as session:
        from kaogae.catalog import Annotator

        session.add(Annotator(id=1, name="Mika"))
        session.flush()
        session.add(Vote(id=uuid4(), annotator_id=1, face_id=small, verdict="crying"))
    large = shelf.put(crops[2])
    assert shelf.mark() == {large: small}


def test_a_face_that_a_campaign_asks_about_stays(shelf: Shelf, crops: list[np.ndarray]) -> None:
    small = shelf.put(half(crops[2]))
    with shelf.catalog.session() as session:
        session.add(Campaign(id=1, name="first", kind="clean"))
        session.flush()
        session.add(Item(campaign_id=1, number=0, face_id=small, sha256="0" * 64))
    large = shelf.put(crops[2])
    assert shelf.mark() == {large: small}


def test_a_verdict_outdoes_a_copys_tag(shelf: Shelf, crops: list[np.ndarray]) -> None:
    tagged, voted = shelf.put(crops[1], "happy"), shelf.put(half(crops[1]), "sad", label_origin="votes")
    assert shelf.mark() == {tagged: voted}


def test_two_verdicts_both_stay(shelf: Shelf, crops: list[np.ndarray]) -> None:
    for label in ("happy", "sad"):
        shelf.put(crops[1], label, label_origin="votes")
    assert shelf.mark() == {}


@pytest.mark.parametrize("reason", ["unusable (votes)", "another expression (votes)"])
def test_copies_of_a_face_that_people_rejected_go_too(
    shelf: Shelf, crops: list[np.ndarray], reason: str
) -> None:
    small = shelf.put(half(crops[0]), "happy", state="rejected", reason=reason)
    large = shelf.put(crops[0], "sad")
    for _ in range(2):
        assert mark(shelf.workspace, shelf.catalog, 8) == 1
        with shelf.catalog.reading() as session:
            rejected = session.get_one(Face, small)
            assert (rejected.state, rejected.reason, rejected.duplicate_of) == ("rejected", reason, None)
            assert session.get_one(Face, large).duplicate_of == small


def test_of_copies_the_one_that_people_labelled_stays(shelf: Shelf, crops: list[np.ndarray]) -> None:
    refused = shelf.put(crops[0], "happy", state="rejected", reason="unusable (votes)")
    labelled = shelf.put(half(crops[0]), "happy", label_origin="votes")
    assert mark(shelf.workspace, shelf.catalog, 8) == 0
    with shelf.catalog.reading() as session:
        assert session.get_one(Face, labelled).state == "kept"
        assert session.get_one(Face, refused).reason == "unusable (votes)"


def test_later_faces_are_compared_with_all_earlier_ones(shelf: Shelf, crops: list[np.ndarray]) -> None:
    first, other = shelf.put(half(crops[0])), shelf.put(crops[3])
    assert shelf.mark() == {}
    later, copy = shelf.put(crops[0]), shelf.put(half(crops[3]))
    assert shelf.mark() == {first: later, copy: other}
    assert shelf.mark() == {first: later, copy: other}


def test_another_distance_marks_afresh(shelf: Shelf, crops: list[np.ndarray]) -> None:
    value = perceptual_hash(crops[0])
    one = shelf.put(crops[0])
    near = shelf.put(half(crops[0]), phash=value ^ 0b111)
    assert shelf.mark(3) == {near: one}
    assert shelf.mark(2) == {}
    assert shelf.mark(8) == {near: one}


def test_rejected_faces_neither_stand_for_others_nor_change(shelf: Shelf, crops: list[np.ndarray]) -> None:
    blurred = shelf.put(crops[0], state="rejected", reason="blurred")
    mark(shelf.workspace, shelf.catalog, 8)
    shelf.put(half(crops[0]))
    assert mark(shelf.workspace, shelf.catalog, 8) == 0
    with shelf.catalog.reading() as session:
        assert session.scalar(select(Face.reason).where(Face.id == blurred)) == "blurred"


def test_a_crop_that_is_gone_or_leads_astray_only_stands_for_itself(
    shelf: Shelf, crops: list[np.ndarray]
) -> None:
    one, other = shelf.put(crops[0]), shelf.put(half(crops[0]))
    (shelf.workspace.folder / crop_path(pixels_sha256(crops[0]))).unlink()
    assert shelf.mark() == {}
    with shelf.catalog.session() as session:
        session.execute(update(Face).where(Face.id == one).values(pixels_sha256="../../../../etc/passwd"))
    assert shelf.mark() == {}
    assert other


def test_progress_is_told(shelf: Shelf, crops: list[np.ndarray]) -> None:
    for crop in (crops[0], half(crops[0]), saved_again(crops[0])):
        shelf.put(crop)
    seen: list[tuple[int, int]] = []
    follow: Callable[[int, int], None] = lambda done, total: seen.append((done, total))  # noqa: E731
    mark(shelf.workspace, shelf.catalog, 8, follow)
    assert seen
    assert all(done <= total == 3 for done, total in seen)
