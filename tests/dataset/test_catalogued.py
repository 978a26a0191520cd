"""The catalogue becomes a set: the right pixels, every label, no character or picture in two splits."""

import json
import subprocess
import sys
from collections import defaultdict

import cv2
import numpy as np
import pytest
from sqlalchemy import select

from kaogae.catalog import Face, Picture
from kaogae.dataset import Shares, freeze, load
from kaogae.dataset.catalogued import Choice, catalogued_faces
from kaogae.errors import KaogaeError, ManifestError, UsageError
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.faces import apply_matrix


def frozen(filled, name="first", choice=None, *, size=32, **settings):
    """Small faces: most tests don't ask for their pixels."""
    source = catalogued_faces(filled.workspace, filled.catalog, choice)
    return load(freeze(name, [source], filled.workspace.sets, size=size, **settings).path)


def by_post(faces):
    return {(face.origin.post, face.origin.number): face for face in faces.faces}


def test_every_kept_face_comes_with_its_label_and_origin(filled, whole):
    assert whole.counts() == {
        split: {e.value: sum(f.expression is e for f in whole.of(split)) for e in EXPRESSIONS}
        for split in ("train", "validation", "test")
    }
    assert len(whole.faces) == 40
    for face in whole.faces:
        row = filled.face(pixels_sha256=face.origin.pixels_sha256)
        assert face.expression == row.expression
        assert face.source == face.origin.site == row.site
        assert face.character == (row.character or f"post {face.origin.post}")
        assert face.origin.enhanced_by == (row.enhanced_by or "")
        assert (face.origin.number, face.origin.confidence) == (0, row.confidence)
        assert face.origin.box == tuple(row.box)
        assert (face.origin.artist, face.origin.page) == ("the atelier", f"https://x/{face.origin.post}")


def test_landmarks_and_matrix_speak_of_the_frozen_face(filled, whole):
    for face in whole.faces:
        row = filled.face(pixels_sha256=face.origin.pixels_sha256)
        for name, point in row.landmarks.items():
            seen = apply_matrix(np.array(face.origin.matrix), point)
            assert np.allclose(seen, face.landmarks[name], atol=0.006)
        # side 2.7 eye distances, eyes level, middle a quarter of the distance above the crop's centre
        left, right = np.array(face.landmarks["left_eye"]), np.array(face.landmarks["right_eye"])
        assert np.allclose(right - left, [224 / 2.7, 0], atol=1.5)
        assert np.allclose((left + right) / 2, [112, 112 - 0.25 * 224 / 2.7], atol=1.5)


def test_the_enhanced_crop_is_taken_and_the_native_one_otherwise(filled, whole):
    for enhanced in (True, False):
        chosen = [f for f in whole.faces if (f.origin.enhanced_by == "carn-m") is enhanced]
        assert chosen
        for face, pixels in zip(chosen, whole.pictures(chosen), strict=True):
            row = filled.face(pixels_sha256=face.origin.pixels_sha256)
            native = cv2.imread(str(filled.path(row)))
            file = filled.workspace.folder / (row.enhanced_file if enhanced else row.file)
            stored = cv2.imread(str(file))
            way = cv2.INTER_AREA if len(stored) > 224 else cv2.INTER_CUBIC
            differences = [
                np.abs(cv2.resize(one, (224, 224), interpolation=way)[..., ::-1].astype(int) - pixels).mean()
                for one in (stored, native)
            ]
            assert differences[0] < 0.6
            if enhanced:
                assert differences[0] < differences[1] / 2


def test_neither_character_nor_picture_is_in_two_splits(whole):
    for key in (lambda f: (f.source, f.character), lambda f: (f.source, f.origin.post)):
        where = defaultdict(set)
        for face in whole.faces:
            where[key(face)].add(face.split)
        assert all(len(splits) == 1 for splits in where.values())
    assert {face.split for face in whole.faces} == {"train", "validation", "test"}


