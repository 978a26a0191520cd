"""`kaogae upscale` on a small workspace."""

import json
import subprocess
import sys

import pytest
import torch

from kaogae.upscale import Carn, load_carn


@pytest.fixture
def catalog(workspace):
    opened = workspace.open()
    yield opened
    opened.close()


def test_the_report_in_words_and_as_json(kaogae, workspace, catalog, add_face, carn_m, rgb):
    path = add_face(workspace, catalog, 100)
    add_face(workspace, catalog, 256)
    code, out, err = kaogae("upscale", "--workspace", workspace.folder, "--weights", carn_m, "--threads", 1)
    assert (code, err) == (0, "")
    assert out.splitlines() == ["enhanced by carn-m: 1", "large enough: 1"]
    seen = torch.from_numpy(rgb(path).copy()).permute(2, 0, 1)[None] / 255
    expected = (load_carn(carn_m)(seen, 3)[0] * 255).round().permute(1, 2, 0).byte().numpy()
    assert (abs(rgb(path.with_name(f"{path.stem}.carn-m.png")).astype(int) - expected) <= 1).all()
    code, out, _ = kaogae(
        "upscale", "--workspace", workspace.folder, "--method", "none", "--again", "--scale", 2, "--json"
    )
    assert code == 0
    assert json.loads(out) == {"method": "none", "enhanced": 1, "large_enough": 1, "failed": {}}


def test_what_failed_is_said_and_the_code_is_1(kaogae, workspace, catalog, add_face):
    add_face(workspace, catalog, 100)
    add_face(workspace, catalog, 101).write_bytes(b"")
    code, out, err = kaogae("upscale", "--workspace", workspace.folder, "--method", "none", "--below", 128)
    assert code == 1
    assert "enhanced by none: 1" in out
    assert "failed: 1 (empty)" in out
    assert err.strip().endswith("is empty.")


@pytest.mark.usefixtures("catalog")
def test_wrong_use_is_one_sentence(kaogae, workspace, monkeypatch, tmp_path, random_weights):
    monkeypatch.setenv("KAOGAE_WEIGHTS", str(tmp_path / "cache"))
    for options, words in (
        ([], "kaogae weights fetch carn-m"),
        (["--method", "carn"], "kaogae weights fetch carn"),
        (["--method", "esrgan"], "choose carn-m, carn or none"),
        (["--method", "none", "--scale", 7], "2, 3 or 4"),
        (["--method", "none", "--weights", random_weights], "leave one of them out"),
        (["--method", "carn", "--weights", random_weights], "add --method carn-m"),
    ):
        code, _, err = kaogae("upscale", "--workspace", workspace.folder, *options)
        assert code == 2, options
        assert words in err
        assert len(err.strip().splitlines()) == 1


def test_without_a_catalogue_none_is_made(kaogae, tmp_path):
    code, _, err = kaogae("upscale", "--workspace", tmp_path / "nothing", "--method", "none")
    assert (code, err.count("\n")) == (2, 1)
    assert "There is no catalogue in" in err
    assert list(tmp_path.iterdir()) == []


def test_bicubic_needs_no_torch(workspace, catalog, add_face):
    add_face(workspace, catalog, 100)
    code = "import sys; sys.modules['torch'] = None; from kaogae.cli import main; main()"
    command = [sys.executable, "-c", code, "upscale", "--workspace", str(workspace.folder), "--method"]
    none, network = (
        subprocess.run([*command, method], capture_output=True, text=True) for method in ("none", "carn-m")
    )
    assert (none.returncode, none.stderr) == (0, "")
    assert "enhanced by none: 1" in none.stdout
    assert network.returncode == 2
    assert "pip install 'kaogae[train]'" in network.stderr


def test_carn_works_too(kaogae, workspace, catalog, add_face, tmp_path, rgb):
    path = add_face(workspace, catalog, 120)
    torch.save(Carn(light=False, groups=1).state_dict(), tmp_path / "carn.pth")
    code, out, _ = kaogae(
        "upscale",
        "--workspace",
        workspace.folder,
        "--method",
        "carn",
        "--weights",
        tmp_path / "carn.pth",
        "--catalog",
        f"sqlite:///{workspace.folder}/catalog.db",
    )
    assert (code, out.splitlines()[0]) == (0, "enhanced by carn: 1")
    assert rgb(path.with_name(f"{path.stem}.carn.png")).shape == (240, 240, 3)
