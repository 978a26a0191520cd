"""Opening, writing, reading, and who may do it at the same time."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError

from kaogae.catalog import Picture, Workspace, open_catalog
from kaogae.errors import CatalogError, UsageError

PREPARE = "import sys; from kaogae.catalog import *; catalog = open_catalog(sys.argv[1])\n"


@contextmanager
def another(code: str, url: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has said a line, and then waits to be asked on its stdin."""
    arguments = [sys.executable, "-c", PREPARE + code, url]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            assert process.stdout.readline(), process.stderr and process.stderr.read()
            yield process
        finally:
            process.kill()


def count(catalog) -> int:
    with catalog.reading() as session:
        return session.scalar(select(func.count()).select_from(Picture)) or 0


def test_a_block_that_raises_changes_nothing(catalog):
    def stopped() -> None:
        with catalog.session() as session:
            session.add(Picture(site="danbooru", post="1"))
            session.flush()
            raise KeyboardInterrupt  # as Ctrl-C does

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert count(catalog) == 0
    with catalog.session() as session:
        session.add(Picture(site="danbooru", post="1"))
    assert count(catalog) == 1


WRITES = """
with catalog.session() as session:
    session.add(Picture(site="danbooru", post="1"))
    session.flush()
    print("written", flush=True)
    sys.stdin.read()
"""
"""A process that has written and not committed, until it is stopped."""


def test_ctrl_c_between_statements_leaves_nothing_half(catalog, catalog_url):
    with another(WRITES, catalog_url) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT
    assert count(catalog) == 0
    with catalog.session() as session:
        session.add(Picture(site="danbooru", post="1"))


def test_a_killed_writer_leaves_nothing_half_and_locks_nobody_out(catalog, catalog_url):
    with another(WRITES, catalog_url) as process:
        process.kill()
        process.wait(20)
    with catalog.session() as session:
        session.add(Picture(site="danbooru", post="1"))
    assert count(catalog) == 1


def test_readers_wait_for_no_writer_and_see_one_moment(catalog, catalog_url):
    code = """
with catalog.session() as session:
    session.add(Picture(site="danbooru", post="1"))
    session.flush()
    print("written", flush=True)
    sys.stdin.readline()
print("committed", flush=True)
sys.stdin.read()
"""
    with another(code, catalog_url) as process, catalog.reading() as session:
        assert process.stdin
        assert process.stdout
        question = select(func.count()).select_from(Picture)
        assert session.scalar(question) == 0  # while the other holds its write transaction
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "committed\n"
        assert session.scalar(question) == 0
        assert count(catalog) == 1


def test_reading_locks_no_writer_out(catalog):
    with catalog.reading() as reader:
        assert reader.scalar(select(func.count()).select_from(Picture)) == 0
        with catalog.session() as writer:
            writer.add(Picture(site="danbooru", post="1"))


def test_reading_cannot_write(catalog):
    with pytest.raises(CatalogError, match="read-only"), catalog.reading() as session:
        session.execute(insert(Picture).values(site="danbooru", post="1"))
    with catalog.session() as session:  # the same connection can, afterwards
        session.add(Picture(site="danbooru", post="1"))


def test_writers_that_read_first_come_one_after_another(catalog_url):
    """On SQLite two such writers would otherwise stop each other; on PostgreSQL the row is locked."""
    catalog = open_catalog(catalog_url)
    with catalog.session() as session:
        session.add(Picture(site="danbooru", post="1", width=0))

    def add() -> None:
        for _ in range(20):
            with catalog.session() as session:
                row = session.scalars(select(Picture).with_for_update()).one()
                row.width = (row.width or 0) + 1

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with catalog.reading() as session:
        assert session.scalars(select(Picture.width)).one() == 80
    catalog.close()


def test_a_post_can_be_there_only_once(catalog):
    with catalog.session() as session:
        session.add(Picture(site="danbooru", post="1"))
    with pytest.raises(CatalogError) as caught, catalog.session() as session:
        session.add(Picture(site="danbooru", post="1"))
    assert isinstance(caught.value.__cause__, IntegrityError)


def test_the_second_run_of_a_stage_is_told(catalog, catalog_url):
    code = "with catalog.alone('faces'):\n    print('at work', flush=True); sys.stdin.read()"
    with another(code, catalog_url) as process:
        with pytest.raises(CatalogError, match="Another run of 'faces'"), catalog.alone("faces"):
            pass
        with catalog.alone("upscale"):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    wait_for_alone(catalog)


