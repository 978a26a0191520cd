"""A server that answers as the Hugging Face Hub does to its own client: models, commits, large files.

Everything is in memory. Large files go through LFS and come through a redirect, as there.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = (".onnx", ".safetensors", ".png")


class Hub:
    """What is there, what was asked, and what goes wrong."""

    def __init__(self) -> None:
        self.url = self.cdn = ""
        self.people = {"hf_secret": "yuki"}
        """Name by token."""
        self.private: dict[str, bool] = {}
        """By model, owner/name."""
        self.commits: dict[str, list[tuple[str, dict[str, bytes]]]] = {}
        """By model: id and files of each commit, oldest first."""
        self.messages: list[str] = []
        """Of all commits."""
        self.large: dict[str, bytes] = {}
        """By SHA-256."""
        self.asked: list[tuple[str, str]] = []
        """Method and path."""
        self.faults: dict[str, tuple[int, dict[str, str]]] = {}
        """By path: status and headers to answer with instead."""
        self.sizes: dict[str, int] = {}
        """By file: a size to claim that it hasn't."""

    def add(self, model: str, files: dict[str, bytes], *, private: bool = False) -> str:
        """A new commit with `files` besides those that are there; its id."""
        self.private.setdefault(model, private)
        before = self.commits.setdefault(model, [])
        whole = (before[-1][1] if before else {}) | files
        self.large |= {hashlib.sha256(data).hexdigest(): data for data in files.values()}
        about = repr(
            (len(before), sorted((name, hashlib.sha256(one).hexdigest()) for name, one in whole.items()))
        )
        before.append((hashlib.sha1(about.encode()).hexdigest(), whole))
        return before[-1][0]

    def files(self, model: str, revision: str = "main") -> tuple[str, dict[str, bytes]] | None:
        """Commit and files; None if there is no such revision."""
        commits = self.commits[model]
        if revision == "main":
            return commits[-1] if commits else ("0" * 40, {})
        return next((commit for commit in commits if commit[0].startswith(revision)), None)

    def downloads(self) -> int:
        """How many large files were fetched."""
        return sum(method == "GET" and path.startswith("/cdn/") for method, path in self.asked)

    @contextmanager
    def serving(self) -> Iterator["Hub"]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": self}))
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self.cdn = self.url.replace("127.0.0.1", "localhost")  # another host, as there
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._route()

    def do_GET(self) -> None:
        self._route()

    def do_POST(self) -> None:
        self._route()

    def do_PUT(self) -> None:
        self._route()

    def _route(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.who = self.hub.people.get((self.headers.get("Authorization") or "").removeprefix("Bearer "))
        self.hub.asked.append((self.command, path))
        parts = path.strip("/").split("/")
        if path in self.hub.faults:
            status, headers = self.hub.faults[path]
            self._answer(status, b"", headers)
            return
        match parts:
            case ["api", "repos", "create"]:
                self._create(json.loads(self.body))
            case ["api", "validate-yaml"]:
                self._json({"errors": [], "warnings": []})
            case ["api", "models", owner, name, *rest]:
                self._api(f"{owner}/{name}", rest)
            case [owner, git, "info", "lfs", "objects", "batch"]:
                self._batch(f"{owner}/{git.removesuffix('.git')}")
            case ["lfs", oid]:
                self._store(oid)
            case ["cdn", oid]:
                self._answer(200, self.hub.large[oid])
            case [owner, name, "resolve", revision, *file]:
                self._resolve(f"{owner}/{name}", revision, "/".join(file))
            case _:
                self._answer(404, b"{}")

    def _create(self, wish: dict[str, Any]) -> None:
        if self.who is None:
            return self._answer(401, b'{"error": "Invalid username or password."}')
        model = f"{wish['organization'] or self.who}/{wish['name']}"
        if wish["organization"] not in (None, self.who):
            return self._answer(403, b'{"error": "You don\'t have the rights"}')
        if model in self.hub.private:
            return self._json({"error": "You already created this model repo", "url": self._page(model)}, 409)
        self.hub.private[model] = wish.get("visibility") == "private"
        self.hub.commits[model] = []
        return self._json({"url": self._page(model), "name": model})

    def _api(self, model: str, rest: list[str]) -> None:
        if not self._may_read(model):
            return None
        if rest and self.who != model.partition("/")[0] and rest[0] != "revision":
            return self._answer(403, b'{"error": "Forbidden"}')
        match rest:
            case ["preupload", _]:
                names = [file["path"] for file in json.loads(self.body)["files"]]
                modes = [
                    {"path": name, "uploadMode": self._mode(name), "shouldIgnore": False} for name in names
                ]
                return self._json({"files": modes})
            case ["commit", _]:
                return self._commit(model)
            case _:
                sha = self.hub.files(model)[0]
                return self._json({"_id": "1", "id": model, "private": self.hub.private[model], "sha": sha})

    def _commit(self, model: str) -> None:
        files: dict[str, bytes] = {}
        for line in self.body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                self.hub.messages.append(value["summary"])
            elif entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            else:
                files[value["path"]] = self.hub.large[value["oid"]]
        oid = self.hub.add(model, files)
        self._json({"commitUrl": f"{self._page(model)}/commit/{oid}", "commitOid": oid})

    def _batch(self, model: str) -> None:
        if self.who != model.partition("/")[0]:
            return self._answer(403, b'{"error": "Forbidden"}')
        objects = []
        for one in json.loads(self.body)["objects"]:
            upload = {"upload": {"href": f"{self.hub.url}/lfs/{one['oid']}"}}
            objects.append(one | ({} if one["oid"] in self.hub.large else {"actions": upload}))
        return self._json({"transfer": "basic", "objects": objects})

    def _store(self, oid: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != oid:
            return self._answer(400, b"another checksum")
        self.hub.large[oid] = self.body
        return self._answer(200, b"")

    def _resolve(self, model: str, revision: str, name: str) -> None:
        if not self._may_read(model):
            return None
        found = self.hub.files(model, revision)
        if found is None:
            return self._answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
        commit, files = found
        headers = {"X-Repo-Commit": commit}
        if name not in files:
            return self._answer(404, b"", headers | {"X-Error-Code": "EntryNotFound"})
        oid, size = hashlib.sha256(files[name]).hexdigest(), self.hub.sizes.get(name, len(files[name]))
        headers |= {"ETag": f'"{oid}"', "X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(size)}
        return self._answer(302, b"", headers | {"Location": f"{self.hub.cdn}/cdn/{oid}"})

    def _may_read(self, model: str) -> bool:
        known = model in self.hub.private
        if known and (not self.hub.private[model] or self.who == model.partition("/")[0]):
            return True
        # To strangers what is private doesn't exist, and what doesn't exist may be private
        self._answer(404 if self.who else 401, b"", {"X-Error-Code": "RepoNotFound"})
        return False

    @staticmethod
    def _mode(name: str) -> str:
        return "lfs" if name.endswith(LARGE) else "regular"

    def _page(self, model: str) -> str:
        return f"{self.hub.url}/{model}"

    def _json(self, value: object, status: int = 200) -> None:
        self._answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
