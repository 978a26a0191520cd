"""Older and newer catalogues, foreign databases, and the migrations themselves."""

import sqlite3
from uuid import UUID

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import and_, inspect, select, text

from kaogae.catalog import Annotator, Campaign, Face, Picture, Vote, open_catalog
from kaogae.catalog.engine import make_engine
from kaogae.catalog.migrating import MIGRATIONS
from kaogae.catalog.models import Base
from kaogae.errors import CatalogError

LABELS = {"vote", "annotator", "campaign", "item", "assignment", "contribution", "membership", "sign_in"}
TABLES = {"picture", "face", *LABELS}


def migrate(engine, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect().execution_options(migrating=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        (command.upgrade if to == "head" else command.downgrade)(config, to)


def tables(catalog) -> set[str]:
    with catalog.engine.connect() as connection:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}


def test_opening_creates_the_tables(catalog):
    assert tables(catalog) == TABLES


def test_migrations_lead_to_the_models(catalog):
    with catalog.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, Base.metadata) == []
        for table in Base.metadata.tables.values():
            there = {
                index["name"]: index["column_names"] for index in inspect(connection).get_indexes(table.name)
            }
            for index in table.indexes:
                assert there[index.name] == [column.name for column in index.columns]


@pytest.mark.parametrize("catalog_url", ["sqlite"], indirect=True)
def test_sqlite_looks_up_a_pictures_faces_by_their_picture(catalog):
    """Not through all that are kept: with two million faces that would never end."""
    labelled = and_(Face.state == "kept", Face.expression.is_not(None))
    question = select(Picture.id).where(Picture.faces.any(labelled))
    with catalog.reading() as session:
        plan = session.connection().exec_driver_sql(
            "explain query plan " + str(question.compile(compile_kwargs={"literal_binds": True}))
        )
        assert "uq_face_picture_id_number" in str(plan.all())


def test_down_and_up_again(catalog, catalog_url):
    migrate(catalog.engine, "base")
    assert tables(catalog) == set()
    migrate(catalog.engine, "head")
    assert tables(catalog) == TABLES
    migrate(catalog.engine, "base")
    open_catalog(catalog_url).close()
    assert tables(catalog) == TABLES


def test_votes_of_an_older_catalogue_are_kept(catalog, catalog_url):
    """A shared manifest brought them before there were campaigns to vote in."""
    with catalog.session() as session:
        face = {"box": [], "landmarks": {}, "confidence": 1.0, "detector": "x", "matrix": [], "side": 1.0}
        picture = Picture(site="danbooru", post="1", faces=[Face(number=0, site="danbooru", size=1, **face)])
        session.add(picture)
    migrate(catalog.engine, "0001")
    begun, vote = "2026-03-01 00:00:00+00:00", UUID(int=7, version=4)
    with catalog.engine.begin() as connection:
        for statement in (
            f"insert into annotator (name, role, created_at) values ('annotator-1', 'shared', '{begun}')",
            "insert into campaign (name, kind, settings, created_at)"
            f" values ('campaign-1', 'clean', '{{\"shared\": true}}', '{begun}')",
            "insert into vote (id, campaign_id, annotator_id, face_id, verdict, cast_at)"
            f" values ('{vote.hex}', 1, 1, 1, 'sad', '{begun}')",
        ):
            connection.exec_driver_sql(statement)
    for _ in range(2):  # the second time nothing is left to do
        again = open_catalog(catalog_url)
        with again.reading() as session:
            row = session.get_one(Vote, vote)
            assert (row.campaign_id, row.annotator_id, row.face_id, row.item_id) == (1, 1, 1, None)
            assert (row.verdict, row.review, row.cast_at.year) == ("sad", False, 2026)
            campaign = session.get_one(Campaign, 1)
            assert (campaign.settings, campaign.closed_at, campaign.settled) == ({"shared": True}, None, 0)
            assert session.get_one(Annotator, 1).role == "shared"
        again.close()


def test_opening_again_keeps_what_is_there(catalog, catalog_url):
    with catalog.session() as session:
        session.add(Picture(site="danbooru", post="1"))
    again = open_catalog(catalog_url)
    with again.reading() as session:
        assert session.scalars(select(Picture.post)).all() == ["1"]
    again.close()


def test_a_migration_that_fails_leaves_no_half(catalog_url, monkeypatch):
    from alembic import op

    drawn = op.create_table

    def create(name, *columns):
        if name == "vote":
            raise KeyboardInterrupt
        drawn(name, *columns)

    monkeypatch.setattr(op, "create_table", create)
    with pytest.raises(KeyboardInterrupt):
        open_catalog(catalog_url)
    monkeypatch.undo()
    engine = make_engine(catalog_url)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == []
    engine.dispose()
    open_catalog(catalog_url).close()


def test_a_newer_catalogue_is_refused(kaogae, catalog, catalog_url, tmp_path):
    with catalog.session() as session:
        session.execute(text("update alembic_version set version_num = '9999'"))
    code, out, err = kaogae("status", "--workspace", tmp_path, "--catalog", catalog_url)
    assert (code, out) == (2, "")
    assert "newer Kaogae (revision 9999): update Kaogae" in err
    assert "Traceback" not in err


def test_another_programs_database_is_left_alone(catalog_url):
    engine = make_engine(catalog_url)
    with engine.begin() as connection:
        connection.execute(text("create table bookmarks (id integer)"))
    with pytest.raises(CatalogError, match="another program's tables"):
        open_catalog(catalog_url)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["bookmarks"]
    engine.dispose()


@pytest.mark.parametrize(
    "content", [b"not a database" * 100, b"\x89PNG\r\n\x1a\n", b"SQLite format 3\0" + b"\0" * 500]
)
def test_a_file_that_is_no_database_is_a_sentence(kaogae, tmp_path, content):
    file = tmp_path / "catalog.db"
    file.write_bytes(content)
    code, out, err = kaogae("status", "--workspace", tmp_path)
    assert (code, out) == (2, "")
    assert str(file) in err.replace("\n", "")
    assert file.read_bytes() == content


def test_an_empty_file_becomes_a_catalogue(tmp_path):
    (tmp_path / "catalog.db").touch()
    open_catalog(tmp_path / "catalog.db").close()


def test_a_folder_in_its_place_is_a_sentence(tmp_path):
    (tmp_path / "catalog.db").mkdir()
    with pytest.raises(CatalogError, match="can't be opened"):
        open_catalog(tmp_path / "catalog.db")
    (tmp_path / "file").touch()
    with pytest.raises(CatalogError, match="can't be used"):
        open_catalog(tmp_path / "file" / "catalog.db")


def test_a_damaged_catalogue_is_a_sentence(tmp_path):
    file = tmp_path / "catalog.db"
    catalog = open_catalog(file)
    with catalog.session() as session:
        session.add_all(Picture(site="danbooru", post=str(number), detail="x" * 500) for number in range(500))
    catalog.close()
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(CatalogError, match=r"damaged|can't be used"):
        open_catalog(file)
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(file).execute("select * from picture").fetchall()
