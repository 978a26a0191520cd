"""The distance between characters: known answers with the shipped weights, and files of strangers."""

import json
import struct
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from kaogae.errors import ModelError, UsageError
from kaogae.evaluate.identity import (
    Identity,
    IdentityHeader,
    build_identity,
    pack,
    save_identity,
    unpack,
)
from kaogae.stargan.checkpoint import HEADER_LIMIT


@pytest.fixture(scope="module")
def shipped():
    return Identity.load()


# -------------------------------------------------------------------------------------- known answers


def test_a_copy_is_at_no_distance(shipped, inputs, answers):
    found = shipped.distance(inputs.pixels[:, None], answers("copies its input"))
    assert found.shape == (10, 5)
    assert found == pytest.approx(0, abs=1e-6)


def test_the_truth_is_as_far_as_one_character_from_itself(shipped, inputs, answers):
    found = shipped.distance(inputs.pixels[:, None], answers("returns the truth"))
    same = shipped.header.same
    assert np.median(found) < same.high
    assert abs(found.mean() - same.mean) < same.high


def test_another_character_is_as_far_as_two_characters(shipped, inputs, answers):
    for kind in ("returns another character", "returns another character as asked"):
        found = shipped.distance(inputs.pixels[:, None], answers(kind))
        other = shipped.header.other
        assert other.low < np.median(found) < other.high
        assert found.min() > shipped.header.same.high


def test_moving_the_mouth_is_not_becoming_somebody_else(shipped, inputs, answers):
    moved = shipped.distance(inputs.pixels[:, None], answers("moves the mouth only"))
    another = shipped.distance(inputs.pixels[:, None], answers("returns another character"))
    assert moved.max() < another.min()
    assert moved.mean() < shipped.header.same.high


def test_the_shipped_network_tells_characters_apart(shipped):
    header = shipped.header
    assert header.characters >= 1000
    assert header.auc > 0.99
    assert header.redrawn_auc > 0.95
    assert header.equal_error < 0.03
    assert header.same.mean < header.redrawn.mean < header.other.mean
    assert header.same.mean < header.sibling.mean < header.other.mean
    assert header.same.high < header.other.low


def test_distances_are_broadcast_and_sizes_may_differ(shipped, inputs):
    a = inputs.pixels
    every = shipped.distance(a[:, None], a)
    assert every.shape == (10, 10)
    assert np.allclose(every, every.T)
    assert np.diagonal(every) == pytest.approx(0, abs=1e-6)
    small = np.ascontiguousarray(a[:, ::2, ::2])
    assert shipped.distance(a, small).max() < every[~np.eye(10, dtype=bool)].min()
    assert shipped.embed(a[:1]).shape == (1, shipped.header.outputs)
    assert np.linalg.norm(shipped.embed(a), axis=1) == pytest.approx(1)


def test_what_an_evaluation_keeps_of_it_is_plain(shipped):
    facts = json.loads(json.dumps(shipped.facts()))
    assert facts["sha256"] == shipped.sha256
    assert facts["same"] == [shipped.header.same.mean, shipped.header.same.low, shipped.header.same.high]
    assert facts["same"][0] < facts["other"][0]


def test_what_is_no_picture_is_refused(shipped, inputs):
    for odd in (inputs.pixels.astype(np.float32), inputs.pixels[..., :1], inputs.pixels[:0]):
        with pytest.raises(UsageError, match="Pictures are"):
            shipped.embed(odd)


# ------------------------------------------------------------------------------------------------------ files


@pytest.fixture(scope="module")
def made(shipped):
    torch.manual_seed(0)
    header = replace(shipped.header, outputs=16)
    return build_identity(16), header


def test_a_file_says_what_was_put_in(made, tmp_path):
    network, header = made
    save_identity(tmp_path / "a.safetensors", network, header)
    save_identity(tmp_path / "b.safetensors", network, header)
    a, b = (tmp_path / f"{name}.safetensors" for name in "ab")
    assert a.read_bytes() == b.read_bytes()
    assert Identity.load(a).header == header
    assert len(Identity.load(a).sha256) == 64
    weights = network.state_dict()
    for name, value in unpack(a.read_bytes())[0].state_dict().items():
        assert torch.allclose(value.float(), weights[name].float(), atol=1e-3)


def test_the_shipped_file_is_small():
    from importlib.resources import files

    data = files("kaogae.evaluate").joinpath("weights/identity.safetensors").read_bytes()
    assert len(data) <= 4_000_000
    assert {tensor.dtype for tensor in load(data).values()} <= {torch.float16, torch.int64}


def with_header(data, text):
    return save(load(data), {"kaogae": text})


def odd_header(header, **changes):
    return json.dumps({"format": "kaogae-identity", "version": 1, **asdict(header)} | changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 2}, "version 1"),
        ({"format": "kaogae-judge"}, "isn't version 1 of a kaogae-identity"),
        ({"architecture": "resnet152"}, "doesn't know the network 'resnet152'"),
        ({"outputs": 32}, "don't fit its header"),
        ({"outputs": 10**9}, "impossible sizes"),
        ({"size": -1}, "impossible sizes"),
        ({"size": True}, "impossible sizes"),
        ({"auc": 2}, "impossible sizes"),
        ({"auc": float("nan")}, "impossible sizes"),
        ({"same": [1, 2, 3]}, "header isn't one"),
        ({"same": {"mean": "a", "low": 0, "high": 0, "pairs": 1}}, "header isn't one"),
        ({"more": 1}, "header isn't one"),
        ({"training": "long"}, "training isn't an object"),
    ],
)
def test_headers_that_cannot_be_are_refused(made, tmp_path, changes, words):
    path = tmp_path / "odd.safetensors"
    path.write_bytes(with_header(pack(*made), odd_header(made[1], **changes)))
    with pytest.raises(ModelError, match=rf"odd\.safetensors can't be used.*{words}"):
        Identity.load(path)


def test_damaged_and_foreign_files_are_refused(made, tmp_path):
    data = pack(*made)
    path = tmp_path / "odd.safetensors"
    for odd in (
        b"",
        data[:-1],
        data[:100],
        struct.pack("<Q", HEADER_LIMIT + 1) + bytes(HEADER_LIMIT + 1),
        struct.pack("<Q", 2) + b"[]",
        save(load(data)),
        with_header(data, "[" * 10**4),
        with_header(data, "[]"),
    ):
        path.write_bytes(odd)
        with pytest.raises(ModelError, match="can't be used"):
            Identity.load(path)
    with pytest.raises(ModelError, match="can't be read"):
        Identity.load(tmp_path / "none.safetensors")


def test_weights_that_are_not_finite_are_not_written(made, tmp_path):
    network = build_identity(16)
    with torch.no_grad():
        network.fc.weight[0, 0] = 1e6  # too large for float16
    with pytest.raises(ModelError, match=r"fc\.weight"):
        save_identity(tmp_path / "x", network, made[1])
    assert not list(tmp_path.iterdir())


def test_a_header_survives_being_written(made):
    assert IdentityHeader.from_json(made[1].to_json()) == made[1]
