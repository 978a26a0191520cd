"""What a panel's votes come to, through the label service's own tables."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import select

from kaogae.catalog import Annotator, Catalog, Item, Vote, Workspace
from kaogae.errors import EvaluationError, LabelError, UsageError
from kaogae.evaluate import VERDICTS, Confusion
from kaogae.evaluate.panel import CONTROL
from kaogae.evaluate.panel_votes import Person, failing, read_panel
from kaogae.expressions import EXPRESSIONS
from kaogae.label import Settings, find, import_votes, set_open
from kaogae.label.campaigns import begin
from kaogae.label.ledger import Cast, record
from kaogae.label.report import report

START = datetime(2026, 1, 1, tzinfo=UTC)
CONTROLS = 40
SHOWS = {
    "a": {"happy": "happy", "sad": "neutral", "crying": "sad", "neutral": "neutral", "surprised": "other"},
    "b": {e.value: e.value for e in EXPRESSIONS},
    CONTROL: {e.value: e.value for e in EXPRESSIONS},
}
"""Of each model's outputs, what they really show, by target."""

Answer = Callable[["Asked"], str]


@dataclass(frozen=True)
class Asked:
    """A picture of the panel."""

    id: int
    sha256: str
    model: str
    target: str

    @property
    def shows(self) -> str:
        return SHOWS[self.model][self.target]


class Panel:
    """A panel with ten outputs of two models for each target and forty controls, and ways to vote in it."""

    def __init__(
        self, catalog: Catalog, annotators: int = 3, abouts: Sequence[Mapping[str, object]] | None = None
    ) -> None:
        self.catalog, self.clock = catalog, START
        if abouts is None:
            abouts = [
                {"model": model, "target": target.value, "source": "sad", "name": str(number)}
                for number in range(10)
                for model in ("a", "b")
                for target in EXPRESSIONS
            ]
            faces = [EXPRESSIONS[k % 5].value for k in range(CONTROLS)]
            abouts += [{"model": CONTROL, "target": face, "source": face} for face in faces]
        rows = [{"sha256": f"{k:064x}", "about": dict(about)} for k, about in enumerate(abouts)]
        with catalog.session() as session:
            begin(session, "panel", "panel", Settings(annotators, blind=True), rows, Counter())
            found = session.scalars(select(Item).order_by(Item.number)).all()
            self.asked = [
                Asked(one.id, one.sha256, one.about.get("model", ""), str(one.about.get("target")))
                for one in found
            ]

    def vote(
        self, name: str, answer: Answer, asked: Sequence[Asked] | None = None, *, review: bool = False
    ) -> dict[int, str]:
        """Somebody's votes on pictures (default: all), a second after what was said before; gives them."""
        said = {one.id: answer(one) for one in (self.asked if asked is None else asked)}
        self.clock += timedelta(seconds=1)
        with self.catalog.session() as session:
            campaign = find(session, "panel").id
            person = session.scalar(select(Annotator).where(Annotator.name == name)) or Annotator(
                name=name, role="reviewer" if review else "annotator"
            )
            session.add(person)
            session.flush()
            casts = [
                Cast(uuid4(), campaign, id_, person.id, verdict, 800, self.clock, review)
                for id_, verdict in said.items()
            ]
            assert set(record(session, casts)) <= {None}
        return said

    def of(self, model: str, target: str) -> list[Asked]:
        return [one for one in self.asked if (one.model, one.target) == (model, target)]


def looks(one: Asked) -> str:
    """Somebody who sees what is there."""
    return one.shows


def errs(seed: int, share: float) -> Answer:
    """Somebody who is wrong so often, in any direction."""
    dice = np.random.default_rng(seed)
    return lambda one: str(dice.choice(VERDICTS)) if dice.random() < share else one.shows


def matrix(panel: Panel, model: str, seen: Callable[[Asked], str]) -> np.ndarray:
    """The table in which every picture of the model is seen so."""
    pairs = [(one.target, seen(one)) for one in panel.asked if one.model == model]
    targets, verdicts = ([VERDICTS.index(word) for word in column] for column in zip(*pairs, strict=True))
    return Confusion.of(targets, verdicts).counts


