"""A shared manifest comes back as the same faces and labels, or says why not, and asks only what it may."""

import hashlib
import importlib.util
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import func, select

from kaogae.atelier.expression import canonical
from kaogae.atelier.portrait import Portrait
from kaogae.catalog import Annotator, Face, Picture, Vote, Workspace
from kaogae.collect.danbooru import danbooru
from kaogae.collect.gallery import crawl
from kaogae.collect.intake import Intake
from kaogae.collect.refetch import Boards
from kaogae.collect.rehydrate import rehydrate
from kaogae.dataset import freeze
from kaogae.dataset.catalogued import catalogued_faces
from kaogae.dataset.share import share
from kaogae.errors import CatalogError, CollectError, UsageError
from kaogae.expressions import Expression
from kaogae.faces import AnimefaceDetector
from kaogae.faces.bulk import search
from kaogae.faces.engines import Local
from kaogae.faces.study import Filters, Study

spec = importlib.util.spec_from_file_location("sharing_stub", Path(__file__).parent / "stubs" / "danbooru.py")
stub = importlib.util.module_from_spec(spec)
spec.loader.exec_module(stub)

SHOWN = dict(zip(range(11, 17), ("happy", "expressionless", "surprised") * 2, strict=True))
"""Posts and their tags: expressions whose faces the detector sees well."""


