"""A panel of three simulated annotators: the consensus and the κ that theory predicts.

Each item shows one of the C answers (its truth t, with share π_t). Annotator i sees it with probability
g_i = 1 − e_i, and else gives one of the C − 1 other answers, each with u_i = e_i / (C − 1), independently of
the others. Then, of three annotators i, j, k:

- two of them agree on an item with probability a_ij = g_i g_j + (C − 1) u_i u_j;
- annotator i gives the answer c with probability q_i(c) = π_c g_i + (1 − π_c) u_i, so chance alone makes two
  of them agree with p_ij = Σ_c q_i(c) q_j(c), and Cohen's κ is (a_ij − p_ij) / (1 − p_ij);
- Fleiss' P̄ is the mean of the three a_ij, his p_c the mean of the three q_i(c), and
  κ = (P̄ − Σ p_c²) / (1 − Σ p_c²);
- the majority is right with R = g_1 g_2 g_3 + Σ g_i g_j e_k: two or three of them are right;
- the majority is wrong with W = (C − 1)(u_1 u_2 u_3 + Σ u_i u_j (1 − u_k)): for one of the C − 1 wrong
  answers, two or three of them give it;
- nobody agrees with probability 1 − R − W: the item waits for a reviewer;
- annotator i and the majority agree with g_i (1 − e_j e_k) + (C − 1) u_i (1 − (1 − u_j)(1 − u_k)), as a share
  of the items that have a majority: R + W.

The standard error of a share p of N items is sqrt(p (1 − p) / N), that of κ its observed agreement's over
1 − chance.
"""

from collections import Counter
from datetime import UTC, datetime
from itertools import combinations
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import select

from kaogae.catalog import Annotator, Campaign, Catalog, Item
from kaogae.expressions import EXPRESSIONS
from kaogae.label.campaigns import Settings, begin
from kaogae.label.ledger import Cast, record
from kaogae.label.report import CampaignReport, report
from kaogae.label.verdicts import ANSWERS, PANEL

ITEMS = 800
C = len(ANSWERS[PANEL])
TRUTH = np.array([0.4, 0.1, 0.1, 0.3, 0.1, 0.0])
"""π: how many of the items show what. Never "other"."""

SIGMAS = 3.5
"""Standard errors that a number may be off: of ten such numbers one is in a run of two hundred."""


def simulate(catalog: Catalog, errors: tuple[float, ...], seed: int) -> CampaignReport:
    """Three annotators with these error rates judge every item, through the real tables."""
    answers, generator = ANSWERS[PANEL], np.random.default_rng(seed)
    truth = generator.choice(C, ITEMS, p=TRUTH)
    with catalog.session() as session:
        items = [{"sha256": f"{k:064x}", "about": {"target": answers[t]}} for k, t in enumerate(truth)]
        campaign = begin(session, "panel", PANEL, Settings(blind=True), items, Counter()).id
        people = [Annotator(name=name) for name in ("Aoi", "Ren", "Yui")]
        session.add_all(people)
        session.flush()
        rows = session.scalars(
            select(Item.id).where(Item.campaign_id == campaign).order_by(Item.number)
        ).all()
        casts = []
        for person, error in zip(people, errors, strict=True):
            wrong = (truth + generator.integers(1, C, ITEMS)) % C  # each other answer as likely
            said = np.where(generator.random(ITEMS) < error, wrong, truth)
            for row, answer in zip(rows, said, strict=True):
                id_ = UUID(bytes=generator.bytes(16), version=4)
                moment = datetime(2026, 1, 1, tzinfo=UTC)
                casts.append(Cast(id_, campaign, row, person.id, answers[answer], 900, moment))
        generator.shuffle(casts)
        for start in range(0, len(casts), 500):
            assert record(session, casts[start : start + 500]) == [None] * len(casts[start : start + 500])
    with catalog.reading() as session:
        return report(session, session.get_one(Campaign, campaign))


