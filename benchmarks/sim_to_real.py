"""SIM2REAL: a small classifier learns the five expressions from drawn faces alone and is tested on real ones.

    python benchmarks/sim_to_real.py --real ../shared/data/sprites

The number is the balanced accuracy (the mean of the five recalls) over the real faces with one of the five
labels; chance is 0.2. It judges the drawings, so the classifier and its training never change from row to row
of the table in docs/atelier.md, which says how they were chosen. The real faces are for measuring only:
neither they nor their labels nor any statistic of them reaches the training.
"""

import argparse
import csv
import hashlib
import inspect
import json
import math
import os
import random
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from kaogae.expressions import EXPRESSIONS

STORED = 144
"""Side of the stored crops in pixels: 2.7 eye distances."""
SEEN = 80
"""Side of what the classifier sees: the inner face, `REGION` of the crop."""
REGION = (-0.98, -0.75, 0.98, 1.21)
"""Left, top, right and bottom in eye distances from the middle of the eye line."""
CLASSES = len(EXPRESSIONS)


# ---------------------------------------------------------------------------------------------------- faces


def draw_face(job: tuple[int, int]) -> NDArray[np.uint8]:
    """One drawn face [STORED, STORED, 3] for (character's seed, index of the expression)."""
    from kaogae.atelier.portrait import Portrait, sample_rig

    seed, index = job
    intensity = random.Random(f"sim to real {seed}").uniform(0.6, 1.0)
    return Portrait.from_seed(seed).render(sample_rig(seed, EXPRESSIONS[index], intensity), STORED)


def drawn_faces(count: int, workers: int, cache: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """`count` faces, each another character; kept in `cache` under a hash of the atelier's source."""
    import kaogae.atelier

    source = b"".join(p.read_bytes() for p in sorted(Path(kaogae.atelier.__path__[0]).glob("*.py")))
    key = hashlib.sha256(source + inspect.getsource(draw_face).encode()).hexdigest()[:12]
    labels = np.arange(count) % CLASSES
    path = cache / f"drawn-{count}-{key}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with ProcessPoolExecutor(workers) as pool:
            jobs = ((10_000_000 + i, int(label)) for i, label in enumerate(labels))
            faces = np.stack(list(pool.map(draw_face, jobs, chunksize=16)))
        np.save(path, faces)
    return np.load(path), labels


def real_faces(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[dict[str, str]]]:
    """The folder's faces with one of the five labels, in our crop."""
    import cv2

    from kaogae.faces import crop_matrix, warp

    rows = [r for r in csv.DictReader((folder / "manifest.csv").open()) if r["label"] in EXPRESSIONS]
    faces = np.empty((len(rows), STORED, STORED, 3), np.uint8)
    for face, row in zip(faces, rows, strict=True):
        left, right = ([float(v) for v in point.split(",")] for point in row["landmarks"].split(";")[:2])
        face[:] = warp(
            cv2.imread(str(folder / row["file"]))[..., ::-1], crop_matrix(left, right, STORED), (STORED,) * 2
        )
    return faces, np.array([EXPRESSIONS.index(r["label"]) for r in rows]), rows


# --------------------------------------------------------------------------------------------- augmentation


def uniform(n: int, low: float, high: float, *shape: int) -> Tensor:
    return low + (high - low) * torch.rand(n, *shape)


def sample_region(faces: Tensor, warped: bool) -> Tensor:
    """[N, 3, STORED, STORED] to [N, 3, SEEN, SEEN]: the inner face; `warped` moves, turns and bends it."""
    n = len(faces)
    left, top, right, bottom = (v / 1.35 for v in REGION)  # the crop's half side is 1.35 eye distances
    y, x = torch.meshgrid(torch.linspace(-1, 1, SEEN), torch.linspace(-1, 1, SEEN), indexing="ij")
    grid = torch.stack([(right - left) / 2 * x, (bottom - top) / 2 * y], -1).expand(n, -1, -1, -1)
    if warped:
        angle = torch.randn(n) * 0.09
        scale = torch.exp(torch.randn(n, 2) * 0.07 + torch.randn(n, 1) * 0.08)
        flip = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
        turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], -1).view(n, 2, 2)
        scale = torch.diag_embed(torch.stack([scale[:, 0] * flip, scale[:, 1]], -1))
        grid = torch.einsum("nij,nhwj->nhwi", turn @ scale, grid)
        bend = F.interpolate(
            torch.randn(n, 2, 5, 5) * 0.022, (SEEN, SEEN), mode="bicubic", align_corners=True
        )
        grid = grid + bend.permute(0, 2, 3, 1) + torch.randn(n, 1, 1, 2) * 0.04
    # the crop's centre lies 0.25 eye distances below the eye line
    centre = torch.tensor([(left + right) / 2, (top + bottom) / 2 - 0.25 / 1.35])
    return F.grid_sample(faces, grid + centre, mode="bilinear", padding_mode="border", align_corners=False)


