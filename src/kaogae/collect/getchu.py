"""Getchu: character pictures of visual novels, which come without a label."""

from datetime import date
from typing import Any

from kaogae.collect.intake import Post
from kaogae.collect.source import Source, Verdict, check_root, is_loopback
from kaogae.errors import UsageError

ROOT = "https://www.getchu.com"

INTERVAL = 3.0
"""Seconds between two requests: the site bans who is faster."""


def getchu(
    *,
    year: int | None = None,
    month: int | None = None,
    product: int | None = None,
    root: str = ROOT,
    interval: float | None = None,
    contact: str | None = None,
) -> list[Source]:
    """What to collect from Getchu, for `gallery.crawl`, one source after the other.

    Args:
        year: of release; with `month` that month's list, without it the twelve lists of the year.
        month: 1 to 12; this year's without `year`. Without both: the present month.
        product: only this one, by its number.
        interval: seconds between two requests, pictures too.
        contact: how the site's people can reach whoever runs this.

    Raises:
        UsageError: no such month, both a date and a product, or an interval below what the site bears.
    """
    root = check_root(root)
    interval = INTERVAL if interval is None else interval
    if interval < INTERVAL and not is_loopback(root):
        raise UsageError(
            f"Getchu bans who asks more often than every {INTERVAL:g} s: give a longer interval."
        )
    if product is not None:
        if year is not None or month is not None:
            raise UsageError("Give either a product's number or a year and month, not both.")
        return [_source(f"getchu:{root}/soft.phtml?id={product}", None, interval, contact)]
    today = date.today()
    months = [month] if month is not None else range(1, 13) if year is not None else [today.month]
    year = today.year if year is None else year
    if not (1980 <= year <= today.year + 2 and all(1 <= number <= 12 for number in months)):
        raise UsageError(f"There is no list for {year}-{months[0]:02d}: months are 1 to 12, years from 1980.")
    return [
        _source(
            # gage=all: the list for all ages, without the titles for adults
            f"getchu:{root}/all/price.html?genre=pc_soft&year={year}&month={number:02d}&gage=all&gc=gc",
            "all ages",
            interval,
            contact,
        )
        for number in months
    ]


def _source(address: str, rating: str | None, interval: float, contact: str | None) -> Source:
    keyword = address.rpartition("/")[2]

    def judge(raw: dict[str, Any]) -> Verdict:
        number = str(raw["id"])
        product, _, _ = number.partition("/")
        name = str(raw["character"])
        told = (("title", raw["title"]), ("brand", raw["brand"]))
        return Verdict(
            Post(
                site="getchu",
                post=number,
                keyword=keyword,
                tags=tuple(f"{key}:{value}" for key, value in told if value),
                rating=rating,
                artist=str(raw["artist"]) or None,
                # Many heroines are called Sakura: the product tells them apart
                character=f"{name} ({product})" if name else None,
                licence="unknown",
                page_url=str(raw["page_url"]),
                file_url=str(raw["file_url"]),
            )
        )

    return Source("getchu", address, judge, interval, contact)