@pytest.fixture
def single(tmp_path: Path) -> Iterator[Catalog]:
    """A catalogue in SQLite; `catalog` runs a test with PostgreSQL too."""
    opened = Workspace(tmp_path).open()
    yield opened
    opened.close()


def test_people_who_see_what_is_there_give_its_matrix(catalog: Catalog) -> None:
    panel = Panel(catalog)
    for name in ("Aoi", "Ren", "Yui"):
        panel.vote(name, looks)
    found = read_panel(catalog, "panel")
    assert list(found.matrices) == ["a", "b"]
    assert found.inputs == {str(number) for number in range(10)}
    for model, confusion in found.matrices.items():
        assert (confusion.counts == matrix(panel, model, looks)).all()
    assert found.matrices["a"].class_accuracies.tolist() == [1, 0, 0, 1, 0]
    assert found.controls is not None
    assert found.controls.counts.tolist() == (8 * np.eye(5, 6, dtype=int)).tolist()
    assert (found.kappa, found.agreement.observed, found.agreement.items) == (1, 1, 140)
    assert [(p.name, p.votes, p.controls, p.right, p.failed) for p in found.people] == [
        (name, 140, CONTROLS, CONTROLS, False) for name in ("Aoi", "Ren", "Yui")
    ]
    assert (found.partial, found.missing, found.trusted, found.unknown) == (False, "", None, 0)


def test_who_guesses_is_named_and_nobody_else(catalog: Catalog) -> None:
    panel = Panel(catalog)
    said = [
        panel.vote("Aoi", errs(1, 0.1)),
        panel.vote("Ren", errs(2, 1.0)),
        panel.vote("Yui", errs(3, 0.2)),
    ]

    def most(one: Asked, votes: Sequence[Mapping[int, str]]) -> str:
        answer, count = Counter(each[one.id] for each in votes).most_common(1)[0]
        return answer if 2 * count > len(votes) else "other"

    found = read_panel(catalog, "panel")
    assert found.failed == ("Ren",)
    assert found.trusted is not None
    assert found.trusted.without == ("Ren",)
    assert [person.name for person in found.trusted.people] == ["Aoi", "Yui"]
    for result, votes in ((found, said), (found.trusted, [said[0], said[2]])):
        assert result.controls is not None
        tables = {**result.matrices, CONTROL: result.controls}
        for model, confusion in tables.items():
            assert (confusion.counts == matrix(panel, model, lambda one, v=votes: most(one, v))).all(), model
    assert found.trusted.matrices["b"].accuracy != found.matrices["b"].accuracy
    left = read_panel(catalog, "panel", without=["Ren"])
    assert (left.without, left.failed, left.trusted) == (("Ren",), (), None)
    assert (left.matrices["a"].counts == found.trusted.matrices["a"].counts).all()
    alone = read_panel(catalog, "panel", without=["Aoi"]).trusted
    assert alone is not None
    assert (alone.without, [person.name for person in alone.people]) == (("Aoi", "Ren"), ["Yui"])
    with catalog.reading() as session:
        status = report(session, find(session, "panel"))
    assert found.kappa == pytest.approx(status.fleiss_kappa), "kaogae label status says the same"
    assert found.agreement.observed == pytest.approx(status.observed)
    assert left.kappa is not None
    assert found.kappa is not None
    assert left.kappa > found.kappa + 0.2


def test_each_model_has_its_own_agreement(single: Catalog) -> None:
    panel = Panel(single)
    for k, name in enumerate(("Aoi", "Ren", "Yui")):
        panel.vote(name, lambda one, k=k: EXPRESSIONS[k].value if one.model == "a" else one.shows)
    found = read_panel(single, "panel")
    assert found.agreements["a"].observed == 0
    assert found.agreements["a"].kappa == pytest.approx(-0.5), "three answers, each a third of all votes"
    assert (found.agreements["b"].kappa, found.agreements[CONTROL].kappa) == (1, 1)


