"""How long the catalogue takes to answer at 1,000,000 pictures and 2,000,000 faces.

It is filled with made-up rows, then asked what the commands ask. Each question may take a second,
`kaogae status` three as a whole process. The slowest of several times counts. Exit code 1 if one is too slow.

    python benchmarks/catalog.py [--postgres postgresql+psycopg://user@host/empty-database]
"""

import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
from sqlalchemy import ColumnElement, Connection, Select, and_, collate, func, or_, select
from sqlalchemy.orm import Session

from kaogae.catalog import Catalog, Face, Picture, open_catalog
from kaogae.expressions import EXPRESSIONS

CHUNK = 10_000
ORIGINS = {"danbooru": "tag", "getchu": None}
TAGS = ["1girl", "solo", "long_hair", "blush", "smile", "looking_at_viewer", "school_uniform", "hair_ribbon"]
PICTURE_REASONS = [
    "no face",
    "damaged",
    "too large",
    "more than 6 faces",
    "no file",
    *(f"tag: {t}" for t in TAGS),
]
FACE_REASONS = ["confidence below 0.80", "too small", "blurred", "near-duplicate"]
QUESTION_LIMIT, STATUS_LIMIT = 1.0, 3.0


def main(
    postgres: str | None = typer.Option(None, help="An empty database; default: an SQLite file."),
    pictures: int = typer.Option(1_000_000, help="How many; twice as many faces."),
    repeat: int = typer.Option(3, help="Times to ask."),
    folder: Path | None = typer.Option(None, help="Of the SQLite file; one that is there is asked."),
) -> None:
    """Fill, ask, print the table."""
    with tempfile.TemporaryDirectory() as temporary:
        url = postgres or f"sqlite:///{(folder or Path(temporary)) / 'catalog.db'}"
        catalog = open_catalog(url)
        with catalog.reading() as session:
            there = session.scalar(select(func.count()).select_from(Picture))
        if not there:
            begun = time.perf_counter()
            fill(catalog, pictures)
            taken = time.perf_counter() - begun
            catalog.close()
            print(f"filled in {taken:.0f} s: {3 * pictures / taken:,.0f} rows/s, indexes included")
        print(f"{pictures:,} pictures, {2 * pictures:,} faces, {size(catalog) / 1e9:.2f} GB: {catalog.place}")
        broken = [ask(catalog, *question, repeat) for question in questions(catalog, pictures)]
        broken.append(ask_status(url, repeat))
        stream(catalog)
        catalog.close()
    sys.exit(any(broken))


