"""Danbooru: which posts are fit, and a crawl by the real gallery-dl of a site that behaves badly."""

import email.utils
import gzip
import json
import re
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaogae.collect.danbooru import danbooru, keyword_for
from kaogae.collect.source import check_root
from kaogae.errors import UsageError
from kaogae.expressions import Expression

POST = {
    "id": 7,
    "tag_string": "someone alice 1girl happy",
    "tag_string_artist": "someone",
    "tag_string_character": "alice",
    "rating": "g",
    "md5": "A" * 32,
    "file_ext": "png",
    "file_url": "https://cdn.donmai.us/original/aa/aa.png",
}


def judge(expression: Expression | None = Expression.HAPPY, **changes):
    return danbooru(expression, keyword="x").judge({**POST, **changes})


@pytest.mark.parametrize("expression", Expression)
def test_a_search_has_the_two_terms_that_anybody_may_use_and_leaves_comics_out(expression):
    terms = keyword_for(expression).split()
    counted = [term for term in terms if ":" not in term]
    assert counted == [{"neutral": "expressionless"}.get(expression, str(expression)), "-comic"]
    assert terms[2:] == ["rating:general", "filetype:jpg,png"]


def test_a_post_becomes_a_row_with_everything_that_the_site_says():
    verdict = judge()
    post = verdict.post
    assert (verdict.reason, verdict.md5, verdict.last) == (None, "a" * 32, False)
    assert (post.site, post.post, post.expression, post.label_origin) == ("danbooru", "7", "happy", "tag")
    assert post.tags == ("someone", "alice", "1girl", "happy")
    assert (post.rating, post.artist, post.character, post.licence) == (
        "general",
        "someone",
        "alice",
        "unknown",
    )
    assert post.page_url == "https://danbooru.donmai.us/posts/7"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tag_string": "happy happy_tears"}, "tag: happy_tears"),
        ({"tag_string": "happy multiple_views"}, "tag: multiple_views"),
        ({"tag_string": "happy greyscale 1girl"}, "tag: greyscale"),
        ({"tag_string": "happy sad"}, "names two expressions"),
        ({"tag_string": "happy crying_with_eyes_open"}, "names two expressions"),
        ({"tag_string": "crying"}, "names two expressions"),  # found by the search for happy
        ({"file_url": None}, "no file"),
        ({"file_url": "file:///etc/passwd"}, "no file"),
        ({"file_url": "ytdl:https://x"}, "no file"),
        ({"file_ext": "zip"}, "not a picture"),
        ({"id": "../../x"}, "damaged"),
        ({"id": None}, "damaged"),
        ({"tag_string": None, "rating": [], "md5": 5, "file_ext": {}}, None),
    ],
)
def test_what_can_t_be_learned_from_is_refused_with_the_reason(changes, reason):
    assert judge(**changes).reason == reason


WORDS = st.text("0a٣²/:-\x00 ", max_size=6) | st.sampled_from(["http://x", "//x", "happy sad", "7", "png"])
ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.lists(WORDS, max_size=2)


@given(st.dictionaries(st.sampled_from(sorted(POST)), ANYTHING))
def test_whatever_a_site_says_there_is_a_verdict(said):
    verdict = danbooru(Expression.HAPPY, since=3).judge(said)
    assert verdict.reason or verdict.post.file_url.startswith(("http://", "https://"))
    assert isinstance(verdict.post.post, str)


def test_smiles_belong_to_happy_and_several_characters_to_nobody():
    assert judge(tag_string="happy smile grin").reason is None
    assert judge(Expression.SAD, tag_string="sad smile").reason == "names two expressions"
    assert judge(None, tag_string="1girl").post.label_origin is None
    assert judge(tag_string_character="alice bob").post.character is None


def test_a_mirror_shares_the_post_numbers_and_another_site_doesn_t():
    assert danbooru(Expression.SAD, root="https://safebooru.donmai.us/").site == "danbooru"
    assert danbooru(Expression.SAD, root="https://aibooru.online").site == "danbooru:aibooru.online"


@pytest.mark.parametrize(
    "root",
    [
        *("ftp://x", "danbooru", "https://a/b", "https://u:p@a", "https://a?x", "", "http:// x", "https://"),
        *("http://[:::]", "http://[1:2]", "http://[::1", "http://a:99999", "http://[fe80::1%25a]"),
    ],
)
def test_a_root_is_a_scheme_and_a_host(root):
    with pytest.raises(UsageError, match="isn't the root of a site"):
        check_root(root)


