"""A shop that answers as Getchu does, on loopback: EUC-JP with stray bytes, an age gate, a ban for haste."""

import re
import threading
import time
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

ENCODING = "euc_jis_2004"  # EUC-JP, with the circled digits that people use

PRODUCT = """<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">
<html><head><meta http-equiv="Content-Type" content="text/html; charset=EUC-JP">
<meta name="description" content="タイトル：{title},ブランド：{brand},原画：{artist},">
<title>{title} (Getchu.com：PCゲーム)</title></head><body>
<TABLE id="soft_table"><TR><TD><a href="./brandnew/{id}/c{id}package.jpg" class="highslide">
<img src="./brandnew/{id}/c{id}package_s.jpg"></a></TD></TR></TABLE>
<h1 id="soft-title">
{title}
<nobr><span>（このタイトルの<a href="php/search.phtml?search_title={id}">関連商品</a>）</span></nobr></h1>
<TR><TD valign="top" align="right">ブランド：</TD><TD align="top">
<a href="http://brand.example/" id="brandsite" target="_blank">{brand}</a></TD></TR>
<div class="tabletitle">&nbsp;キャラクター</div>
<TABLE>{characters}</TABLE>
<a href="soft.phtml?id=999999"><img src="./brandnew/999999/c999999chara1.jpg"></a>
<img src="./brandnew/{id}/c{id}sample1.jpg"></body></html>"""

CHARACTER = """<TR><TD width="250" valign="middle"><a name="chara{n}" id="chara{n}"></a>
<IMG src="./brandnew/{id}/c{id}chara{n}.jpg" alt="キャラ{n}" width="250" height="300" style="border:none;">
</TD><TD valign="middle" align="left" class="chara-text">
<DL style="line-height:150%"><DT><STRONG><h2 class="chara-name">{name}</h2></STRONG></DT>
<DD>いつも①番に学校へ来る。</DD></DL></TD></TR>"""

GATE = "<html><head><title>年齢認証ページ</title></head><body>あなたは18歳以上ですか</body></html>"


class Shop:
    """Products by number: title, brand, artist, for all ages or not, and (heading, picture) per character."""

    def __init__(self, products: dict[int, dict], least: float = 0.0) -> None:
        self.products, self.least = products, least
        self.asked: list[tuple[float, str, dict[str, str]]] = []
        self.banned = False
        self.faults: dict[str, list[tuple[int, dict[str, str], bytes]]] = {}
        self.lock = threading.Lock()

    def note(self, path: str, headers: dict[str, str]) -> None:
        """Remember a request; too soon after the one before, and the client is out for good."""
        now = time.monotonic()
        if self.asked and now - self.asked[-1][0] < self.least:
            self.banned = True
        self.asked.append((now, path, headers))

    def page(self, number: int) -> bytes:
        about = self.products[number]
        characters = "".join(
            CHARACTER.format(id=number, n=n, name=name) for n, (name, _) in enumerate(about["characters"], 1)
        )
        page = PRODUCT.format(
            id=number, characters=characters, **{k: about[k] for k in ("title", "brand", "artist")}
        )
        # Half characters and bytes that no encoding has, as people paste them
        return stray(page.encode(ENCODING))

    def list(self, query: dict[str, list[str]]) -> bytes:
        everybody = query.get("gage") == ["all"]
        rows = "".join(
            f'<TR bgcolor="#ffffff"><TD>03/27</TD><TD><A href="../soft.phtml?id={number}" class="black">'
            f"{about['title']}</A></TD><TD>{about['brand']}</TD></TR>"
            for number, about in self.products.items()
            if (about["month"] == f"{query['year'][0]}-{query['month'][0]}")
            and (about["all_ages"] or not everybody)
        )
        return stray(
            f'<html><body><form name="form2"><TABLE>{rows}</TABLE></form></body></html>'.encode(ENCODING)
        )


def stray(page: bytes) -> bytes:
    return page.replace(b"<body>", b"<body>\xff\xfe\x8f \xa4<br>", 1) + b"\xe3\x81"


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        shop: Shop = self.server.board
        with shop.lock:
            shop.note(self.path, dict(self.headers))
            fault = (shop.faults.get(self.path) or [None]).pop(0)
        status, kind, body = self.answer(shop)
        headers = {"Content-Type": kind, "Set-Cookie": "session=1; path=/"}
        if fault:
            status, headers, body = fault
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self, shop: Shop) -> tuple[int, str, bytes]:
        _, _, path, query, _ = urlsplit(self.path)
        if shop.banned:
            return 403, "text/html", b"banned"
        if match := re.fullmatch(r"/brandnew/(\d+)/c\1chara(\d+)\.jpg", path):
            if f"/soft.phtml?id={match[1]}" not in self.headers.get("Referer", ""):
                return 403, "text/html", b"hotlinking"
            return 200, "image/jpeg", shop.products[int(match[1])]["characters"][int(match[2]) - 1][1]
        asked = parse_qs(query)
        if "getchu_adalt_flag=getchu.com" not in self.headers.get("Cookie", "") or asked.get("gc") != ["gc"]:
            return 200, "text/html", GATE.encode(ENCODING)
        if path == "/all/price.html":
            return 200, "text/html", shop.list(asked)
        if path == "/soft.phtml" and int(asked["id"][0]) in shop.products:
            return 200, "text/html", shop.page(int(asked["id"][0]))
        return 404, "text/html", b""

    def log_message(self, *_: object) -> None:
        """Quiet."""
