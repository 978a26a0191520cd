"""Training a judge: on drawn faces, on frozen sets, and on pictures that show none of the five.

It then learns how sure it may be from other characters, and is tested on others again.
"""

import math
import random
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from kaogae.dataset import FaceSet
from kaogae.errors import ConfigError
from kaogae.evaluate.confusion import CLASSES, OTHER, VERDICTS
from kaogae.evaluate.inputs import resized
from kaogae.evaluate.judge import SIZE, Judge
from kaogae.evaluate.judge_faces import CALIBRATED, EXAMINED, LEARNED, Drawn, Order, draw
from kaogae.evaluate.judge_header import Bin, JudgeHeader, Known, Learned
from kaogae.evaluate.judge_lessons import looked_at, none_of_five
from kaogae.evaluate.judge_network import ARCHITECTURES, JudgeNetwork, MixStyle

NONE = 0.25
"""Share of the lessons that show none of the five."""
REAL = 0.3
"""Share of the other lessons that come from frozen sets, if there are any."""
TAKES = 3
"""Expressions that are drawn of each character to learn from."""
RATE, DECAY, WARM = 2e-3, 0.02, 0.1
SMOOTHING = 0.1
BINS = 10
AHEAD = 3
"""Lessons made ready while another is learned from."""

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]
Progress = Callable[[str, int, int | None], None]
"""Called with the stage, what is done of it, and how much there is."""


def _silence(stage: str, done: int, total: int | None) -> None:
    pass