@pytest.mark.parametrize("host", ["127.0.0.1:1", "[::1]:1"])
def test_a_site_where_nobody_answers_is_named_with_the_reason(kaogae, tmp_path, host):
    options = ("--root", f"http://{host}", "--interval", 0, "--workspace", tmp_path)
    code, _, err = kaogae("collect", "danbooru", "-e", "happy", *options)
    assert code == 2
    assert f"{host} can't be reached, or gives no posts (HttpError: " in err.replace("\n", " ")


def test_what_would_be_rude_or_unsafe_is_refused():
    with pytest.raises(UsageError, match="could read it"):
        danbooru(Expression.SAD, root="http://danbooru.donmai.us", login=("me", "key"))
    with pytest.raises(UsageError, match="longer interval"):
        danbooru(Expression.SAD, interval=0)
    with pytest.raises(UsageError, match="Give an expression or a keyword"):
        danbooru()


def test_a_crawl_goes_through_all_pages_and_leaves_nothing_out(kaogae, make_board, serve, pictures, tmp_path):
    board = make_board(
        12,
        {
            3: {"tags": "happy multiple_views"},
            5: {"file": None},
            8: {"tags": "happy crying"},
            9: {"rating": "q"},  # not found by the search
            10: {"tags": "happy comic"},
            11: {"character": "alice"},
        },
        per_page=3,
    )
    root = serve(board)
    options = ("collect", "danbooru", "--root", root, "--interval", 0, "--workspace", tmp_path / "w")
    code, out, err = kaogae(*options, "--expression", "happy", "--contact", "me@例.org\n", "--json")
    assert code == 0, err
    assert json.loads(out) == {
        "new": 7,
        "known": 0,
        "rejected": {"tag: multiple_views": 1, "no file": 1, "names two expressions": 1},
        "failed": {},
    }
    rows = pictures(tmp_path / "w")
    assert set(rows) == {"1", "2", "3", "4", "5", "6", "7", "8", "11", "12"}
    for number in (1, 2, 4, 6, 7, 11, 12):
        row = rows[str(number)]
        assert (tmp_path / "w" / row.file).read_bytes() == (board.folder / f"{number}.png").read_bytes()
        assert (row.state, row.expression, row.label_origin) == ("waiting", "happy", "tag")
    assert rows["11"].character == "alice"
    assert rows["5"].reason == "no file"
    assert rows["3"].tags == ["someone", "happy", "multiple_views"]
    asked = [parse_qs(urlsplit(path).query) for _, path, _ in board.asked if path.startswith("/posts.json")]
    assert [query.get("page") for query in asked] == [None, ["b8"], ["b5"], ["b2"], ["b1"]]
    assert asked[0]["tags"] == ["happy -comic rating:general filetype:jpg,png"]
    fetched = {path.split("/")[2] for path in board.paths() if path.startswith("/original")}
    assert fetched == {"1", "2", "4", "6", "7", "11", "12"}  # what is refused is never fetched
    for _, _, headers in board.asked:
        assert re.fullmatch(r"Kaogae/[\d.]+ \(via gallery-dl; me@\?\.org\?\)", headers["User-Agent"])

    board.asked.clear()
    code, out, _ = kaogae(*options, "--expression", "happy", "--json")
    assert (code, json.loads(out)["new"], json.loads(out)["known"]) == (0, 0, 10)
    assert set(board.paths()) == {"/posts.json"}


def test_a_limit_counts_new_pictures_and_since_leaves_older_posts_alone(
    kaogae, make_board, serve, pictures, tmp_path
):
    board = make_board(9, {8: {"tags": "happy 4koma"}}, per_page=4)
    options = ("collect", "danbooru", "-e", "happy", "--root", serve(board), "--interval", 0)
    options = (*options, "--workspace", tmp_path / "w", "--json")
    assert json.loads(kaogae(*options, "--limit", 2)[1])["new"] == 2
    assert set(pictures(tmp_path / "w")) == {"9", "8", "7"}
    assert sum(path.startswith("/original") for path in board.paths()) == 2
    assert json.loads(kaogae(*options, "--limit", 2)[1])["new"] == 2
    assert set(pictures(tmp_path / "w")) == {"9", "8", "7", "6", "5"}
    assert json.loads(kaogae(*options, "--since", 2)[1])["new"] == 2
    assert set(pictures(tmp_path / "w")) == {"9", "8", "7", "6", "5", "4", "3"}
    assert kaogae(*options, "--limit", 0)[0] == 2


