"""Getchu: the real gallery-dl with our extractor, on pages as the site's are."""

import json
import re
import time
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

import kaogae as kaogae_package
from kaogae.collect.getchu import INTERVAL, getchu
from kaogae.errors import UsageError


def jpeg(seed: int) -> bytes:
    file = BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (30, 25, 3), np.uint8)
    Image.fromarray(noise).save(file, "JPEG")
    return file.getvalue()


NAMES = (
    "主人公<br><charalist>エドワード</charalist> （エド）　CV：和音",
    "新角色（しんきゃら） CV：声優",
    "桜　花子",
    "",
)


@pytest.fixture
def shop(getchu_stub):
    """Two products for all ages and one for adults in a month, one in another month."""
    about = {"brand": "㈱ソフト", "artist": "絵描き、他", "month": "2019-03", "all_ages": True}
    products = {
        101: about | {"title": "春の物語①", "characters": [(NAMES[n], jpeg(n)) for n in (0, 1)]},
        102: about | {"title": "夏", "characters": [(NAMES[n], jpeg(n)) for n in (2, 3)]},
        103: about | {"title": "大人", "all_ages": False, "characters": [("誰か", jpeg(4))]},
        104: about | {"title": "冬", "month": "2019-12", "characters": [("誰か", jpeg(5))]},
    }
    return getchu_stub.Shop(products)


@pytest.fixture
def collect(getchu_stub, serve, shop, kaogae, tmp_path):
    """Run the command on the shop."""
    root = serve(shop, handler=getchu_stub.Handler)
    return lambda *options, interval=0: kaogae(
        *("collect", "getchu", "--root", root, "--interval", interval),
        *("--workspace", tmp_path / "w", "--json", *options),
    )


def test_a_month_comes_in_unlabelled_with_title_brand_and_character(collect, shop, pictures, tmp_path):
    code, out, err = collect("--year", 2019, "--month", 3)
    assert code == 0, err
    assert json.loads(out) == {"new": 4, "known": 0, "rejected": {}, "failed": {}}
    rows = pictures(tmp_path / "w")
    assert set(rows) == {"101/chara1", "101/chara2", "102/chara1", "102/chara2"}
    assert [rows[post].character for post in sorted(rows)] == [
        "エドワード (101)",
        "新角色 (101)",
        "桜 花子 (102)",
        None,
    ]
    row = rows["101/chara1"]
    assert (row.site, row.expression, row.label_origin, row.rating) == ("getchu", None, None, "all ages")
    assert row.tags == ["title:春の物語①", "brand:㈱ソフト"]
    assert row.artist == "絵描き、他"
    assert row.page_url.endswith("/soft.phtml?id=101")
    assert row.keyword == "price.html?genre=pc_soft&year=2019&month=03&gage=all&gc=gc"
    assert (tmp_path / "w" / row.file).read_bytes() == jpeg(0)
    query = parse_qs(urlsplit(shop.asked[0][1]).query)
    assert query == {"genre": ["pc_soft"], "year": ["2019"], "month": ["03"], "gage": ["all"], "gc": ["gc"]}
    assert not [path for _, path, _ in shop.asked if "999999" in path or "sample" in path or "103" in path]
    shop.asked.clear()
    code, out, _ = collect("--year", 2019, "--month", 3)
    assert (code, json.loads(out)["new"], json.loads(out)["known"]) == (0, 0, 4)
    assert not [path for _, path, _ in shop.asked if "brandnew" in path]


def test_a_whole_year_and_a_limit_over_all_its_months(collect, pictures, tmp_path):
    assert json.loads(collect("--year", 2019, "--limit", 3)[1])["new"] == 3
    assert set(pictures(tmp_path / "w")) == {"101/chara1", "101/chara2", "102/chara1"}
    assert json.loads(collect("--year", 2019, "--month", 12)[1])["new"] == 1
    assert "104/chara1" in pictures(tmp_path / "w")


