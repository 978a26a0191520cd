"""An acknowledged vote survives `kill -9` of the service and of the database."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from kaogae.catalog import Catalog, Item, Vote, open_catalog
from kaogae.errors import CatalogError
from kaogae.label.writer import Writer

sys.path.insert(0, str(Path(__file__).parent))
from made_up_votes import new_campaign, new_people, vote

BURST = """
import asyncio, sys
sys.path.insert(0, sys.argv[2])
from made_up_votes import new_campaign, new_people, vote
from kaogae.catalog import open_catalog
from kaogae.label.writer import Writer

async def votes(writer, campaign, items, annotator):
    for item in items:
        cast = vote(campaign, item, annotator)
        assert await writer.record([cast]) == [None]
        print(cast.id, flush=True)

async def main(catalog):
    campaign, items = new_campaign(catalog, 2000)
    writer = Writer(catalog)
    await asyncio.gather(*[votes(writer, campaign, items, who) for who in new_people(catalog, 20)])

asyncio.run(main(open_catalog(sys.argv[1])))
"""
"""Twenty people who vote as fast as they are answered; it says which votes were acknowledged."""


def written(catalog: Catalog) -> set[UUID]:
    with catalog.reading() as session:
        return set(session.scalars(select(Vote.id)))


@pytest.mark.parametrize("count", [1, 300, 900])
def test_votes_survive_the_kill_of_the_service(tmp_path, count):
    file = tmp_path / "catalog.db"
    arguments = [sys.executable, "-c", BURST, str(file), str(Path(__file__).parent)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        acknowledged = [process.stdout.readline() for _ in range(count)]
        process.kill()
        acknowledged += process.stdout.read().splitlines(keepends=True)
    known = {UUID(line.strip()) for line in acknowledged if line.endswith("\n")}
    assert len(known) >= count
    catalog = open_catalog(file)
    there = written(catalog)
    assert known <= there
    with catalog.reading() as session:  # nothing is half: items count exactly the votes that are there
        assert sum(session.scalars(select(Item.votes))) == len(there)
    catalog.close()


class Server:
    """A PostgreSQL server that can be killed. What it says is durable is: fsync is on."""

    def __init__(self, folder: Path, postgres: Path, who: dict[str, Any]) -> None:
        self.folder, self.postgres, self.who = folder, postgres, who
        self.url = f"postgresql+psycopg://kaogae@/postgres?host={folder}"

    def start(self) -> None:
        settings = ["listen_addresses=", f"unix_socket_directories={self.folder}", "fsync=on"]
        self.process = subprocess.Popen(
            [self.postgres, "-D", self.folder / "data", *(w for s in settings for w in ("-c", s))],
            stderr=(self.folder / "log").open("ab"),
            cwd="/",
            start_new_session=True,
            **self.who,
        )
        import psycopg

        for _ in range(300):
            with suppress(psycopg.OperationalError):
                psycopg.connect(host=str(self.folder), user="kaogae", dbname="postgres").close()
                return
            time.sleep(0.1)
        pytest.fail((self.folder / "log").read_text("utf-8", "replace"))

    def kill(self) -> None:
        """`kill -9` of the server and of every process of its."""
        family = [self.process.pid]
        with suppress(FileNotFoundError):
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
            family += map(int, children.split())
        for process in family:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.process.wait()
        while any(Path(f"/proc/{process}").exists() for process in family[1:]):
            time.sleep(0.02)


@pytest.fixture
def server() -> Iterator[Server]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    initdb = found[-1] if found else shutil.which("initdb")
    if not initdb:
        missing = "PostgreSQL isn't installed: `make servers` as root, or apt-get install postgresql"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    folder = Path(tempfile.mkdtemp(prefix="kaogae-", dir="/tmp"))
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        who = {"user": "postgres", "group": "postgres", "extra_groups": []}
    options = ["--auth=trust", "--username=kaogae", "--encoding=UTF8", "--locale=C"]
    create = [initdb, "--pgdata", str(folder / "data"), *options]
    subprocess.run(create, check=True, stdout=subprocess.DEVNULL, cwd="/", **who)
    server = Server(folder, Path(initdb).resolve().with_name("postgres"), who)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder, ignore_errors=True)


def test_votes_survive_the_kill_of_the_database(server):
    catalog = open_catalog(server.url)
    campaign, items = new_campaign(catalog, 2000)
    people = new_people(catalog, 20)
    known: set[UUID] = set()
    enough = asyncio.Event()

    async def votes(writer: Writer, annotator: int) -> None:
        with suppress(CatalogError):
            for item in items:
                cast = vote(campaign, item, annotator)
                assert await writer.record([cast]) == [None]
                known.add(cast.id)
                if len(known) >= 300:
                    enough.set()

    async def main() -> None:
        writer = Writer(catalog)
        burst = [asyncio.ensure_future(votes(writer, who)) for who in people]
        await enough.wait()
        await asyncio.to_thread(server.kill)
        await asyncio.gather(*burst)  # each of them was told that the database is gone
        await asyncio.to_thread(server.start)
        last = vote(campaign, items[-1], people[0])
        assert await writer.record([last]) == [None]  # the writer works again by itself
        known.add(last.id)
        await asyncio.to_thread(writer.close)

    asyncio.run(main())
    there = written(catalog)
    assert known <= there
    assert len(known) < 2000 * 20
    with catalog.reading() as session:
        assert sum(session.scalars(select(Item.votes))) == len(there)
    catalog.close()