def blur(x: Tensor, sigma: float) -> Tensor:
    radius = max(1, math.ceil(2 * sigma))
    t = torch.arange(-radius, radius + 1.0)
    kernel = torch.exp(-(t**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).repeat(x.shape[1], 1, 1)
    padded = F.pad(x, (radius,) * 4, mode="replicate")
    x = F.conv2d(padded, kernel[:, :, None, :], groups=x.shape[1])
    return F.conv2d(x, kernel[:, :, :, None], groups=x.shape[1])


def restyle(x: Tensor) -> Tensor:
    """Other colours, light, sharpness and texture for faces [N, 3, H, W] in 0 to 1; shapes stay."""
    n = len(x)
    chosen = lambda share: (torch.rand(n, 1, 1, 1) < share).float()  # noqa: E731
    grey = x.mean(1, keepdim=True)
    mix = torch.eye(3) + torch.randn(n, 3, 3) * uniform(n, 0.0, 0.5, 1, 1)  # mixes the channels
    mix = mix / mix.sum(2, keepdim=True).clamp(min=0.5)
    x = torch.where(chosen(0.5) > 0, torch.einsum("nij,njhw->nihw", mix, x), x)
    x = grey + (x - grey) * uniform(n, 0.0, 1.5, 1, 1, 1)
    x = torch.lerp(x, grey.expand_as(x), chosen(0.2))
    x = x.clamp(0, 1) ** torch.exp(torch.randn(n, 1, 1, 1) * 0.35)
    tint = torch.exp(torch.randn(n, 3, 1, 1) * 0.2)
    x = torch.lerp(x, x * tint, chosen(0.5))
    slope = torch.linspace(-1, 1, x.shape[-1])  # light from one side
    light = torch.randn(n, 1, 1, 1) * slope[:, None] + torch.randn(n, 1, 1, 1) * slope
    x = x * (1 + 0.15 * light * chosen(0.5))
    half = torch.randperm(n)[: n // 3]
    x[half] = blur(x[half], random.uniform(0.4, 1.3))
    half = torch.randperm(n)[: n // 4]
    x[half] = x[half] + random.uniform(0.5, 2.0) * (x[half] - blur(x[half], 1.0))  # sharpened
    half = torch.randperm(n)[: n // 4]
    kernel = F.normalize(torch.randn(3, 3, 3, 3).flatten(1), p=1).view(3, 3, 3, 3)  # random convolution
    x[half] = torch.lerp(x[half], F.conv2d(x[half], kernel * 2, padding=1), random.uniform(0.2, 0.7))
    x = x + torch.randn_like(x) * uniform(n, 0, 0.06, 1, 1, 1) * chosen(0.5)
    return cut_out(x)


def cut_out(x: Tensor) -> Tensor:
    """A box of one colour over some faces, as a hand, a lock of hair or glasses would."""
    n, _, height, width = x.shape
    for i in torch.nonzero(torch.rand(n) < 0.3).flatten().tolist():
        h, w = random.randint(4, height // 3), random.randint(4, width // 3)
        top, left = random.randint(0, height - h), random.randint(0, width - w)
        x[i, :, top : top + h, left : left + w] = torch.rand(3, 1, 1)
    return x


def features(x: Tensor) -> Tensor:
    """[N, 5, H, W]: colours in units of the face's own contrast, grey in units of its surroundings, edges."""
    mean = x.mean((1, 2, 3), keepdim=True)
    colour = (x - mean) / (x.std((1, 2, 3), keepdim=True) + 0.05)
    grey = x.mean(1, keepdim=True)
    local = grey - blur(grey, 4.0)
    contrast = local / (blur(local**2, 6.0).clamp(min=0).sqrt() + 0.03)
    dx = F.pad(grey[..., 1:] - grey[..., :-1], (0, 1))
    dy = F.pad(grey[..., 1:, :] - grey[..., :-1, :], (0, 0, 0, 1))
    edges = (dx**2 + dy**2 + 1e-8).sqrt()
    edges = edges / (edges.mean((2, 3), keepdim=True) + 0.01)
    return torch.cat([colour, contrast, edges.clamp(max=6) - 1], 1)


# ----------------------------------------------------------------------------------------------- classifier


class Block(nn.Module):
    """Two convolutions and a short cut; instance norm on half of the channels forgets style (IBN-Net)."""

    def __init__(self, width_in: int, width: int, stride: int, instance: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.half = width // 2 if instance else 0
        self.instance = nn.InstanceNorm2d(self.half, affine=True) if instance else None
        self.norm1 = nn.BatchNorm2d(width - self.half)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.short = (
            nn.Conv2d(width_in, width, 1, bias=False) if stride > 1 or width_in != width else nn.Identity()
        )
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(x)
        if self.instance is not None:
            y = torch.cat([self.instance(y[:, : self.half]), self.norm1(y[:, self.half :])], 1)
        else:
            y = self.norm1(y)
        y = self.norm2(self.conv2(F.relu(y)))
        return F.relu(y + self.short(F.avg_pool2d(x, 2) if self.stride > 1 else x))


def mix_style(x: Tensor) -> Tensor:
    """MixStyle (Zhou et al., 2021): each face takes part of another's channel means and spreads."""
    if random.random() < 0.5:
        return x
    mean, spread = x.mean((2, 3), keepdim=True), x.std((2, 3), keepdim=True) + 1e-5
    order = torch.randperm(len(x))
    share = torch.distributions.Beta(0.2, 0.2).sample((len(x), 1, 1, 1)).to(x.dtype)
    mean, spread = mean.detach(), spread.detach()
    new_mean, new_spread = (torch.lerp(v[order], v, share.to(v.dtype)) for v in (mean, spread))
    return (x - mean) / spread * new_spread + new_mean


class Classifier(nn.Module):
    """A ResNet of nine convolutions; the face's parts stay apart until the end (3 rows by 2 columns)."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(5, width, 3, 2, 1, bias=False), nn.InstanceNorm2d(width, affine=True), nn.ReLU()
        )
        self.stages = nn.ModuleList(
            [
                Block(width, width, 1, instance=True),
                Block(width, 2 * width, 2, instance=True),
                Block(2 * width, 4 * width, 2, instance=True),
                Block(4 * width, 6 * width, 2, instance=False),
            ]
        )
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(6 * width * 6, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for i, stage in enumerate(self.stages):
            x = stage(x)
            if self.training and i < 2:
                x = mix_style(x)
        return self.head(F.adaptive_avg_pool2d(x, (3, 2)).flatten(1))


def train(faces: NDArray[np.uint8], labels: NDArray[np.int64], seed: int, epochs: int) -> nn.Module:
    """Returns the running mean of the weights over training."""
    torch.manual_seed(seed)
    random.seed(seed)
    model = Classifier()
    steady = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995), use_buffers=True
    )
    batch, data, truth = 64, torch.from_numpy(faces), torch.from_numpy(labels)
    steps = epochs * (len(data) // batch)
    optimiser = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, steps, pct_start=0.15)
    weight = 1 / torch.bincount(truth, minlength=CLASSES).clamp(min=1).float()
    order = torch.multinomial(weight[truth], steps * batch, replacement=True)
    for step in range(steps):
        chosen = order[step * batch : (step + 1) * batch]
        with torch.no_grad():
            x = data[chosen].permute(0, 3, 1, 2).float() / 255
            x = features(restyle(sample_region(x, warped=True)))
        with torch.autocast("cpu", torch.bfloat16):
            scores = model(x)
        loss = F.cross_entropy(scores.float(), truth[chosen], label_smoothing=0.1)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        steady.update_parameters(model)
    return steady.eval()


@torch.no_grad()
def predict(model: nn.Module, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean probabilities [N, 5] over the face and its mirror image."""
    rows = []
    for part in torch.from_numpy(faces).split(128):
        x = features(sample_region(part.permute(0, 3, 1, 2).float() / 255, warped=False))
        rows.append((model(x).softmax(1) + model(x.flip(3)).softmax(1)) / 2)
    return torch.cat(rows).numpy()


# --------------------------------------------------------------------------------------------------- report


def confusion(labels: NDArray[np.int64], guesses: NDArray[np.int64]) -> NDArray[np.int64]:
    table = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(table, (labels, guesses), 1)
    return table


def balanced(table: NDArray[np.int64]) -> float:
    return float(np.mean(np.diag(table) / np.maximum(table.sum(1), 1)))


def report(
    labels: NDArray[np.int64], runs: list[NDArray[np.float32]], sources: list[str]
) -> dict[str, object]:
    """Figures over all seeds, and the printed table of confusions (rows: truth, in faces per seed)."""
    tables = [confusion(labels, scores.argmax(1)) for scores in runs]
    total = sum(tables)
    scores = [balanced(table) for table in tables]
    print(f"SIM2REAL {np.mean(scores):.3f}  (seeds: {', '.join(f'{s:.3f}' for s in scores)}; chance 0.200)")
    print(f"{'':10}" + "".join(f"{e:>10}" for e in EXPRESSIONS) + "    recall")
    for e, row in zip(EXPRESSIONS, total, strict=True):
        print(
            f"{e:10}"
            + "".join(f"{v / len(runs):10.1f}" for v in row)
            + f"{row[e.position] / row.sum():10.2f}"
        )
    right = np.mean([r.argmax(1) == labels for r in runs], 0)
    by_source = {
        s: float(right[[i for i, t in enumerate(sources) if t == s]].mean()) for s in sorted(set(sources))
    }
    return {
        "sim2real": float(np.mean(scores)),
        "seeds": scores,
        "accuracy": float(right.mean()),
        "recall": {
            str(e): float(total[e.position, e.position] / total[e.position].sum()) for e in EXPRESSIONS
        },
        "by_source": by_source,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--real", type=Path, default=Path("../shared/data/sprites"), help="folder with manifest.csv"
    )
    parser.add_argument("--faces", type=int, default=6000, help="drawn faces to train on")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/kaogae-sim-to-real"))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, help="write the figures and every prediction here")
    options = parser.parse_args()

    start = time.time()
    faces, labels = drawn_faces(options.faces, options.workers, options.cache)
    drawn = time.time() - start
    real, truth, rows = real_faces(options.real)
    runs = [predict(train(faces, labels, seed, options.epochs), real) for seed in range(options.seeds)]
    figures = report(truth, runs, [row["source"] for row in rows])
    print(
        f"{len(faces)} faces drawn in {drawn:.0f} s, "
        f"{options.seeds} classifiers trained in {time.time() - start - drawn:.0f} s"
    )
    if options.json:
        figures["predictions"] = {
            row["file"]: [round(float(v), 3) for v in scores]
            for row, scores in zip(rows, np.mean(runs, 0), strict=True)
        }
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
