"""Collecting onto a small disk of memory until it is full."""


def test_a_full_disk_is_a_sentence_and_afterwards_nothing_is_missing(
    kaogae, make_board, serve, pictures, mount
):
    folder = mount("size=400k")
    board = make_board(12)
    for post in board.posts:  # 18 kB each
        (board.folder / post["file"]).write_bytes((board.folder / post["file"]).read_bytes() + bytes(16_000))
    options = ("collect", "danbooru", "-e", "happy", "--root", serve(board), "--interval", 0)
    options = (*options, "--workspace", folder / "w")
    code, _, err = kaogae(*options)
    assert code == 2
    assert "full" in err or "No space left" in err
    assert "Traceback" not in err
    mount("remount,size=10m")
    assert kaogae(*options)[0] == 0
    rows = pictures(folder / "w")
    assert len(rows) == 12
    for post, row in rows.items():
        assert (folder / "w" / row.file).read_bytes() == (board.folder / f"{post}.png").read_bytes()