def questions(catalog: Catalog, pictures: int) -> Iterator[tuple[str, Callable[[Session], object]]]:
    """What each command asks, as it asks it."""
    kept, fresh = Face.state == "kept", Face.enhanced_by.is_(None)
    waiting = Picture.state == "waiting"
    job = select(Picture.id, Picture.sha256, Picture.file).where(waiting).order_by(Picture.id).limit(500)

    def crops(*conditions: ColumnElement[bool]) -> Select[Any]:
        ids = select(Face.id).where(*conditions).order_by(Face.id).limit(1000)
        found = select(Face.id, Face.file, Face.size, Face.pixels_sha256).where(Face.id.in_(ids))
        return found.order_by(Face.id)

    labelled = and_(kept, Face.expression.is_not(None))
    posts = [str(number) for number in range(pictures // 2, pictures // 2 + 500)]
    order = collate(Picture.post, "C" if catalog.engine.dialect.name == "postgresql" else "BINARY")
    share = select(Picture).where(Picture.site == "danbooru", Picture.faces.any(labelled)).order_by(order)

    def rows(question: Select[Any]) -> Callable[[Session], object]:
        return lambda session: session.execute(question).all()

    yield (
        "collect: which of 500 posts are known",
        rows(select(Picture.post).where(Picture.site == "danbooru", Picture.post.in_(posts))),
    )
    yield "collect: is this file known", rows(select(Picture.site).where(Picture.sha256 == digest("p", 7)))
    yield "faces: how many pictures wait", rows(select(func.count()).where(waiting))
    yield "faces: the first 500 that wait", rows(job)
    yield "faces: 500 of them further on", rows(job.where(Picture.id > pictures * 97 // 100))
    yield "upscale: how many faces wait", rows(select(func.count()).where(kept, fresh))
    yield "upscale: the first 1,000", rows(crops(kept, fresh))
    yield "upscale: 1,000 further on", rows(crops(kept, fresh, Face.id > pictures * 19 // 10))
    again = or_(fresh, Face.enhanced_by != "carn-m")
    yield "upscale --again: how many", rows(select(func.count()).where(kept, again))
    yield "upscale --again: the first 1,000", rows(crops(kept, again))
    yield "freeze: how many have a label", rows(select(func.count()).where(labelled))
    yield "freeze: how many have none", rows(select(func.count()).where(kept, Face.expression.is_(None)))
    join = select(Face, Picture.post).join(Picture).where(labelled)
    yield "freeze: 1,000 labelled faces", rows(join.limit(1000))
    yield "freeze: 1,000 crying faces", rows(join.where(Face.expression == "crying").limit(1000))
    yield "share: sources with labelled faces", rows(select(Face.site).where(labelled).distinct())
    yield "share: the first 500 pictures", rows(share.limit(500))
    number = pictures // 3
    yield "near-duplicates of one face", rows(select(Face.id).where(Face.duplicate_of == number))
    yield "a face by its pixels", rows(select(Face.id).where(Face.pixels_sha256 == digest("f", number)))


def ask(catalog: Catalog, what: str, question: Callable[[Session], object], repeat: int) -> bool:
    """Print the slowest time; whether it is too slow."""
    slowest = 0.0
    for _ in range(repeat):
        begun = time.perf_counter()
        with catalog.reading() as session:
            question(session)
        slowest = max(slowest, time.perf_counter() - begun)
    return line(what, slowest, QUESTION_LIMIT)


def ask_status(url: str, repeat: int) -> bool:
    """The whole command, as a process."""
    code = "from kaogae.cli import main; main()"
    command = [sys.executable, "-c", code, "status", "--catalog", url]
    slowest = 0.0
    for _ in range(repeat):
        begun = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        slowest = max(slowest, time.perf_counter() - begun)
    return line("kaogae status, whole process", slowest, STATUS_LIMIT)


def line(what: str, seconds: float, limit: float) -> bool:
    """Print one row of the table."""
    print(f"{what:40} {seconds:8.3f} s  {'' if seconds <= limit else f'OVER {limit:g} s'}", flush=True)
    return seconds > limit


def stream(catalog: Catalog) -> None:
    """What near-duplicate marking reads of every face: a scan, so without a limit."""
    wanted = select(Face.id, Face.phash, Face.pixels_sha256, Face.expression, Face.side, Face.blur)
    alike = (Face.state == "kept") | (Face.reason == "near-duplicate")
    begun, count = time.perf_counter(), 0
    with catalog.reading() as session:
        question = wanted.where(Face.phash.is_not(None), alike).execution_options(yield_per=5000)
        for page in session.execute(question).partitions():
            count += len(page)
    taken = time.perf_counter() - begun
    print(f"streaming {count:,} hashes of faces: {taken:.1f} s, {count / taken:,.0f}/s")


def fill(catalog: Catalog, pictures: int) -> None:
    """Made-up rows, in bulk."""
    generator = random.Random(0)
    if catalog.engine.dialect.name == "sqlite":
        with catalog.engine.connect() as connection:  # the pool gives it back below
            for pragma in ("synchronous=OFF", "cache_size=-1000000"):
                connection.connection.cursor().execute(f"PRAGMA {pragma}")
    for start in range(0, pictures, CHUNK):
        chunk = [picture(generator, n, pictures) for n in range(start, min(start + CHUNK, pictures))]
        faces = [face(generator, row, number, pictures) for row in chunk for number in (0, 1)]
        with catalog.engine.begin() as connection:
            write(connection, "picture", chunk)
            write(connection, "face", faces)
    if catalog.engine.dialect.name == "postgresql":
        with catalog.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("vacuum analyze")  # autovacuum does it on a server that lives on


def write(connection: Connection, table: str, rows: list[dict[str, Any]]) -> None:
    """The quickest way of each database."""
    values = [[json.dumps(v) if isinstance(v, list | dict) else v for v in row.values()] for row in rows]
    names = ", ".join(rows[0])
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(rows[0]))
        connection.connection.cursor().executemany(f"insert into {table} ({names}) values ({marks})", values)
        return
    with connection.connection.cursor().copy(f"copy {table} ({names}) from stdin") as writer:
        for row in values:
            writer.write_row(row)


def digest(kind: str, number: int) -> str:
    """A SHA-256 that belongs to the row."""
    return hashlib.sha256(f"{kind}{number}".encode()).hexdigest()


def picture(generator: random.Random, number: int, pictures: int) -> dict[str, Any]:
    """60 % Danbooru, 20 % Getchu, the rest from 200 projects; 10 % rejected, the last 5 % wait."""
    dice = generator.random()
    site = (
        "danbooru" if dice < 0.6 else "getchu" if dice < 0.8 else f"renpy:project {generator.randrange(200)}"
    )
    expression = None if site == "getchu" else generator.choice(EXPRESSIONS).value
    sha256 = digest("p", number)
    rejected = generator.random() < 0.1
    state = "rejected" if rejected else "waiting" if number > pictures * 0.95 else "searched"
    return {
        "id": number + 1,
        "site": site,
        "post": str(number),
        "sha256": sha256,
        "file": f"pictures/{site}/{sha256[:2]}/{sha256}.jpg",
        "expression": expression,
        "label_origin": expression and ORIGINS.get(site, "file name"),
        "keyword": f"{expression} -comic rating:general",
        "tags": [f"{tag}_{generator.randrange(1000)}" for tag in TAGS * 3],
        "rating": "g",
        "artist": f"artist {generator.randrange(20000)}",
        "character": f"character {generator.randrange(50000)}",
        "page_url": f"https://example.org/posts/{number}",
        "file_url": f"https://example.org/files/{sha256}.jpg",
        "width": 1200,
        "height": 1600,
        "bytes": 400_000,
        "state": state,
        "reason": generator.choice(PICTURE_REASONS) if rejected else None,
        "collected_at": f"2026-01-01 00:00:{number % 60:02}.000000",
    }


def face(generator: random.Random, of: dict[str, Any], number: int, pictures: int) -> dict[str, Any]:
    """70 % kept, the first 60 % of them enhanced."""
    row = of["id"] * 2 - 1 + number
    kept = generator.random() < 0.7
    pixels = digest("f", row)
    x, y, d = (round(generator.uniform(0, 900), 2) for _ in range(3))
    return {
        "id": row,
        "picture_id": of["id"],
        "number": number,
        "site": of["site"],
        "box": [x, y, d, d],
        "landmarks": {name: [x, y] for name in ("left_eye", "right_eye", "mouth", "nose", "chin")},
        "confidence": generator.uniform(0.5, 1),
        "detector": "animeface",
        "matrix": [[generator.random(), 0.01234567, x], [-0.01234567, generator.random(), y]],
        "side": d,
        "size": 100,
        "file": f"faces/{pixels[:2]}/{pixels}.png",
        "pixels_sha256": pixels,
        "blur": generator.uniform(0, 1000),
        "phash": generator.getrandbits(64) - 2**63,
        "duplicate_of": row - 2 if row > 2 and generator.random() < 0.05 else None,
        "expression": of["expression"],
        "label_origin": of["label_origin"],
        "character": of["character"],
        "state": "kept" if kept else "rejected",
        "reason": None if kept else generator.choice(FACE_REASONS),
        "enhanced_by": "carn-m" if row < pictures * 1.2 else None,
    }


def size(catalog: Catalog) -> int:
    """Bytes on disk."""
    if catalog.engine.dialect.name == "sqlite":
        return Path(str(catalog.engine.url.database)).stat().st_size
    with catalog.engine.connect() as connection:
        return int(connection.exec_driver_sql("select pg_database_size(current_database())").scalar() or 0)


if __name__ == "__main__":
    typer.run(main)
