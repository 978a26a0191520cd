"""Collecting onto a small disk of memory until it is full."""

import os
import subprocess

import pytest


@pytest.fixture
def disk(tmp_path):
    """A folder with room for 400 kB; call it to give it another size."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a disk takes root")

    def size(options: str) -> None:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False)
        if done.returncode and os.environ.get("CI") != "true":
            pytest.skip("this machine lets nobody mount a disk")
        assert done.returncode == 0

    size("size=400k")
    yield folder, size
    subprocess.run(["umount", "--lazy", folder], check=False)


def test_a_full_disk_is_a_sentence_and_afterwards_nothing_is_missing(
    kaogae, make_board, serve, pictures, disk
):
    folder, size = disk
    board = make_board(12)
    for post in board.posts:  # 18 kB each
        (board.folder / post["file"]).write_bytes((board.folder / post["file"]).read_bytes() + bytes(16_000))
    options = ("collect", "danbooru", "-e", "happy", "--root", serve(board), "--interval", 0)
    options = (*options, "--workspace", folder / "w")
    code, _, err = kaogae(*options)
    assert code == 2
    assert "full" in err or "No space left" in err
    assert "Traceback" not in err
    size("remount,size=10m")
    assert kaogae(*options)[0] == 0
    rows = pictures(folder / "w")
    assert len(rows) == 12
    for post, row in rows.items():
        assert (folder / "w" / row.file).read_bytes() == (board.folder / f"{post}.png").read_bytes()