def wait_for_alone(catalog) -> None:
    """A server needs a moment to see that somebody is gone."""
    for _ in range(50):
        try:
            with catalog.alone("faces"):
                return
        except CatalogError:
            threading.Event().wait(0.1)
    pytest.fail("the lock outlives its holder")


def test_a_stage_is_free_again_at_once(catalog):
    for _ in range(5):
        others = catalog.alone("faces"), catalog.alone("collect renpy/../x")
        with others[0], others[1], pytest.raises(CatalogError), catalog.alone("faces"):
            pass
        with pytest.raises(ZeroDivisionError), catalog.alone("faces"):
            raise ZeroDivisionError


def test_two_catalogues_in_one_folder_have_locks_of_their_own(tmp_path):
    one, two = open_catalog(tmp_path / "one.db"), open_catalog(tmp_path / "two.db")
    with one.alone("faces"), two.alone("faces"):
        pass


def test_many_open_a_fresh_catalogue_at_once(catalog_url):
    code = "import sys; from kaogae.catalog import *; sys.stdin.readline(); open_catalog(sys.argv[1])"
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", code, catalog_url], **pipes) for _ in range(4)]
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors
    catalog = open_catalog(catalog_url)
    assert count(catalog) == 0
    catalog.close()


@pytest.mark.parametrize("catalog_url", ["postgresql"], indirect=True)
def test_a_lost_connection_is_a_sentence_and_the_next_block_works(catalog_url):
    catalog = open_catalog(catalog_url)
    admin = open_catalog(catalog_url)
    others = text(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid != pg_backend_pid()"
    )

    def cut_off(raises: type[BaseException] | None = None) -> None:
        with admin.session() as boss:
            boss.execute(others)
        if raises:
            raise raises

    def write() -> None:
        with catalog.session() as session:
            session.add(Picture(site="danbooru", post="1"))
            session.flush()
            cut_off()

    with pytest.raises(CatalogError, match="connection"):
        write()
    assert count(catalog) == 0
    with pytest.raises(KeyboardInterrupt), catalog.alone("faces"):
        cut_off(KeyboardInterrupt)  # what stopped the run is what counts, not the lost lock
    with catalog.alone("faces"):
        pass
    catalog.close()
    admin.close()


def test_no_server_is_a_sentence_without_the_password():
    for url in (
        "postgresql+psycopg://me:s3cret@127.0.0.1:1/kaogae",
        "postgresql://me@127.0.0.1:1/kaogae?password=s3cret",
    ):
        with pytest.raises(CatalogError) as caught:
            open_catalog(url)
        assert "Connection refused" in str(caught.value)
        assert "127.0.0.1:1/kaogae" in str(caught.value)
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@host:port/kaogae",
        "postgresql://me:s3cret@[::1/kaogae",
        "mysql://me:s3cret@host/kaogae",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:catalog.db?mode=ro&uri=true",
        "://",
    ],
)
def test_an_impossible_address_is_a_sentence_without_the_password(url):
    with pytest.raises((UsageError, CatalogError)) as caught:
        open_catalog(url)
    assert "s3cret" not in str(caught.value)


def test_the_shown_place_has_no_password(catalog_url):
    if "postgresql" in catalog_url:
        catalog_url = catalog_url.replace("kaogae@", "kaogae:s3cret@")
    catalog = open_catalog(catalog_url)
    assert "s3cret" not in catalog.place
    catalog.close()


@pytest.mark.parametrize("name", ["x?y #%41 ä.db", "a%2Fb.db", ":memory:"])
def test_any_file_name_will_do(tmp_path, name):
    catalog = open_catalog(tmp_path / name)
    with catalog.session() as session:
        session.add(Picture(site="danbooru", post="1"))
    catalog.close()
    assert (tmp_path / name).stat().st_size > 0


def test_a_plain_path_is_an_address_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    open_catalog("some/catalog.db").close()
    assert Path("some/catalog.db").exists()


def test_the_workspace_brings_its_catalogue(tmp_path):
    workspace = Workspace(tmp_path / "new")
    workspace.open().close()
    assert (tmp_path / "new" / "catalog.db").exists()
    other = Workspace(tmp_path / "newer", f"sqlite:///{tmp_path}/else.db")
    other.open().close()
    assert (tmp_path / "else.db").exists()
    assert not (tmp_path / "newer").exists()
