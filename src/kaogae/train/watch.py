"""What can go wrong in adversarial training, noticed in the rows of losses and said with advice.

Losses are noisy, and healthy runs do strange things for a while, most of all at the beginning. So everything
is judged by medians over a window that is long against the noise, and only what lasts is an alarm.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

from kaogae.stargan import StarganConfig
from kaogae.train.config import TrainConfig

Kind = Literal["classes", "modes", "penalty", "discriminator"]
Verdict = str | None
"""Of a rule: a sentence where something is wrong, FINE where nothing is, None where it can't be said."""
FINE = ""

WINDOW_SHARE, WINDOW_IMAGES, WINDOW_ROWS = 0.01, 5000, 20
"""A window is this share of the iterations, but at least so many images and so many rows."""
COVERED = 0.8
"""Share of a window that must have been measured before it is judged."""

NO_CLASS_LOSS, SOME_CLASS_LOSS = 0.003, 0.03
"""Cross entropy below which both class losses count as zero, and above which one has come back. Guessing is
ln 5 = 1.6."""
PAPER_DOWNS = 3
"""Halvings of the paper's generator."""

STEEP, LEVEL = 25.0, 10.0
"""Penalty (‖∇D‖ − 1)² above which it explodes, and below which it's over; healthy ones are below 3."""
SKY, LAST = 1000.0, 5
"""So many values in a row above this are enough, as what follows is NaN."""

WARM_UP_SHARE, WARM_UP_IMAGES = 0.2, 10_000
"""Before this share of the iterations, and so many images, a generator may not yet heed its target."""
EQUAL_SHARE, EQUAL = 0.02, 0.001
"""Outputs for different targets count as equal if they differ by less than this share of what they change, or
by less than this; values are in [−1, 1]."""
SHEETS = 3
"""So many sample sheets in a row must show it."""

BLOCKS = 5
"""Windows, one after the other, over which the discriminator's lead must have grown."""
GROWTH = ((1, 10.0), (4, 3.0))
"""In blocks of so many windows, by which factor. Several times larger for a while is nothing yet."""
LEAST_LEAD = 3.0
"""What it must have grown to at least."""
BEGINNING = 0.1
"""Share of the windows so far whose heights don't count: the first distances are often the longest."""


@dataclass(frozen=True)
class Alarm:
    """Something that a person should know."""

    kind: Kind
    iteration: int
    sentence: str
    """What is wrong and what to do."""
    collapse: bool
    """Whether going on is in vain."""


