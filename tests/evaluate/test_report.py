"""The report: it stands alone, says what was measured and nothing else, and no name breaks out of it."""

import csv
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from kaogae.errors import EvaluationError, UsageError
from kaogae.evaluate.confusion import PAPER, VERDICTS, Confusion
from kaogae.evaluate.evaluation import Evaluation
from kaogae.evaluate.inputs import Inputs
from kaogae.evaluate.report import Extras, SetFacts, figures, galleries, write_report
from kaogae.evaluate.report.figures import Drawn
from kaogae.evaluate.report.galleries import figure_4, pairs, shown, worst
from kaogae.evaluate.report.material import MODELS, arrange
from kaogae.evaluate.snapshots import picture_path
from kaogae.expressions import EXPRESSIONS

sys.path.insert(0, str(Path(__file__).parent))
from made_up import evaluation, judge_facts

SETS = ("drawn", "sprites")
HOSTILE = "</td><script>alert(1)</script>\"' onerror=x \x1b[31m\u202e$\\evil " + "long" * 3000
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
VOID = {"meta", "img", "br", "link", "input", "hr"}


@dataclass
class Panel:
    """As `panel_votes.PanelResult`."""

    name: str
    inputs: frozenset[str]
    matrices: dict[str, Confusion]
    controls: Confusion | None = None
    kappa: float | None = 0.71
    failed: tuple[str, ...] = ()
    missing: str = ""


