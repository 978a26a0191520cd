"""A fake project of drawn sprites and layers; the composed pictures have to equal the drawn ones."""

import csv
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.character import Character
from kaogae.atelier.drawing import CROP_VIEW, draw
from kaogae.atelier.expression import canonical
from kaogae.atelier.render import rasterise
from kaogae.catalog import Picture, Workspace
from kaogae.collect import renpy
from kaogae.collect.intake import Intake
from kaogae.collect.renpy_names import read_image_name, read_path, the_one, words
from kaogae.collect.renpy_script import Definitions, read_script
from kaogae.errors import CollectError
from kaogae.expressions import EXPRESSIONS, Expression

SIDE = 96


def sprite(seed: int, expression: Expression) -> np.ndarray:
    """A character without a background: RGBA [96, 96, 4]."""
    canvas = Canvas()
    draw(Character.from_seed(seed), canonical(expression), canvas=canvas)
    return rasterise(canvas.svg(CROP_VIEW), SIDE, SIDE)


@pytest.fixture(scope="module")
def drawn() -> dict[Expression, np.ndarray]:
    return {expression: sprite(3, expression) for expression in EXPRESSIONS}


def save(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def face_layer(
    drawn: dict[Expression, np.ndarray], expression: Expression
) -> tuple[np.ndarray, tuple[int, int]]:
    """What has to be laid over the neutral sprite, and where: cut out as tightly as can be."""
    changed = (drawn[expression] != drawn[Expression.NEUTRAL]).any(axis=-1)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    layer = np.where(changed[..., None], drawn[expression], 0).astype(np.uint8)
    top, left = int(rows[0]), int(columns[0])
    return layer[top : rows[-1] + 1, left : columns[-1] + 1], (left, top)


@pytest.fixture
def game(tmp_path: Path) -> Path:
    folder = tmp_path / "novel" / "game"
    (folder / "images").mkdir(parents=True)
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def rows_after(
    workspace: Workspace, game: Path, *, limit: int | None = None
) -> tuple[dict[str, Picture], Counter[str]]:
    """Collect, and what the catalogue then holds by post."""
    catalog = workspace.open()
    made = renpy.plan(game.parent)
    with Intake(workspace, catalog) as intake:
        renpy.collect(intake, made, "renpy:novel", limit=limit)
    with catalog.reading() as session:
        rows = {row.post: row for row in session.scalars(select(Picture))}
    catalog.close()
    return rows, made.left_out


def pixels(workspace: Workspace, row: Picture) -> np.ndarray:
    assert row.file
    with Image.open(workspace.folder / row.file) as image:
        return np.array(image.convert("RGBA"))


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal where anything is seen."""
    seen = one[..., 3] > 0
    return one.shape == other.shape and bool(
        (one[..., 3] == other[..., 3]).all() and (one == other)[seen].all()
    )


def test_sprites_get_label_and_character_from_their_names(game, workspace, drawn):
    save(drawn[Expression.HAPPY], game / "images/eileen happy.png")
    save(drawn[Expression.SAD], game / "images/sprites/lucy/lucy_uniform_Sad2.png")
    save(drawn[Expression.CRYING], game / "images/lucy/crying-smile.png")
    save(drawn[Expression.SURPRISED], game / "images/eileen angry.png")
    save(drawn[Expression.NEUTRAL], game / "images/eileen wave.png")
    rows, left_out = rows_after(workspace, game)
    found = {post: (row.expression, row.label_origin, row.character) for post, row in rows.items()}
    assert found == {
        "images/eileen happy.png": ("happy", "file name", "eileen"),
        "images/sprites/lucy/lucy_uniform_Sad2.png": ("sad", "file name", "lucy"),
        "images/lucy/crying-smile.png": (None, None, "lucy"),
        "images/eileen angry.png": (None, None, "eileen"),
        "images/eileen wave.png": (None, None, "eileen"),
    }
    assert not +left_out
    assert rows["images/eileen happy.png"].tags == ["eileen", "happy"]
    assert all(row.site == "renpy:novel" and row.state == "waiting" for row in rows.values())


def test_image_statements_name_files(game, workspace, drawn):
    save(drawn[Expression.HAPPY], game / "art/e1.png")
    save(drawn[Expression.SAD], game / "art/e2.png")
    save(drawn[Expression.CRYING], game / "art/e3.png")
    save(drawn[Expression.SURPRISED], game / "images/e4_smile.png")
    (game / "script.rpy").write_text(
        """
init:
    image joy happy = "art/e1.png"  # Joy is a name here
    image joy sad = im.FactorScale(
        "art/e2.png", 0.5)
image side joy crying = Image("art/E3.png", xalign=0.5)
$ renpy.image("joy angry", "e4_smile.png")
""",
        "utf-8",
    )
    rows, _ = rows_after(workspace, game)
    assert {post: (row.expression, row.character) for post, row in rows.items()} == {
        "art/e1.png": ("happy", "joy"),
        "art/e2.png": ("sad", "joy"),
        "art/e3.png": ("crying", "joy"),
        "images/e4_smile.png": (None, "joy"),
    }


@pytest.mark.parametrize(
    "statement",
    [
        'image eileen {e} = im.Composite((96, 96), (0, 0), "parts/body.png", ({x}, {y}), "parts/{e}.png")',
        'image eileen {e} = LiveComposite(SIZE, (0, 0), "parts/body.png", ({x}, {y}), "parts/{e}.png")',
        'image eileen {e} = Composite(SIZE, (0, 0), "body", ({x}, {y}), Transform("{e} layer", pos=(3, 4)))',
        'image eileen {e} = Fixed("body", At("parts/{e}.png", there_{e}))',
        'image eileen {e} = ConditionSwitch("night", Solid("#000"), "True", Fixed("body", '
        'Transform("parts/{e}.png", xpos={x}, ypos={y} - 2 + 2)))',
        'image eileen {e}:\n    contains:\n        "body"\n    contains:\n        "parts/{e}.png"\n'
        "        pos ({x}, {y})\n        linear 1.0",
    ],
)
def test_composed_images_are_put_together(game, workspace, drawn, statement):
    save(drawn[Expression.NEUTRAL], game / "parts/body.png")
    script = ["define SIZE = (96, 48 * 2)", 'image body = "parts/body.png"']
    for expression in (Expression.HAPPY, Expression.CRYING):
        layer, (x, y) = face_layer(drawn, expression)
        save(layer, game / f"parts/{expression}.png")
        script += [
            f'image {expression} layer = "parts/{expression}.png"',
            f"transform there_{expression}(speed=1.0):\n    xpos {x} ypos {y}\n    linear speed",
            statement.format(e=expression, x=x, y=y),
        ]
    (game / "script.rpy").write_text("\n".join(script), "utf-8")
    rows, left_out = rows_after(workspace, game)
    for expression in (Expression.HAPPY, Expression.CRYING):
        row = rows[f"image eileen {expression}"]
        assert (row.expression, row.character) == (expression, "eileen")
        assert same(pixels(workspace, row), drawn[expression])
    assert left_out[renpy.PART] >= 1


@pytest.fixture
def layered(game: Path, drawn: dict[Expression, np.ndarray]) -> Path:
    """A body, and five faces cut out tightly and put in their place by the script."""
    save(drawn[Expression.NEUTRAL], game / "images/lucy_base.png")
    for expression in (Expression.HAPPY, Expression.SAD, Expression.CRYING):
        layer, (x, y) = face_layer(drawn, expression)
        padded = np.zeros((SIDE - 2, SIDE, 4), np.uint8)
        padded[y - 2 : y - 2 + layer.shape[0], x : x + layer.shape[1]] = layer
        save(padded, game / f"images/lucy/lucy_face_{expression}.png")
    save(np.zeros((4, 4, 4), np.uint8), game / "images/lucy/lucy_face_neutral.png")
    (game / "lucy.rpy").write_text(
        """
layeredimage lucy:
    at thaw
    always "lucy_base"
    group face auto:
        ypos 2
        attribute neutral default
    group outfit:
        attribute plain default null
        attribute coat
    attribute hat if_not "plain":
        "missing_hat"
    if weather == "rain":
        "missing_umbrella"
""",
        "utf-8",
    )
    return game


def test_a_layered_image_gives_each_expression_with_the_other_groups_defaults(layered, workspace, drawn):
    rows, left_out = rows_after(workspace, layered)
    found = {post: row for post, row in rows.items() if row.state == "waiting"}
    assert {post: row.expression for post, row in found.items()} == {
        f"layeredimage lucy {expression} plain": expression
        for expression in ("neutral", "happy", "sad", "crying")
    }
    for row in found.values():
        assert row.character == "lucy"
        assert same(pixels(workspace, row), drawn[Expression(str(row.expression))])
    assert left_out[renpy.PART] == 5  # neither body nor faces are sprites


def test_conditions_on_attributes_decide_which_layers_are_seen(game, workspace, drawn):
    for expression in EXPRESSIONS:
        save(drawn[expression], game / f"parts/{expression}.png")
    (game / "a.rpy").write_text(
        """
layeredimage ann work:
    image_format "parts/{image}.png"
    group mood_face:
        attribute smile null
        attribute gasp null default
    always:
        "happy"
        if_any ["smile", "other"]
    always "sad" if_all ["smile", "gasp"]
    always "surprised" if_not "smile"
""",
        "utf-8",
    )
    rows, _ = rows_after(workspace, game)
    assert same(pixels(workspace, rows["layeredimage ann work smile"]), drawn[Expression.HAPPY])
    assert same(pixels(workspace, rows["layeredimage ann work gasp"]), drawn[Expression.SURPRISED])
    assert rows["layeredimage ann work smile"].expression == "happy"
    assert rows["layeredimage ann work gasp"].expression == "surprised"


def test_eyes_brows_and_mouth_have_to_agree(game):
    for name in (
        "eyes_happy",
        "eyes_normal",
        "mouth_smile",
        "mouth_neutral",
        "brows_sad",
        "brows_normal",
        "body_x",
    ):
        save(np.full((4, 4, 4), 255, np.uint8), game / f"images/ann_{name}.png")
    (game / "a.rpy").write_text(
        "layeredimage ann:\n"
        + "".join(f"    group {g} auto\n" for g in ("body", "eyes", "mouth", "brows"))
        + "    group arms:\n        attribute normal default null\n",
        "utf-8",
    )
    labels = {sprite.post: sprite.expression for sprite in renpy.plan(game.parent).sprites}
    together = [label for post, label in labels.items() if "happy" in post]
    assert together == [Expression.HAPPY]  # eyes and mouth went together
    assert [label for post, label in labels.items() if "sad" in post] == [None]  # a brow alone says nothing


def test_what_is_no_character_is_counted_and_left_out(game, workspace, drawn):
    opaque = np.full((60, 100, 3), 200, np.uint8)
    save(drawn[Expression.HAPPY], game / "images/eileen happy.png")
    save(opaque, game / "images/bg/school.png")
    save(opaque + 1, game / "images/bg room.png")
    save(opaque + 2, game / "gui/button/idle.png")
    save(opaque + 3, game / "images/CG/kiss happy.png")
    save(opaque + 4, game / "images/items/sword.png")
    save(opaque + 5, game / "images/school evening.png")  # only its look tells
    (game / "images/old.rpa").write_bytes(b"RPA-3.0 0000000000000000 42424242\ncos\nsystem")
    (game / "options.rpyc").write_bytes(b"RENPY RPC2")
    (game / "script.rpy").write_text('image black = Solid("#000")\nimage mood = renpy.random.choice(x)\n')
    (game / "script.rpyc").write_bytes(b"RENPY RPC2")
    rows, left_out = rows_after(workspace, game)
    assert set(rows) == {"images/eileen happy.png"}
    assert dict(+left_out) == {
        "background": 3,
        "interface": 1,
        "event picture": 1,
        "item": 1,
        "archive, not read": 1,
        "compiled script, not read": 1,
        "image statement: no files: a colour, a text, a film": 1,
        "image statement: known only to the running game": 1,
    }


def test_a_damaged_layer_leaves_a_row_with_its_reason(layered, workspace):
    (layered / "images/lucy/lucy_face_sad.png").write_bytes(b"\x89PNG\r\n\x1a\n half")
    (layered / "images/lucy/lucy_face_happy.png").unlink()
    script = layered / "lucy.rpy"
    script.write_text(script.read_text().replace("group outfit", "    attribute joy\n    group outfit"))
    rows, _ = rows_after(workspace, layered)
    assert {row.post: row.reason for row in rows.values() if row.state == "rejected"} == {
        "layeredimage lucy sad plain": "not composed: a layer is damaged",
        "layeredimage lucy joy plain": "not composed: a layer is missing",
    }
    assert rows["layeredimage lucy crying plain"].state == "waiting"


def test_a_second_run_takes_only_what_is_new(layered, workspace, drawn):
    first, _ = rows_after(workspace, layered, limit=2)
    assert len(first) == 2
    save(drawn[Expression.SURPRISED], layered / "images/ann shocked.png")
    second, _ = rows_after(workspace, layered)
    assert set(first) < set(second)
    assert all(second[post].id == row.id for post, row in first.items())
    third, _ = rows_after(workspace, layered)
    assert {post: row.id for post, row in third.items()} == {post: row.id for post, row in second.items()}


def test_scripts_and_links_that_lead_outside_lead_nowhere(game, workspace, drawn, tmp_path):
    save(drawn[Expression.HAPPY], tmp_path / "outside/secret happy.png")
    (game / "images/link happy.png").symlink_to(tmp_path / "outside/secret happy.png")
    (game / "images/away").symlink_to(tmp_path / "outside")
    (game / "script.rpy").write_text(
        'image eve happy = "../../outside/secret happy.png"\n'
        f'image eve sad = "{tmp_path}/outside/secret happy.png"\n'
        'image eve crying = Composite((9, 9), (0, 0), "images/link happy.png")\n'
    )
    rows, left_out = rows_after(workspace, game)
    assert not rows
    assert left_out["link"] == 2
    assert left_out["image statement: a layer is missing"] == 3


TWICE = "".join(f"image a{i + 1} = Fixed('a{i}', 'a{i}')\n" for i in range(200))
SUMS = "".join(f"define k{i + 1} = k{i} + k{i}\n" for i in range(200))
MANY = "".join(f"        attribute happy{i}\n" for i in range(60))

HOSTILE = {
    "cycle": "image a = 'b'\nimage b = 'a'\nimage c = Fixed('c', 'c')\nlayeredimage d:\n    always 'd'",
    "doubling": f"image a0 = 'x.png'\n{TWICE}",
    "constants": f"define k0 = 'ab'\n{SUMS}image a = k99",
    "numbers": "image a = Transform('x.png', zoom=1e308 * 1e308, xpos=9 ** 9 ** 9)",
    "sizes": "image a = Fixed('x.png', im.Scale('x.png', 99999, 99999))",
    "brackets": "image a = " + "(" * 50_000 + "\nimage b happy = 'x.png'",
    "attributes": "image a = " + "b" + ".b" * 9000,
    "quotes": "image a = " + "\\\"'" * 50_000,
    "deep": "\n".join(" " * depth + "label x:" for depth in range(3000)),
    "format": "layeredimage a:\n    image_format '{image.__class__}{0}'\n    group exp:\n      attribute joy",
    "call": "image a = __import__('os').system('touch owned')\n$ renpy.image('b', open('owned', 'w'))",
    "groups": "layeredimage a:\n" + "".join(f"    group g{g}:\n{MANY}" for g in range(60)),
}


@pytest.mark.parametrize("script", HOSTILE.values(), ids=HOSTILE)
def test_hostile_scripts_end_soon_and_do_nothing(game, workspace, drawn, script, monkeypatch):
    monkeypatch.chdir(game)
    save(drawn[Expression.HAPPY], game / "x.png")
    (game / "script.rpy").write_text(script)
    begun = time.process_time()
    rows, _ = rows_after(workspace, game)
    assert time.process_time() - begun < 20
    assert len(rows) <= 301
    assert not (game / "owned").exists()


def test_scripts_that_are_not_utf8_or_too_large_are_survived(game, workspace, drawn):
    save(drawn[Expression.HAPPY], game / "x.png")
    (game / "a.rpy").write_bytes("# schön\nimage lucy lächeln = 'x.png'".encode("latin-1"))
    (game / "b.rpy").write_bytes(b"\xef\xbb\xbfimage ann happy = 'x.png'\r\n")
    with (game / "c.rpy").open("wb") as file:
        file.truncate(9 * 2**20)
    rows, left_out = rows_after(workspace, game)
    assert rows["x.png"].character == "ann"
    assert left_out["script: too large"] == 1


def test_folders_nested_without_end_are_survived(game, workspace, drawn):
    save(drawn[Expression.HAPPY], game / "images/ann happy.png")
    (game / "/".join(["d"] * 60)).mkdir(parents=True)
    rows, left_out = rows_after(workspace, game)
    assert set(rows) == {"images/ann happy.png"}
    assert left_out["folder: nested too deep"] == 1


def test_a_folder_without_a_game_is_refused(tmp_path):
    save(np.zeros((4, 4, 3), np.uint8), tmp_path / "a.png")
    with pytest.raises(CollectError, match="isn't a Ren'Py project"):
        renpy.plan(tmp_path)


def test_the_command_reports_what_it_took_and_what_it_cannot_read(game, workspace, drawn, kaogae):
    save(drawn[Expression.HAPPY], game / "images/ann happy.png")
    save(drawn[Expression.SAD], game / "images/bg sad.png")
    (game / "archive.rpa").write_bytes(b"RPA-3.0")
    arguments = ("collect", "renpy", game.parent, "--workspace", workspace.folder)
    code, printed, _ = kaogae(*arguments)
    assert code == 0
    assert "new: 1" in printed
    assert "1 archives (.rpa)" in printed
    code, printed, _ = kaogae(*arguments, "--site", "novels", "--json")
    report = json.loads(printed)
    assert report["rejected"] == {"same file as another post": 1}
    assert report["left_out"] == {"archive, not read": 1, "background": 1}


@pytest.mark.parametrize(
    ("path", "expression", "character"),
    [
        ("images/eileen happy.png", "happy", "eileen"),
        ("images/eileen vhappy.png", "happy", "eileen"),
        ("images/sprites/AIDS/AidsJoy.png", "happy", "aids"),
        ("images/SarsNotAmused.png", None, "sars"),
        ("images/casper/hoodie/crying-smile.png", None, "casper"),
        ("images/Character/airin/bahagia karakte 1.png", "happy", "airin"),
        ("images/joy/joy_sad.png", "sad", "joy"),
        ("images/ann default.png", None, "ann"),
        ("images/ann closed.png", None, "ann"),
        ("images/ann blush.png", None, "ann"),
        ("images/saddle.png", None, "saddle"),
        ("images/unhappy.png", None, "unhappy"),
        ("grief.png", "crying", None),
        ("sadness.png", "sad", None),
        ("joy.png", "happy", None),
        ("neutral.png", "neutral", None),
        ("surprise.png", "surprised", None),
        ("images/アン/笑顔.png", "happy", "アン"),
    ],
)
def test_names_are_read_word_by_word(path, expression, character):
    said, who = read_path(path)
    assert (the_one(said), who) == (expression, character)


def test_the_tag_of_an_image_is_no_mood():
    assert read_image_name(("joy", "school", "sad")) == ({"sad"}, "joy")
    assert read_image_name(("side", "joy", "sad")) == ({"sad"}, "joy")
    assert read_image_name(("eileen_happy",)) == ({"happy"}, "eileen")


def test_words_are_parted_at_every_kind_of_border():
    assert words("eileenVeryHappy2_uni-form (1)") == ["eileen", "very", "happy", "2", "uni", "form", "1"]


def test_layers_depend_on_constants_and_when(game, workspace, drawn):
    for expression in EXPRESSIONS:
        save(drawn[expression], game / f"{expression}.png")
    (game / "a.rpy").write_text(
        """
define both = ["smile", "gasp"]
layeredimage ann:
    yanchor config.screen_height
    always "neutral.png"
    group exp:
        attribute smile null
        attribute gasp null
    always "happy.png" if_any both
    always "sad.png" if_any nobody_knows
    always "crying.png" when (smile or gasp) and not gasp
    always "surprised.png" when not smile or ghost
""",
        "utf-8",
    )
    rows, _ = rows_after(workspace, game)
    lowest_to_highest = [Expression.NEUTRAL, Expression.HAPPY]
    assert same(pixels(workspace, rows["layeredimage ann smile"]), stacked(drawn, lowest_to_highest))
    lowest_to_highest.append(Expression.SURPRISED)
    assert same(pixels(workspace, rows["layeredimage ann gasp"]), stacked(drawn, lowest_to_highest))


def stacked(drawn: dict[Expression, np.ndarray], expressions: list[Expression]) -> np.ndarray:
    """What Pillow makes of them, on top of each other on a clear canvas."""
    canvas = Image.new("RGBA", (SIDE, SIDE))
    for expression in expressions:
        canvas.alpha_composite(Image.fromarray(drawn[expression]))
    return np.array(canvas)


def test_statements_end_where_renpy_ends_them():
    found = Definitions()
    read_script(
        'image a = "x#y.png" # "\nimage b = Fixed(\n  "c", # (\n  "d")\nimage e = "f" \\\n  "g"', found
    )
    assert found.images[("a",)] == '"x#y.png"'
    assert "".join(str(found.images[("b",)]).split()) == 'Fixed("c","d")'
    assert "".join(str(found.images[("e",)]).split()) == '"f""g"'


AGREEMENT = {
    "sprites": {"happy": 150, "sad": 38, "crying": 18, "neutral": 62, "surprised": 50, "other": 171},
    "open": {"happy": 72, "sad": 79, "crying": 7, "neutral": 39, "surprised": 39, "other": 128},
}
"""Names of real sprites that say what people saw in the picture; docs/collect.md has the shares."""


def names_and_labels(manifest: Path) -> Iterator[tuple[str, str]]:
    with manifest.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            path = row["source_path"].split(" over ")[0]
            if (
                not path.lower().endswith((".png", ".webp", ".jpg"))
                or row["source"] == "Mikanixonable/illusts"
            ):
                path = f"{row['expression_word']}.png"  # rendered from a model, or numbered
            if path != ".png":
                yield path, row["label"]


@pytest.mark.parametrize("folder", AGREEMENT)
def test_names_say_what_people_saw_in_the_pictures(shared, folder):
    right, wrong = Counter[str](), Counter[str]()
    for path, label in names_and_labels(shared / "data" / folder / "manifest.csv"):
        said = the_one(read_path(path)[0]) or "other"
        right[label] += said == label
        wrong[label] += said not in (label, "other")
    assert all(right[label] >= count for label, count in AGREEMENT[folder].items()), right
    assert sum(wrong.values()) <= {"sprites": 3, "open": 6}[folder], wrong
