"""What lies on the desk: the next item at once, undo, skip, two tabs, browsers that store nothing."""

import time
from collections import Counter
from uuid import UUID

import pytest

BURST = """async (count) => {
  const judged = [];
  while (judged.length < count && desk.situation !== "done") {
    if (desk.current) {
      judged.push(desk.current.id);
      desk.vote("happy");
    }
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 8));
  }
  window.judged = judged;
}"""
NO_DATABASE = (
    "Object.defineProperty(window, 'indexedDB', { get() { throw new DOMException('', 'SecurityError'); } })"
)
FULL = """() => {
  window.put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (row) {
    if (this.name === "queue") throw new DOMException("", "QuotaExceededError");
    return window.put.call(this, row);
  };
}"""
LATE_FULL = """() => {
  window.put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (row) {
    if (this.name === "history") this.transaction.abort();
    return window.put.call(this, row);
  };
}"""
ROOM = "() => { IDBObjectStore.prototype.put = window.put; }"


def test_the_next_item_is_there_when_voting_returns(tab, host):
    desk = tab(host).start().ready()
    before, after, upcoming = desk.page.evaluate(
        """() => { const upcoming = desk.upcoming[0].id, before = desk.current.id; desk.vote("sad");
        return [before, desk.current.id, upcoming]; }"""
    )
    assert before != after == upcoming


def test_an_answer_that_the_campaign_does_not_have_is_an_error(tab):
    desk = tab().start().ready()
    error = desk.page.evaluate("() => { try { desk.vote('angry'); } catch (error) { return error.name; } }")
    assert error == "RangeError"
    assert desk.state()["waiting"] == 0


def test_what_was_undone_is_current_again_and_history_stays(service, tab, host):
    desk = tab(host).start().ready()
    item = desk.vote("happy")
    desk.sent()
    desk.start(None).ready()
    assert desk.state()["current"] != item
    assert desk.undo()
    assert desk.state()["current"] == item
    desk.sent()
    assert service.standing() == {}
    desk.start(None).ready()
    assert desk.state()["current"] == item
    assert desk.vote("sad") == item
    desk.sent()
    assert service.standing() == {item: "sad"}
    assert sorted(vote["verdict"] for vote in service.votes.values()) == ["happy", "sad", "undone"]
    assert desk.state()["mine"] == 1


def test_several_votes_are_undone_one_after_the_other(service, tab):
    desk = tab().start().ready()
    judged = [desk.vote() for _ in range(3)]
    for item in reversed(judged):
        assert desk.undo()
        assert desk.state()["current"] == item
    assert not desk.undo()
    assert not desk.state()["canUndo"]
    desk.sent()
    assert service.standing() == {}
    assert desk.state()["mine"] == 0


@pytest.mark.parametrize("mood", ["slow", "slow deaf drop", "deaf slow drop"])
def test_an_undo_counts_though_its_vote_took_long_to_arrive(service, tab, mood):
    desk = tab().start().ready()
    service.fails(mood, "/votes")
    item = desk.vote("happy")
    time.sleep(0.2)
    desk.undo()
    time.sleep(0.1)
    assert desk.vote("sad") == item
    others = [desk.vote("crying") for _ in range(3)]  # in the same letter
    time.sleep(1.2)
    service.fails(None)
    desk.again()
    desk.sent()
    assert service.standing() == {item: "sad", **dict.fromkeys(others, "crying")}


def test_everything_at_once_within_one_moment_keeps_its_order(service, tab):
    desk = tab().start().ready()
    item = desk.page.evaluate(
        """() => { const {id} = desk.current; for (let n = 0; n < 5; n++) { desk.vote("happy"); desk.undo(); }
        desk.vote("crying"); return id; }"""
    )
    desk.sent()
    assert service.standing() == {item: "crying"}
    assert len(service.votes) == 11


def test_a_skipped_item_comes_when_the_others_are_done(service, tab):
    service.items = service.items[:4]
    desk = tab().start().ready()
    first = desk.state()["current"]
    desk.page.evaluate("desk.skip()")
    desk.sent()
    others = [desk.vote() for _ in range(3)]
    assert first not in others
    assert desk.state()["current"] == first
    desk.page.evaluate("desk.skip()")
    assert desk.state()["current"] == first, "it is the only one"
    desk.vote()
    desk.until("desk.situation === 'done'").sent()
    assert set(service.standing()) == {first, *others}


def test_a_skip_is_undone_too(service, tab):
    desk = tab().start().ready()
    first = desk.state()["current"]
    desk.page.evaluate("desk.skip()")
    assert desk.undo()
    assert desk.state()["current"] == first
    assert desk.state()["mine"] == 0
    desk.sent()
    assert [vote["verdict"] for vote in service.arrivals] == ["skipped", "undone"]


