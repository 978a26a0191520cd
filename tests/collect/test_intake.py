"""The way in: what is checked, what is refused, and that nothing comes in twice."""

import hashlib
import zlib
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from kaogae.catalog import Catalog, Picture, Workspace
from kaogae.collect.intake import Intake, Post, clean, identifier
from kaogae.errors import CatalogError, CollectError
from kaogae.expressions import Expression


def picture(colour: str = "pink", file_format: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size, colour).save(file, file_format)
    return file.getvalue()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work")


def rows(catalog: Catalog) -> dict[str, Picture]:
    with catalog.reading() as session:
        return {row.post: row for row in session.scalars(select(Picture))}


def reject_one(intake: Intake) -> None:
    with intake:
        intake.reject(Post("danbooru", "7"), "no file")
        intake.flush()


def test_ctrl_c_in_the_middle_of_writing_rows_is_only_that(workspace, catalog, monkeypatch):
    held = []

    @contextmanager
    def broken_off():
        held.append(Session(catalog.engine))
        yield held[-1]
        raise KeyboardInterrupt

    monkeypatch.setattr(catalog, "session", broken_off)
    intake = Intake(workspace, catalog)
    with pytest.raises(KeyboardInterrupt):
        reject_one(intake)
    held[0].close()


def test_a_picture_is_stored_under_its_hash_and_its_row_says_where_it_comes_from(workspace, catalog):
    data = picture()
    post = Post(
        "danbooru", "7", Expression.HAPPY, "tag", "happy -comic", ("smile", "1girl"), "g", "someone",
        page_url="https://danbooru.donmai.us/posts/7", licence="unknown",
    )  # fmt: skip
    with Intake(workspace, catalog) as intake:
        assert intake.take(post, data) == "new"
    digest = hashlib.sha256(data).hexdigest()
    row = rows(catalog)["7"]
    assert row.file == f"pictures/danbooru/{digest[:2]}/{digest}.png"
    assert (workspace.folder / row.file).read_bytes() == data
    assert (row.sha256, row.width, row.height, row.bytes) == (digest, 40, 30, len(data))
    assert (row.expression, row.label_origin, row.tags) == ("happy", "tag", ["smile", "1girl"])
    assert (row.rating, row.artist, row.state, row.reason) == ("g", "someone", "waiting", None)


def test_the_ending_is_that_of_the_content_whatever_the_name_says(workspace, catalog, tmp_path):
    (tmp_path / "face.png").write_bytes(picture(file_format="JPEG"))
    with Intake(workspace, catalog) as intake:
        assert intake.take(Post("folder:a", "face.png"), tmp_path / "face.png") == "new"
    assert rows(catalog)["face.png"].file.endswith(".jpg")
    assert rows(catalog)["face.png"].file.startswith("pictures/folder_a/")


def test_a_post_comes_in_once_within_a_batch_and_in_later_runs(workspace, catalog):
    with Intake(workspace, catalog) as intake:
        assert intake.take(Post("a", "1"), picture("red")) == "new"
        assert intake.take(Post("a", "1"), picture("blue")) == "known"
    with Intake(workspace, catalog) as intake:
        assert intake.take(Post("a", "1"), picture("blue")) == "known"
        intake.reject(Post("a", "1"), "no file")
        assert intake.known("a", ["1", "2"]) == {"1"}
        assert intake.tally.known == 2
    assert len(rows(catalog)) == 1
    assert rows(catalog)["1"].state == "waiting"