@dataclass(frozen=True)
class Plan:
    """How a judge is trained."""

    name: str = "judge"
    architecture: str = ARCHITECTURES[0]
    size: int = 80
    """Side in pixels of the inner face that it sees."""
    characters: int = 8_000
    """Drawn, each with three expressions."""
    epochs: float = 12.0
    """How often it sees each of these faces."""
    minutes: float | None = None
    """Most time to learn in, without drawing and tests."""
    batch: int = 64
    """Faces to learn from at once."""
    split: str = "train"
    """Of the frozen sets."""
    exam: int = 250
    """Characters that it is calibrated by, and as many that it is tested on."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ConfigError with all that can't be."""
        problems = [
            sentence
            for wrong, sentence in (
                (not 10 <= self.characters <= len(LEARNED), f"Characters are 10 to {len(LEARNED):,}."),
                (not 4 <= self.batch <= 4096, "A batch has 4 to 4,096 faces."),
                (not 0 < self.epochs <= 10_000, "Epochs are more than 0 and at most 10,000."),
                (self.minutes is not None and not self.minutes > 0, "Minutes are more than 0."),
                (
                    not 4 <= self.exam <= len(EXAMINED),
                    f"Characters to be tested on are 4 to {len(EXAMINED):,}.",
                ),
                (
                    self.split not in ("train", "validation"),
                    "A judge learns from the split train or validation: on test, generators are judged.",
                ),
            )
            if wrong
        ]
        if problems:
            raise ConfigError("\n".join(problems))

    def with_exam_to_fit(self) -> "Plan":
        """A smaller exam for a judge that learns from few characters only to see whether it works."""
        return replace(self, exam=min(self.exam, max(4, self.characters // 4)))


def train_judge(
    plan: Plan,
    sets: Sequence[FaceSet],
    cache: Path,
    *,
    start: Judge | None = None,
    workers: int | None = None,
    progress: Progress = _silence,
) -> Judge:
    """A judge that has learned from drawn faces and from one split of `sets`.

    It is tested on drawn characters that it hasn't seen, and on the test split of each set.

    Args:
        cache: where drawings are kept.
        start: a judge to go on from; what it learned from counts as learned from here too.
        workers: processes that draw and look for faces; None takes one per processor.

    Raises:
        ConfigError: a set has nothing to learn from.
        ManifestError: a set's picture is missing or has changed.
        ModelError: drawings are damaged, or can't be written; or the training has failed.
    """
    torch.manual_seed(plan.seed)
    random.seed(plan.seed)
    if start is not None:
        plan = replace(plan, architecture=start.header.architecture, size=start.header.size)
        for faces in sets:
            start.refuse(faces.hash, "test")
    lessons = Order(LEARNED[: plan.characters], TAKES)
    orders = lessons, Order(CALIBRATED[: plan.exam], CLASSES), Order(EXAMINED[: plan.exam], CLASSES)
    drawn, calibrated, examined = (
        draw(order, cache, workers=workers, progress=lambda done, total: progress("drawing", done, total))
        for order in orders
    )
    sources = (*(start.header.learned_from if start else ()), *_sources(plan, lessons, sets))
    learned = tuple(dict.fromkeys(sources))
    header = JudgeHeader(plan.name, plan.architecture, plan.size, 1.0, 0.0, learned, training=_about(plan))
    real = _of_sets(sets, plan.split)
    network = learn(plan, drawn, *real, start=start.network if start else None, progress=progress)
    judge = Judge(network, header, "")
    others = [] if plan.split == "validation" else [_of_sets([faces], "validation") for faces in sets]
    tests = [with_nones(calibrated), *(pair for pair in others if len(pair[1]))]
    judge = judge.with_header(calibrate(judge, tests))
    tests = {"drawn": with_nones(examined)} | {faces.name: _of_sets([faces], "test") for faces in sets}
    known = {
        name: examine(judge, *test, workers=workers, progress=progress)
        for name, test in tests.items()
        if len(test[1])
    }
    return judge.with_header(replace(judge.header, known=known))


# --------------------------------------------------------------------------------------------------- learning


def learn(
    plan: Plan,
    drawn: Drawn,
    pixels: Pixels,
    labels: Labels,
    *,
    start: JudgeNetwork | None = None,
    progress: Progress = _silence,
) -> JudgeNetwork:
    """A network that has learned from drawn faces and from `pixels` [N, S, S, 3] with `labels` [N].

    Args:
        start: a network of the same form to go on from.
    """
    network = JudgeNetwork(plan.architecture, plan.size)
    if start is not None:
        network.load_state_dict(start.state_dict())
    cast(Any, network.train()).to(memory_format=torch.channels_last)
    hooks = [
        part.register_forward_hook(MixStyle(2 * plan.seed + i)) for i, part in enumerate(network.styled())
    ]
    rate = RATE if start is None else RATE / 2
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=DECAY)
    steps = max(1, round(plan.epochs * drawn.labels.size / plan.batch))
    begun, done, step = time.monotonic(), 0.0, 0
    with closing(_ready(_Lessons(drawn, pixels, labels, plan), steps)) as lessons:
        while done < 1:
            for group in optimiser.param_groups:
                group["lr"] = rate * min(1.0, done / WARM) * (1 + math.cos(math.pi * done)) / 2
            inner, wanted = next(lessons)
            with torch.autocast("cpu", torch.bfloat16):
                logits = network.say(inner)
            loss = F.cross_entropy(logits.float(), wanted, label_smoothing=SMOOTHING)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            step += 1
            spent = (time.monotonic() - begun) / 60
            done = max(step / steps, spent / plan.minutes if plan.minutes else 0.0)
            progress("learning", step * plan.batch, round(step * plan.batch / max(done, 1e-9)))
    for hook in hooks:
        hook.remove()
    return network.eval()


def _ready(lessons: "_Lessons", count: int) -> Generator[tuple[Tensor, Tensor]]:
    """`count` lessons, one after the other, the next ones made ready in a thread meanwhile. Nothing else may
    draw from the global chance until then.
    """
    with ThreadPoolExecutor(1) as pool:
        waiting = deque(pool.submit(lessons.take) for _ in range(min(AHEAD, count)))
        try:
            for i in range(count):
                lesson = waiting.popleft().result()
                if i + AHEAD < count:
                    waiting.append(pool.submit(lessons.take))
                yield lesson
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class _Lessons:
    """Batches of faces as they are, some of them spoiled, with what they show."""

    def __init__(self, drawn: Drawn, pixels: Pixels, labels: Labels, plan: Plan) -> None:
        self.drawn, self.pixels, self.labels = drawn, pixels, labels
        self.size, self.batch = plan.size, plan.batch
        self._dice = np.random.default_rng(plan.seed)
        often = np.bincount(labels, minlength=CLASSES)[labels]
        self.chances = 1 / np.sqrt(often) / (1 / np.sqrt(often)).sum() if len(labels) else None

    @torch.no_grad()
    def take(self) -> tuple[Tensor, Tensor]:
        """Inner faces [batch, 3, size, size] in [0, 1] and what they show, [batch, 6]."""
        real = round(REAL * self.batch) if self.chances is not None else 0
        faces, labels = self._drawn(self.batch - real)
        if real:
            others, shown = self._real(real)
            faces, labels = torch.cat([faces, others]), np.concatenate([labels, shown])
        return looked_at(faces, self.size), F.one_hot(torch.from_numpy(labels), len(VERDICTS)).float()

    def _drawn(self, count: int) -> tuple[Tensor, Labels]:
        """`count` drawn faces; what is mixed are two of one character's."""
        characters = self._dice.integers(len(self.drawn.labels), size=count)
        one = self._dice.integers(TAKES, size=count)
        another = (one + self._dice.integers(1, TAKES, size=count)) % TAKES
        return _partly_spoiled(
            lambda rows: self.drawn.pictures(characters[rows], one[rows]),
            lambda rows: self.drawn.pictures(characters[rows], another[rows]),
            self.drawn.labels[characters, one],
            self.drawn.labels[characters, another],
        )

    def _real(self, count: int) -> tuple[Tensor, Labels]:
        """`count` faces of the sets; what is mixed may be two characters', but not if both show the same."""
        one, another = self._dice.choice(len(self.labels), size=(2, count), p=self.chances)
        another = np.where(self.labels[one] == self.labels[another], one, another)
        return _partly_spoiled(
            lambda rows: self.pixels[one[rows]],
            lambda rows: self.pixels[another[rows]],
            self.labels[one],
            self.labels[another],
        )


def _partly_spoiled(
    first: Callable[[slice], Pixels], second: Callable[[slice], Pixels], labels: Labels, others: Labels
) -> tuple[Tensor, Labels]:
    """The first faces [N, 3, S, S], of which as many as belong show none of the five; and what they show."""
    faces, labels = _floats(first(slice(None))), labels.copy()
    if spoiled := round(NONE * len(labels)):
        rows = slice(spoiled)
        pairs = torch.from_numpy(np.stack([labels[rows], others[rows]], 1))
        faces[rows] = none_of_five(faces[rows], _floats(second(rows)), pairs)
        labels[rows] = OTHER
    return faces, labels


def _floats(pixels: Pixels) -> Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def _of_sets(sets: Sequence[FaceSet], split: str) -> tuple[Pixels, Labels]:
    """All faces of one split, [N, `SIZE`, `SIZE`, 3], and what they show, [N]."""
    pixels = [np.empty((0, SIZE, SIZE, 3), np.uint8)]
    labels = [np.empty(0, np.int64)]
    for faces in sets:
        pixels += [resized(picture, SIZE)[None] for picture in faces.pictures(faces.of(split))]
        labels.append(faces.labels(split))
    return np.concatenate(pixels), np.concatenate(labels)


def _sources(plan: Plan, lessons: Order, sets: Sequence[FaceSet]) -> tuple[Learned, ...]:
    """What the judge learns from; ConfigError if a set has nothing."""
    if empty := [faces.name for faces in sets if not faces.of(plan.split)]:
        raise ConfigError(
            f"The set '{empty[0]}' has no face in its split {plan.split}: freeze it with other shares."
        )
    seeds = f"{lessons.seeds.start}–{lessons.seeds.stop - 1}"
    drawn = Learned("drawn", lessons.hash, seeds, len(lessons.seeds) * lessons.takes)
    found = (Learned(f.name, f.hash, plan.split, len(f.of(plan.split))) for f in sets)
    return drawn, *found


def _about(plan: Plan) -> dict[str, object]:
    return {name: getattr(plan, name) for name in ("characters", "epochs", "minutes", "exam", "seed")}


# ------------------------------------------------------------------------------------ how sure, and how right


def with_nones(drawn: Drawn) -> tuple[Pixels, Labels]:
    """Each character's faces, and as many pictures of all characters together that show none as there are
    characters.
    """
    state = torch.get_rng_state(), random.getstate()
    torch.manual_seed(0)  # the same pictures whatever was learned before
    random.seed(0)
    faces, count = drawn.every(), len(drawn.labels)
    first, takes = np.arange(count), drawn.labels.shape[1]
    another = 1 + first % (takes - 1)
    a, b = (_floats(drawn.pictures(first, take)) for take in (np.zeros_like(first), another))
    pairs = torch.from_numpy(np.stack([drawn.labels[:, 0], drawn.labels[first, another]], 1))
    nones = (none_of_five(a, b, pairs).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    torch.set_rng_state(state[0])
    random.setstate(state[1])
    return np.concatenate([faces, nones]), np.concatenate([drawn.labels.ravel(), np.full(count, OTHER)])


def calibrate(judge: Judge, tests: Sequence[tuple[Pixels, Labels]]) -> JudgeHeader:
    """Its header with the temperature and the threshold that suit the pictures of `tests`, [N, S, S, 3] each,
    and what they show, [N]. Each test counts the same.

    The temperature is the one with which the right kinds are most likely. With the threshold, verdicts are
    right most often, each of the six kinds counting the same.
    """
    logits = torch.from_numpy(np.concatenate([judge.logits(pixels) for pixels, _ in tests]))
    labels = torch.from_numpy(np.concatenate([labels for _, labels in tests]))
    weights = torch.cat([torch.full((len(shown),), 1 / len(shown)) for _, shown in tests])
    scale = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.LBFGS([scale], max_iter=50, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        found = F.cross_entropy(logits / scale.exp(), labels, reduction="none") @ weights
        found.backward()
        return found

    optimiser.step(loss)
    temperature = float(scale.detach().exp().clamp(0.05, 20))
    chances = (logits / temperature).softmax(1)[:, :CLASSES]
    largest, best = chances.max(1)
    kinds = F.one_hot(labels, len(VERDICTS)).float() * weights[:, None]
    kinds = kinds / kinds.sum(0).clamp(min=1e-9)

    def right(threshold: float) -> float:
        verdicts = torch.where(largest >= threshold, best, OTHER)
        return float((kinds.sum(1) * (verdicts == labels)).sum())

    threshold = max((round(0.2 + 0.01 * i, 2) for i in range(75)), key=right)
    return replace(judge.header, temperature=round(temperature, 4), threshold=threshold)


def examine(
    judge: Judge,
    pixels: Pixels,
    labels: Labels,
    *,
    workers: int | None = None,
    progress: Progress = _silence,
) -> Known:
    """How often the judge is right about `pixels` [N, S, S, 3], which show `labels` [N], 0 to 5."""
    table = np.zeros((len(VERDICTS), len(VERDICTS)), np.int64)
    progress("testing", 0, len(labels))
    judged = judge.judge(pixels, workers=workers)
    np.add.at(table, (labels, judged.verdicts), 1)
    progress("testing", len(labels), len(labels))
    return Known(table, _reliability(judged.chances, labels))


def _reliability(chances: NDArray[np.float32], labels: Labels) -> tuple[Bin, ...]:
    """Of the largest of the five chances [N, 5], in `BINS` equal steps; empty ones are left out."""
    largest, right = chances.max(1), chances.argmax(1) == labels
    step = np.minimum((largest * BINS).astype(np.int64), BINS - 1)
    bins = (step == i for i in range(BINS))
    return tuple(
        Bin(float(largest[one].mean()), float(right[one].mean()), int(one.sum())) for one in bins if one.any()
    )