def test_without_a_majority_a_picture_is_other_until_a_reviewer_decides(single: Catalog) -> None:
    panel = Panel(single)
    tied = panel.of("b", "happy")[:4]
    for name, word in (("Aoi", "happy"), ("Ren", "sad"), ("Yui", "crying")):
        panel.vote(name, lambda one, word=word: word if one in tied else one.shows)
    found = read_panel(single, "panel")
    assert found.matrices["b"].counts[0].tolist() == [6, 0, 0, 0, 0, 4]
    assert (found.standings["b"].undecided, found.standings["a"].undecided) == (4, 0)
    panel.vote("Mio", lambda _: "happy", tied[:3], review=True)
    decided = read_panel(single, "panel")
    assert decided.matrices["b"].counts[0].tolist() == [9, 0, 0, 0, 0, 1]
    assert decided.standings["b"].undecided == 1
    assert "Mio" not in [person.name for person in decided.people], "a decision is no vote"
    left = read_panel(single, "panel", without=["Mio"])
    assert (left.matrices["b"].counts == found.matrices["b"].counts).all()
    panel.vote("Mio", lambda _: "undone", tied[:3], review=True)
    assert (read_panel(single, "panel").matrices["b"].counts == found.matrices["b"].counts).all()


def test_what_was_undone_or_skipped_is_no_vote_and_the_last_word_counts(single: Catalog) -> None:
    panel = Panel(single, annotators=1)
    panel.vote("Aoi", lambda _: "sad")
    panel.vote("Aoi", looks)
    panel.vote("Aoi", lambda _: "undone", panel.of("a", "happy")[:2])
    panel.vote("Ren", lambda _: "skipped", panel.of("a", "happy")[:2])
    with pytest.raises(EvaluationError, match=r"2 of 140 pictures lack 2 votes \(a: 2 of 50\)"):
        read_panel(single, "panel")
    found = read_panel(single, "panel", partial=True)
    assert found.matrices["a"].counts.tolist()[:2] == [[8, 0, 0, 0, 0, 0], [0, 0, 0, 10, 0, 0]]
    assert [person.votes for person in found.people] == [138]


def test_an_unfinished_panel_says_what_is_missing(single: Catalog) -> None:
    panel = Panel(single)
    with pytest.raises(EvaluationError, match="140 of 140 pictures lack 420 votes") as nothing:
        read_panel(single, "panel", partial=True)
    assert "--partial" not in str(nothing.value)
    late = [*panel.of("a", "sad")[:3], *panel.of(CONTROL, "happy")[:1]]
    rest = [one for one in panel.asked if one not in late]
    for name in ("Aoi", "Ren", "Yui"):
        panel.vote(name, looks, rest)
    for name in ("Aoi", "Ren"):  # agree already, and might seem to have decided
        panel.vote(name, looks, late[1:])
    panel.vote("Yui", looks, late[:1])
    with pytest.raises(EvaluationError) as refused:
        read_panel(single, "panel")
    assert str(refused.value) == (
        "The panel 'panel' isn't finished: 4 of 140 pictures lack 5 votes (a: 3 of 50; controls: 1 of 40)."
        " Let people vote, or use the others with --partial."
    )
    found = read_panel(single, "panel", partial=True)
    assert (found.partial, found.matrices["a"].totals.tolist()) == (True, [10, 7, 10, 10, 10])
    assert (found.agreement.items, found.kappa) == (139, 1), "two votes say already whether people agree"
    assert found.missing == "4 of 140 pictures lack 5 votes (a: 3 of 50; controls: 1 of 40)"
    with single.session() as session:
        set_open(find(session, "panel"), False)
    with pytest.raises(EvaluationError, match="Let people vote with `kaogae label reopen panel`, or"):
        read_panel(single, "panel")
    panel.vote("Mio", lambda _: "other", late, review=True)
    assert read_panel(single, "panel").missing == "", "what a reviewer decided needs no more votes"


def test_a_picture_that_loses_all_its_votes_lacks_them(single: Catalog) -> None:
    panel = Panel(single, annotators=1)
    panel.vote("Aoi", looks, panel.asked[:-3])
    panel.vote("Ren", looks, panel.asked[-3:])
    with pytest.raises(EvaluationError, match=r"lack 3 votes \(controls: 3 of 40\)"):
        read_panel(single, "panel", without=["Ren"])
    with pytest.raises(
        UsageError, match="Nobody called 'Yui' voted in the panel 'panel': there are Aoi, Ren"
    ):
        read_panel(single, "panel", without=["Yui"])