def test_characters_that_share_a_picture_share_a_split(filled):
    """Every picture of c1 also shows c3, c5 or c7: then none of the four can be divided."""
    with filled.catalog.session() as session:
        rows = session.query(Picture).filter_by(site="renpy:tale").all()
        first = {row.faces[0].character: row for row in rows}
        for number, other in enumerate(["c3", "c5", "c7"], 1):
            face = first[other].faces[0]
            face.picture, face.number = first["c1"], number
    faces = frozen(filled, shares=Shares(0.2, 0.2))
    assert len({face.split for face in faces.faces}) == 3
    assert len({face.split for face in faces.faces if face.source == "renpy:tale"}) == 1


@pytest.mark.parametrize(
    ("choice", "keeps"),
    [
        (Choice(expressions=(Expression.SAD,)), lambda f: f.expression is Expression.SAD),
        (Choice(sites=("danbooru",)), lambda f: f.source == "danbooru"),
        (Choice(label_origins=("file name",)), lambda f: f.label_origin == "file name"),
    ],
)
def test_one_can_choose(filled, whole, choice, keeps):
    chosen = {face.origin.pixels_sha256 for face in frozen(filled, choice=choice).faces}
    expected = {face.origin.pixels_sha256 for face in whole.faces if keeps(face)}
    assert 0 < len(expected) < 40
    assert chosen == expected


def test_confidence_and_side_can_be_asked_for(filled):
    unsure = filled.face(expression="sad")
    filled.change(unsure, confidence=0.85)
    assert len(frozen(filled, choice=Choice(least_confidence=0.9)).faces) == 39
    large = frozen(filled, "large", Choice(least_side=250), size=224).faces
    assert 0 < len(large) < 40
    assert all(np.linalg.det(np.array(f.origin.matrix)[:, :2]) < 1 for f in large)


@pytest.mark.parametrize("choice", [{"least_confidence": 2}, {"least_confidence": -1}, {"least_side": -1}])
def test_choices_out_of_range_are_refused(choice):
    with pytest.raises(UsageError, match="out of range"):
        Choice(**choice)


def test_rejected_and_unlabelled_faces_stay_out_and_are_counted(filled):
    filled.change(filled.face(expression="happy"), state="rejected", reason="blurred")
    filled.change(filled.face(expression="sad"), expression=None)
    source = catalogued_faces(filled.workspace, filled.catalog)
    assert len(source.faces) == 38
    assert source.left_out == {"no label": 1}


def damaged(path):
    path.write_bytes(path.read_bytes()[:200])


def changed(path):
    pixels = cv2.imread(str(path))
    pixels[0, 0] ^= 1
    cv2.imwrite(str(path), pixels)


@pytest.mark.parametrize("enhanced", [False, True])
@pytest.mark.parametrize("spoil", [damaged, lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
def test_a_spoilt_crop_is_named_and_nothing_is_frozen(filled, spoil, enhanced):
    face = filled.face(enhanced_by="carn-m")
    path = filled.workspace.folder / (face.enhanced_file if enhanced else face.file)
    spoil(path)
    with pytest.raises(KaogaeError, match=path.name):
        frozen(filled)
    assert list(filled.workspace.sets.iterdir()) == []


def test_one_changed_value_is_noticed(filled):
    face = filled.face(enhanced_by="carn-m")
    changed(filled.path(face))
    with pytest.raises(ManifestError, match=f"{filled.path(face).name} has changed"):
        frozen(filled)


@pytest.mark.parametrize("file", ["/etc/passwd", "../secret.png", "faces/../../secret.png"])
def test_a_path_in_the_catalogue_can_not_lead_outside(filled, file):
    (filled.workspace.folder.parent / "secret.png").write_bytes(b"")
    filled.change(filled.face(expression="sad"), file=file)
    with pytest.raises(ManifestError, match=r"Face 0 of .* leads outside"):
        frozen(filled)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"file": None}, "names no crop"),
        ({"matrix": [[1, 0, 0]]}, "matrix as two rows"),
        ({"matrix": [[1, 0, 1e300], [0, 1, 0]]}, "no place in a picture"),
        ({"box": [1, 2, 3]}, "box as four numbers"),
        ({"landmarks": {"mouth": [1e9, 3]}}, "no place in a picture"),
        ({"size": 0}, "a crop of 0 pixels"),
    ],
)
def test_rows_that_can_not_be_are_named(filled, values, message):
    face = filled.face(expression="sad")
    filled.change(face, **values)
    with pytest.raises(ManifestError, match=f"Face 0 of .*{message}"):
        frozen(filled)


