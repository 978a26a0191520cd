"""Weights from strangers."""

import os
import pickle
import zipfile

import pytest
import torch

from kaogae.errors import WeightsError
from kaogae.upscale import Carn, check_weights, load_carn
from kaogae.upscale.checkpoint import WEIGHTS_BYTES


@pytest.fixture
def state(random_weights):
    return torch.load(random_weights, weights_only=True)


@pytest.fixture
def refused(tmp_path):
    def check(state, words):
        path = tmp_path / "weights.pth"
        torch.save(state, path)
        with pytest.raises(WeightsError, match=words) as error:
            load_carn(path)
        assert str(path) in str(error.value)

    return check


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_runs_something_runs_nothing(tmp_path, legacy):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "boom"),)

    path = tmp_path / "bomb.pth"
    torch.save({"entry.weight": Bomb()}, path, _use_new_zipfile_serialization=not legacy)  # both formats
    with pytest.raises(WeightsError, match="never run"):
        load_carn(path)
    path.write_bytes(pickle.dumps(Bomb(), protocol=2))
    with pytest.raises(WeightsError, match="never run"):
        load_carn(path)
    assert not (tmp_path / "boom").exists()


def test_another_shape_a_missing_and_an_unknown_tensor_are_refused(state, refused):
    refused(state | {"exit.bias": torch.zeros(4)}, "exit.bias")
    refused(
        {name: tensor for name, tensor in state.items() if name != "b2.c3.body.0.bias"}, "b2.c3.body.0.bias"
    )
    refused(state | {"more": torch.zeros(1)}, "more")


def test_values_that_are_not_finite_are_refused(state, refused):
    state["entry.bias"][7] = float("nan")
    refused(state, "entry.bias.*finite")


def test_other_things_than_float32_tensors_are_refused(state, refused):
    refused([1, 2], "float32")
    refused(state | {"exit.bias": "bias"}, "float32")
    refused(state | {"exit.bias": state["exit.bias"].double()}, "float32")
    refused(state | {"exit.bias": state["exit.bias"].to_sparse()}, "float32|damaged")
    refused({}, "multi-scale")
    refused(state | {"upsample.up2.body.0.weight": torch.zeros(256, 15, 3, 3)}, "multi-scale")


def test_a_truncated_file_is_refused_wherever_it_ends(random_weights, tmp_path):
    data, path = random_weights.read_bytes(), tmp_path / "half.pth"
    for length in (0, 1, 3, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(WeightsError):
            load_carn(path)


def test_the_published_file_cut_off_is_refused(carn_m, tmp_path):
    data, path = carn_m.read_bytes(), tmp_path / "half.pth"
    for length in (10, 5000, len(data) // 2, len(data) - 4):
        path.write_bytes(data[:length])
        with pytest.raises(WeightsError):
            load_carn(path)


def test_a_packed_archive_that_would_become_huge_is_not_unpacked(tmp_path):
    path = tmp_path / "packed.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights/data.pkl", bytes(WEIGHTS_BYTES + 1))
    assert path.stat().st_size < 100_000
    with pytest.raises(WeightsError, match="larger"):
        load_carn(path)


def test_a_missing_file_a_folder_and_a_pipe_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none.pth", tmp_path, tmp_path / "pipe"):
        with pytest.raises(WeightsError, match="isn't there or isn't a file"):
            load_carn(path)


def test_the_network_is_seen_from_the_tensors(tmp_path):
    path = tmp_path / "carn.pth"
    for light, groups in ((False, 1), (True, 1), (True, 2)):
        torch.save(Carn(light=light, groups=groups).state_dict(), path)
        model = load_carn(path)
        assert (model.light, model.groups) == (light, groups)


def test_weights_without_a_checksum_have_to_enlarge(carn_m, random_weights):
    assert check_weights(carn_m, "carn-m").method == "carn-m"
    with pytest.raises(WeightsError, match="not of carn:"):
        check_weights(carn_m, "carn")
    with pytest.raises(WeightsError, match="doesn't enlarge"):
        check_weights(random_weights, "carn-m")