def test_a_site_that_stumbles_is_waited_for(kaogae, make_board, serve, pictures, tmp_path, stub):
    board = make_board(5)
    paths = {post["id"]: urlsplit(board.answer(post)["file_url"]).path for post in board.posts}
    board.faults = {
        "/posts.json": [(429, {"Retry-After": "1"}, b"{}"), (200, {}, b'[{"id": 5, "tag_str')],
        paths[5]: [(429, {"Retry-After": "1"}, b"")],
        paths[4]: [stub.half],
        paths[3]: [(302, {"Location": "/elsewhere/3.png"}, b"")],
        "/elsewhere/3.png": [(200, {"Content-Type": "image/png"}, (board.folder / "3.png").read_bytes())],
        paths[2]: [(503, {}, b"")],
    }
    options = ("collect", "danbooru", "-e", "happy", "--root", serve(board), "--interval", 0)
    code, out, err = kaogae(*options, "--workspace", tmp_path / "w")
    assert code == 0, err
    assert out.startswith("new: 5, known already: 0\n")
    rows = pictures(tmp_path / "w")
    assert {row.state for row in rows.values()} == {"waiting"}
    for number in range(1, 6):
        file = tmp_path / "w" / rows[str(number)].file
        assert file.read_bytes() == (board.folder / f"{number}.png").read_bytes()
    lists = [when for when, path, _ in board.asked if path.startswith("/posts.json")]
    assert lists[1] - lists[0] > 0.9
    first, second = (when for when, path, _ in board.asked if path == paths[5])
    assert second - first > 0.9
    _, again = (headers for _, path, headers in board.asked if path == paths[4])
    assert re.fullmatch(r"bytes=[1-9]\d+-", again["Range"])  # the half that came isn't fetched again