def test_any_number_of_workers_gives_the_same_manifest(filled):
    hashes = {frozen(filled, f"w{workers}", workers=workers).hash for workers in (1, 2)}
    assert len(hashes) == 1


@pytest.mark.parametrize("catalog_url", ["postgresql"], indirect=True)
def test_postgresql_gives_the_same_set(filled, catalog):
    """Filled the other way round, so that no order but ours can make them equal."""
    with filled.catalog.session() as session:
        pictures = session.scalars(select(Picture).order_by(Picture.id.desc())).all()
        rows = [(values(picture), [values(face) for face in picture.faces]) for picture in pictures]
    with catalog.session() as session:
        session.add_all(Picture(**row, faces=[Face(**face) for face in faces]) for row, faces in rows)
    source = catalogued_faces(filled.workspace, catalog)
    assert freeze("other", [source], filled.workspace.sets, size=32).hash == frozen(filled).hash


def values(row):
    return {c.name: getattr(row, c.name) for c in row.__table__.columns if c.name not in ("id", "picture_id")}


def test_a_name_that_is_no_unicode_is_frozen_and_read(filled):
    filled.change(filled.face(expression="sad"), character="a\0b\ud800c")
    assert len(frozen(filled).faces) == 40


def test_a_face_relabelled_meanwhile_has_its_new_label_and_a_rejected_one_is_left_out(filled):
    source = catalogued_faces(filled.workspace, filled.catalog)
    happy, sad = (filled.face(expression=name) for name in ("happy", "sad"))
    filled.change(happy, expression="neutral")
    filled.change(sad, state="rejected")
    faces = load(freeze("first", [source], filled.workspace.sets, size=32).path).faces
    labels = {face.origin.pixels_sha256: face.expression for face in faces}
    assert (len(faces), labels[happy.pixels_sha256]) == (39, "neutral")
    assert sad.pixels_sha256 not in labels


def test_a_set_without_sqlalchemy():
    code = (
        "import sys; sys.modules['sqlalchemy'] = None; import kaogae.dataset, kaogae.cli;"
        "print('filelock' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, ["False", "False"]), done.stderr


def test_the_command_takes_the_catalogue_and_folders_together(filled, kaogae, tmp_path):
    folder = tmp_path / "folders" / "happy"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "x.png"), np.full((50, 50, 3), 7, np.uint8))
    where = ("--workspace", filled.workspace.folder, "--json")
    code, out, err = kaogae("dataset", "freeze", "all", *where)
    assert code == 0, err
    assert json.loads(out)["sources"] == {"danbooru": 20, "renpy:tale": 20}
    assert json.loads(out)["enhanced"].keys() == {"carn-m", "large enough", "not looked at"}
    both = ("--from", "catalog", "--from", folder.parent, "--site", "danbooru")
    code, out, err = kaogae("dataset", "freeze", "both", *both, *where)
    assert json.loads(out)["sources"] == {"danbooru": 20, "folders": 1}, err
    code, _, err = kaogae("dataset", "freeze", "no", "--from", folder.parent, "--site", "x", *where)
    assert code == 2
    assert "add --from catalog" in err


def test_without_a_catalogue_there_is_a_sentence(kaogae, tmp_path):
    code, _, err = kaogae("dataset", "freeze", "first", "--workspace", tmp_path)
    assert code == 2
    assert "There is no catalogue" in err
    assert list(tmp_path.iterdir()) == []
