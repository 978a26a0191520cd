"""Collecting is stopped at any moment, by real signals to real processes, and started again."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "kaogae.cli", "collect", "danbooru", "-e", "happy", "--interval", "0"]


def slowly(handler, body):
    """In two halves, so that there is a moment in the middle of a file."""
    handler.send_response(200)
    handler.send_header("Content-Type", "image/png")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.wfile.flush()
    time.sleep(0.05)
    handler.wfile.write(body[len(body) // 2 :])


def children(pid: int) -> list[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in listed.stdout.split()]


def gone(pid: int) -> bool:
    """The process has ended; one that nobody waits for stays listed as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@pytest.fixture
def begin(tmp_path, environment):
    """Start the command on a board's root, in a process group of its own."""
    running = []

    def start(root: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*COMMAND, "--root", root, "--workspace", tmp_path / "w"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def fetched(board) -> Counter[str]:
    return Counter(path.split("/")[2] for path in board.paths() if path.startswith("/original"))


def wait_for(board, count: int) -> None:
    until = time.monotonic() + 20
    while sum(fetched(board).values()) < count:
        assert time.monotonic() < until, "nothing is fetched"
        time.sleep(0.005)


def slow_board(make_board, count):
    board = make_board(count)
    for post in board.posts:
        board.faults[board.answer(post)["file_url"]] = [slowly] * 5
    return board


def test_killed_again_and_again_every_post_comes_once_and_none_is_lost(
    make_board, serve, pictures, tmp_path, begin, kaogae
):
    board = slow_board(make_board, 16)
    root = serve(board)
    for number, (whole_group, pause) in enumerate([(False, 0.0), (True, 0.03), (False, 0.06)]):
        process = begin(root)
        wait_for(board, 4 * (number + 1))
        time.sleep(pause)
        (fetcher,) = children(process.pid)
        if whole_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
        until = time.monotonic() + 5
        while not gone(fetcher):
            assert time.monotonic() < until, "gallery-dl lives on"
            time.sleep(0.01)
    code, _, err = kaogae(*COMMAND[3:], "--root", root, "--workspace", tmp_path / "w")
    assert code == 0, err
    rows = pictures(tmp_path / "w")
    assert set(rows) == {str(number) for number in range(1, 17)}
    for post, row in rows.items():
        assert (tmp_path / "w" / row.file).read_bytes() == (board.folder / f"{post}.png").read_bytes()
    files = [path for path in (tmp_path / "w" / "pictures").rglob("*") if path.is_file()]
    assert len(files) == 16
    again = {post: count - 1 for post, count in fetched(board).items() if count > 1}
    assert sum(again.values()) <= 3, again  # at most the one that was under way at each kill
    assert not list((tmp_path / "w" / "collect" / "danbooru" / "files").iterdir())
    with sqlite3.connect(tmp_path / "w" / "collect" / "danbooru" / "archive.sqlite3") as archive:
        assert {entry for (entry,) in archive.execute("SELECT entry FROM archive")} <= set(rows)


def test_ctrl_c_ends_cleanly_and_keeps_what_is_there(make_board, serve, pictures, tmp_path, begin):
    board = slow_board(make_board, 40)
    process = begin(serve(board))
    wait_for(board, 4)
    (fetcher,) = children(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.decode().strip().splitlines()[-1] == "kaogae: stopped."
    assert b"Traceback" not in err
    assert gone(fetcher)
    assert 3 <= len(pictures(tmp_path / "w")) < 40


def test_a_second_run_at_once_says_so(make_board, serve, tmp_path, begin, kaogae):
    board = slow_board(make_board, 40)
    root = serve(board)
    begin(root)
    wait_for(board, 1)
    code, _, err = kaogae(*COMMAND[3:], "--root", root, "--workspace", tmp_path / "w")
    assert code == 2
    assert "Another run of 'collect' is at work" in err


def test_a_whole_file_that_was_not_taken_in_is_taken_in_and_not_fetched(
    make_board, serve, pictures, tmp_path, kaogae
):
    """As a kill leaves it between the last byte and the catalogue: with the label of its own search."""
    board = make_board(2)
    options = ("--root", serve(board), "--interval", 0, "--workspace", tmp_path / "w")
    assert kaogae("collect", "danbooru", "-e", "happy", "--limit", 1, *options)[0] == 0
    row = pictures(tmp_path / "w")["2"]
    files = tmp_path / "w" / "collect" / "danbooru" / "files"
    about = {"site": "danbooru", "post": "1", "expression": "happy", "label_origin": "tag", "keyword": "k"}
    about |= {"tags": ["happy"], "rating": "g", "artist": None, "character": None, "licence": None}
    about |= {"page_url": None, "file_url": None, "md5": None}
    (files / "1-.png").write_bytes((board.folder / "1.png").read_bytes())
    (files / "1-.json").write_text(json.dumps({"about": about}), "utf-8")
    (files / "3-.json").write_text('{"about": {"site": "dan', "utf-8")
    (files / "3-.png.part").write_bytes(b"half")
    board.asked.clear()
    assert kaogae("collect", "danbooru", "-e", "sad", *options)[0] == 0
    rows = pictures(tmp_path / "w")
    assert (rows["1"].expression, rows["1"].keyword) == ("happy", "k")
    assert rows["2"].id == row.id
    assert not fetched(board)
    assert [path.name for path in files.iterdir()] == ["3-.png.part"]


@pytest.mark.parametrize("damaged", [False, True])
def test_a_lost_catalogue_is_collected_anew_whatever_gallery_dl_remembers(
    damaged, make_board, serve, pictures, tmp_path, kaogae
):
    board = make_board(3)
    options = (*COMMAND[3:], "--root", serve(board), "--workspace", tmp_path / "w")
    assert kaogae(*options)[0] == 0
    for file in (tmp_path / "w").glob("catalog.db*"):
        file.unlink()
    if damaged:
        (tmp_path / "w" / "collect" / "danbooru" / "archive.sqlite3").write_bytes(b"no database" * 500)
    assert kaogae(*options)[0] == 0
    assert set(pictures(tmp_path / "w")) == {"1", "2", "3"}
