"""Every vote arrives, and counts once, whatever happens on its way."""

import os
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Error


def counted(service):
    """How many votes each item got."""
    return Counter(vote["item"] for vote in service.votes.values())


def eventually(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it doesn't happen"
        time.sleep(0.01)


def test_votes_go_one_by_one_while_there_is_a_network(service, tab, host):
    desk = tab(host).start().ready()
    judged = [desk.vote() for _ in range(10)]
    desk.sent()
    assert counted(service) == dict.fromkeys(judged, 1)
    assert desk.state()["mine"] == 10
    assert len(service.arrivals) == 10


def test_without_a_service_votes_wait_also_across_starts_and_arrive_once(service, tab, host):
    desk = tab(host).start().stocked()
    service.fails("drop")
    judged = [desk.vote() for _ in range(5)]
    desk.stored(5).until("!desk.online")
    desk.start(None).ready()
    judged += [desk.vote() for _ in range(5)]
    state = desk.state()
    assert (state["waiting"], state["mine"], state["situation"]) == (10, 10, "ready")
    assert not service.votes
    service.fails(None)
    desk.again()
    desk.sent()
    assert counted(service) == dict.fromkeys(judged, 1)
    assert desk.state()["online"]


def test_a_vote_is_stored_before_it_is_sent(service, tab):
    desk = tab().start().ready()
    service.fails("hang", "/votes")
    item = desk.vote()
    desk.stored(1)
    time.sleep(0.3)
    desk.page.close()
    service.fails(None)
    tab().start(None).sent()
    assert counted(service) == {item: 1}


@pytest.mark.parametrize("mood", ["deaf 500", "deaf drop", "deaf page", "deaf 503"])
def test_votes_whose_acknowledgement_is_lost_are_sent_again_and_count_once(service, tab, host, mood):
    desk = tab(host).start().stocked()
    service.fails(mood, "/votes")
    judged = [desk.vote() for _ in range(6)]
    eventually(lambda: service.votes)
    desk.until("!desk.online")
    assert desk.state()["waiting"] == 6
    service.fails(None)
    desk.again()
    desk.sent()
    assert counted(service) == dict.fromkeys(judged, 1)
    assert len(service.arrivals) > 6


def test_a_page_closed_in_the_middle_of_sending_sends_again_at_its_next_start(service, tab, host):
    desk = tab(host).start().stocked()
    service.fails("deaf hang", "/votes")
    judged = [desk.vote() for _ in range(6)]
    eventually(lambda: service.votes)
    desk.stored(6)
    desk.page.close()
    service.fails(None)
    tab(host).start(None).sent()
    assert counted(service) == dict.fromkeys(judged, 1)


def test_many_votes_go_in_batches_and_in_their_order(service, tab):
    desk = tab().start().stocked()
    service.fails("drop")
    judged = [desk.vote() for _ in range(30)]
    desk.stored(30)
    service.fails(None)
    desk.again()
    desk.sent()
    assert [vote["item"] for vote in service.arrivals] == judged
    ages = [vote["ago_ms"] for vote in service.arrivals]
    assert ages == sorted(ages, reverse=True)
    assert len(set(ages)) == 30


def test_refused_votes_are_told_and_not_sent_again(service, tab):
    desk = tab().start().ready()
    first = desk.state()["current"]
    service.refused = {first: "There is no such item in this campaign."}
    desk.vote()
    others = [desk.vote() for _ in range(3)]
    desk.sent()
    refusals = [{"item": first, "verdict": "happy", "reason": service.refused[first]}]
    assert desk.state()["refusals"] == refusals
    desk.start(None).ready()
    assert desk.state()["refusals"] == refusals
    desk.page.evaluate("desk.dismissRefusals()")
    assert desk.state()["refusals"] == []
    assert counted(service) == dict.fromkeys(others, 1)
    assert [vote["item"] for vote in service.arrivals].count(first) == 1


def test_one_vote_that_makes_no_sense_does_not_hold_up_the_others(service, tab):
    desk = tab().start().stocked()
    service.fails("drop")
    judged = [desk.vote() for _ in range(6)]
    desk.stored(6)
    service.fails(None)
    service.poison = judged[2]
    desk.again()
    desk.sent()
    assert set(counted(service)) == set(judged) - {judged[2]}
    assert [refusal["item"] for refusal in desk.state()["refusals"]] == [judged[2]]


@pytest.mark.parametrize("mood", ["page", "500", "429", "drop", "hang"])
def test_what_is_not_the_service_takes_no_votes(service, tab, mood):
    desk = tab().start().stocked()
    desk.page.evaluate("import('/js/api.js').then(({api}) => { window.api = api; })")
    service.fails(mood)
    status = desk.page.evaluate("api.me(300).catch((error) => error.status)")
    assert status == (int(mood) if mood.isdecimal() else 0)
    judged = [desk.vote() for _ in range(3)]
    time.sleep(0.2)
    assert desk.state()["waiting"] == 3
    assert not service.votes
    if mood != "hang":  # that takes a request's whole patience
        service.fails(None)
        desk.again()
        desk.sent()
        assert set(counted(service)) == set(judged)


def test_votes_wait_until_the_same_person_signs_in_again(service, tab, host):
    desk = tab(host).start().stocked()
    service.fails("401")
    judged = [desk.vote()]
    desk.until("desk.situation === 'signed-out'")
    assert desk.page.evaluate("desk.vote('happy')") is False, "nobody is there to vote"
    desk.until("desk.current === null")
    assert desk.state()["online"], "the service has answered"
    assert desk.state()["waiting"] == 1
    service.fails(None)
    desk.page.evaluate("import('/js/desk/person.js').then(({signIn}) => signIn('Yuki'))")
    desk.sent().until("desk.situation === 'ready'")
    assert counted(service) == dict.fromkeys(judged, 1)


def test_another_person_neither_sees_nor_sends_what_waits(service, tab, host):
    first = tab(host).start("Yuki").stocked()
    service.fails("drop", "/votes")
    yukis = [first.vote("sad") for _ in range(3)]
    first.stored(3)
    second = tab(host).start("Aoi").ready()
    service.fails(None)
    state = second.state()
    assert (state["waiting"], state["mine"], state["canUndo"]) == (0, 0, False)
    aois = [second.vote() for _ in range(2)]
    second.sent()
    first.again()
    first.until("desk.situation === 'signed-out'")
    assert service.standing("Yuki") == {}
    assert service.standing("Aoi") == dict.fromkeys(aois, "happy")
    second.page.close()
    tab(host).start("Yuki").sent()
    assert service.standing("Yuki") == dict.fromkeys(yukis, "sad")
    assert service.standing("Aoi") == dict.fromkeys(aois, "happy")


def test_a_cookie_that_changes_hands_unnoticed_takes_no_votes_along(service, tab, phone):
    desk = tab().start("Yuki").stocked()
    phone.add_cookies([{"name": "name", "value": "Aoi", "url": desk.origin}])
    desk.vote()
    desk.until("desk.situation === 'signed-out'")
    assert not service.votes
    assert desk.state()["waiting"] == 1


def test_a_closed_campaign_says_so_and_what_was_cast_still_goes(service, tab):
    desk = tab().start().stocked()
    service.fails("drop")
    item = desk.vote()
    desk.stored(1)
    service.fails(None)
    service.open = False
    desk.start(None).until("desk.situation === 'closed'").sent()
    assert counted(service) == {item: 1}
    assert desk.state()["current"] is None


@pytest.mark.parametrize("jump", [86_400_000, -86_400_000], ids=["forward", "back"])
def test_a_clock_that_is_set_while_votes_wait_does_not_date_them(service, tab, jump):
    desk = tab().start().stocked()
    service.fails("drop")
    desk.vote()
    desk.page.evaluate("jump => { const now = Date.now; Date.now = () => now() + jump; }", jump)
    desk.vote()
    desk.stored(2)
    service.fails(None)
    desk.again()
    desk.sent()
    ages = [vote["ago_ms"] for vote in service.votes.values()]
    assert all(0 <= age < 60_000 for age in ages)


def test_a_clock_that_is_wrong_throughout_does_not_date_votes(service, tab, phone):
    phone.add_init_script("{ const now = Date.now; Date.now = () => now() - 3 * 3600000; }")
    desk = tab().start().stocked()
    service.fails("drop")
    desk.vote()
    desk.stored(1)
    desk.start(None).ready()
    desk.vote()
    desk.stored(2)
    service.fails(None)
    desk.again()
    desk.sent()
    assert all(0 <= vote["ago_ms"] < 60_000 for vote in service.votes.values())


def browser_process(profile):
    """The main process of the browser with this profile."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if f"--user-data-dir={profile}" in words and not any(word.startswith("--type=") for word in words):
            return int(process.name)
    raise AssertionError("there is no such browser")


def test_votes_outlive_a_browser_that_is_killed(service, tab, playwright, chromium, tmp_path):
    options = {"executable_path": chromium, "args": ["--no-sandbox"]}
    context = playwright.chromium.launch_persistent_context(tmp_path, **options)
    desk = tab(context=context).start().stocked()
    service.fails("drop")
    judged = [desk.vote() for _ in range(5)]
    desk.stored(5)
    os.kill(browser_process(tmp_path), signal.SIGKILL)
    with suppress(Error):
        context.close()
    service.fails(None)
    context = playwright.chromium.launch_persistent_context(tmp_path, **options)
    tab(context=context).start("Yuki").sent()
    context.close()
    assert counted(service) == dict.fromkeys(judged, 1)