@dataclass
class Page(HTMLParser):
    """What is in a page."""

    text: str
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    """Rows of cells, by caption."""
    words: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    _cells: list[list[str]] = field(default_factory=list)
    _caption: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self._cells, self._caption = [], ""
        elif tag == "tr":
            self._cells.append([])
        elif tag in {"td", "th"}:
            self._cells[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "table":
            self.tables[self._caption] = self._cells

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] == "style":
            return
        data = data.replace("\N{NO-BREAK SPACE}", " ")
        self.words.append(data)
        if "caption" in self.open:
            self._caption += data
        elif {"td", "th"} & set(self.open):
            self._cells[-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few faces, and one figure in place of all, where nobody looks at them: they take most of the time."""
    monkeypatch.setattr(galleries, "SHOWN", 2)
    monkeypatch.setattr(galleries, "WORST", 2)
    monkeypatch.setattr(
        figures, "_figure", lambda *_: Drawn(b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"png")
    )


@pytest.fixture(scope="module")
def found(
    inputs: Inputs, answers: Callable[[str], np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> list[Evaluation]:
    """Two models on two sets of inputs."""
    folder = tmp_path_factory.mktemp("evaluations")
    outputs = {"small": answers("returns the truth"), "paper": answers("moves the mouth only")}
    return [evaluation(folder, name, inputs, outputs[name], on) for on in SETS for name in outputs]


@pytest.fixture(scope="module")
def extras(found: list[Evaluation]) -> Extras:
    names = frozenset(found[0].inputs.names)
    return Extras(
        curves={"svg": SVG, "png": b"png"},
        tables=[
            SetFacts("sprites", "5e" * 32, {"a game": {"happy": 1041, "sad": 7}}, {"CC0-1.0": 1048}),
            SetFacts("many", "6e" * 32, {f"source {k}": {"crying": k} for k in range(1, 10)}),
        ],
        people=[
            Panel("first", names, {"small": PAPER}, PAPER, failed=("Ren",)),
            Panel("elsewhere", frozenset({"x"}), {"paper": PAPER}),
        ],
        commands=["kaogae evaluate small paper --set drawn --set sprites"],
        versions={"kaogae": "1.2.3"},
        machine={"processor": "a processor"},
    )


@pytest.fixture(scope="module")
def files(found: list[Evaluation], extras: Extras, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    told: list[tuple[int, int]] = []
    folder = tmp_path_factory.mktemp("out") / "report"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(galleries, "SHOWN", 3)
        patch.setattr(galleries, "WORST", 3)
        written = write_report(folder, found, extras, lambda done, of: told.append((done, of)))
    assert told[-1][0] == told[-1][1] == len(told)
    assert sorted(written) == sorted(path for path in folder.rglob("*") if path.is_file())
    return written


@pytest.fixture(scope="module")
def page(files: list[Path]) -> Page:
    return Page(files[0].read_text("utf-8"))


def bare(one: Evaluation) -> Evaluation:
    """Pictures, and next to nothing measured."""
    return replace(one, scores={}, regions={}, distances={}, identity={}, judge=None, seconds=0.0, made={})


# ------------------------------------------------------------------------------------------------ one file


def test_the_page_needs_nothing_else(files: list[Path], page: Page) -> None:
    text = files[0].read_text("utf-8")
    assert files[0].name == "index.html"
    assert {tag for tag, _ in page.tags} <= {
        *("html", "head", "meta", "title", "style", "body", "main", "section", "nav", "div", "span", "p"),
        *("h1", "h2", "h3", "h4", "ul", "ol", "li", "a", "pre", "code", "dl", "dt", "dd", "strong"),
        *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "figure", "figcaption", "img"),
    }
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert all(image["src"].startswith("data:image/") for image in page.all("img"))
    assert all(link["href"].startswith("#") for link in page.all("a"))
    without_pictures = re.sub(r'"data:image/[^"]*"', "", text)
    assert "://" not in without_pictures
    assert "url(" not in without_pictures
    assert "@import" not in without_pictures
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    assert len(text) < 1_200_000


def test_it_can_be_printed_read_on_a_phone_and_in_the_dark(files: list[Path], page: Page) -> None:
    style = re.search(r"<style>(.*?)</style>", files[0].read_text("utf-8"), re.S)
    for asked in ("@media print", "prefers-color-scheme: dark", "max-width: 40rem", "break-inside: avoid"):
        assert asked in style[1]
    assert "white-space: nowrap" in style[1]
    assert "rgba(0,114,178,calc(var(--share)*.55))" in style[1]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")
    assert page.all("html") == [{"lang": "en"}]


def test_contents_lead_to_every_chapter_and_pictures_say_what_they_show(page: Page) -> None:
    anchors = [section["id"] for section in page.all("section")]
    assert [link["href"] for link in page.all("a")] == [f"#{anchor}" for anchor in anchors[1:]]
    assert anchors == [
        *("summary", "faces", "matrices", "judge", "own-discriminator", "comparisons", "losses", "samples"),
        *("worst", "moved", "kept", "distances", "truth", "cost", "origin", "limits"),
    ]
    assert all(len(image["alt"]) > 5 for image in page.all("img"))
    assert all(attrs.get("scope") for attrs in page.all("th"))
    named = {caption: rows for caption, rows in page.tables.items() if not caption.startswith("Input ")}
    assert all(row[0] for rows in named.values() for row in rows)
    regions = [one for one in page.all("div") if one.get("class") == "scroll"]
    assert all((one["role"], one["tabindex"]) == ("group", "0") and one["aria-label"] for one in regions)


def test_every_table_and_figure_is_a_file_too(files: list[Path], page: Page) -> None:
    names = {path.relative_to(files[0].parent).as_posix() for path in files}
    stems = {name.rsplit(".", 1)[0] for name in names}
    for folder, kinds in (("figures", ("svg", "png")), ("tables", ("csv", "tex"))):
        of = {stem for stem in stems if stem.startswith(f"{folder}/")}
        assert {f"{stem}.{kind}" for stem in of for kind in kinds} <= names
    on_page = [caption for caption in page.tables if not caption.startswith("Input ")]
    assert sum(name.endswith(".csv") for name in names) >= len(on_page) > 20
    assert {
        *(
            "figures/accuracy-1-drawn-characters.svg",
            "figures/figure-3.png",
            "figures/figure-4-2-sprites.svg",
        ),
        *("figures/worst-1-drawn-characters-2.png", "tables/table-2-paper.csv", "tables/table-1-1.tex"),
    } <= names
    for path in files:
        if path.suffix == ".svg":
            ElementTree.parse(path)
        if path.suffix == ".tex":
            assert path.read_text("utf-8").count("tabular") == 2


# ------------------------------------------------------------------------------------------------- numbers


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def test_the_summary_has_the_numbers_that_stand_for_all(found: list[Evaluation], page: Page) -> None:
    for number, on in enumerate(("Drawn characters", "sprites")):
        head, *rows = page.tables[f"{on}: what was asked for, and what else changed"]
        assert head[1:4] == ["by the judge % (95 %)", "corrected % (95 %)", "by people % (95 %)"]
        for one, row in zip(found[2 * number : 2 * number + 2], rows, strict=False):
            assert row[0] == one.name
            assert row[1].startswith(f"{percent(one.confusion.mean_accuracy)} (")
            corrected = one.corrected
            assert row[2].startswith(f"{percent(corrected.mean_accuracy)} (" if corrected else "–")
            assert row[3].startswith("80.8 (76.9" if one.name == "small" else "–")
            assert row[4:6] == [
                f"{one.scores['identity'].mean():.3f}",
                f"{one.scores['ssim_rest'].mean():.3f}",
            ]
            assert row[6:] == [f"{one.distances['judge']['fid'][5]:.2f}", f"{50 / 21.5:.1f}", "4.7"]
        still = np.mean([np.mean(found[2 * number].scores["input_verdicts"] == k) for k in range(5)])
        assert rows[2][0] == "the input, unchanged"
        assert rows[2][1].startswith(f"{percent(still)} (")
        assert rows[3][3] == "80.8 (76.9–83.7)"
    small = found[0]
    assert (
        f"small: the judge sees what was asked for in {percent(small.confusion.mean_accuracy)} %" in page.said
    )
    assert "eyes go 58 %, brows 25 % and the mouth 63 % (mixed)" in page.said
    assert "what visibly changes: eyes, brows, mouth" in page.said


def test_table_1_stands_beside_the_papers(page: Page) -> None:
    assert page.tables["Table I: sprites"] == [
        ["expression", "a game", "faces", "paper's main source", "paper's faces"],
        ["happy", "1,041", "1,041", "Danbooru", "2,041"],
        ["sad", "7", "7", "Danbooru", "620"],
        ["crying", "0", "0", "Danbooru", "686"],
        ["neutral", "0", "0", "Getchu", "1,396"],
        ["surprised", "0", "0", "Getchu", "452"],
        ["all", "1,048", "1,048", "", "5,195"],
    ]
    atelier = page.tables["Table I: Drawn characters, the inputs"]
    assert [row[1] for row in atelier] == ["the atelier", "2", "2", "2", "2", "2", "10"]
    many = page.tables["Table I: many"]
    assert many[0][1:8] == [*(f"source {k}" for k in (9, 8, 7, 6, 5)), "4 others", "faces"]
    assert many[3][1:8] == ["9", "8", "7", "6", "5", "10", "45"]
    assert "Licences: CC0-1.0 1,048." in page.said


def test_table_2_of_each_model_and_of_the_paper(
    found: list[Evaluation], files: list[Path], page: Page
) -> None:
    paper = page.tables["Mobini and Ghaderi (2020), Table II: % of each row, 100 each"]
    assert paper[0] == ["asked for", *VERDICTS]
    assert [row[k + 1] for k, row in enumerate(paper[1:])] == ["89", "74", "72", "78", "91"]
    assert "Drawn characters, small, by people: % of each row, 100 each" in page.tables
    assert "People on faces that nobody changed: % of each row, 100 each" in page.tables
    assert not any("paper, by people" in caption for caption in page.tables)  # that panel: other inputs
    assert "Panel elsewhere was about other inputs than these, so it isn't shown." in page.said
    assert "people agree with a Fleiss' κ of 0.71. Who fails the controls: Ren" in page.said
    for one, on in zip(found, ("Drawn characters",) * 2 + ("sprites",) * 2, strict=True):
        rows = page.tables[f"{on}, {one.name}, by the judge: % of each row, 10 each"][1:]
        assert [[int(cell.replace("·", "0")) for cell in row[1:]] for row in rows] == (
            10 * one.confusion.counts
        ).tolist()
    text = (files[0].parent / "tables/table-2-1-drawn-characters-1.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert [[int(row[verdict]) for verdict in VERDICTS] for row in rows[:5]] == found[
        0
    ].confusion.counts.tolist()


def test_the_judge_is_judged(found: list[Evaluation], page: Page) -> None:
    drawn = page.tables["The judge on drawn faces: % of each row, 200 each"]
    assert [row[:3] for row in drawn[1:3]] == [["happy", "85", "15"], ["sad", "·", "85"]]
    assert drawn[6][0] == "none of them (200)"
    assert "The judge on real faces: % of each row, 38 + 15 each" not in page.tables
    assert any(caption.startswith("The judge on real faces") for caption in page.tables)
    own = page.tables["Drawn characters: the judge on the inputs themselves: % of each row, 2 each"]
    right = [found[0].scores["input_verdicts"][found[0].inputs.labels == k] == k for k in range(5)]
    assert [row[k + 1].replace("·", "0") for k, row in enumerate(own[1:])] == [
        f"{100 * hits.mean():.0f}" for hits in right
    ]
    assert any("says 55\xa0%: right in" in image["alt"] for image in page.all("img"))


def test_the_adversarial_habit_is_told(found: list[Evaluation], page: Page) -> None:
    rows = page.tables["Drawn characters: the judge and the model's own teacher"][1:]
    for one, row in zip(found, rows, strict=False):
        judge, own = one.confusion.mean_accuracy, one.own_confusion.mean_accuracy
        accepted = one.scores["own_head"] == np.arange(5)
        assert row[2].startswith(f"{percent(own)} (")
        assert row[3] == f"{100 * (own - judge):.1f}".replace("-", "−")
        assert row[4] == percent(1 - one.hits[accepted].mean())
    assert "convinces its teacher and nobody else" in page.said


def test_models_are_compared_over_the_same_inputs(found: list[Evaluation], page: Page) -> None:
    head, *rows = page.tables["Drawn characters: A is small, B is paper"]
    a, b = found[0].hits.mean(), found[1].hits.mean()
    apart = f"{100 * (a - b):.1f}".replace("-", "−")
    assert head[1:4] == ["A", "B", "A − B"]
    assert rows[0][:4] == ["as asked, by the judge, %", percent(a), percent(b), apart]
    assert rows[1][:3] == [
        "identity: distance",
        *(f"{one.scores['identity'].mean():.3f}" for one in found[:2]),
    ]
    assert f"small is better than paper by {apart} points" in page.said or "can't be told" in page.said


def test_what_changed_and_what_stayed_by_target(found: list[Evaluation], page: Page) -> None:
    for one in found[:2]:
        changed = page.tables[f"Drawn characters, {one.name}: mean change, grey levels"]
        assert changed[0] == ["asked for", "eyes", "brows", "mouth", "rest"]
        assert [row[0] for row in changed[1:]] == [*EXPRESSIONS, "all"]
        means = one.scores["changed"].mean(axis=0)
        assert [[float(cell) for cell in row[1:]] for row in changed[1:6]] == pytest.approx(means, abs=0.051)
        kept = page.tables[f"Drawn characters, {one.name}: what stayed"]
        assert kept[0][1:] == ["identity", "SSIM", "perceptual", "cycle", "face found %"]
        assert [float(row[1]) for row in kept[1:6]] == pytest.approx(one.scores["identity"].mean(0), abs=6e-4)
        assert float(kept[6][4]) == pytest.approx(one.scores["cycle"].mean(), abs=0.006)
        truth = page.tables[f"Drawn characters, {one.name}: likeness to the drawn truth"]
        assert float(truth[6][1]) == pytest.approx(
            10 * np.log10(255**2 / one.scores["truth_error"].mean()), abs=0.06
        )
    assert "sprites, small: likeness to the drawn truth" not in page.tables
    moved = {row[0]: row[1:] for row in page.tables["Drawn characters: what moved"]}
    assert moved["small, moved rightly"] == ["0.58", "0.25", "0.63", "0.06"]
    distances = {row[0]: row[1:] for row in page.tables["sprites: distance to faces that show it"]}
    assert distances["small: FID, the judge's features"][-1] == f"{found[2].distances['judge']['fid'][5]:.2f}"
    assert " ± " in distances["small: KID × 1000, the judge's features"][0]


def test_where_it_is_from(found: list[Evaluation], page: Page) -> None:
    for told in (
        *{one.model.sha256 for one in found},
        *{one.inputs.hash for one in found},
        *("5e" * 32, found[0].judge.sha256, found[0].identity["sha256"]),
        *("kaogae evaluate small paper --set drawn --set sprites", "1.2.3", "a processor", "seed 3"),
    ):
        assert told in page.said
    assert page.tables["The evaluations"][1][1] == "2026-01-02T03:04:05+00:00"
    assert "another training run" in page.said


# ------------------------------------------------------------------------------------------------ pictures


def test_inputs_are_picked_by_the_seed_and_expressions_take_turns(
    found: list[Evaluation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(galleries, "SHOWN", 10)
    one = found[0]
    chosen = shown(one)
    assert len(set(chosen)) == 10
    assert sorted(one.inputs.labels[chosen[:5]].tolist()) == [0, 1, 2, 3, 4]
    other = shown(replace(one, inputs=replace(one.inputs, seed=4)))
    assert shown(replace(one, scores={})) == chosen != other


def test_figure_4_has_the_papers_columns_and_the_drawn_truth(found: list[Evaluation], inputs: Inputs) -> None:
    group = arrange(found, Extras()).groups[0]
    sheets, drawn = figure_4(group)
    number = shown(found[0])[0]
    sheet = sheets[0]
    assert sheet.columns == ("input", "crying", "happy", "neutral", "sad", "surprised")
    assert [name for name, _ in sheet.rows] == ["drawn truth", "small", "paper"]
    pictures = [
        inputs.pixels[number],
        *(inputs.truths[number][EXPRESSIONS.index(e)] for e in sheet.columns[1:]),
    ]
    for row in (0, 1):  # this "small" returns the truth
        for face, picture in zip(sheet.rows[row][1], pictures, strict=True):
            decoded = cv2.imdecode(np.frombuffer(face.data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
            assert np.abs(decoded.astype(int) - picture).mean() < 6
    verdict = int(found[0].scores["verdicts"][number, 2])
    crying = sheet.rows[1][1][1]
    assert crying.right == (verdict == 2)
    assert crying.said.startswith("✓" if verdict == 2 else "✗ ")
    assert drawn.png
    sprites, _ = figure_4(arrange(found, Extras()).groups[1])
    assert [name for name, _ in sprites[0].rows] == ["small", "paper"]  # nobody knows the truth


def test_the_worst_ten_are_those_with_the_least_chance(
    found: list[Evaluation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(galleries, "WORST", 10)
    one = found[0]
    asked = np.diagonal(one.scores["chances"], axis1=1, axis2=2)
    chosen = worst(one)
    assert [asked[k] for k in chosen] == sorted(asked.ravel())[:10]
    made, _ = pairs(one, chosen)
    number, target = chosen[0]
    assert made[0].title.startswith(f"{number + 1}: ")
    assert made[0].title.endswith(f"→ {EXPRESSIONS[target]}")
    chances = one.scores["chances"][number, target]
    assert f"{EXPRESSIONS[int(chances.argmax())]} {max(100 * chances.max(), 1):.0f} %" in made[0].said


def test_models_of_other_sizes_stand_in_one_figure(
    found: list[Evaluation], inputs: Inputs, tmp_path: Path
) -> None:
    half = replace(inputs, pixels=inputs.pixels[:, ::2, ::2])
    small = evaluation(tmp_path, "half", half, np.repeat(half.pixels[:, None], 5, axis=1))
    sheets, _ = figure_4(arrange([found[0], small], Extras()).groups[0])
    shapes = [cv2.imdecode(np.frombuffer(row[1].data, np.uint8), 1).shape[0] for _, row in sheets[0].rows]
    assert shapes == [96, 96, 48]


# ------------------------------------------------------------------------------------------ what isn't there


def test_what_isnt_known_is_left_out_or_a_dash(found: list[Evaluation], tmp_path: Path) -> None:
    page = Page(write_report(tmp_path / "out", [bare(found[2])])[0].read_text("utf-8"))
    anchors = [section["id"] for section in page.all("section")]
    assert anchors == ["summary", "own-discriminator", "samples", "cost", "origin", "limits"]
    assert page.said.startswith("Evaluation: small")
    assert "small: no judge was asked." in page.said
    assert "No model's own discriminator was at hand" in page.said
    assert "nobody has looked" in page.said
    left_out = page.said.split("Left out, since it wasn't measured or given: ")[1]
    assert "Figure 3: the losses; The worst ten; What moved" in left_out
    assert "Which model is better" not in left_out  # there is only one
    row = page.tables["sprites: what was asked for, and what else changed"][1]
    assert row == ["small", "–", "–", "–", "–", "–", "–", "4.7"]
    assert not re.search(r"\b(nan|None|inf)\b", page.said)


def test_a_judge_whose_errors_arent_known_says_why(found: list[Evaluation], tmp_path: Path) -> None:
    judge = replace(judge_facts(), known={}, reliability={})
    page = Page(write_report(tmp_path / "out", [replace(found[0], judge=judge)])[0].read_text("utf-8"))
    assert (
        "the judge's errors aren't taken out: how often the judge errs on drawn faces isn't known."
        in page.said
    )
    assert "its verdicts are hints" in page.said


def test_outputs_that_are_clearer_than_the_judges_own_faces_are_told(
    found: list[Evaluation], tmp_path: Path
) -> None:
    known = np.eye(6, dtype=np.int64) * 100
    known[0, 3] = 100  # the judge takes half of the happy faces for neutral ones
    verdicts = np.tile(np.arange(5), (10, 1))
    judge = replace(judge_facts(), known={"drawn": known}, reliability={})
    one = replace(found[0], scores={"verdicts": verdicts}, judge=judge)
    said = Page(write_report(tmp_path / "out", [one])[0].read_text("utf-8")).said
    assert "in outputs that should be happy the judge sees it surely more often than in the faces" in said
    assert "% with its own errors taken out (too high: see Table II)" in said


def test_numbers_that_arent_any_are_dashes(found: list[Evaluation], tmp_path: Path) -> None:
    one = found[0]
    scores = {key: one.scores[key] for key in ("verdicts", "chances", "truth_error", "input_truth_error")}
    scores |= {"identity": np.full((10, 5), np.nan), "truth_error": np.zeros((10, 5))}
    regions = {key: np.array([1.0, np.nan, 0, 0]) for key in one.regions}
    empty = {by: {key: np.full(6, np.nan) for key in values} for by, values in one.distances.items()}
    page = Page(
        write_report(tmp_path / "out", [replace(one, scores=scores, regions=regions, distances=empty)])[
            0
        ].read_text("utf-8")
    )
    assert page.tables["Drawn characters, small: likeness to the drawn truth"][1][1] == "∞"
    assert page.tables["Drawn characters: what moved"][1][1:] == ["1.00", "–", "0.00", "0.00"]
    assert not re.search(r"\b(nan|None|inf)\b", page.said)


# ------------------------------------------------------------------------------------------------- strangers


def test_names_of_strangers_break_out_of_nothing(found: list[Evaluation], tmp_path: Path) -> None:
    one = replace(
        found[2],
        model=replace(found[2].model, name=HOSTILE, about={HOSTILE: {HOSTILE: [HOSTILE]}}),
        inputs=replace(found[2].inputs, name=HOSTILE, names=tuple(f"{k}{HOSTILE}" for k in range(10))),
        judge=replace(found[2].judge, name=HOSTILE, known={HOSTILE: found[2].judge.known["real"]}),
        made={HOSTILE: HOSTILE, "command": HOSTILE},
        identity={**found[2].identity, "name": HOSTILE},
    )
    extras = Extras(
        tables=[SetFacts(HOSTILE, HOSTILE, {HOSTILE: {"happy": 3}, "=1+1": {"sad": 1}}, {HOSTILE: 3})],
        people=[Panel(HOSTILE, frozenset(one.inputs.names), {HOSTILE: PAPER}, PAPER, failed=(HOSTILE,))],
        comparisons=[],
        commands=[HOSTILE],
        versions={HOSTILE: HOSTILE},
        machine={HOSTILE: HOSTILE},
    )
    files = write_report(tmp_path / "out", [one], extras)
    text = files[0].read_text("utf-8")
    page = Page(text)
    assert "script" not in {tag for tag, _ in page.tags}
    assert "alert(1)" in page.said
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert max(len(word) for word in page.words) < 1500
    assert all(path.is_relative_to(tmp_path / "out") and len(path.name) < 80 for path in files)
    assert all(re.fullmatch(r"[a-z0-9-]+\.(html|csv|tex|svg|png)", path.name) for path in files)
    for path in files:
        if path.suffix == ".csv":
            cells = [cell for row in csv.reader(path.read_text("utf-8").splitlines()) for cell in row]
            assert not [cell for cell in cells if cell[:1] in tuple("=+@-")]


# ------------------------------------------------------------------------------------------------- the folder


def test_the_same_evaluations_give_the_same_bytes(found: list[Evaluation], tmp_path: Path) -> None:
    written = [write_report(tmp_path / name, [found[0]]) for name in ("a", "b")]
    both = [{path.relative_to(each[0].parent): path.read_bytes() for path in each} for each in written]
    assert both[0] == both[1]
    assert str(tmp_path).encode() not in both[0][Path("index.html")]


def test_an_older_report_is_replaced_and_nothing_else(found: list[Evaluation], tmp_path: Path) -> None:
    one, folder = bare(found[2]), tmp_path / "out"
    folder.mkdir()  # an empty folder is fine
    files = write_report(folder, [found[2]])
    again = write_report(folder, [one])
    assert len(again) < len(files)
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == sorted(again)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]

    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(EvaluationError, match=r"holds something else.*would be lost"):
        write_report(folder, [one])
    assert (folder / "thesis.tex").read_text() == "years of work"
    for name in ("site", "file"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text("<!doctype html><p>my own page")
        with pytest.raises(EvaluationError, match="holds something else"):
            write_report(tmp_path / name, [one])
    (tmp_path / "note").write_text("x")
    with pytest.raises(EvaluationError, match="can't be the report's folder"):
        write_report(tmp_path / "note", [one])


def test_missing_pictures_leave_the_older_report_alone(inputs: Inputs, tmp_path: Path) -> None:
    outputs = np.repeat(inputs.pixels[:, None], 5, axis=1)
    one = bare(evaluation(tmp_path / "e", "small", inputs, outputs, "sprites"))
    files = write_report(tmp_path / "out", [one])
    before = files[0].read_bytes()
    picture_path(one.folder, shown(one)[0]).unlink()
    with pytest.raises(EvaluationError, match="evaluate again"):
        write_report(tmp_path / "out", [one])
    assert files[0].read_bytes() == before


def test_what_doesnt_fit_together_is_refused(found: list[Evaluation], tmp_path: Path) -> None:
    other = replace(found[1], judge=replace(judge_facts(), sha256="00" * 32))
    cases: Mapping[str, list[Evaluation]] = {
        "nothing to report": [],
        "there twice on the same inputs": [found[0], found[0]],
        "different judges": [found[0], other],
        "too much for one report": [
            replace(found[0], model=replace(found[0].model, name=str(k))) for k in range(MODELS + 1)
        ],
    }
    for words, evaluations in cases.items():
        with pytest.raises(UsageError, match=words):
            write_report(tmp_path / "out", evaluations)
    assert not (tmp_path / "out").exists()


def test_two_models_of_one_name_can_be_told_apart(found: list[Evaluation]) -> None:
    twin = replace(found[0], model=replace(found[0].model, sha256="77" * 32))
    material = arrange([found[0], twin, found[2]], Extras())
    assert material.models == ("small", "small (2)")
    assert [list(group.found) for group in material.groups] == [["small", "small (2)"], ["small"]]
