"""The app's own files: read when the service starts, sent from memory. Nothing else is ever sent."""

import gzip
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import resvg_py

APP = Path(__file__).parents[1] / "app"
PAGES = {"/": "index.html", "/review": "review.html", "/admin": "admin.html"}
ICONS = {
    "/icons/icon-192.png": ("icon.svg", 192),
    "/icons/icon-512.png": ("icon.svg", 512),
    "/icons/maskable-512.png": ("icon-maskable.svg", 512),
}
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
}
NOT_KEPT = ("/review", "/admin", "/css/review", "/css/admin", "/js/review/", "/js/admin/", "/js/types.js")
"""How the paths begin of what only reviewers and admins need, or nobody: phones don't keep those."""


@dataclass(frozen=True)
class File:
    """One file of the app."""

    data: bytes
    kind: str

    @cached_property
    def packed(self) -> bytes | None:
        """Compressed; None where that gains nothing."""
        packed = gzip.compress(self.data, 9, mtime=0)
        return packed if self.kind != "image/png" and len(packed) < 0.9 * len(self.data) else None

    @cached_property
    def etag(self) -> str:
        """Without quotes."""
        return hashlib.sha256(self.data).hexdigest()[:32]


def load(folder: Path = APP) -> dict[str, File]:
    """All that is served, by its path."""
    files = {
        path: File((folder / name).read_bytes(), KINDS[".html"])
        for path, name in PAGES.items()
        if (folder / name).is_file()
    }
    for part in ("css", "js", "icons"):
        for path in sorted((folder / part).rglob("*")):
            if path.suffix in KINDS and path.is_file():
                files[f"/{path.relative_to(folder).as_posix()}"] = File(path.read_bytes(), KINDS[path.suffix])
    for path, name in {"/manifest.webmanifest": "manifest.webmanifest", "/icon.svg": "icon.svg"}.items():
        if (folder / name).is_file():
            files[path] = File((folder / name).read_bytes(), KINDS[Path(name).suffix])
    for path, (name, side) in ICONS.items():
        if (folder / name).is_file():
            svg = (folder / name).read_text("utf-8")
            png: bytes = resvg_py.svg_to_bytes(
                svg_string=svg, width=side, height=side, skip_system_fonts=True
            )
            files[path] = File(bytes(png), KINDS[".png"])
    if (folder / "sw.js").is_file():
        files["/sw.js"] = File(_worker(folder / "sw.js", files), KINDS[".js"])
    return files


def _worker(path: Path, files: dict[str, File]) -> bytes:
    """The service worker knows what it keeps, and by another version that something has changed."""
    names = sorted(name for name in files if not name.startswith(NOT_KEPT))
    version = hashlib.sha256("".join(name + files[name].etag for name in sorted(files)).encode())
    shell = json.dumps({"version": version.hexdigest()[:16], "files": names})
    return f"const SHELL = {shell};\n".encode() + path.read_bytes()
