from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kaogae.dataset import FaceSet
from kaogae.dataset.manifest import RandomCrop
from kaogae.errors import ConfigError
from kaogae.train import load_settings
from kaogae.train.batches import Resident, Streamed, resident_bytes
from kaogae.train.data import Data, Faces, check_sets, describe

PLAIN = ("data.drawn=0", "weights.supervised=0")


def test_faces_are_brought_to_the_size_that_is_kept(faces: FaceSet) -> None:
    both = Faces.of([faces, faces], 32)
    count = len(faces.of("train"))
    assert both.pixels.shape == (2 * count, 32, 32, 3)
    assert both.pixels.dtype == np.uint8
    assert both.labels.tolist() == faces.labels("train").tolist() * 2
    assert len(both.sources) == 2 * count
    assert np.array_equal(Faces.of([faces], 64).pixels, faces.pixels("train"))
    assert Faces.of([], 32).pixels.shape == (0, 32, 32, 3)


def test_the_validation_split_is_never_among_the_rows(faces: FaceSet, cache: Path) -> None:
    split = replace(
        faces,
        faces=tuple(replace(f, split="train" if i < 4 else "validation") for i, f in enumerate(faces.faces)),
    )
    data = Data.load(load_settings("smoke", [*PLAIN]), [split], cache)
    assert (len(data.faces.labels), len(data.held_out.labels)) == (4, len(faces.faces) - 4)
    shown = {int(i) for iteration in range(9) for i in data.rows(iteration).picture}
    assert shown == set(range(4))


def test_nothing_to_learn_from_is_said(cache: Path) -> None:
    with pytest.raises(ConfigError, match="nothing to learn from"):
        Data.load(load_settings("smoke", PLAIN), [], cache)


def test_one_expression_is_not_enough(faces: FaceSet) -> None:
    happy = replace(faces, faces=tuple(f for f in faces.faces if f.expression == "happy"))
    with pytest.raises(ConfigError, match="All faces are happy"):
        check_sets(load_settings("smoke", [*PLAIN, "batch=1"]), [happy])


def test_a_batch_larger_than_the_set_is_refused(faces: FaceSet) -> None:
    check_sets(load_settings("smoke", [*PLAIN, "batch=4"]), [faces])
    with pytest.raises(ConfigError, match="A batch of 64 is more than the"):
        check_sets(load_settings("smoke", [*PLAIN, "batch=64"]), [faces])


def test_all_that_is_wrong_with_the_sets_is_said_at_once(faces: FaceSet) -> None:
    empty = replace(faces, faces=tuple(replace(f, split="test") for f in faces.faces))
    with pytest.raises(ConfigError) as raised:
        check_sets(load_settings("smoke", ["stored_size=128"]), [faces, empty])
    for part in ("same name", "faces of 64 pixels, and 128 are needed", "no face in its train split"):
        assert part in str(raised.value)


def test_random_crops_are_not_cropped_again(faces: FaceSet, cache: Path) -> None:
    cropped = replace(faces.faces[0], crop=RandomCrop("0" * 64, 0, 0, False))
    crops = replace(faces, faces=(cropped, *faces.faces[1:]))
    with pytest.raises(ConfigError, match=r"holds random crops already: .* --set augment\.crop=1"):
        Data.load(load_settings("smoke", ["augment.crop=0.9"]), [crops], cache)


def test_what_a_run_learns_from_is_described_by_hashes_and_counts(faces: FaceSet) -> None:
    config = load_settings("smoke")
    facts = describe(config, [faces])
    assert facts["sets"]["five"]["hash"] == faces.hash
    assert facts["sets"]["five"]["faces"] == len(faces.of("train"))
    assert sum(facts["sets"]["five"]["expressions"].values()) == len(faces.of("train"))
    assert len(facts["drawings"]) == 64
    others = [
        describe(load_settings("smoke", ["data.drawn=5"]), [faces]),
        describe(load_settings("smoke", PLAIN), [faces]),
        describe(config, []),
        describe(config, [replace(faces, hash="0" * 64)]),
    ]
    assert len({facts["hash"], *(other["hash"] for other in others)}) == 5
    assert others[1]["drawings"] is None


def test_pictures_go_where_they_have_room(
    faces: FaceSet, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wants(wish: str, free: int) -> bool:
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, 10**12))
        data = Data.load(load_settings("smoke", [f"data.resident={wish}"]), [faces], cache, workers=1)
        return data.stays_on(torch.device("cuda"))

    data = Data.load(load_settings("smoke"), [faces], cache, workers=1)
    need = resident_bytes(data.faces.pixels, data.pairs)
    assert [wants("auto", room) for room in (0, 2 * need, 2 * need + 2)] == [False, False, True]
    assert [wants(wish, 0) for wish in ("yes", "no")] == [True, False]
    assert not data.stays_on(torch.device("cpu"))
    for wish, kind in (("auto", Streamed), ("yes", Resident), ("no", Streamed)):
        data = Data.load(load_settings("smoke", [f"data.resident={wish}"]), [faces], cache, workers=1)
        assert type(data.feed(torch.device("cpu"))) is kind
