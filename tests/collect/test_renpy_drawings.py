"""Whatever strangers write into scripts: it is drawn, or refused with a reason."""

import contextlib
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kaogae.collect import renpy
from kaogae.collect.renpy_canvas import Canvas
from kaogae.collect.renpy_images import Images
from kaogae.collect.renpy_places import SHIFTING, File, Stack, UnclearError
from kaogae.collect.renpy_project import Project
from kaogae.collect.renpy_script import Definitions, read_script
from kaogae.images import Picture

DOT = Picture.of(np.full((3, 3, 4), 200, np.uint8))


def one_of(text: str, between: str = " ") -> st.SearchStrategy[str]:
    return st.sampled_from([part for part in text.split(between) if part])


LEAVES = one_of(
    "'x.png';'a b';'a';'lay happy';'gone.png';'#fff';None;1;-0.5;1e400;k;(;\";(1, 2);(0.5, 1.0);(0, 0, 2, 2);"
    "(-9, 0.1, 90000, 3);[1, '2'];True;'True';move",
    ";",
)
CALLS = one_of(
    "Composite LiveComposite Fixed Transform At ConditionSwitch LiveCrop im.Crop im.Flip im.Scale "
    "im.FactorScale Flatten Null Solid exec"
)
PROPERTIES = one_of(" ".join(sorted(SHIFTING)) + " at if_any if_not when variant child multiple")
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda call, values, named: (
            f"{call}({', '.join([*values, *(f'{k}={v}' for k, v in named.items())])})"
        ),
        CALLS,
        st.lists(inner, max_size=5),
        st.dictionaries(PROPERTIES, inner, max_size=2),
    ),
    max_leaves=8,
)
STARTS = one_of(
    "image a =;image a b =;image c:\n    ;layeredimage lay:\n    always;    always;    group face;"
    "    attribute happy;        attribute sad default;    if x:\n       ;    else:\n       ;define k =;"
    "transform move:\n    zoom;    group mouth auto;    contains;        ;$ renpy.image('a', ",
    ";",
)
LINES = st.builds(
    lambda *parts: " ".join(parts),
    STARTS,
    st.one_of(VALUES, st.just("")),
    st.one_of(PROPERTIES, st.just("")),
    st.one_of(VALUES, st.just(""), st.just(":")),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, max_size=12))
def test_whatever_a_script_says_it_is_drawn_or_refused(lines):
    found = Definitions()
    read_script("\n".join(lines), found)
    images = Images(found, ["x.png", "images/a_face_happy.png", "images/a b.png"])
    made = renpy.Plan(Project(Path(), ["x.png"]))
    made.layered_images(images)
    made.image_statements(images)
    canvas = Canvas(lambda _: DOT)
    for sprite in made.sprites:
        if isinstance(sprite.source, File | Stack):
            with contextlib.suppress(UnclearError):
                assert canvas.png(sprite.source).startswith(b"\x89PNG")