def test_votes_from_files_count_and_those_on_unknown_pictures_are_named(
    single: Catalog, tmp_path: Path
) -> None:
    panel = Panel(single, annotators=1)
    rows = [{"sha256": one.sha256, "annotator": "Aoi", "verdict": one.shows} for one in panel.asked]
    rows += [{"sha256": "f" * 64, "annotator": "Aoi", "verdict": "sad"}] * 2
    file = tmp_path / "votes.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    done = import_votes(single, "panel", file)
    assert (done.added, dict(done.refused)) == (140, {"this campaign has no such item": 2})
    assert done.lines == [
        (141, "this campaign has no such item"),
        (142, "this campaign has no such item"),
    ]
    found = read_panel(single, "panel")
    assert (found.matrices["a"].counts == matrix(panel, "a", looks)).all()
    assert found.unknown == 0
    with single.session() as session:  # no import does that
        person = session.scalars(select(Annotator)).one()
        session.add(
            Vote(id=UUID(int=1), campaign_id=find(session, "panel").id, annotator_id=person.id, verdict="sad")
        )
    assert read_panel(single, "panel").unknown == 1


def test_a_panel_without_models_is_one_model_without_a_name(single: Catalog) -> None:
    panel = Panel(single, 1, [{"target": "sad", "name": "x"}, {"target": "happy", "source": "sad"}])
    panel.vote("Aoi", lambda one: one.target)
    found = read_panel(single, "panel")
    assert (list(found.matrices), found.matrices[""].accuracy) == ([""], 1)
    assert (found.controls, found.kappa, found.people[0].controls) == (None, None, 0)
    assert not found.failed, "nobody is blamed without controls"


@pytest.mark.parametrize(
    ("about", "says"),
    [
        ({"target": "sad", "source": "happy", "model": CONTROL}, "made sad by a model called 'control'"),
        ({"target": "sad", "model": CONTROL}, "something made sad"),
        ({"target": "smug"}, "Picture 0 of the panel 'panel' has no target"),
        ({}, "has no target"),
        ({"target": "sad", "model": 7}, "a model that can't be"),
    ],
)
def test_items_that_cant_be(single: Catalog, about: Mapping[str, object], says: str) -> None:
    Panel(single, 1, [about])
    with pytest.raises(EvaluationError, match=says):
        read_panel(single, "panel")


def test_campaigns_that_are_no_panel(single: Catalog) -> None:
    with single.session() as session:
        begin(session, "cleaning", "clean", Settings(), [{"sha256": "0" * 64, "label": "sad"}], Counter())
    with pytest.raises(UsageError, match="'cleaning' asks what faces of the catalogue show"):
        read_panel(single, "cleaning")
    with pytest.raises(LabelError, match="There is no campaign 'nothing'"):
        read_panel(single, "nothing")


# ----------------------------------------------------------------------------------------- who fails


def judged(*right: int, of: int) -> list[bool]:
    people = [Person(str(k), 500, of, count, None) for k, count in enumerate(right)]
    return [person.failed for person in failing(people)]


@pytest.mark.parametrize(
    "shares", [(0.9, 0.9, 1 / 6), (0.7, 0.9, 1 / 6), (0.8, 1 / 6, 1 / 6), (0.8, 0.2, 0.2)]
)
def test_twenty_controls_tell_guessers_from_those_who_look(shares: tuple[float, ...]) -> None:
    """95 of 100 guessers are named, and one in 100 of those who are right on seven of ten faces or more."""
    dice = np.random.default_rng(0)
    rounds = np.mean([judged(*dice.binomial(20, shares).tolist(), of=20) for _ in range(400)], axis=0)
    for share, named in zip(shares, rounds.tolist(), strict=True):
        assert named > 0.95 if share < 0.5 else named < 0.01, share


def test_who_fails_is_no_measure_for_others() -> None:
    assert judged(19, 1, 6, of=19) == [False, True, True], "beside the second, the third looks good enough"