def draw(folder: Path) -> None:
    """Six posts: JPEG, PNG and PNG with transparency."""
    (folder / "files").mkdir(parents=True)
    posts = []
    for number, tag in SHOWN.items():
        named = {"expressionless": "neutral"}.get(tag, tag)
        face = Portrait.from_seed(number, roughness=0).render(canonical(Expression(named)), 240 + number)
        scene = Image.fromarray(np.pad(face, ((30, 50), (60, number), (0, 0)), constant_values=235))
        name = f"files/{number}.{'jpg' if number % 3 == 0 else 'png'}"
        if number % 3 == 1:
            scene.putalpha(
                Image.linear_gradient("L")
                .resize(scene.size)
                .point([128 + value // 2 for value in range(256)])
            )
        scene.save(folder / name)
        about = {"id": number, "tags": f"{tag} 1girl solo", "file": name, "artist": "the_atelier"}
        posts.append(about | ({"character": f"girl_{number}"} if number % 2 else {}))
    (folder / "posts.jsonl").write_text("".join(json.dumps(post) + "\n" for post in posts), "utf-8")


@pytest.fixture(scope="session")
def first(tmp_path_factory) -> Path:
    """a/: a workspace, crawled by gallery-dl, searched, voted on; a.jsonl: its share; board/: the site."""
    folder = tmp_path_factory.mktemp("sharing")
    draw(folder / "board")
    workspace = Workspace(folder / "a")
    catalog = workspace.open()
    with stub.Server(stub.Board.read(folder / "board")) as site, Intake(workspace, catalog) as intake:
        for expression in (Expression.HAPPY, Expression.NEUTRAL, Expression.SURPRISED):
            crawl(intake, danbooru(expression, root=site.root, interval=0))
    study = Study(workspace.folder, AnimefaceDetector, Filters(confidence=0.6))
    search(workspace, catalog, study, Local(1), detector="animeface")
    with catalog.session() as session:
        vote(session)
    report = share(workspace, catalog, None, folder / "a.jsonl")
    assert report.faces >= 5
    assert report.votes == 3
    catalog.close()
    return folder


def vote(session) -> None:
    people = [Annotator(name=name, token_hash="t" * 64) for name in ("Jane Doe", "jane@example.com")]
    session.add_all(people)
    session.flush()
    face = session.scalars(select(Face).where(Face.state == "kept").order_by(Face.id)).first()
    for person, verdict in ((0, "sad"), (1, "skipped"), (0, "happy")):
        who = people[person].id
        session.add(
            Vote(id=uuid4(), annotator_id=who, face_id=face.id, verdict=verdict, review=verdict == "happy")
        )
        session.flush()


@pytest.fixture
def site(first):
    with stub.Server(stub.Board.read(first / "board")) as server:
        yield server


@pytest.fixture
def second(tmp_path):
    workspace = Workspace(tmp_path / "b")
    catalog = workspace.open()
    yield workspace, catalog
    catalog.close()


def boards(site, **settings) -> Boards:
    return Boards({"danbooru": site.root}, **({"interval": 0} | settings))


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def write(path: Path, header: dict, pictures: list[dict] | list[str]) -> Path:
    """A manifest whose hash fits, whatever is in it."""
    body = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in pictures).encode()
    head = header | {"hash": hashlib.sha256(body).hexdigest()}
    path.write_bytes(json.dumps(head).encode() + b"\n" + body)
    return path


def rows(catalog, table=Face):
    with catalog.reading() as session:
        return list(session.scalars(select(table).order_by(table.id)))


def facts(catalog) -> dict:
    """What must come back: by post and number."""
    with catalog.reading() as session:
        found = session.execute(select(Face, Picture).join(Picture).where(Face.state == "kept"))
        return {
            (picture.post, face.number): (
                face.pixels_sha256, face.matrix, face.box, face.landmarks, face.side, face.size, face.file,
                face.confidence, face.detector, face.blur, face.phash, face.expression, face.label_origin,
                face.character, picture.sha256, picture.expression, picture.artist, picture.keyword,
                picture.rating, picture.licence,
            )
            for face, picture in found
        }  # fmt: skip


def frozen(workspace, catalog) -> str:
    source = catalogued_faces(workspace, catalog)
    return freeze("same", [source], workspace.sets, seed=3, split_by="source").hash


def test_the_same_faces_come_back_bit_for_bit_and_freeze_to_the_same_set(first, site, second):
    workspace, catalog = second
    done = rehydrate(first / "a.jsonl", workspace, catalog, refetch=boards(site))
    assert done.complete
    assert done.restored == done.faces >= 5
    source = Workspace(first / "a")
    original = source.open()
    assert facts(catalog) == facts(original)
    tags = {row.post: row.tags for row in rows(original, Picture)}
    assert all(row.tags == tags[row.post] for row in rows(catalog, Picture))
    for face in rows(catalog):
        pixels = np.array(Image.open(workspace.folder / face.file).convert("RGB"))
        assert hashlib.sha256(pixels.tobytes()).hexdigest() == face.pixels_sha256
    # Another port is another page: everything else of the two sets is the same
    with original.session() as session:
        for picture in session.scalars(select(Picture)):
            picture.page_url = f"{site.root}/posts/{picture.post}"
    assert frozen(workspace, catalog) == frozen(source, original)
    again = share(workspace, catalog, None, workspace.folder / "b.jsonl")
    assert again.path.read_bytes() == (first / "a.jsonl").read_bytes()
    original.close()


def test_votes_come_back_in_their_order_under_pseudonyms(first, site, second):
    workspace, catalog = second
    rehydrate(first / "a.jsonl", workspace, catalog, refetch=boards(site))
    with catalog.reading() as session:
        cast = session.execute(select(Vote, Annotator).join(Annotator).order_by(Vote.cast_at)).all()
    assert [(vote.verdict, vote.review) for vote, _ in cast] == [
        ("sad", False),
        ("skipped", False),
        ("happy", True),
    ]
    names = [annotator.name for _, annotator in cast]
    assert names[0] == names[2] != names[1]
    assert all(annotator.role == "shared" and annotator.token_hash is None for _, annotator in cast)


def test_a_second_run_asks_nobody_and_changes_nothing(first, site, second):
    workspace, catalog = second
    rehydrate(first / "a.jsonl", workspace, catalog, refetch=boards(site))
    before, asked = facts(catalog), len(site.board.asked)
    done = rehydrate(first / "a.jsonl", workspace, catalog, refetch=boards(site))
    assert (done.restored, done.known) == (0, done.faces)
    assert done.complete
    assert len(site.board.asked) == asked
    assert facts(catalog) == before
    assert len(rows(catalog, Vote)) == 3


def test_it_asks_by_post_once_slowly_and_says_who_it_is(first, site, second):
    workspace, catalog = second
    rehydrate(first / "a.jsonl", workspace, catalog, refetch=boards(site, interval=0.15, contact="me@here"))
    paths = site.board.paths()
    assert paths.count("/posts.json") == 2  # one search for all posts, and that there is no more
    assert len(paths) == len(set(paths)) + 1 == 2 + len(facts(catalog))
    times = [when for when, _, _ in site.board.asked]
    assert min(np.diff(times)) > 0.14
    for _, _, headers in site.board.asked:
        assert "Kaogae/" in headers["User-Agent"]
        assert "me@here" in headers["User-Agent"]


def test_no_address_in_a_manifest_is_asked(first, site, second, tmp_path):
    header, *pictures = lines(first / "a.jsonl")
    with stub.Server(stub.Board(tmp_path, [])) as trap:
        for picture in pictures:
            picture |= {"file_url": f"{trap.root}/secret.png", "page_url": f"{trap.root}/posts/1"}
        pictures[0]["root"] = trap.root
        manifest = write(tmp_path / "m", header | {"root": trap.root}, pictures)
        done = rehydrate(manifest, *second, refetch=boards(site))
        assert done.complete
        assert trap.board.asked == []


def test_a_site_that_only_a_manifest_names_is_not_asked(first, site, second, tmp_path):
    header, *pictures = lines(first / "a.jsonl")
    for picture in pictures:
        picture["site"] = "danbooru:127.0.0.1"
    done = rehydrate(write(tmp_path / "m", header, pictures), *second, refetch=boards(site))
    assert done.missing == {"file not given": done.faces}
    assert site.board.asked == []


def test_what_a_site_slips_in_is_left_alone(first, site, second, monkeypatch):
    monkeypatch.setattr(stub, "_fits", lambda *_: True)  # every post, whatever was asked for
    header, *pictures = lines(first / "a.jsonl")
    manifest = write(second[0].folder / "m", header, pictures[:2])
    assert rehydrate(manifest, *second, refetch=boards(site)).complete
    assert {row.post for row in rows(second[1], Picture)} == {row["post"] for row in pictures[:2]}
    assert len([path for path in site.board.paths() if path.startswith("/original")]) == 2


def test_changed_and_gone_pictures_are_counted_and_a_folder_brings_them(first, site, second, kaogae):
    workspace, catalog = second
    manifest, wanted = first / "a.jsonl", {row["post"]: row for row in lines(first / "a.jsonl")[1:]}
    changed, gone, hidden = sorted(wanted)[:3]
    by_id = {str(post["id"]): post for post in site.board.posts}
    Image.new("RGB", (50, 50), "red").save(first / "board" / "other.png")
    by_id[changed]["file"] = "other.png"
    site.board.posts.remove(by_id[gone])
    by_id[hidden].pop("file")
    arguments = ("collect", "manifest", manifest, "--root", f"danbooru={site.root}", "--interval", 0)
    code, out, _ = kaogae(*arguments, "--workspace", workspace.folder, "--json")
    told = json.loads(out)
    lost = {post: len(wanted[post]["faces"]) for post in (changed, gone, hidden)}
    assert code == 1
    assert told["missing"] == {"changed at the source": lost[changed], "gone": lost[gone] + lost[hidden]}
    assert told["restored"] == told["faces"] - sum(lost.values())
    reasons = {row.post: row.reason for row in rows(catalog, Picture) if row.state == "rejected"}
    assert reasons == {changed: "changed at the source", gone: "gone", hidden: "gone"}
    asked = len(site.board.asked)
    assert kaogae(*arguments, "--workspace", workspace.folder)[0] == 1
    assert len(site.board.asked) == asked  # what is gone isn't asked for again and again
    code, out, _ = kaogae(*arguments, "--workspace", workspace.folder, "--pictures", first / "board")
    assert code == 0
    assert f"cut again: {sum(lost.values())}" in out
    assert len(facts(catalog)) == told["faces"]


def test_a_post_that_is_there_without_its_picture_is_gone(first, site, second):
    post = lines(first / "a.jsonl")[1]["post"]
    answers = {str(answer["id"]): answer for answer in map(site.board.answer, site.board.posts)}
    site.board.faults[answers[post]["file_url"]] = [(410, {}, b"")]
    done = rehydrate(first / "a.jsonl", *second, refetch=boards(site))
    assert (set(done.missing), done.failed) == ({"gone"}, {})
    assert rehydrate(first / "a.jsonl", *second, pictures=first / "board").complete


def test_a_picture_that_fails_is_tried_again_by_the_next_run(first, site, second):
    post = lines(first / "a.jsonl")[1]["post"]
    answers = {str(answer["id"]): answer for answer in map(site.board.answer, site.board.posts)}
    site.board.faults[answers[post]["file_url"]] = [(403, {}, b"")]
    done = rehydrate(first / "a.jsonl", *second, refetch=boards(site))
    assert list(done.failed) == [f"danbooru {post}"]
    assert not done.complete
    assert rehydrate(first / "a.jsonl", *second, refetch=boards(site)).complete


def test_a_crop_that_comes_out_otherwise_is_a_rejected_face_until_it_fits(first, site, second, tmp_path):
    header, *pictures = lines(first / "a.jsonl")
    pictures[0]["faces"][0]["pixels_sha256"] = "0" * 64
    done = rehydrate(write(tmp_path / "m", header, pictures), *second, refetch=boards(site))
    assert done.missing == {"crop differs": 1}
    (face,) = [face for face in rows(second[1]) if face.state == "rejected"]
    assert (face.reason, face.file, face.pixels_sha256) == ("crop differs", None, None)
    assert face.expression == pictures[0]["faces"][0]["expression"]
    done = rehydrate(first / "a.jsonl", *second)
    assert done.complete
    assert done.restored == 1


def test_a_crop_that_is_rounded_otherwise_is_kept_if_that_is_wanted(first, second, tmp_path):
    workspace, catalog = second
    header, *pictures = lines(first / "a.jsonl")
    pictures[0]["faces"][0]["pixels_sha256"] = "0" * 64  # as another processor would have it
    pictures[1]["faces"][0] |= {"pixels_sha256": "1" * 64, "phash": ~pictures[1]["faces"][0]["phash"]}
    manifest = write(tmp_path / "m", header, pictures)
    assert rehydrate(manifest, workspace, catalog, pictures=first / "board").missing == {"crop differs": 2}
    done = rehydrate(manifest, workspace, catalog, inexact=True)
    assert (done.restored, done.inexact, done.missing) == (1, 1, {"crop differs": 1})
    done = rehydrate(manifest, workspace, catalog)
    assert (done.restored, done.inexact) == (0, 1)
    for face in rows(catalog):
        if face.state == "kept":
            pixels = np.array(Image.open(workspace.folder / face.file).convert("RGB"))
            assert hashlib.sha256(pixels.tobytes()).hexdigest() == face.pixels_sha256


def test_a_limit_leaves_the_rest_for_the_next_run(first, site, second):
    done = rehydrate(first / "a.jsonl", *second, limit=2, refetch=boards(site))
    assert done.complete
    assert done.left > 0
    assert len(rows(second[1], Picture)) == 2
    assert len([path for path in site.board.paths() if path.startswith("/original")]) == 2
    assert rehydrate(first / "a.jsonl", *second, refetch=boards(site)).restored == done.left


def test_a_folder_alone_is_enough_and_its_names_say_nothing(first, second, tmp_path):
    folder = tmp_path / "mine" / "deep"
    folder.mkdir(parents=True)
    for place, path in enumerate(sorted((first / "board" / "files").iterdir())):
        (folder / f"holiday {place}").write_bytes(path.read_bytes())
    done = rehydrate(first / "a.jsonl", *second, pictures=tmp_path / "mine")
    assert done.complete
    assert done.restored == done.faces


def test_pictures_that_no_site_has_are_found_by_their_hash(first, site, second, tmp_path):
    header, *pictures = lines(first / "a.jsonl")
    for picture in pictures:
        picture |= {"site": "folder:0001", "post": picture["sha256"]}
        picture.pop("keyword")
    manifest = write(tmp_path / "m", header, sorted(pictures, key=lambda picture: picture["post"]))
    done = rehydrate(manifest, *second, refetch=boards(site))
    assert done.missing == {"file not given": done.faces}
    assert site.board.asked == []
    assert {row.reason for row in rows(second[1], Picture)} == {"file not given"}
    done = rehydrate(manifest, *second, refetch=boards(site), pictures=first / "board")
    assert done.complete
    assert done.restored == done.faces
    again = share(*second, None, tmp_path / "again").path
    assert [row["post"] for row in lines(again)[1:]] == [row["post"] for row in lines(manifest)[1:]]


def test_killed_at_any_instant_it_goes_on_where_it_was(first, site, second, environment):
    workspace, catalog = second
    command = [sys.executable, "-m", "kaogae.cli", "collect", "manifest", str(first / "a.jsonl")]
    command += ["--interval", "0.1", "--root", f"danbooru={site.root}", "--workspace", str(workspace.folder)]
    for pictures in (1, 3, 5):
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
            while len(set(_fetched(site))) < pictures and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
    assert subprocess.run(command, env=environment, capture_output=True).returncode == 0
    source = Workspace(first / "a").open()
    assert facts(catalog) == facts(source)
    assert len(rows(catalog, Vote)) == len(rows(source, Vote))
    assert not list(workspace.folder.rglob("*.part"))
    source.close()


def _fetched(site) -> list[str]:
    return [path for path in site.board.paths() if path.startswith("/original")]


def test_between_picture_and_faces_nobody_else_looks_for_faces(first, second, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("kaogae.collect.rehydrate.restore", stop)
    with pytest.raises(KeyboardInterrupt):
        rehydrate(first / "a.jsonl", *second, pictures=first / "board")
    monkeypatch.undo()
    assert {row.state for row in rows(second[1], Picture)} == {"restored"}
    assert rehydrate(first / "a.jsonl", *second).complete


def test_two_runs_at_once_are_refused(first, second):
    with second[1].alone("collect"), pytest.raises(CatalogError, match="Another run"):
        rehydrate(first / "a.jsonl", *second)


def test_a_site_that_refuses_is_a_sentence(first, site, second):
    site.board.faults["/posts.json"] = [(403, {}, b"{}")] * 9
    with pytest.raises(CollectError, match="then run it again"):
        rehydrate(first / "a.jsonl", *second, refetch=boards(site))


def test_both_databases_give_the_same_bytes_back(first, catalog, tmp_path):
    workspace = Workspace(tmp_path / "b")
    assert rehydrate(first / "a.jsonl", workspace, catalog, pictures=first / "board").complete
    share(workspace, catalog, None, tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == (first / "a.jsonl").read_bytes()
    with catalog.reading() as session:
        assert session.scalar(select(func.count()).select_from(Vote)) == 3


def test_a_folder_of_pictures_that_is_none_is_wrong_use(first, second, tmp_path):
    with pytest.raises(UsageError, match="There is no folder"):
        rehydrate(first / "a.jsonl", *second, pictures=tmp_path / "none")