def test_two_tabs_share_the_work(service, tab, host):
    first, second = tab(host).start().ready(), tab(host).start(None).ready()
    for desk in (first, second):
        desk.page.evaluate(f"() => {{ void ({BURST})(100); }}")
    for desk in (first, second):
        desk.until("desk.situation === 'done'").sent()
    counts = Counter(vote["item"] for vote in service.votes.values())
    assert counts == dict.fromkeys(service.items, 1)
    assert service.most_at_once == 1
    for desk in (first, second):
        assert desk.state()["mine"] == 30


def test_a_vote_in_one_tab_moves_the_other_on(tab, host):
    first, second = tab(host).start().ready(), tab(host).start(None).ready()
    assert first.state()["current"] == second.state()["current"]
    item = first.vote()
    second.until(f"desk.current.id !== {item}", 2)
    assert second.undo(), "what can be undone is shared"
    assert second.state()["current"] == item
    first.sent()
    second.sent()
    assert first.state()["current"] != item, "nobody's item changes under the thumb"


def test_an_item_judged_in_both_tabs_at_the_same_moment_has_one_vote(service, tab, host):
    first, second = tab(host).start().ready(), tab(host).start(None).ready()
    for desk in (first, second):
        desk.page.evaluate(
            """() => { const tick = () => (Date.now() % 500 < 20 ? desk.vote("happy") : setTimeout(tick));
            tick(); }"""
        )
    time.sleep(1)
    for desk in (first, second):
        desk.sent()
    assert set(Counter(vote["item"] for vote in service.votes.values()).values()) == {1}


def test_without_a_database_votes_go_only_while_there_is_a_network(service, tab, phone):
    phone.add_init_script(NO_DATABASE)
    desk = tab().start().ready()
    assert desk.state()["trouble"] == "memory"
    item = desk.vote()
    desk.sent()
    assert set(service.standing()) == {item}
    service.fails("drop")
    desk.vote()
    desk.until("desk.situation === 'offline'")
    assert desk.page.evaluate("desk.vote('happy')") is False
    service.fails(None)
    desk.again()
    desk.sent().ready()
    assert len(service.standing()) == 2


@pytest.mark.parametrize("full", [FULL, LATE_FULL], ids=["at once", "in the middle"])
def test_a_vote_that_cannot_be_stored_is_not_lost_silently(service, tab, full):
    desk = tab().start().ready()
    desk.page.evaluate(full)
    item = desk.vote()
    desk.until("desk.trouble === 'full'")
    state = desk.state()
    assert (state["current"], state["waiting"], state["mine"]) == (item, 0, 0)
    assert desk.vote() is None
    desk.page.evaluate(ROOM)
    desk.page.evaluate("desk.retry()")
    assert desk.vote("sad") == item
    desk.sent()
    assert service.standing() == {item: "sad"}


def test_time_counts_only_while_the_page_is_seen(service, tab):
    desk = tab().start().ready()
    desk.vote()
    look = (
        "state => { Object.defineProperty(document, 'visibilityState', {value: state, configurable: true});\
            document.dispatchEvent(new Event('visibilitychange')); }"
    )
    desk.page.evaluate(look, "hidden")
    time.sleep(0.8)
    desk.page.evaluate(look, "visible")
    time.sleep(0.1)
    desk.vote()
    desk.sent()
    took = [vote["took_ms"] for vote in service.arrivals][1]
    assert 100 <= took < 700


def test_a_desk_that_is_empty_fills_when_there_is_a_network(service, tab):
    desk = tab().start().ready()
    desk.page.evaluate("indexedDB.deleteDatabase('kaogae:Yuki')")
    service.fails("drop", "/campaigns/")
    desk.start(None).until("desk.situation === 'offline'")
    service.fails(None)
    desk.again()
    desk.ready()


def test_a_desk_with_nothing_left_says_so_and_asks_again(service, tab):
    service.items = service.items[:2]
    desk = tab().start().ready()
    desk.vote()
    desk.vote()
    desk.until("desk.situation === 'done'").sent()
    service.items = [*service.items, 7]
    desk.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    desk.until("desk.current?.id === 7")


def test_pictures_are_fetched_before_and_let_go_after(service, tab):
    desk = tab().start().stocked()
    assert sorted(service.images) == service.items
    judged = [desk.vote() for _ in range(15)]
    desk.sent()
    wanted = {*service.items[15:], *judged[-10:]}
    deadline = time.monotonic() + 10
    while desk.pictures() != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    assert desk.pictures() == wanted
    assert len(service.images) == 30, "each is fetched once"


def test_uuids_are_random_ones_of_version_4_without_a_secure_context_too(tab, host):
    desk = tab(host).start()
    assert desk.page.evaluate("isSecureContext") is (host == "127.0.0.1")
    ids = desk.page.evaluate("import('/js/uuid.js').then(({uuid}) => Array.from({length: 100}, uuid))")
    assert len(set(ids)) == 100
    assert all(UUID(id_).version == 4 and UUID(id_).variant == "specified in RFC 4122" for id_ in ids)
