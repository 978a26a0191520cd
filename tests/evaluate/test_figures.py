"""Charts: what is in them, that it can be read, and that the same numbers give the same bytes."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from kaogae.evaluate.confusion import PAPER, Confusion
from kaogae.evaluate.report import figures
from kaogae.evaluate.report.figures import Drawn, Line
from kaogae.evaluate.report.material import MODELS

OURS = Confusion(PAPER.counts[:, [0, 1, 3, 2, 4, 5]])
EMPTY = Confusion(np.zeros((5, 6), np.int64))
NAMES = ("small", "a model whose name goes on and on and on")
BINS = np.array([[0.3, 0.2, 12], [0.55, np.nan, 0], [0.9, 0.95, 700]])
FACE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)


def lines(values: list[float], count: int = 2) -> list[Line]:
    return [Line(name, place, np.array(values)) for place, name in enumerate(NAMES[:count])]


CHARTS: dict[str, Callable[[], Drawn]] = {
    "accuracies": lambda: figures.accuracies([(NAMES[0], 0, OURS), (NAMES[1], 1, PAPER)]),
    "habit": lambda: figures.habit([(NAMES[0], 0, OURS, PAPER), (NAMES[1], 3, PAPER, OURS)]),
    "reliability": lambda: figures.reliability(BINS),
    "moved rightly": lambda: figures.moved(lines([0.5, 0.2, 0.9, -0.1]), rightly=True),
    "changed": lambda: figures.moved(lines([19, 7, 15, np.nan]), rightly=False),
    "identities": lambda: figures.identities(lines([0.1, 0.2, np.nan]), [0.1, 0, 0.3], [0.9, 0.6, 1.2]),
    "mosaic": lambda: figures.mosaic(
        [(NAMES[k % 2], [FACE] * 3) for k in range(4)], ("input", "a", "b"), every=2
    ),
}


@contextmanager
def kept() -> Iterator[list[Figure]]:
    """The figures that are drawn meanwhile."""
    found: list[Figure] = []
    save = Figure.savefig

    def saved(figure: Figure, *args: object, **more: object) -> None:
        found.append(figure)
        save(figure, *args, **more)

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error")
        patch.setattr(Figure, "savefig", saved)
        yield found


@pytest.fixture
def made() -> Iterator[list[Figure]]:
    """The figures that are drawn in a test."""
    with kept() as found:
        yield found


@pytest.fixture(scope="module", params=CHARTS)
def chart(request: pytest.FixtureRequest) -> tuple[str, Drawn, Figure]:
    with kept() as found:
        drawn = CHARTS[request.param]()
    return request.param, drawn, found[-1]


def said(figure: Figure) -> list[Text]:
    return [one for one in figure.findobj(Text) if one.get_visible() and one.get_text().strip()]


def test_the_same_numbers_give_the_same_bytes_without_a_date(chart):
    name, drawn, _ = chart
    assert CHARTS[name]() == drawn
    assert b"<dc:date>" not in drawn.svg
    assert b"matplotlib.org" not in drawn.svg
    assert b"Matplotlib" not in drawn.png


def test_a_chart_is_a_picture_as_wide_as_a_phone(chart):
    name, drawn, _ = chart
    assert ElementTree.fromstring(drawn.svg).tag == "{http://www.w3.org/2000/svg}svg"
    picture = cv2.imdecode(np.frombuffer(drawn.png, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] == 700 or name == "mosaic"  # 3.5 inches, 336 of a phone's pixels
    assert picture.shape[0] > 200
    assert picture.std() > 5


def test_all_that_is_written_is_large_enough_and_inside(chart):
    figure = chart[2]
    assert min(one.get_fontsize() for one in said(figure)) >= 7
    drawn, (wide, high) = figure.get_tightbbox(), figure.get_size_inches()
    assert -0.02 <= drawn.x0 <= drawn.x1 <= wide + 0.02
    assert -0.02 <= drawn.y0 <= drawn.y1 <= high + 0.02


def test_every_model_has_a_mark_a_hatch_and_a_colour_of_its_own(made):
    figures.accuracies([("same", place, OURS) for place in range(MODELS)])
    dots = [line for line in made[-1].axes[0].get_lines() if line.get_marker() not in {"None", "|"}]
    assert len({line.get_marker() for line in dots}) == len({line.get_color() for line in dots}) == MODELS
    figures.moved([Line("same", place, np.ones(4)) for place in range(MODELS)], rightly=True)
    bars = made[-1].axes[0].patches
    assert len({bar.get_hatch() for bar in bars}) == len({bar.get_edgecolor() for bar in bars}) == MODELS


def test_the_numbers_are_where_they_belong(made):
    figures.accuracies([("ours", 0, OURS)])
    axes = made[-1].axes[0]
    marks = {line.get_marker(): line.get_xdata() for line in axes.get_lines() if line.get_marker() in "o|"}
    assert marks["o"] == pytest.approx(100 * OURS.class_accuracies)
    assert marks["|"] == pytest.approx([89, 74, 72, 78, 91])
    reach = [segment[:, 0] for segment in axes.collections[0].get_segments()]
    assert np.array(reach) == pytest.approx(100 * OURS.class_intervals)
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "happy", "sad", "crying", "neutral", "surprised",
    ]  # fmt: skip
    assert axes.yaxis_inverted()

    figures.moved(lines([0.5, 0.2, 0.9, 0.1]), rightly=True)
    bars = made[-1].axes[0].patches
    assert [bar.get_height() for bar in bars] == pytest.approx([0.5, 0.2, 0.9, 0.1] * 2)

    figures.reliability(BINS)
    curve = made[-1].axes[0].get_lines()[-1]
    assert curve.get_xydata() == pytest.approx(BINS[[0, 2], :2])  # where there were faces

    figures.identities(lines([0.1, 0.2, 0.3], 1), [0.1, 0, 0.3], [])
    assert sum(bar.get_height() for bar in made[-1].axes[0].containers[0]) == 3


def test_what_isnt_known_leaves_a_gap_and_no_trouble(made):
    assert figures.accuracies([("nothing", 0, EMPTY)]).png
    assert figures.reliability(np.zeros((3, 3))).png
    assert figures.moved(lines([np.nan] * 4), rightly=True).png
    assert figures.identities(lines([0.0, np.nan]), [], []).png
    assert len(made) == 8


def test_names_of_strangers_are_no_formulas_and_missing_letters_are_boxes(made):
    figures.moved([Line(r"$\frac{1}{0}$ 顔替え_{x}", 0, np.ones(4))], rightly=True)
    text = next(one for one in said(made[-1]) if "frac" in one.get_text())
    assert text.get_text() == r"\$\frac{1}{0}\$ □□□_{x}"


def test_a_mosaic_shows_each_face_in_its_place(made):
    other = np.zeros_like(FACE)
    figures.mosaic([("a", [FACE, other]), ("b", [other, FACE])], ("input", "x"), every=1)
    whole = np.asarray(made[-1].axes[0].images[0].get_array())
    assert whole.shape == (64 + 8 + 64, 128, 3)
    assert (whole[:64, :64] == FACE).all()
    assert (whole[72:, 64:] == FACE).all()
    assert (whole[64:72] == 255).all()