class Watch:
    """Looks at every row of a run, in order; `see` returns what is new."""

    def __init__(self, config: TrainConfig) -> None:
        total, batch = config.iterations, config.batch
        self.window = max(WINDOW_SHARE * total, WINDOW_IMAGES / batch, WINDOW_ROWS * config.log_every)
        """Iterations."""
        self.warm_up = max(WARM_UP_SHARE * total, WARM_UP_IMAGES / batch)
        """Iterations."""
        self._cure = "more faces, or with"
        if isinstance(config.generator, StarganConfig) and config.generator.downs < PAPER_DOWNS:
            self._cure = "the preset paper, whose larger generator is the paper's cure, or with"
        self._recent = {key: _Recent(self.window) for key in ("d_classes", "g_classes", "d_penalty")}
        self._equal = deque[bool](maxlen=SHEETS)
        self._critic, self._generator = _Blocks(self.window), _Blocks(self.window)
        self._lead = 0.0  # when the discriminator was last seen to win
        self._on = dict[Kind, Alarm]()

    @property
    def lasting(self) -> list[Alarm]:
        """The alarms that haven't cleared."""
        return [*self._on.values()]

    def see(self, row: Mapping[str, float]) -> list[Alarm]:
        """The alarms that this row, after all before it, gives. Each comes once, until it has cleared."""
        iteration = int(row["iteration"])
        for key, recent in self._recent.items():
            if key in row:
                recent.add(iteration, row[key])
        verdicts: dict[Kind, Verdict] = {
            "classes": self._classes(),
            "modes": self._modes(row),
            "penalty": self._penalty(row),
            "discriminator": self._discriminator(row),
        }
        alarms: list[Alarm] = []
        for kind, verdict in verdicts.items():
            if verdict == FINE:
                self._on.pop(kind, None)
            elif verdict is not None and kind not in self._on:
                self._on[kind] = Alarm(kind, iteration, verdict, kind in ("classes", "modes"))
                alarms.append(self._on[kind])
        return alarms

    def _classes(self) -> Verdict:
        """Section III.C of the paper: "classification loss for both discriminator and generator networks
        converge to zero after some epochs and model is not able to recover it".
        """
        values = [self._recent[key].median() for key in ("d_classes", "g_classes")]
        judged = [value for value in values if value is not None]
        if any(value > SOME_CLASS_LOSS for value in judged):
            return FINE
        if len(judged) < 2 or max(judged) > NO_CLASS_LOSS:
            return None
        return (
            f"The class losses of both networks have gone to zero (D {judged[0]:.4f}, G {judged[1]:.4f}), "
            "and as the paper saw with its baseline they don't come back: nothing tells the generator any "
            f"more which expression to show. Begin a new run with {self._cure} a lower "
            "optimiser.discriminator_rate."
        )

    def _modes(self, row: Mapping[str, float]) -> Verdict:
        """Outputs that are equal across targets."""
        if "spread" not in row or "change" not in row or row["iteration"] < self.warm_up:
            return None
        spread, change = row["spread"], row["change"]
        least = max(EQUAL, EQUAL_SHARE * change)
        self._equal.append(spread < least)
        if spread > 2 * least:
            return FINE
        if self._equal.count(True) < SHEETS:
            return None
        if change < 2 * EQUAL:
            return (
                "The generator gives back its input, whichever expression is asked for (it changes "
                f"{change:.4f} on a scale from −1 to 1). Begin a new run with a lower "
                "weights.reconstruction, or a higher weights.classes."
            )
        return (
            "The generator's outputs are the same, whichever expression is asked for (they differ from each "
            f"other by {spread:.4f}, and from the input by {change:.4f}). Begin a new run with a higher "
            "weights.classes, or a lower optimiser.generator_rate."
        )

    def _penalty(self, row: Mapping[str, float]) -> Verdict:
        if "d_penalty" not in row:
            return None
        usual, last = self._recent["d_penalty"].median(), self._recent["d_penalty"].last()
        if last > SKY or (usual is not None and usual > STEEP):
            return (
                f"The gradient penalty explodes: it is at {max(last, usual or 0):.3g}, where values below 3 "
                "are usual. Begin a new run with a lower optimiser.discriminator_rate, or a higher "
                "weights.penalty."
            )
        return FINE if usual is not None and usual < LEVEL else None

    def _discriminator(self, row: Mapping[str, float]) -> Verdict:
        """The critic's distance grows and grows, and the generator's own loss only gets worse. Either alone
        is healthy: distances grow when G learns to change more, and nothing holds the level of scores.
        """
        iteration = int(row["iteration"])
        ended = self._critic.add(iteration, row.get("d_adversarial"))
        self._generator.add(iteration, row.get("g_adversarial"))
        if not ended:
            return None
        for length, factor in GROWTH:
            lead, loss = self._critic.rise(length), self._generator.rise(length)
            if lead and loss and lead[1] > max(LEAST_LEAD, factor * lead[0]):
                self._lead = lead[1]
                return (
                    f"The discriminator wins: over the last {BLOCKS * length * self.window:,.0f} iterations "
                    f"its distance between real and translated faces has grown from {lead[0]:.3g} to "
                    f"{lead[1]:.3g}, and the generator's adversarial loss only gets worse. Begin a new run "
                    "with a lower optimiser.discriminator_rate or optimiser.n_critic."
                )
        return FINE if self._critic.latest < self._lead else None


class _Recent:
    """The values of the last window."""

    def __init__(self, window: float) -> None:
        self.window = window
        self._values = deque[tuple[int, float]]()

    def add(self, iteration: int, value: float) -> None:
        self._values.append((iteration, value))
        while self._values[0][0] <= iteration - self.window:
            self._values.popleft()

    def median(self) -> float | None:
        """None until the window has been measured."""
        values = self._values
        if len(values) < WINDOW_ROWS / 2 or values[-1][0] - values[0][0] < COVERED * self.window:
            return None
        return median(value for _, value in values)

    def last(self) -> float:
        """The least of the last few values; 0 if there are fewer."""
        last = [self._values[-i][1] for i in range(1, min(LAST, len(self._values)) + 1)]
        return min(last) if len(last) == LAST else 0.0


class _Blocks:
    """The medians of all windows so far, one after the other."""

    def __init__(self, window: float) -> None:
        self.window = window
        self.latest = 0.0
        self._first: int | None = None
        self._values, self._medians = list[float](), list[float]()

    def add(self, iteration: int, value: float | None) -> bool:
        """Whether a window has ended with this row; rows without a value are waited out."""
        if value is None:
            return False
        if self._first is None:
            self._first = iteration
        self._values.append(value)
        if iteration - self._first < self.window:
            return False
        self.latest = median(self._values)
        self._medians.append(self.latest)
        self._first, self._values = iteration, []
        return True

    def rise(self, length: int) -> tuple[float, float] | None:
        """From what to what the last BLOCKS blocks, of `length` windows each, have risen without a step down.
        None if they haven't, or if there was a higher window before, the beginning aside.
        """
        tail = self._medians[-BLOCKS * length :]
        blocks = [median(tail[i : i + length]) for i in range(0, len(tail), length)]
        if len(tail) < BLOCKS * length or not all(one < other for one, other in pairwise(blocks)):
            return None
        if tail[-1] < max(self._medians[round(BEGINNING * len(self._medians)) :]):
            return None
        return blocks[0], blocks[-1]
