"""A share says where faces are found and what they show: the same bytes always, no name, no local place."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid1, uuid4, uuid5

import pytest
from sqlalchemy import select

from kaogae.catalog import Annotator, Campaign, Face, Item, Picture, Vote
from kaogae.collect.share_file import open_share
from kaogae.dataset import freeze
from kaogae.dataset.anonymous import public_search, public_url, site_names, vote_id
from kaogae.dataset.catalogued import catalogued_faces
from kaogae.dataset.share import share
from kaogae.errors import ManifestError, UsageError

SECRET = "janedoe"


@pytest.fixture
def told(filled):
    """The drawn workspace, with what `collect` notes about a picture besides, and with secrets everywhere."""
    with filled.catalog.session() as session:
        for row in session.scalars(select(Picture)):
            row.bytes = (filled.workspace.folder / row.file).stat().st_size
            row.width = row.height = 400
            row.post = f"9{row.post}"
            row.keyword = f"happy -comic rating:general user:{SECRET} -fav:{SECRET}"
            row.file_url = f"https://{SECRET}:pass@cdn.donmai.us/{row.post}.png"
            row.page_url = f"https://danbooru.donmai.us/posts/{row.post}"
            if row.site.startswith("renpy"):
                row.site, row.artist = f"folder:{SECRET}", SECRET
                row.post = f"home/{SECRET}/{row.post}.png"
                row.page_url = f"file:///home/{SECRET}"
                row.character = f"{SECRET} {row.post}"
                for face in row.faces:
                    face.site, face.character = row.site, SECRET
        vote(session)
    return filled


def vote(session) -> None:
    campaign = Campaign(name=f"for {SECRET}", kind="clean", settings={"by": SECRET})
    panel = Campaign(name=f"panel {SECRET}", kind="panel")
    people = [Annotator(name=f"{SECRET} {number}", token_hash=SECRET) for number in range(2)]
    session.add_all([campaign, panel, *people])
    session.flush()
    transfer = Item(campaign_id=panel.id, number=0, file=f"panels/{SECRET}.png", sha256=SECRET)
    session.add(transfer)
    session.flush()
    face = session.scalars(select(Face).join(Picture).where(Picture.site == "danbooru")).first()
    begun = datetime(2026, 3, 1, 13, 37, 42, tzinfo=UTC)
    said = ((0, "sad"), (1, "happy"), (0, "undone"), (0, "skipped"), (1, "sad"))
    for place, (person, verdict) in enumerate(said):
        name = uuid1(node=0xAABBCCDDEEFF) if place == 2 else uuid4()
        moment = begun + timedelta(seconds=place)
        session.add(
            Vote(
                id=name, campaign_id=campaign.id, annotator_id=people[person].id, face_id=face.id,
                verdict=verdict, took_ms=1200, cast_at=moment, review=place == 4,
            )
        )  # fmt: skip
        session.add(
            Vote(
                id=uuid4(), campaign_id=panel.id, annotator_id=people[person].id, item_id=transfer.id,
                verdict="happy",
            )
        )  # fmt: skip


def shared(told, name=None, to="all.jsonl"):
    report = share(told.workspace, told.catalog, name, told.workspace.folder / to)
    header, *pictures = [json.loads(line) for line in report.path.read_text("utf-8").splitlines()]
    return report, header, pictures


def test_every_kept_labelled_face_is_in_it_and_counted(told):
    first, second = (
        told.face(site="danbooru", expression="sad"),
        told.face(site="danbooru", expression="happy"),
    )
    told.change(first, state="rejected", reason="blurred")
    told.change(second, expression=None)
    report, header, pictures = shared(told)
    faces = [face for picture in pictures for face in picture["faces"]]
    assert report.faces == len(faces) == header["counts"]["faces"] == 38
    assert report.by_hash == header["counts"]["by_hash"] == 20
    assert sum(header["counts"]["expressions"].values()) == 38
    assert open_share(report.path).hash == report.hash == header["hash"]
    hashes = {face["pixels_sha256"] for face in faces}
    assert not {first.pixels_sha256, second.pixels_sha256} & hashes


def test_no_secret_and_no_path_is_in_it(told):
    report, _, pictures = shared(told)
    text = report.path.read_text("utf-8")
    for secret in (
        SECRET,
        str(told.workspace.folder),
        "home",
        "pictures/",
        "faces/",
        "aabbccddeeff",
        "13:37",
        ".png",
    ):
        assert secret not in text, secret
    assert {picture["site"] for picture in pictures} == {"danbooru", "folder:0001"}
    assert {picture["keyword"] for picture in pictures if "keyword" in picture} == {
        "happy -comic rating:general"
    }
    for picture in pictures:
        if picture["site"] != "danbooru":
            assert picture["post"] == picture["sha256"]
            assert not {"page_url", "file_url", "artist", "keyword"} & set(picture)
            assert {face["character"] for face in picture["faces"]} <= {
                f"character {n:04d}" for n in range(1, 42)
            }


def test_votes_keep_order_day_and_pseudonym_and_panels_stay_at_home(told):
    report, _, pictures = shared(told)
    (votes,) = [face["votes"] for picture in pictures for face in picture["faces"] if "votes" in face]
    assert report.votes == 5
    assert report.left_out == {}
    assert [vote["verdict"] for vote in votes] == ["sad", "happy", "undone", "skipped", "sad"]
    assert ["review" in vote for vote in votes] == [False] * 4 + [True]
    assert {vote["day"] for vote in votes} == {"2026-03-01"}
    assert votes[0]["annotator"] == votes[2]["annotator"] != votes[1]["annotator"]
    assert len({vote["campaign"] for vote in votes}) == 1
    assert all(UUID(vote["id"]).version == 4 for vote in votes)
    with told.catalog.session() as session:  # a new name is the same person
        for row in session.scalars(select(Annotator)):
            row.name += "!"
    again = shared(told)[2]
    assert again == pictures


def test_the_same_catalogue_gives_the_same_bytes_packed_or_not(told):
    plain = share(told.workspace, told.catalog, None, told.workspace.folder / "a.jsonl")
    packed = [share(told.workspace, told.catalog, None, told.workspace.folder / f"{n}.gz").path for n in "ab"]
    assert packed[0].read_bytes() == packed[1].read_bytes()
    assert gzip.decompress(packed[0].read_bytes()) == plain.path.read_bytes()
    assert open_share(packed[0]).hash == plain.hash
    assert not list(told.workspace.folder.glob(".*.part"))


def test_a_frozen_set_is_shared_with_its_labels_and_splits(told):
    source = catalogued_faces(told.workspace, told.catalog)
    frozen = freeze("first", [source], told.workspace.sets, seed=5)
    face = told.face(site="danbooru", expression="sad")
    told.change(face, expression="crying", label_origin="votes", state="rejected")  # the set never changes
    report, header, pictures = shared(told, "first")
    faces = {face["pixels_sha256"]: face for picture in pictures for face in picture["faces"]}
    assert report.faces == len(faces) == 40
    assert faces[face.pixels_sha256]["expression"] == "sad"
    assert faces[face.pixels_sha256]["label_origin"] == "tag"
    splits = [face["split"] for face in faces.values()]
    assert {split: splits.count(split) for split in set(splits)} == {
        split: sum(row.values()) for split, row in frozen.counts.items() if sum(row.values())
    }
    assert header["set"]["name"] == "first"
    assert (header["set"]["hash"], header["set"]["seed"]) == (frozen.hash, 5)


def test_faces_that_changed_since_the_set_was_frozen_are_left_out_and_counted(told):
    freeze("first", [catalogued_faces(told.workspace, told.catalog)], told.workspace.sets)
    told.change(told.face(site="danbooru"), pixels_sha256="0" * 64)
    told.change(told.face(site="danbooru", expression="sad"), number=3)
    report, _, _ = shared(told, "first")
    assert report.faces == 38
    assert report.left_out == {"has changed since it was frozen": 1, "no longer in the catalogue": 1}


def test_the_papers_eight_crops_are_one_face(told):
    freeze("paper", [catalogued_faces(told.workspace, told.catalog)], told.workspace.sets, paper=True)
    assert shared(told, "paper")[0].faces == 40


def test_a_set_without_a_catalogue_has_nothing_to_share(told, tmp_path):
    folder = tmp_path / "drawn" / "happy"
    folder.mkdir(parents=True)
    (folder / "1.png").write_bytes(told.path(told.face()).read_bytes())
    freeze("drawn", [tmp_path / "drawn"], told.workspace.sets)
    with pytest.raises(ManifestError, match=r"no face to share.*1 not from a catalogue"):
        shared(told, "drawn")
    assert not (told.workspace.folder / "all.jsonl").exists()


def test_a_row_that_cannot_be_is_left_out_and_spoils_nothing(told):
    told.change(told.face(site="danbooru"), matrix=[[9.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    report, _, _ = shared(told)
    assert report.left_out == {"says what can't be": 1}
    assert open_share(report.path).faces_count == report.faces == 39


def test_no_other_file_is_overwritten(told):
    picture = told.path(told.face())
    before = picture.read_bytes()
    with pytest.raises(UsageError, match="isn't a shared manifest"):
        share(told.workspace, told.catalog, None, picture)
    assert picture.read_bytes() == before


def test_the_command_needs_a_set_or_all(told, kaogae, tmp_path):
    place = ("--workspace", told.workspace.folder)
    code, _, err = kaogae("dataset", "share", *place)
    assert code == 2
    assert "--all" in err
    assert kaogae("dataset", "share", "first", "--all", *place)[0] == 2
    assert kaogae("dataset", "share", "../first", *place)[0] == 2
    assert kaogae("dataset", "share", "--all", "--workspace", tmp_path / "none")[0] == 2
    code, out, _ = kaogae("dataset", "share", "--all", "-o", tmp_path / "a.gz", "--json", *place)
    assert code == 0
    assert json.loads(out)["faces"] == open_share(tmp_path / "a.gz").faces_count == 40
    code, out, _ = kaogae("dataset", "share", "--all", "--out", tmp_path / "a.gz", *place)
    assert code == 0
    assert "only for those who have the files: 20 faces" in out


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://danbooru.donmai.us/posts/1", True),
        ("https://www.getchu.com/soft.phtml?id=1", True),
        ("https://8.8.8.8/a", True),
        ("https://me:pass@danbooru.donmai.us/posts/1", False),
        ("http://192.168.1.5/posts/1", False),
        ("http://127.0.0.1:8000/posts/1", False),
        ("http://[::1]/posts/1", False),
        ("http://nas/posts/1", False),
        ("http://booru.home.lan/1", False),
        ("file:///home/me/1.png", False),
        ("https://[broken", False),
        ("", False),
        (None, False),
    ],
)
def test_only_addresses_of_the_open_web_are_told(url, kept):
    assert public_url(url) == (url if kept else None)


def test_terms_that_name_people_leave_the_search():
    search = "happy -comic rating:general filetype:jpg,png user:me -fav:me ordfav:me order:id ~approver:x"
    assert public_search(search) == "happy -comic rating:general filetype:jpg,png order:id"
    assert public_search(None) is public_search("user:me") is None


def test_folders_get_numbers_and_boards_at_home_too():
    sites = ["folder:me", "danbooru", "renpy:tale", "danbooru:nas", "danbooru:booru.example.org", "/home/me"]
    names = site_names(sites)
    assert names["danbooru"] == "danbooru"
    assert names["renpy:tale"] == "renpy:tale"
    assert names["danbooru:booru.example.org"] == "danbooru:booru.example.org"
    private = [names["folder:me"], names["danbooru:nas"], names["/home/me"]]
    assert len(set(private)) == 3
    assert [name.partition(":")[0] for name in private] == ["folder", "other", "other"]


def test_nobody_finds_out_a_name_by_trying_which_one_makes_the_id_of_a_vote():
    """Votes from files may have ids that follow from who cast them."""
    made, begun = uuid5(UUID(int=0), "janedoe said happy"), datetime(2026, 3, 1, tzinfo=UTC)
    assert vote_id(made, begun) == vote_id(made, begun) != vote_id(made, begun + timedelta(microseconds=1))
    assert made != vote_id(made, begun)
