"""Getchu is asked again product by product, at its own pace; what it doesn't have any more is gone."""

import hashlib
import json
import re
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from kaogae.catalog import Picture, Workspace
from kaogae.collect.refetch import ROOTS, Boards
from kaogae.collect.rehydrate import Verifying, rehydrate
from kaogae.errors import CollectError, UsageError
from kaogae.faces.crops import cut, pixels_sha256
from kaogae.images import Picture as Pixels

MATRIX = [[1.0, 0.0, -2.0], [0.0, 1.0, -1.0]]
POSTS = ("101/chara1", "101/chara2", "102/chara1", "103/chara1")


def jpeg(seed: int) -> bytes:
    file = BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (60, 50, 3), np.uint8)
    Image.fromarray(noise).save(file, "JPEG")
    return file.getvalue()


def row(post: str, content: bytes) -> dict:
    crop = cut(Pixels.of(Image.open(BytesIO(content)).convert("RGB")), np.array(MATRIX), 40)
    face = {
        "number": 0, "box": [5, 5, 30, 30], "landmarks": {"nose": [20, 25]}, "confidence": 0.9,
        "detector": "animeface", "matrix": MATRIX, "side": 40.0, "size": 40,
        "pixels_sha256": pixels_sha256(crop), "expression": "surprised", "label_origin": "votes",
    }  # fmt: skip
    return {
        "site": "getchu", "post": post, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content),
        "width": 50, "height": 60, "faces": [face],
    }  # fmt: skip


@pytest.fixture
def shop(stub, getchu_stub):
    about = {"title": "春", "brand": "b", "artist": "a", "month": "2019-03", "all_ages": True}
    pictures = {101: (0, 1), 102: (2,), 103: (3,)}
    products = {
        n: about | {"characters": [("誰か", jpeg(s)) for s in seeds]} for n, seeds in pictures.items()
    }
    with stub.Server(getchu_stub.Shop(products), handler=getchu_stub.Handler) as server:
        yield server


@pytest.fixture
def manifest(tmp_path) -> Path:
    body = "".join(json.dumps(row(post, jpeg(seed))) + "\n" for seed, post in enumerate(POSTS)).encode()
    header = {"format": "kaogae-share", "version": 1, "hash": hashlib.sha256(body).hexdigest()}
    path = tmp_path / "manifest"
    path.write_bytes(json.dumps(header).encode() + b"\n" + body)
    return path


@pytest.fixture
def place(tmp_path):
    workspace = Workspace(tmp_path / "w")
    catalog = workspace.open()
    yield workspace, catalog
    catalog.close()


def again(shop, manifest, place, **settings):
    boards = Boards({"getchu": shop.root}, **({"interval": 0} | settings))
    return rehydrate(manifest, *place, refetch=boards)


def test_the_pictures_of_products_come_back(shop, manifest, place):
    done = again(shop, manifest, place)
    assert done.complete
    assert done.restored == 4
    with place[1].reading() as session:
        found = {picture.post: picture for picture in session.scalars(select(Picture))}
    assert set(found) == set(POSTS)
    assert found["101/chara1"].tags == ["title:春", "brand:b"]


def test_all_requests_keep_their_distance_between_products_too(shop, manifest, place):
    again(shop, manifest, place, interval=0.3)
    times = [when for when, _, _ in shop.board.asked]
    assert len(times) == 7  # a page for each of three products, four pictures
    assert min(b - a for a, b in pairwise(times)) > 0.28


def test_a_product_that_is_gone_takes_its_pictures_along(shop, manifest, place):
    del shop.board.products[101]
    shop.board.faults["/soft.phtml?id=101&gc=gc"] = [(404, {}, b"")] * 9
    done = again(shop, manifest, place)
    assert done.restored == 2
    assert sum(done.missing.values()) + len(done.failed) >= 2
    assert set(done.missing) == {"gone"}


def test_a_shop_that_asks_for_the_age_instead_is_a_sentence(shop, manifest, place, getchu_stub):
    gate = (200, {"Content-Type": "text/html"}, getchu_stub.GATE.encode("euc_jp"))
    for number in (101, 102, 103):
        shop.board.faults[f"/soft.phtml?id={number}&gc=gc"] = [gate] * 9
    with pytest.raises(CollectError, match="then run it again"):
        again(shop, manifest, place)


def test_a_manifest_cannot_make_anybody_ask_faster_than_a_site_bears():
    with pytest.raises(UsageError, match="Getchu bans"):
        Boards(interval=1.0).ask(None, "getchu", [type("Shared", (), {"post": "1/chara1"})])
    assert all(re.match(r"https://", root) for root in ROOTS.values())


@pytest.mark.parametrize("root", ["nowhere=http://127.0.0.1", "danbooru=file:///etc/passwd", "danbooru"])
def test_an_impossible_root_is_wrong_use(manifest, tmp_path, kaogae, root):
    code, _, err = kaogae("collect", "manifest", manifest, "--root", root, "--workspace", tmp_path)
    assert code == 2
    assert err.startswith("kaogae: ")


def test_a_manifest_that_is_none_makes_no_workspace(tmp_path, kaogae):
    (tmp_path / "m").write_text("{}")
    code, _, err = kaogae("collect", "manifest", tmp_path / "m", "--workspace", tmp_path / "w")
    assert (code, "isn't a shared manifest" in err) == (2, True)
    assert not (tmp_path / "w").exists()


def test_a_login_is_for_danbooru_alone(place, monkeypatch):
    asked = []
    monkeypatch.setattr("kaogae.collect.refetch.crawl", lambda _, source: asked.append(source))
    with pytest.raises(UsageError, match="could read it"):
        Boards({"danbooru": "http://danbooru.example.org"}, login=("me", "key"))
    boards = Boards({"danbooru:x.org": "https://x.org"}, login=("me", "key"), interval=1.0)
    shared = [type("Shared", (), {"post": "1"})]
    for site in ("danbooru", "danbooru:x.org"):
        boards.ask(Verifying(*place), site, shared)
    assert [source.login for source in asked] == [("me", "key"), None]
    assert "key" not in repr(asked)