def test_the_same_bytes_under_another_post_are_rejected_and_point_to_the_first(workspace, catalog):
    with Intake(workspace, catalog) as intake:
        intake.take(Post("a", "1"), picture())
        assert intake.take(Post("a", "2"), picture()) == "rejected"
        intake.flush()
        assert intake.take(Post("b", "3"), picture()) == "rejected"
    for post in ("2", "3"):
        row = rows(catalog)[post]
        assert (row.state, row.reason, row.detail) == ("rejected", "same file as another post", "a 1")
        assert row.file is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<!doctype html><title>Blocked</title>", "not a picture"),
        (b"\x00" * 100, "not a picture"),
        (picture(size=(300, 300))[:-40], "damaged"),
        (picture(file_format="JPEG", size=(300, 300))[:400], "damaged"),
        (b"GIF89a", "not a picture"),
    ],
)
def test_what_is_no_whole_picture_stays_in_the_catalogue_with_its_reason(workspace, catalog, content, reason):
    with Intake(workspace, catalog) as intake:
        assert intake.take(Post("a", "1"), content) == "rejected"
        assert intake.tally.rejected == {reason: 1}
    row = rows(catalog)["1"]
    assert (row.state, row.reason, row.file, row.sha256) == ("rejected", reason, None, None)
    assert not [path for path in workspace.folder.rglob("*") if path.suffix in (".part", ".png", ".jpg")]


def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded(workspace, catalog):
    bomb = bytearray(picture())
    bomb[16:24] = (200_000).to_bytes(4, "big") * 2  # the header's width and height, then its checksum
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    with Intake(workspace, catalog) as intake:
        assert intake.take(Post("a", "1"), bytes(bomb)) == "rejected"
    assert rows(catalog)["1"].reason == "too large"


def test_texts_from_strangers_are_cleaned_and_cut(workspace, catalog):
    post = Post(
        "a", "../../etc/\x00passwd\ud800", tags=("a\nb", "x" * 9000), artist="\u202egnp.exe",
        page_url="javascript:alert(1)", file_url="file:///etc/passwd", rating="g" * 50,
    )  # fmt: skip
    with Intake(workspace, catalog) as intake:
        intake.reject(post, "no file", "why\x1b[31m")
    (row,) = rows(catalog).values()
    assert row.post == "../../etc/ passwd\\ud800"
    assert (row.tags[0], len(row.tags[1])) == ("a b", 500)
    assert (row.artist, row.page_url, row.file_url, row.rating) == ("gnp.exe", None, None, "g" * 20)
    assert row.detail == "why [31m"


def test_long_names_stay_different():
    assert identifier("x" * 600) != identifier("x" * 601)
    assert len(identifier("x" * 5000)) < 500
    assert clean(" a ") == "a"


def test_a_site_name_never_leads_out_of_the_pictures(workspace, catalog):
    with Intake(workspace, catalog) as intake:
        intake.take(Post("renpy:../../x", "1"), picture())
    assert rows(catalog)["1"].file.startswith("pictures/renpy_x/")


def test_a_second_run_is_told_to_wait(workspace, catalog):
    with (
        Intake(workspace, catalog),
        pytest.raises(CatalogError, match="Another run of 'collect'"),
        Intake(workspace, catalog),
    ):
        pass


def test_what_came_in_before_a_failure_is_kept(workspace, catalog, tmp_path):
    def collect() -> None:
        with Intake(workspace, catalog) as intake:
            intake.take(Post("a", "1"), picture())
            intake.take(Post("a", "2"), tmp_path / "missing.png")

    with pytest.raises(CollectError, match="can't be read"):
        collect()
    assert list(rows(catalog)) == ["1"]


def test_a_full_or_forbidden_folder_is_one_sentence(workspace, catalog):
    workspace.folder.mkdir()
    workspace.pictures.write_text("a file where the folder should be")
    with pytest.raises(CollectError, match="can't be written"), Intake(workspace, catalog) as intake:
        intake.take(Post("a", "1"), picture())
    assert rows(catalog) == {}


def test_sources_with_long_names_are_known_and_stay_two(workspace, catalog):
    sites = ["folder:" + "界" * 100 + end for end in "ab"]
    for expected in ("new", "known"):
        with Intake(workspace, catalog) as intake:
            for site, colour in zip(sites, ("pink", "red"), strict=True):
                assert intake.take(Post(site, "1.png"), picture(colour)) == expected
                assert intake.known(site, ["1.png", "2.png"]) == {"1.png"}
