"""Whatever happens to the network, the page and the service: every vote arrives, and counts once."""

import re
import signal
from collections import Counter

import pytest

NO_NETWORK = "ERR_INTERNET_DISCONNECTED"
NO_SERVICE = "ERR_CONNECTION_(REFUSED|RESET)|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED|ERR_FAILED .*/image"
BURST = """count => { window.burst = (async () => {
  for (let n = 0; n < count; n++) {
    document.querySelector("[data-verdict=happy]").click();
    await new Promise((after) => setTimeout(after, 40));
  }
})(); }"""


@pytest.fixture
def campaign(filled, begin_campaign):
    """20 faces, each to be seen by one person."""
    return begin_campaign(filled, annotators=1)


def test_without_a_network_the_app_reloads_and_goes_on_and_each_vote_is_sent_once(
    filled, campaign, serve, seat, trouble, votes
):
    trouble.expect(NO_NETWORK)
    at = seat(serve(filled).link("Aoi")).open(campaign)
    cast = [("Aoi", at.vote("happy"), "happy") for _ in range(3)]
    at.waits(0)
    at.stored(20)
    at.context.set_offline(True)
    cast += [("Aoi", at.vote("sad"), "sad") for _ in range(3)]
    at.waits(3)
    at.page.reload()
    at.ready()
    assert at.page.locator("#face").evaluate("face => face.decode().then(() => face.naturalWidth)") > 0
    cast += [("Aoi", at.vote("other"), "other") for _ in range(3)]
    at.waits(6)
    at.context.set_offline(False)
    at.waits(0)
    assert votes(filled) == Counter(cast)
    assert len({item for _, item, _ in cast}) == 9


def test_a_service_killed_in_the_middle_of_a_burst_of_votes_has_lost_and_doubled_none(
    filled, campaign, serve, seat, trouble, votes
):
    trouble.expect(NO_SERVICE)
    service = serve(filled)
    at = seat(service.link("Aoi")).open(campaign).stored(20)  # a face without its picture can't be judged
    with at.page.expect_response("**/votes"):
        at.page.evaluate(BURST, 15)
    service.kill()
    at.page.evaluate("window.burst")
    before = votes(filled)
    at.page.locator("#waiting").wait_for()
    left = int(re.search(r"\d+", at.page.locator("#waiting").inner_text())[0])
    assert 15 - before.total() <= left <= 15
    service.start()
    at.page.evaluate("dispatchEvent(new Event('online'))")  # or it would try again in its own time
    at.waits(0)
    assert before <= votes(filled)
    assert votes(filled).total() == 15
    assert len(votes(filled)) == 15


def test_a_page_closed_in_the_middle_of_sending_sends_again_when_it_is_opened(
    filled, campaign, serve, seat, trouble, votes
):
    trouble.expect("ERR_ABORTED", "ERR_FAILED .*/image")
    service = serve(filled)
    at = seat(service.link("Aoi")).open(campaign)
    service.process.send_signal(signal.SIGSTOP)  # requests go out, and nothing comes back
    cast = [("Aoi", at.vote("happy"), "happy") for _ in range(4)]
    at.waits(4)
    address = at.page.url
    at.page.close()
    service.process.send_signal(signal.SIGCONT)
    at = at.another_tab(address)
    cast += [("Aoi", at.vote("sad"), "sad") for _ in range(2)]
    at.waits(0)
    assert votes(filled) == Counter(cast)
    assert len({item for _, item, _ in cast}) == 6


def test_two_tabs_of_one_person_share_the_work_and_double_nothing(filled, campaign, serve, seat, votes):
    one = seat(serve(filled).link("Aoi")).open(campaign)
    two = one.another_tab()
    turns = ((one, "happy"), (two, "sad"))
    for number in range(20):  # both may show the same face: whoever is first has it
        for at, verdict in turns if number % 2 else reversed(turns):
            at.page.evaluate(
                "verdict => document.querySelector(`[data-verdict=${verdict}]`).click()", verdict
            )
    for at in (one, two):
        at.page.locator("#situation h2").wait_for()
        at.waits(0)
    found = votes(filled)
    assert found.total() == 20
    assert len({item for _, item, _ in found}) == 20
    assert {verdict for *_, verdict in found} == {"happy", "sad"}