def test_poisoned_pictures_stay_out_and_lost_ones_are_asked_for_the_next_time(
    kaogae, make_board, serve, pictures, tmp_path
):
    board = make_board(5, {4: {"md5": "0" * 32}, 1: {"file_url": "/../../etc/passwd"}})
    paths = {post["id"]: urlsplit(board.answer(post)["file_url"]).path for post in board.posts}
    html = b"<!DOCTYPE html><title>Blocked</title>"
    board.faults = {
        paths[5]: [(200, {"Content-Type": "image/png"}, html)],
        paths[3]: [(403, {}, b"")],
        paths[2]: [lambda handler, _: endless(handler)],
    }
    options = ("collect", "danbooru", "-e", "happy", "--root", serve(board), "--interval", 0)
    options = (*options, "--workspace", tmp_path / "w", "--json")
    code, out, _ = kaogae(*options)
    report = json.loads(out)
    assert (code, report["new"]) == (1, 0)
    assert report["rejected"] == {"not a picture": 1, "damaged": 1, "too large": 1, "gone": 1}
    assert set(report["failed"]) == {"3"}
    assert "403" in report["failed"]["3"]
    rows = pictures(tmp_path / "w")
    assert {post: row.reason for post, row in rows.items()} == {
        "5": "not a picture",
        "4": "damaged",
        "2": "too large",
        "1": "gone",
    }
    assert not list((tmp_path / "w" / "collect" / "danbooru" / "files").iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {"site", "w"}
    code, out, _ = kaogae(*options)
    assert (code, json.loads(out)["new"], json.loads(out)["known"]) == (0, 1, 4)


def test_a_server_that_lost_everything_is_left_in_peace_and_doesn_t_block_the_way(
    kaogae, make_board, serve, pictures, tmp_path
):
    board = make_board(13)
    for post in board.posts[:11]:
        board.faults[board.answer(post)["file_url"]] = [(404 if post["id"] % 2 else 410, {}, b"")]
    options = ("collect", "danbooru", "-e", "happy", "--root", serve(board), "--interval", 0)
    options = (*options, "--workspace", tmp_path / "w")
    code, _, err = kaogae(*options)
    assert (code, "gave none of 10 pictures" in err) == (2, True)
    assert kaogae(*options)[0] == 0
    rows = pictures(tmp_path / "w")
    assert [rows[str(number)].state for number in (1, 2)] == ["waiting"] * 2
    assert {rows[str(number)].reason for number in range(3, 14)} == {"gone"}
    assert "404" in rows["13"].detail


def test_a_date_to_come_back_is_kept(kaogae, make_board, serve, tmp_path):
    board = make_board(1)
    date = email.utils.formatdate(time.time() + 3, usegmt=True)
    board.faults["/posts.json"] = [(429, {"Retry-After": date}, b"")]
    board.faults[board.answer(board.posts[0])["file_url"]] = [
        (429, {"Retry-After": email.utils.formatdate(time.time() + 5, usegmt=True)}, b"")
    ]
    options = ("collect", "danbooru", "-e", "happy", "--root", serve(board), "--interval", 0)
    assert kaogae(*options, "--workspace", tmp_path / "w")[0] == 0
    first, second, third, fourth = (when for when, _, _ in board.asked[:4])
    assert 0.9 < second - first < 4
    assert 0.5 < fourth - third < 4


def dripping(handler, body):
    """A little at a time, each within any timeout."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    for start in range(0, len(body), 40):
        handler.wfile.write(body[start : start + 40])
        time.sleep(0.1)


def test_a_server_that_drips_is_left_and_what_came_is_kept(kaogae, make_board, serve, tmp_path, monkeypatch):
    monkeypatch.setattr("kaogae.collect.gallery.LONGEST_ANSWER", 1)
    board = make_board(3)
    path = board.answer(board.posts[0])["file_url"]
    board.faults = {"/posts.json": [dripping], path: [dripping]}
    options = ("collect", "danbooru", "-e", "happy", "--root", serve(board), "--interval", 0)
    code, out, err = kaogae(*options, "--workspace", tmp_path / "w")
    assert (code, out.splitlines()[0]) == (0, "new: 3, known already: 0"), err
    _, again = (headers for _, asked, headers in board.asked if asked == path)
    assert again["Range"].startswith("bytes=")


def test_a_page_without_end_is_one_sentence(kaogae, make_board, serve, tmp_path, monkeypatch):
    monkeypatch.setattr("kaogae.collect.gallery.LARGEST_PAGE", 2**20)
    board = make_board(1)
    bomb = gzip.compress(b"[" + b" " * 2**24 + b"]")
    board.faults["/posts.json"] = [(200, {"Content-Encoding": "gzip"}, bomb)]
    options = ("collect", "danbooru", "-e", "happy", "--root", serve(board), "--interval", 0)
    code, _, err = kaogae(*options, "--workspace", tmp_path / "w")
    assert (code, "more than 1 MiB" in err) == (2, True), err
    assert len(board.asked) == 1


def test_a_post_with_endless_texts_is_like_any_other(kaogae, make_board, serve, pictures, tmp_path):
    board = make_board(2, {2: {"source": "x" * 5_000_000, "tag_string_artist": "y" * 5_000_000}})
    options = ("collect", "danbooru", "-e", "happy", "--root", serve(board), "--interval", 0)
    assert kaogae(*options, "--workspace", tmp_path / "w")[0] == 0
    assert set(pictures(tmp_path / "w")) == {"1", "2"}


def endless(handler):
    """Announces more than anybody wants."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(2**40))
    handler.end_headers()
    handler.close_connection = True


def test_a_half_file_waits_for_the_next_run(kaogae, make_board, serve, pictures, tmp_path, stub):
    board = make_board(1)
    path = urlsplit(board.answer(board.posts[0])["file_url"]).path
    board.faults = {path: [stub.half] + [(503, {}, b"")] * 3}
    options = ("collect", "danbooru", "-e", "happy", "--root", serve(board), "--interval", 0)
    options = (*options, "--workspace", tmp_path / "w")
    code, out, _ = kaogae(*options)
    assert code == 1
    assert "failed: 1: '503" in out
    assert pictures(tmp_path / "w") == {}
    board.asked.clear()
    assert kaogae(*options)[0] == 0
    assert set(pictures(tmp_path / "w")) == {"1"}
    (headers,) = [headers for _, asked, headers in board.asked if asked == path]
    assert headers["Range"].startswith("bytes=")


def test_a_site_that_refuses_or_isn_t_there_is_one_sentence(kaogae, make_board, serve, tmp_path):
    board = make_board(1)
    root = serve(board)
    options = ("collect", "danbooru", "--interval", 0, "--workspace", tmp_path / "w")
    code, _, err = kaogae(*options, "--root", root, "--keyword", "one two three")
    assert code == 2
    assert "422" in err
    assert "Traceback" not in err
    board.faults["/posts.json"] = [(403, {}, b"no")]
    code, _, err = kaogae(*options, "--root", root, "--keyword", "one")
    assert (code, "403" in err) == (2, True)
    code, _, err = kaogae(*options, "--root", root)
    assert (code, "expression or a keyword" in err) == (2, True)
    code, _, err = kaogae(*options, "--root", root, "-e", "hapy")
    assert (code, "did you mean 'happy'" in err) == (2, True)


def test_requests_keep_their_distance(kaogae, make_board, serve, tmp_path):
    board = make_board(3, per_page=2)
    options = ("collect", "danbooru", "-e", "happy", "--root", serve(board), "--interval", 0.2)
    assert kaogae(*options, "--workspace", tmp_path / "w")[0] == 0
    times = [when for when, _, _ in board.asked]
    assert len(times) == 6
    assert min(b - a for a, b in pairwise(times)) > 0.19


def test_a_login_goes_to_the_site_alone_and_is_written_nowhere(make_board, serve, tmp_path, environment):
    board = make_board(1)
    board.faults["/posts.json"] = [lambda handler, _: (time.sleep(0.4), handler.send(503, {}, b""))]
    secrets = {"KAOGAE_DANBOORU_USER": "somebody", "KAOGAE_DANBOORU_API_KEY": "s3cr3tkey"}
    command = [sys.executable, "-m", "kaogae.cli", "collect", "danbooru", "-e", "happy", "--interval", "0"]
    process = subprocess.Popen(
        [*command, "--root", serve(board), "--workspace", tmp_path / "w"], env=environment | secrets
    )
    seen = set()
    while process.poll() is None:
        for entry in Path("/proc").glob("[0-9]*/cmdline") if Path("/proc").is_dir() else ():
            try:
                seen.add(entry.read_bytes())
            except OSError:
                continue
        time.sleep(0.02)
    assert process.returncode == 0
    assert any(b"gallery_dl" in line for line in seen) or not Path("/proc").is_dir()
    assert not [line for line in seen if b"s3cr3t" in line]
    logins = {
        urlsplit(path).path.split("/")[1]: headers.get("Authorization") for _, path, headers in board.asked
    }
    assert logins["posts.json"].startswith("Basic ")
    assert logins["original"] is None
    for path in (tmp_path / "w").rglob("*"):
        assert path.is_dir() or b"s3cr3t" not in path.read_bytes(), path


def test_half_a_login_is_asked_for(kaogae, tmp_path, monkeypatch):
    monkeypatch.delenv("KAOGAE_DANBOORU_API_KEY", raising=False)
    code, _, err = kaogae("collect", "danbooru", "-e", "sad", "--user", "me", "--workspace", tmp_path / "w")
    assert (code, "needs both" in err) == (2, True)


def test_the_stub_runs_as_a_script(make_board, kaogae, pictures, tmp_path, environment):
    board = make_board(2)
    (board.folder / "posts.jsonl").write_text("\n".join(json.dumps(post) for post in board.posts), "utf-8")
    script = Path(__file__).parent / "stubs" / "danbooru.py"
    stub = subprocess.Popen(
        [sys.executable, script, board.folder, "--port-file", tmp_path / "port"],
        stdout=subprocess.DEVNULL,
        env=environment,
    )
    try:
        while not (tmp_path / "port").exists():
            assert stub.poll() is None
            time.sleep(0.02)
        root = f"http://127.0.0.1:{(tmp_path / 'port').read_text('utf-8').strip()}"
        options = ("-e", "happy", "--root", root, "--interval", 0, "--workspace", tmp_path / "w")
        assert kaogae("collect", "danbooru", *options)[0] == 0
    finally:
        stub.kill()
        stub.wait()
    assert set(pictures(tmp_path / "w")) == {"1", "2"}


def test_a_key_file_that_holds_something_else_is_wrong_use(kaogae, tmp_path):
    options = ("collect", "danbooru", "-e", "sad", "--workspace", tmp_path / "w", "--user", "me")
    for content in (b"\x89PNG\r\n", b"", b"user: me\nkey: abc\n"):
        (tmp_path / "key").write_bytes(content)
        code, _, err = kaogae(*options, "--api-key-file", tmp_path / "key")
        assert (code, "has to hold the key alone" in err) == (2, True)
        assert "abc" not in err
