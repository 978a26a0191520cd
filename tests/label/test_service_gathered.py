"""One question for all who ask at the same moment."""

import asyncio

from kaogae.label.service.gathered import Gathered


class Source:
    """Answers with ten times what was asked, when it is let; 0 can't be answered."""

    def __init__(self):
        self.asked, self.let = [], asyncio.Event()

    async def __call__(self, wanted):
        self.asked.append(sorted(wanted))
        await self.let.wait()
        return {key: 10 * key if key else 1 // key for key in wanted}


def test_who_asks_at_one_moment_shares_a_question_and_whoever_comes_later_has_a_fresh_one():
    async def ask():
        source = Source()
        gathered = Gathered(source)
        first = [asyncio.ensure_future(gathered.get(key)) for key in (1, 2, 2, 3)]
        while not source.asked:
            await asyncio.sleep(0)
        later = asyncio.ensure_future(gathered.get(2))
        await asyncio.sleep(0.01)
        source.let.set()
        assert await asyncio.gather(*first, later) == [10, 20, 20, 30, 20]
        assert source.asked == [[1, 2, 3], [2]]

    asyncio.run(ask())


def test_whoever_hangs_up_takes_nobodys_answer_along():
    async def ask():
        source = Source()
        gathered = Gathered(source)
        gone, stays = (asyncio.ensure_future(gathered.get(key)) for key in (1, 2))
        await asyncio.sleep(0.01)
        gone.cancel()
        source.let.set()
        assert await stays == 20

    asyncio.run(ask())


def test_what_cant_be_answered_is_an_error_for_all_who_asked_and_nobody_after():
    async def ask():
        source = Source()
        source.let.set()
        gathered = Gathered(source)
        answers = await asyncio.gather(gathered.get(0), gathered.get(1), return_exceptions=True)
        assert [type(answer) for answer in answers] == [ZeroDivisionError] * 2
        assert await gathered.get(1) == 10

    asyncio.run(ask())