def test_one_product_by_its_number(collect, pictures, tmp_path):
    assert json.loads(collect("--id", 103)[1])["new"] == 1
    row = pictures(tmp_path / "w")["103/chara1"]
    assert (row.rating, row.keyword) == (None, "soft.phtml?id=103")
    code, _, err = collect("--id", 55)
    assert (code, "404" in err) == (2, True)


def test_a_site_that_bans_the_hasty_never_has_a_reason(collect, shop):
    shop.least = 0.2
    shop.faults["/brandnew/101/c101chara1.jpg"] = [(500, {}, b"")]
    code, out, _ = collect("--year", 2019, "--month", 3, interval=0.21)
    assert (code, json.loads(out)["new"], shop.banned) == (0, 4, False)
    assert min(b - a for a, b in pairwise(when for when, _, _ in shop.asked)) > 0.2


def test_whoever_is_banned_hears_it_and_is_not_kept_trying(collect, shop):
    shop.banned = True
    code, _, err = collect("--year", 2019, "--month", 3)
    assert (code, "403" in err) == (2, True)
    assert len(shop.asked) == 1


def test_a_product_that_fails_doesn_t_stop_the_others(collect, shop, pictures, tmp_path):
    shop.faults["/soft.phtml?id=101&gc=gc"] = [(404, {}, b"")]
    shop.faults["/brandnew/102/c102chara1.jpg"] = [(403, {}, b"")]
    code, out, _ = collect("--year", 2019, "--month", 3)
    report = json.loads(out)
    assert (code, report["new"], set(report["failed"])) == (1, 1, {"101", "102/chara1"})
    assert set(pictures(tmp_path / "w")) == {"102/chara2"}
    assert json.loads(collect("--year", 2019, "--month", 3)[1])["new"] == 3


def test_a_page_made_to_take_hours_takes_a_moment(collect, shop):
    shop.faults["/soft.phtml?id=101&gc=gc"] = [(200, {"Content-Type": "text/html"}, b"a" * 300_000)]
    shop.faults["/soft.phtml?id=102&gc=gc"] = [(200, {"Content-Type": "text/html"}, b"<a" * 150_000)]
    begun = time.monotonic()
    code, out, _ = collect("--year", 2019, "--month", 3)
    assert (code, json.loads(out)["new"]) == (0, 0)
    assert time.monotonic() - begun < 20


def test_the_age_gate_is_a_sentence(collect, shop, getchu_stub):
    shop.faults["/all/price.html?genre=pc_soft&year=2019&month=03&gage=all&gc=gc"] = [
        (200, {"Content-Type": "text/html"}, getchu_stub.GATE.encode("euc_jp"))
    ]
    code, _, err = collect("--year", 2019, "--month", 3)
    assert (code, "asks for the age" in err) == (2, True)


def test_the_site_itself_is_never_asked_faster_than_it_bears():
    assert {source.interval for source in getchu(year=2019)} == {INTERVAL}
    assert len(getchu(year=2019)) == 12
    assert len(getchu()) == 1
    with pytest.raises(UsageError, match="bans who asks"):
        getchu(year=2019, interval=2.9)


def test_one_file_is_under_the_gpl_says_so_and_is_loaded_by_gallery_dl_alone():
    package = Path(kaogae_package.__file__).parent
    uses = {
        path.name
        for path in package.rglob("*.py")
        if re.search(
            r"^\s*(import|from) (gallery_dl|kaogae\.collect\.extractors)", path.read_text("utf-8"), re.M
        )
    }
    assert uses == {"boards.py"}
    text = (package / "collect" / "extractors" / "boards.py").read_text("utf-8")
    assert text.startswith("# SPDX-License-Identifier: GPL-2.0-only\n")


@pytest.mark.parametrize("when", [{"month": 13}, {"month": 0}, {"year": 1066}, {"year": 2019, "product": 3}])
def test_what_is_no_month_is_refused(when):
    with pytest.raises(UsageError):
        getchu(**when)
