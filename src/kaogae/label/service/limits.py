"""How much a stranger may ask of the service: bodies, pace. All counters have bounded memory."""

import ipaddress
import time
from collections import OrderedDict

BODY_MOST = 64 * 1024
"""Bytes of a request's body: 200 votes are 30 kB."""
BODY_SECONDS = 10.0
"""How long a body may take to arrive."""
KEYS_MOST = 10_000
"""Of how many addresses the pace is known: the one that wasn't seen for longest is forgotten."""


class Pace:
    """At most `most` events per `seconds` for one key: a bucket that leaks evenly."""

    def __init__(self, most: int, seconds: float) -> None:
        """A full bucket is empty again after `seconds`."""
        self.most, self.seconds = most, seconds
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str) -> float:
        """Seconds until the next event of `key` is allowed; 0: now."""
        return max(0.0, (self._level(key) + 1 - self.most) * self.seconds / self.most)

    def count(self, key: str) -> None:
        """An event of `key` happened."""
        self._levels[key] = (self._level(key) + 1, time.monotonic())
        self._levels.move_to_end(key)
        if len(self._levels) > KEYS_MOST:
            self._levels.popitem(last=False)

    def _level(self, key: str) -> float:
        level, at = self._levels.get(key, (0.0, 0.0))
        return max(0.0, level - (time.monotonic() - at) * self.most / self.seconds)


class SignInPace:
    """Failed sign-ins: of one address, and of all."""

    def __init__(self, each: int = 10, everybody: int = 300, seconds: float = 60) -> None:
        """So many per `seconds`."""
        self._each, self._everybody = Pace(each, seconds), Pace(everybody, seconds)

    def wait(self, address: str) -> float:
        """Seconds until `address` may try again; 0: now."""
        return max(self._each.wait(_network(address)), self._everybody.wait(""))

    def failed(self, address: str) -> None:
        """A sign-in from `address` failed. Many that fail at one moment are paid for by a longer wait."""
        self._each.count(_network(address))
        self._everybody.count("")


def _network(address: str) -> str:
    """Whoever has one IPv6 address has the whole /64; an IPv4 address may be written as one of IPv6."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if parsed.version == 4 or parsed.ipv4_mapped:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
