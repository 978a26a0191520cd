"""A whole campaign, from the invitations to the report: three people with phones."""

from collections import Counter

import pytest
from sqlalchemy import select

from kaogae.catalog import Item
from kaogae.expressions import EXPRESSIONS

PEOPLE = ("Aoi", "Ren", "Yuki")


def opinion(person: int, item: int, label: str) -> str:
    """Aoi is always right. On some faces the others err as one, on others each in their own way."""
    following = EXPRESSIONS[(EXPRESSIONS.index(label) + 1) % 5]
    if item % 5 == 1:
        return following if person else label
    return (label, following, "unusable")[person] if item % 5 == 3 else label


def outcome(said: list[str]) -> tuple[str, str | None, int]:
    (verdict, count), *_ = Counter(said).most_common()
    return ("agreed", verdict, len(said)) if 2 * count > len(said) else ("disputed", None, len(said))


@pytest.mark.parametrize(
    ("catalog_url", "count"), [("sqlite", 20), ("postgresql", 5)], indirect=["catalog_url"]
)
def test_three_people_see_their_own_orders_and_the_report_says_what_they_tapped(
    workspace, catalog, faces, count, begin_campaign, serve, seat, votes
):
    faces(count)
    campaign = begin_campaign(workspace, annotators=3)
    service = serve(workspace)
    with catalog.reading() as session:
        labels = {item.id: item.label for item in session.scalars(select(Item))}

    seats = [seat(service.link(name)).open(campaign) for name in PEOPLE]
    tapped = [{} for _ in PEOPLE]
    for _ in range(count):
        for person, at in enumerate(seats):
            verdict = opinion(person, at.face, labels[at.face])
            tapped[person][at.vote(verdict)] = verdict
    for at in seats:
        at.waits(0)
        assert at.page.locator("#situation").is_visible()

    assert len({tuple(mine) for mine in tapped}) == 3, "each has an order of their own"
    assert votes(workspace) == Counter(
        (name, *vote) for name, mine in zip(PEOPLE, tapped, strict=True) for vote in mine.items()
    )
    expected = {item: outcome([mine[item] for mine in tapped]) for item in labels}
    with catalog.reading() as session:
        assert expected == {
            item.id: (item.state, item.verdict, item.votes) for item in session.scalars(select(Item))
        }

    with service.client("Chief", "admin") as chief:
        report = chief.get(f"/admin/campaigns/{campaign}").json()
    assert +Counter(report["states"]) == Counter(state for state, *_ in expected.values())
    assert +Counter(report["verdicts"]) == Counter(verdict for _, verdict, _ in expected.values() if verdict)
    assert report["changed"] == sum(expected[item][1] not in (None, label) for item, label in labels.items())
    assert {one["name"]: one["votes"] for one in report["annotators"]} == dict.fromkeys(PEOPLE, count)
    assert len(report["pairs"]) == 3
    for pair in report["pairs"]:
        first, second = (tapped[PEOPLE.index(pair[side])] for side in ("first", "second"))
        assert pair["observed"] == pytest.approx(sum(first[i] == second[i] for i in labels) / count)
    for label, row in report["matrix"].items():
        came_to = [expected[item] for item in labels if labels[item] == label]
        assert +Counter(row) == Counter(verdict or state for state, verdict, _ in came_to)