def margin(share: float, items: float = ITEMS) -> float:
    """How far a share of so many items may be off."""
    return SIGMAS * np.sqrt(share * (1 - share) / items)


def near(share: float, items: float = ITEMS) -> object:
    """That share, within its margin."""
    return pytest.approx(share, abs=margin(share, items))


def near_kappa(agreement: float, chance: float) -> object:
    """κ of that agreement, within its margin."""
    return pytest.approx((agreement - chance) / (1 - chance), abs=margin(agreement) / (1 - chance))


@pytest.mark.parametrize(
    ("errors", "seed"), [((0.1, 0.2, 0.3), 1), ((0.5, 0.6, 0.7), 2), ((0.05, 0.05, 0.8), 3)]
)
def test_a_panel_comes_to_what_theory_predicts(
    catalog: Catalog, errors: tuple[float, ...], seed: int
) -> None:
    found = simulate(catalog, errors, seed)
    e, g, u = np.array(errors), 1 - np.array(errors), np.array(errors) / (C - 1)
    q = np.outer(g, TRUTH) + np.outer(u, 1 - TRUTH)  # [annotator, answer]
    assert q.sum(axis=1) == pytest.approx([1, 1, 1])
    pairs, third = list(combinations(range(3), 2)), (2, 1, 0)

    agree = [g[i] * g[j] + (C - 1) * u[i] * u[j] for i, j in pairs]
    for pair, (i, j), a in zip(found.pairs, pairs, agree, strict=True):
        assert pair.items == ITEMS
        assert pair.observed == near(a)
        assert pair.kappa == near_kappa(a, q[i] @ q[j])

    p = q.mean(axis=0)
    assert found.observed == near(np.mean(agree))
    assert found.fleiss_kappa == near_kappa(np.mean(agree), p @ p)

    right = g.prod() + sum(g[i] * g[j] * e[k] for (i, j), k in zip(pairs, third, strict=True))
    wrong = (C - 1) * (
        u.prod() + sum(u[i] * u[j] * (1 - u[k]) for (i, j), k in zip(pairs, third, strict=True))
    )
    diagonal = sum(found.matrix[name][name] for name in EXPRESSIONS)
    agreed = sum(found.verdicts.values())
    assert sum(sum(row.values()) for row in found.matrix.values()) == ITEMS
    assert sum(row["disputed"] for row in found.matrix.values()) == ITEMS - agreed
    assert diagonal / ITEMS == near(right)
    assert (agreed - diagonal) / ITEMS == near(wrong)
    assert found.states["disputed"] / ITEMS == near(1 - right - wrong)
    assert found.states == {"open": 0, "agreed": agreed, "disputed": ITEMS - agreed, "reviewed": 0}

    for i, person in enumerate(found.annotators):
        j, k = (i + 1) % 3, (i + 2) % 3
        both = g[i] * (1 - e[j] * e[k]) + (C - 1) * u[i] * (1 - (1 - u[j]) * (1 - u[k]))
        assert person.votes == ITEMS
        assert person.agreement == near(both / (right + wrong), ITEMS * (right + wrong))


def test_annotators_without_errors_agree_on_everything(catalog: Catalog) -> None:
    found = simulate(catalog, (0.0, 0.0, 0.0), 4)
    assert found.fleiss_kappa == found.observed == 1
    assert [pair.kappa for pair in found.pairs] == [1, 1, 1]
    assert [person.agreement for person in found.annotators] == [1, 1, 1]
    assert found.states["agreed"] == ITEMS


def test_annotators_who_only_guess_agree_as_chance_does(catalog: Catalog) -> None:
    """With e = (C − 1) / C every answer is equally likely whatever the truth: κ is 0, agreement 1 / C."""
    found = simulate(catalog, (1 - 1 / C,) * 3, 5)
    assert found.observed == near(1 / C)
    assert found.fleiss_kappa == near_kappa(1 / C, 1 / C)
