"""Who says what a translated face shows in `claim.py`: a small network of its own.

It has nothing from the discriminator: another architecture, other characters, balanced labels, no adversary.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from claim_faces import CHECKED, LEARNED, SEEN, STORED, faces, middle
from kaogae.expressions import EXPRESSIONS
from kaogae.images import to_network

Pixels = NDArray[np.uint8]
Counts = NDArray[np.int64]
CLASSES = len(EXPRESSIONS)
LESSONS, EXAM = 6_000, 1_000
"""Characters that the judge learns from, and others that it is tested on."""
EPOCHS, BATCH, WIDTH = 10, 64, 24


class Block(nn.Module):
    """Two convolutions with batch normalisation and a short cut, half the size out."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, 2, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.short = nn.Conv2d(before, after, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + self.short(F.avg_pool2d(x, 2)))


class Judge(nn.Module):
    """A ResNet of nine convolutions: [N, 3, 64, 64] in [−1, 1] to logits [N, 5]."""

    def __init__(self) -> None:
        super().__init__()
        widths = (WIDTH, 2 * WIDTH, 3 * WIDTH, 4 * WIDTH)
        self.stem = nn.Conv2d(3, WIDTH, 3, 2, 1)
        self.blocks = nn.Sequential(*(Block(a, b) for a, b in pairwise(widths)))
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(widths[-1] * 16, CLASSES))

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.blocks(F.relu(self.stem(image))))


def judge(cache: Path, workers: int) -> tuple[Judge, Counts]:
    """The judge, trained once and kept in `cache`, and its confusions [truth, word] on its own test."""
    path = cache / f"judge-{LESSONS}-{EPOCHS}.safetensors"
    model = Judge()
    if path.is_file():
        model.load_state_dict(load_file(path))
    else:
        model = train(*faces(LEARNED, LESSONS, workers))
        cache.mkdir(parents=True, exist_ok=True)
        save_file(model.state_dict(), path)
    exam, labels = faces(CHECKED, EXAM, workers)
    return model.eval(), confusions(labels, say(model, middle(exam)))


def train(lessons: Pixels, labels: Counts, seed: int = 0) -> Judge:
    """Learn the labels [N] of `lessons` [N, STORED, STORED, 3], whatever their colours and sharpness."""
    torch.manual_seed(seed)
    dice, model = np.random.default_rng(seed), Judge()
    steps = EPOCHS * (len(lessons) // BATCH)
    optimiser = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, steps, pct_start=0.15)
    for _ in range(steps):
        chosen = dice.integers(len(lessons), size=BATCH)
        x = _roughened(torch.from_numpy(to_network(_windows(lessons[chosen], dice))))
        loss = F.cross_entropy(model(x), torch.from_numpy(labels[chosen]), label_smoothing=0.05)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


@torch.no_grad()
def say(model: Judge, pixels: Pixels) -> Counts:
    """What each of [N, SEEN, SEEN, 3] shows, asked for it and its mirror image."""
    model.eval()
    words: list[Tensor] = []
    for x in torch.from_numpy(to_network(pixels)).split(256):
        words.append((model(x).softmax(1) + model(x.flip(3)).softmax(1)).argmax(1))
    return torch.cat(words).numpy()


def confusions(wanted: Counts, said: Counts) -> Counts:
    """[5, 5]: how often what was wanted (row) was called what (column)."""
    table = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(table, (wanted, said), 1)
    return table


def recall(table: Counts) -> NDArray[np.float64]:
    """Of each row the share on the diagonal."""
    return np.diag(table) / np.maximum(table.sum(1), 1)


def _windows(pixels: Pixels, dice: np.random.Generator) -> Pixels:
    """A random window of each, half of them mirrored."""
    cut = np.empty((len(pixels), SEEN, SEEN, 3), np.uint8)
    for i, (left, top) in enumerate(dice.integers(STORED - SEEN + 1, size=(len(pixels), 2))):
        cut[i] = pixels[i, top : top + SEEN, left : left + SEEN][:, :: dice.choice((-1, 1))]
    return cut


def _roughened(x: Tensor) -> Tensor:
    """Other colours, noise and blur, as a generator leaves them."""
    n = len(x)
    mix = torch.eye(3) + 0.2 * torch.randn(n, 3, 3)
    x = torch.einsum("nij,njhw->nihw", mix, x) + 0.1 * torch.randn(n, 3, 1, 1)
    soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    x = torch.lerp(x, soft, torch.rand(n, 1, 1, 1) * (torch.rand(n, 1, 1, 1) < 0.5))
    return x + 0.15 * torch.rand(n, 1, 1, 1) * torch.randn_like(x)
