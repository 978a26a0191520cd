"""Pictures of items, as a phone gets them."""

import asyncio
import threading
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from kaogae.catalog import Face, Item
from kaogae.expressions import EXPRESSIONS
from kaogae.label.service import pictures
from kaogae.label.service.pictures import Pictures, Source


@pytest.fixture
def catalog_url(tmp_path):
    """One database is enough here."""
    return f"sqlite:///{tmp_path / 'catalog.db'}"


@pytest.fixture
def shown(workspace, catalog, faces, browser_of, begin_campaign):
    """A browser, and the item and face of a campaign with one face."""
    faces(1)
    begin_campaign(workspace)
    with catalog.reading() as session:
        item, face = session.scalar(select(Item.id)), session.scalar(select(Face))
    return browser_of("Yuki"), item, face


def opened(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/webp"
    image = Image.open(BytesIO(answer.content))
    assert image.format == "WEBP"
    return image


def save(workspace, file, image, **options):
    path = workspace.folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)


def test_a_small_face_is_sent_as_it_is(shown, workspace):
    browser, item, face = shown
    image = opened(browser.get(f"/api/v1/items/{item}/image"))
    original = Image.open(workspace.folder / face.file)
    assert image.size == original.size == (160, 160)
    assert np.abs(np.array(image.convert("RGB"), float) - np.array(original, float)).mean() < 4


@pytest.mark.parametrize(("size", "expected"), [(160, (160, 80)), (480, (480, 240)), (960, (960, 480))])
def test_a_large_one_is_made_smaller(shown, workspace, size, expected):
    browser, item, face = shown
    save(workspace, face.file, Image.new("RGB", (2000, 1000), "red"))
    assert opened(browser.get(f"/api/v1/items/{item}/image?size={size}")).size == expected


@pytest.mark.parametrize("size", ["161", "0", "-1", "x", "", "480.5", "1e9"])
def test_other_sizes_are_refused(shown, size):
    browser, item, _ = shown
    assert browser.get(f"/api/v1/items/{item}/image?size={size}").status_code == 422


def test_the_enhanced_face_is_preferred_if_it_is_there(shown, workspace, catalog):
    browser, item, _ = shown
    with catalog.session() as session:
        session.scalar(select(Face)).enhanced_file = "enhanced/a.png"
    assert opened(browser.get(f"/api/v1/items/{item}/image")).size == (160, 160)
    save(workspace, "enhanced/a.png", Image.new("RGB", (320, 320)))
    assert opened(browser.get(f"/api/v1/items/{item}/image")).size == (320, 320)


def test_a_browser_keeps_a_picture_for_ever_and_isnt_sent_it_again(shown):
    browser, item, _ = shown
    first = browser.get(f"/api/v1/items/{item}/image")
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    etag = first.headers["etag"]
    assert etag.startswith('"')
    for asked in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = browser.get(f"/api/v1/items/{item}/image", headers={"if-none-match": asked})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert browser.get(f"/api/v1/items/{item}/image", headers={"if-none-match": '"x"'}).status_code == 200


def test_transparent_pictures_lie_on_white(shown, workspace):
    browser, item, face = shown
    save(workspace, face.file, Image.new("RGBA", (100, 100), (0, 0, 0, 0)))
    assert min(opened(browser.get(f"/api/v1/items/{item}/image")).convert("RGB").getpixel((50, 50))) > 250


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"x" * 100, None])
def test_a_missing_or_damaged_file_is_a_sentence_that_names_no_path(shown, workspace, content):
    browser, item, face = shown
    path = workspace.folder / face.file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    answer = browser.get(f"/api/v1/items/{item}/image")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "The picture of this item is missing or damaged: skip it."}


def test_a_bomb_isnt_decoded(shown, workspace, monkeypatch):
    browser, item, face = shown
    monkeypatch.setattr(pictures, "PIXELS_MOST", 100_000)
    save(workspace, face.file, Image.new("1", (400, 400)), optimize=True)
    assert browser.get(f"/api/v1/items/{item}/image").status_code == 404


@pytest.mark.parametrize("file", ["../secret.png", "/etc/hostname", "link/secret.png", "a\x00b", "C:\\x.png"])
def test_no_row_leads_outside_the_workspace(shown, workspace, catalog, file):
    browser, item, _ = shown
    save(workspace, "../secret.png", Image.new("RGB", (10, 10)))
    (workspace.folder / "link").symlink_to(workspace.folder.parent)
    with catalog.session() as session:
        session.scalar(select(Face)).file = file
    assert browser.get(f"/api/v1/items/{item}/image").status_code == 404


def test_a_panels_picture_is_its_own_file(shown, workspace, catalog):
    browser, item, _ = shown
    save(workspace, "panels/ab/abc.png", Image.new("RGB", (64, 48)))
    with catalog.session() as session:
        row = session.get(Item, item)
        row.face_id, row.file = None, "panels/ab/abc.png"
    assert opened(browser.get(f"/api/v1/items/{item}/image")).size == (64, 48)


def test_examples_are_drawn_faces(shown):
    browser, _, _ = shown
    seen = {opened(browser.get(f"/api/v1/examples/{name}")).tobytes() for name in EXPRESSIONS}
    assert len(seen) == 5
    assert browser.get("/api/v1/examples/angry").status_code == 422
    first = browser.get("/api/v1/examples/happy")
    again = browser.get("/api/v1/examples/happy", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


def test_what_is_kept_waits_for_nobodys_large_pictures(tmp_path, monkeypatch):
    path, go_on = tmp_path / "face.png", threading.Event()
    Image.new("RGB", (8, 8)).save(path)

    async def look():
        kept = Pictures()
        first = await kept.scaled(Source(path, 0), 160)
        monkeypatch.setattr(pictures, "_scaled", lambda *_: b"large" * go_on.wait(10))
        slow = [asyncio.create_task(kept.scaled(Source(path, n), 960)) for n in (1, 2, 3)]
        await asyncio.sleep(0.01)
        assert await asyncio.wait_for(kept.scaled(Source(path, 0), 160), 1) is first
        go_on.set()
        await asyncio.gather(*slow)

    asyncio.run(look())


def test_what_is_kept_is_bounded_and_the_same_picture_is_encoded_once(tmp_path, monkeypatch):
    sources = []
    for number in range(6):
        path = tmp_path / f"{number}.png"
        Image.effect_noise((200, 200), 90).convert("RGB").save(path)
        sources.append(Source(path, 0))
    made = []
    scaled = pictures._scaled
    monkeypatch.setattr(pictures, "_scaled", lambda path, size: made.append(path.stem) or scaled(path, size))

    async def look():
        size = len((await Pictures().scaled(sources[0], 160)).data)
        made.clear()
        kept = Pictures(most=int(3.5 * size))
        await asyncio.gather(*(kept.scaled(sources[0], 160) for _ in range(10)))
        assert 1 <= len(made) <= pictures.ENCODERS
        for source in sources:
            await kept.scaled(source, 160)
        assert kept._bytes == sum(len(one.data) for one in kept._kept.values()) <= 3.5 * size
        assert len(kept._kept) == 3
        made.clear()
        await kept.scaled(sources[5], 160)
        await kept.scaled(sources[0], 160)
        assert made == ["0"]

    asyncio.run(look())
