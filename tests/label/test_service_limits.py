"""How much strangers may ask for."""

import pytest

from kaogae.label.service import limits
from kaogae.label.service.limits import Pace, SignInPace


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        time = 1000.0

        def __call__(self):
            return self.time

    clock = Clock()
    monkeypatch.setattr(limits.time, "monotonic", clock)
    return clock


def test_so_many_at_once_then_evenly(clock):
    pace = Pace(10, 60)
    for _ in range(10):
        assert pace.wait("a") == 0
        pace.count("a")
    assert pace.wait("a") == pytest.approx(6)
    assert pace.wait("b") == 0
    clock.time += 6
    assert pace.wait("a") == 0
    pace.count("a")
    assert pace.wait("a") == pytest.approx(6)
    clock.time += 60
    assert pace.wait("a") == 0


def test_memory_is_bounded_and_the_busiest_are_remembered(clock, monkeypatch):
    monkeypatch.setattr(limits, "KEYS_MOST", 100)
    pace = Pace(2, 60)
    for number in range(1000):
        pace.count("attacker")
        pace.count(f"passer-by {number}")
        clock.time += 0.01
    assert len(pace._levels) == 100
    assert pace.wait("attacker") > 0


@pytest.mark.usefixtures("clock")
def test_an_address_that_fails_waits_and_others_dont():
    pace = SignInPace()
    for _ in range(10):
        assert pace.wait("192.0.2.1") == 0
        pace.failed("192.0.2.1")
    assert pace.wait("192.0.2.1") > 0
    assert pace.wait("192.0.2.2") == 0


@pytest.mark.usefixtures("clock")
def test_one_network_of_ipv6_is_one_address():
    pace = SignInPace()
    for number in range(10):
        pace.failed(f"2001:db8:1:2::{number:x}")
    assert pace.wait("2001:db8:1:2:ffff::1") > 0
    assert pace.wait("2001:db8:1:3::1") == 0


@pytest.mark.usefixtures("clock")
def test_many_failures_at_one_moment_are_paid_for_by_a_longer_wait():
    pace = SignInPace()
    for _ in range(60):
        pace.failed("192.0.2.1")
    assert pace.wait("192.0.2.1") == pytest.approx(51 * 6)


@pytest.mark.usefixtures("clock")
def test_ipv4_addresses_in_the_form_of_ipv6_arent_one_network():
    pace = SignInPace()
    for _ in range(10):
        pace.failed("::ffff:192.0.2.1")
    assert pace.wait("::ffff:192.0.2.1") > 0
    assert pace.wait("::ffff:192.0.2.2") == 0


@pytest.mark.usefixtures("clock")
def test_many_addresses_together_wait_too():
    pace = SignInPace(everybody=100)
    for number in range(100):
        pace.failed(f"192.0.2.{number}")
    assert pace.wait("198.51.100.1") > 0


@pytest.mark.usefixtures("clock")
def test_whatever_calls_itself_an_address_is_one():
    pace = SignInPace()
    for name in ("", "unix:", "fe80::1%eth0", "x" * 10_000):
        pace.failed(name)
        assert pace.wait(name) == 0
