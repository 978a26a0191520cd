"""Disks that are full or can't be written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from kaogae.catalog import Picture, open_catalog
from kaogae.errors import CatalogError

FILL = 400
"""Rows of 10 kB: more than fit on the disk of a test."""


def rows(catalog) -> int:
    with catalog.reading() as session:
        return session.scalar(select(func.count()).select_from(Picture)) or 0


def fill(catalog) -> int:
    """Write batches until the disk is full: how many were written whole."""
    for start in range(0, FILL, 10):
        with catalog.session() as session:
            posts = (str(number) for number in range(start, start + 10))
            session.add_all(Picture(site="danbooru", post=post, detail=post * 3000) for post in posts)
    pytest.fail("the disk is never full")


def test_a_full_disk_is_a_sentence_and_loses_nothing(mount):
    disk = mount("size=2m")
    catalog = open_catalog(disk / "catalog.db")
    with pytest.raises(CatalogError, match="full"):
        fill(catalog)
    kept = rows(catalog)
    assert kept > 0
    assert kept % 10 == 0  # whole batches only
    with pytest.raises(CatalogError, match="full"):
        write(catalog, 100)
    mount("remount,size=8m")  # space is freed
    write(catalog, 10)
    assert rows(catalog) == kept + 10
    catalog.close()
    again = open_catalog(disk / "catalog.db")
    assert rows(again) == kept + 10
    again.close()


def write(catalog, count: int) -> None:
    with catalog.session() as session:
        session.add_all(Picture(site="getchu", post=str(n), detail="x" * 10000) for n in range(count))


def test_a_disk_that_is_full_from_the_start_is_a_sentence(mount):
    disk = mount("size=64k")
    with pytest.raises(CatalogError, match="full"):
        open_catalog(disk / "catalog.db")
    mount("remount,size=8m")
    open_catalog(disk / "catalog.db").close()


def test_a_read_only_disk_is_a_sentence(mount, kaogae):
    disk = mount("size=8m")
    open_catalog(disk / "catalog.db").close()
    mount("remount,ro")
    for workspace in (disk, disk / "new"):
        with pytest.raises(CatalogError, match=r"read-only|can't be used"):
            open_catalog(workspace / "catalog.db")
    code, _, err = kaogae("status", "--workspace", disk)
    assert code == 2
    assert "read-only" in err


def test_a_disk_that_turns_read_only_is_a_sentence(mount):
    disk = mount("size=8m")
    catalog = open_catalog(disk / "catalog.db")
    write(catalog, 1)
    catalog.close()
    mount("remount,ro")
    with pytest.raises(CatalogError):
        write(catalog, 10)
    with pytest.raises(CatalogError, match="writable"), catalog.alone("faces"):
        pass


@pytest.mark.parametrize("locked", ["file", "folder"])
def test_without_permission_it_is_a_sentence(tmp_path, locked):
    """As somebody else, because root may do everything."""
    file = tmp_path / "own" / "catalog.db"
    open_catalog(file).close()
    for path in (*tmp_path.parents, tmp_path, file.parent):
        if path.stat().st_uid == os.geteuid() and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o555)
    file.parent.chmod(0o555 if locked == "folder" else 0o777)
    file.chmod(0o444 if locked == "file" else 0o666)
    code = """
import os, sys
from kaogae.catalog import open_catalog
from kaogae.errors import CatalogError
open_catalog(sys.argv[2]).close()  # everything is imported: others may not be allowed to read Python itself
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    open_catalog(sys.argv[1])
except CatalogError as error:
    print(error)
"""
    run = [sys.executable, "-c", code, str(file), str(tmp_path / "other.db")]
    done = subprocess.run(run, capture_output=True, text=True, cwd="/", check=False)
    assert "writable" in done.stdout, done.stdout + done.stderr
    file.parent.chmod(0o755)
