"""A site that answers as Danbooru does, on loopback, with faults on order. For tests; also a script:

    python tests/collect/stubs/danbooru.py FOLDER [--port 0] [--port-file FILE] [--per-page 200]

serves the pictures of FOLDER until it is stopped. The port goes to standard output, and into FILE if one is
named (renamed into place, so that it is whole when it is there). FOLDER/posts.jsonl holds a post per line:

    {"id": 17, "file": "faces/17.png", "tags": "happy 1girl smile", "rating": "g",
     "artist": "someone", "character": "alice", "source": "https://…"}

`id` (a number) and `tags` (all, separated by spaces) have to be there. `file` is a path inside FOLDER;
without one the site names the post but no file. `rating` is g (the default), s, q or e. Every other key
replaces the one of that name in the answer, so a post can lie:

    {"id": 1, "tags": "", "file": "a.png", "md5": "…"}
"""

import argparse
import hashlib
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

RATINGS = {"general": "g", "sensitive": "s", "questionable": "q", "explicit": "e"}
FREE = ("rating:", "filetype:", "id:", "score:", "status:", "date:", "age:", "order:")


class Board:
    """The posts, what is asked, and what goes wrong."""

    def __init__(self, folder: Path, posts: list[dict], per_page: int = 200) -> None:
        self.folder, self.per_page = folder, per_page
        self.posts = sorted(posts, key=lambda post: -post["id"])
        self.asked: list[tuple[float, str, dict[str, str]]] = []
        """When, path with query, headers."""
        self.faults: dict[str, list] = {}
        """By path (without query): what to answer instead, one after the other; None answers normally.
        (status, headers, body), or a function of the handler and the file's bytes."""
        self.lock = threading.Lock()

    @classmethod
    def read(cls, folder: Path, per_page: int = 200) -> "Board":
        lines = (folder / "posts.jsonl").read_text("utf-8").splitlines()
        return cls(folder, [json.loads(line) for line in lines if line.strip()], per_page)

    def paths(self) -> list[str]:
        """What was asked for, in order, without queries."""
        return [urlsplit(path).path for _, path, _ in self.asked]

    def answer(self, post: dict) -> dict:
        """A post as the API gives it."""
        about = {
            key: value for key, value in post.items() if key not in ("file", "tags", "artist", "character")
        }
        tags, artist, character = post["tags"], post.get("artist", ""), post.get("character", "")
        whole = {
            "created_at": "2020-04-01T10:00:00.000-04:00",
            "source": "",
            "rating": "g",
            "score": 3,
            "parent_id": None,
            "tag_string": " ".join(filter(None, (artist, character, tags))),
            "tag_string_general": tags,
            "tag_string_artist": artist,
            "tag_string_character": character,
            "tag_string_copyright": "",
            "tag_string_meta": "",
        }
        if file := post.get("file"):
            data = (self.folder / file).read_bytes()
            digest, suffix = hashlib.md5(data).hexdigest(), Path(file).suffix[1:]
            whole |= {
                "md5": digest,
                "file_ext": suffix,
                "file_size": len(data),
                "file_url": f"/original/{post['id']}/{digest}.{suffix}",
                "large_file_url": f"/sample/{post['id']}/sample-{digest}.jpg",
            }
        return whole | about

    def search(self, query: dict[str, list[str]]) -> tuple[int, list[dict] | dict]:
        """Status and answer of /posts.json."""
        terms = query.get("tags", [""])[0].split()
        if sum(not term.startswith(FREE) for term in terms) > 2:
            message = "You cannot search for more than 2 tags at a time."
            return 422, {"success": False, "error": "PostQuery::TagLimitError", "message": message}
        found = [post for post in map(self.answer, self.posts) if all(_fits(post, term) for term in terms)]
        size = min(int(query.get("limit", ["20"])[0]), self.per_page)
        page = query.get("page", ["1"])[0]
        if page.startswith("b"):
            return 200, [post for post in found if post["id"] < int(page[1:])][:size]
        start = (int(page or 1) - 1) * size
        return 200, found[start : start + size]


def _fits(post: dict, term: str) -> bool:
    if term.startswith("-"):
        return not _fits(post, term[1:])
    if term.startswith("rating:"):
        return post["rating"] in [RATINGS.get(name, name) for name in term[7:].split(",")]
    if term.startswith("filetype:"):
        return post.get("file_ext", "png") in term[9:].split(",")
    if term.startswith("id:>"):
        return post["id"] > int(term[4:])
    if re.fullmatch(r"id:[\d,]+", term):
        return str(post["id"]) in term[3:].split(",")
    if term.startswith(FREE):
        return True
    return term in post["tag_string"].split()


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        board, (_, _, path, query, _) = self.server.board, urlsplit(self.path)
        with board.lock:
            board.asked.append((time.monotonic(), self.path, dict(self.headers)))
            waiting = board.faults.get(path)
            fault = waiting.pop(0) if waiting else None
        if path == "/posts.json":
            status, answer = board.search(parse_qs(query))
            body, kind = json.dumps(answer).encode(), "application/json; charset=utf-8"
        else:
            match = re.fullmatch(r"/original/(\d+)/[^/]+", unquote(path))
            post = next((p for p in board.posts if match and p["id"] == int(match[1])), None)
            if post and post.get("file"):
                status, body, kind = 200, (board.folder / post["file"]).read_bytes(), "image/png"
            else:
                status, body, kind = 404, b"", "text/html"
        if callable(fault):
            fault(self, body)
        elif fault:
            self.send(*fault)
        else:
            self.send(status, {"Content-Type": kind}, body)

    def send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """An answer; a Range is honoured, as on the real file server."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if status == 200 and asked and int(asked[1]) < len(body):
            start = int(asked[1])
            headers = headers | {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
            status, body = 206, body[start:]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Server(ThreadingHTTPServer):
    """The site, or with its handler another; as a context it answers until the end of the block."""

    daemon_threads = True

    def __init__(self, board: Board, port: int = 0, handler: type[BaseHTTPRequestHandler] = Handler) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.board = board

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> "Server":
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what the tests are about."""


def half(handler: Handler, body: bytes) -> None:
    """Promises the whole file, and hangs up after its first half."""
    handler.send_response(200)
    handler.send_header("Content-Type", "image/png")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def main() -> None:
    parser = argparse.ArgumentParser(description="Serves a folder of pictures as Danbooru would.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", type=Path)
    parser.add_argument("--per-page", type=int, default=200)
    options = parser.parse_args()
    server = Server(Board.read(options.folder, options.per_page), options.port)
    port = server.server_address[1]
    if options.port_file:
        beside = options.port_file.with_name(options.port_file.name + ".part")
        beside.write_text(f"{port}\n", "utf-8")
        beside.replace(options.port_file)
    print(port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