def test_hard_faces_fail_nobody() -> None:
    assert judged(22, 24, 20, of=40) == [False] * 3, "all are right on about half"
    assert judged(40, 30, of=40) == [False] * 2, "surely worse, but far above chance"


def test_few_controls_fail_nobody_who_may_have_been_unlucky() -> None:
    assert judged(0, 0, 2, of=2) == [False] * 3
    assert judged(0, of=19) == [False]
    assert judged(9, 9, 1, of=9) == [False, False, True]


def test_people_who_all_guess_all_fail_and_nothing_is_left(single: Catalog) -> None:
    panel = Panel(single)
    for seed, name in enumerate(("Aoi", "Ren", "Yui")):
        panel.vote(name, errs(seed, 1.0))
    found = read_panel(single, "panel")
    assert found.failed == ("Aoi", "Ren", "Yui")
    assert found.trusted is None


# ----------------------------------------------------------------------------------------- the command


@pytest.fixture
def votes(
    tmp_path: Path, single: Catalog, kaogae: Callable[..., tuple[int, str, str]]
) -> Callable[..., object]:
    """`kaogae evaluate votes` in the workspace of `single`."""
    assert single.place
    return lambda *words: kaogae("evaluate", "votes", *words, "--workspace", tmp_path)


def test_the_command_says_everything(single: Catalog, votes: Callable[..., tuple[int, str, str]]) -> None:
    panel = Panel(single)
    panel.vote("Aoi", looks)
    panel.vote("Re\x1b[31mn", lambda _: "happy")
    panel.vote("Yui", lambda one: "other" if one in panel.of("b", "sad") else one.shows)
    code, out, err = votes("panel")
    assert code == 0, err
    assert "\x1b" not in out
    lines = out.splitlines()
    assert "a, by people: % of each row" in lines
    assert "b, by people: % of each row" in lines
    assert "Controls, by people: % of each row" in lines
    rows = [line.split() for line in lines]
    (sad,) = (row for row in rows[rows.index(["b,", "by", "people:", "%", "of", "each", "row"]) :][4:5])
    assert sad[:8] == ["sad", "·", "·", "·", "·", "·", "100", "10"]
    assert (
        "50 of 50 pictures; 40 % of pairs of votes agree, Fleiss' κ 0.17 (slight); 10 without a majority,"
        ' so "other".'
    ) in lines
    assert ["Aoi", "140", "40", "40", "91–100", "%"] in rows
    assert "Re�[31mn fails the controls: right on 8 of 40; the others are on 100 %." in lines
    assert "Without Re�[31mn, from the votes that are left:" in lines
    assert "b, by people, without Re�[31mn: % of each row" in lines
    report = json.loads(votes("panel", "--json")[1])
    assert report["matrices"]["a"]["counts"] == matrix(panel, "a", looks).tolist()
    assert [person["failed"] for person in report["people"]] == [False, True, False]
    assert report["trusted"]["without"] == ["Re\x1b[31mn"]
    code, out, _ = votes("panel", "--without", "Re\x1b[31mn")
    assert (code, "fails the controls" in out) == (0, False)


def test_the_command_is_partly_done_with_part_of_the_votes(
    single: Catalog, votes: Callable[..., tuple[int, str, str]]
) -> None:
    panel = Panel(single, 1)
    panel.vote("Aoi", looks, panel.asked[1:])
    code, out, err = votes("panel")
    assert (code, out, "1 of 140 pictures lack 1 vote (a: 1 of 50)" in " ".join(err.split())) == (2, "", True)
    code, out, _ = votes("panel", "--partial")
    assert (code, "49 of 50 pictures" in out) == (1, True)
    assert "Not finished: 1 of 140 pictures lack 1 vote (a: 1 of 50); they aren't counted." in out
    code, out, _ = votes("panel", "--partial", "--json")
    assert (code, json.loads(out)["partial"]) == (1, True)
    panel.vote("Aoi", looks, panel.asked[:1])
    assert votes("panel", "--partial")[0] == 0, "nothing is missing"
    assert votes("nothing")[0] == 2
