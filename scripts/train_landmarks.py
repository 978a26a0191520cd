"""Train the small network that proposes faces and places their landmarks (src/kaogae/faces/models).

python scripts/train_landmarks.py draw scratch/landmarks
python scripts/train_landmarks.py train scratch/landmarks --open-set ../shared/data/open --minutes 20
python scripts/train_landmarks.py export scratch/landmarks/net.pt src/kaogae/faces/models/landmarks.onnx
"""

import json
import math
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import typer
from landmark_pictures import EYES, NAMES, SIDE, Pictures, draw
from torch import Tensor, nn
from torch.nn import functional as F

from kaogae.atelier.scenes import Scene
from kaogae.faces.landmarks import propose, reconsider
from kaogae.parallel import parallel_map

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
STRIDE = 8
"""Input pixels per output cell."""
REACH = 0.3
"""Standard deviation of the target around a face's middle, in eye distances."""
CALIBRATION_SEED = 33_000_000
DROP = 0.25
"""How far that middle lies below the eyes, in eye distances: the middle of the aligned crop."""


def conv(inside: int, outside: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    )


class Block(nn.Module):
    """Two convolutions beside which the input goes on."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(width, width), conv(width, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Landmarks(nn.Module):
    """From pixels to one answer per 8 × 8 cell: is a face's middle here, how large is it, where is what?

    Input: [N, 3, H, W] in [−1, 1], H and W multiples of 32. Output: [N, 12, H / 8, W / 8]: logit; log of the
    eye distance in pixels; x and y of left eye, right eye, nose, mouth and chin from the cell's middle in
    eye distances.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(conv(3, 16, 2), conv(16, 32, 2), conv(32, 48, 2), Block(48))
        self.middle = nn.Sequential(conv(48, 96, 2), Block(96), Block(96))
        self.coarse = nn.Sequential(conv(96, 96, 2), Block(96))
        self.down = conv(96, 64, kernel=1)
        self.join_middle = conv(96 + 64, 64)
        self.join_fine = conv(48 + 64, 64)
        self.head = nn.Sequential(conv(64, 64), nn.Conv2d(64, 12, 1))
        with torch.no_grad():
            self.head[1].bias.zero_()
            self.head[1].bias[0] = -4.0
            self.head[1].bias[1] = 3.0

    def forward(self, x: Tensor) -> Tensor:
        fine = self.fine(x)
        middle = self.middle(fine)
        coarse = self.down(self.coarse(middle))
        middle = self.join_middle(torch.cat([middle, F.interpolate(coarse, scale_factor=2.0)], 1))
        fine = self.join_fine(torch.cat([fine, F.interpolate(middle, scale_factor=2.0)], 1))
        return self.head(fine)


def targets(points: np.ndarray) -> tuple[np.ndarray, ...]:
    """Heat, what counts for it, log eye distance, places, which are known, and the share of each cell."""
    cells = SIDE // STRIDE
    heat, counts = np.zeros((cells, cells), np.float32), np.ones((cells, cells), np.float32)
    size, share = np.zeros_like(heat), np.zeros_like(heat)
    places = np.zeros((10, cells, cells), np.float32)
    y, x = (np.mgrid[:cells, :cells] + 0.5) * STRIDE
    for face in points:
        along = face[1] - face[0]
        eyes = max(float(np.hypot(*along)), 1.0)
        middle = face[:2].mean(0) + DROP * np.array([-along[1], along[0]])
        if not ((middle > -eyes) & (middle < SIDE + eyes)).all():
            continue
        far = ((x - middle[0]) ** 2 + (y - middle[1]) ** 2) / eyes**2
        inside = ((face[:2] > 0) & (face[:2] < SIDE)).all() and ((middle > 0) & (middle < SIDE)).all()
        if not (EYES[0] <= eyes <= EYES[1] and inside):
            counts[far < 1.2**2] = 0
            continue
        here = np.exp(-far / (2 * max(REACH, 0.55 * STRIDE / eyes) ** 2)).astype(np.float32)
        here[np.unravel_index(here.argmax(), here.shape)] = 1
        better = here > heat
        heat = np.maximum(heat, here)
        size[better] = math.log(eyes)
        relative = (face[:, :, None, None] - np.stack([x, y])[None]) / eyes
        places[:, better] = relative.reshape(10, cells, cells)[:, better]
        share[better] = np.where(here > 0.4, here, 0)[better]
    known = np.isfinite(places).astype(np.float32)
    return heat, np.maximum(counts, heat == 1), size, np.nan_to_num(places), known, share


class Stream(torch.utils.data.IterableDataset):
    """What `Pictures` gives, with its targets."""

    def __init__(self, folder: Path, open_set: Path | None) -> None:
        self.folder, self.open_set = folder, open_set

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        for pixels, points in Pictures(self.folder, self.open_set, worker.id if worker else 0):
            yield torch.from_numpy(pixels), tuple(map(torch.from_numpy, targets(points)))


def loss_of(out: Tensor, wanted: list[Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Focal loss of the heat; smooth L1 of log sizes and of places in eye distances."""
    heat, counts, size, places, known, share = wanted
    out = out.float()
    logit = out[:, 0]
    p = logit.sigmoid()
    cross = F.binary_cross_entropy_with_logits(logit, heat, reduction="none")
    number = (heat == 1).sum().clamp(min=1)
    heating = (counts * cross * (heat - p).abs() ** 2).sum() / number
    weight = share.sum().clamp(min=1)
    sizing = (share * F.smooth_l1_loss(out[:, 1], size, reduction="none", beta=0.1)).sum() / weight
    apart = F.smooth_l1_loss(out[:, 2:], places, reduction="none", beta=0.05)
    placing = (share[:, None] * known * apart).sum() / weight / 10
    parts = {"heat": heating, "size": sizing, "places": placing}
    return heating + 2 * sizing + 10 * placing, {name: float(value.detach()) for name, value in parts.items()}


def normalised(pixels: Tensor) -> Tensor:
    """uint8 [N, H, W, 3] to float [N, 3, H, W] in [−1, 1]."""
    return pixels.permute(0, 3, 1, 2).float() / 127.5 - 1


def averaged(mean: Tensor, now: Tensor, step: int) -> Tensor:
    """The running mean, over fewer steps as long as there are few."""
    return mean + (now - mean) * max(0.002, 1 / (1 + step / 4))


@app.command("draw")
def draw_all(folder: Path, portraits: int = 6000, scenes: int = 5000, workers: int = 2) -> None:
    """Draw the pictures to train on: `portraits` of one face each and `scenes` of one to eight."""
    folder.mkdir(parents=True, exist_ok=True)
    draw(folder / "portraits.npz", "portraits", portraits, workers)
    draw(folder / "scenes.npz", "scenes", scenes, workers)


@app.command()
def train(
    folder: Path,
    open_set: Path | None = None,
    minutes: float = 20,
    batch: int = 32,
    rate: float = 2e-3,
    threads: int = 2,
    start: Path | None = None,
) -> None:
    """Train for `minutes` and write FOLDER/net.pt: the running mean of the weights."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    net = Landmarks().to(memory_format=torch.channels_last)
    if start:
        net.load_state_dict(torch.load(start, weights_only=True))
    print(f"{sum(p.numel() for p in net.parameters()):,} weights")
    mean = torch.optim.swa_utils.AveragedModel(net, avg_fn=averaged, use_buffers=True)
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.02, betas=(0.9, 0.98))
    loader = torch.utils.data.DataLoader(Stream(folder, open_set), batch_size=batch, num_workers=2)
    began, sums = time.monotonic(), {}
    for step, (pixels, wanted) in enumerate(loader, 1):
        done = (time.monotonic() - began) / (60 * minutes)
        if done >= 1:
            break
        now = min(step / 200, 1.0) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        for group in optimiser.param_groups:
            group["lr"] = rate * now
        with torch.autocast("cpu", torch.bfloat16):
            out = net(normalised(pixels).contiguous(memory_format=torch.channels_last))
        loss, parts = loss_of(out, wanted)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        mean.update_parameters(net)
        sums = {name: 0.98 * sums.get(name, value) + 0.02 * value for name, value in parts.items()}
        if step % 100 == 0:
            shown = json.dumps({name: round(value, 4) for name, value in sums.items()})
            print(
                f"{step * batch:7d} pictures, {(time.monotonic() - began) / 60:4.1f} min: {shown}", flush=True
            )
        if step % 500 == 0:
            torch.save(mean.module.state_dict(), folder / "net.pt")
    torch.save(mean.module.state_dict(), folder / "net.pt")


class Exported(nn.Module):
    """The network from uint8 pixels; slope and shift make its answer a probability, scale its sizes right."""

    def __init__(self, net: Landmarks, slope: float, shift: float, scale: float) -> None:
        super().__init__()
        self.net, self.slope, self.shift, self.scale = net, slope, shift, scale

    def forward(self, pixels: Tensor) -> Tensor:
        out = self.net(normalised(pixels))
        heat = torch.sigmoid(out[:, :1] * self.slope + self.shift)
        return torch.cat([heat, self.scale * out[:, 1:2].exp(), out[:, 2:]], 1)


@app.command()
def calibrate(scenes: int = 240, workers: int = 2) -> None:
    """Print what makes the exported file's numbers the share of proposals that are faces, and sizes right."""
    pairs = np.concatenate(list(parallel_map(proposals_of, range(scenes), workers=workers)))
    x, y = np.log(pairs[:, 0] / (1 - pairs[:, 0])), pairs[:, 1]
    scale = 1 / np.median(pairs[y == 1, 2])
    slope, shift = 1.0, 0.0
    for _ in range(50):  # Newton's method for the logistic regression
        p = 1 / (1 + np.exp(-(slope * x + shift)))
        w = np.maximum(p * (1 - p), 1e-9)
        gradient = np.array([((y - p) * x).sum(), (y - p).sum()])
        hessian = np.array([[(w * x * x).sum(), (w * x).sum()], [(w * x).sum(), w.sum()]])
        slope, shift = np.array([slope, shift]) + np.linalg.solve(hessian + 1e-6 * np.eye(2), gradient)
    p = 1 / (1 + np.exp(-(slope * x + shift)))
    for low, high in ((0.02, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.0)):
        within = (p >= low) & (p < high)
        print(f"{low} to {high}: {within.sum()} proposals, {y[within].sum():.0f} of them faces")
    print(f"--slope {slope:.3f} --shift {shift:.3f} --scale {scale:.3f}")


def proposals_of(number: int) -> np.ndarray:
    """Of each proposal: probability; 1 where it is a face with its eyes in place; eye distance / true one."""
    cv2.setNumThreads(1)
    scene = Scene.from_seed(CALIBRATION_SEED + number, sides=(384, 1600))
    points = [figure.points() for figure in scene.figures]
    places = np.array([[face[name] for name in NAMES] for face in points])
    eyes = places[:, :2]
    distance = np.hypot(*(eyes[:, 1] - eyes[:, 0]).T)
    pairs: list[tuple[float, float, float]] = []
    pixels = scene.render()
    for face in [reconsider(pixels, proposal) for proposal in propose(pixels, 0.01)]:
        apart = np.hypot(*(np.array([face.left_eye, face.right_eye]) - eyes).transpose(2, 0, 1)).max(1)
        right = (apart < 0.35 * distance).any()
        ratio = face.eye_distance / distance[apart.argmin()]
        pairs.append((min(face.confidence, 1 - 1e-6), float(right), ratio))
    return np.array(pairs).reshape(-1, 3)


@app.command()
def export(state: Path, out: Path, slope: float = 1.0, shift: float = 0.0, scale: float = 1.0) -> None:
    """Write the ONNX file, large weights as float16; `calibrate` prints `slope`, `shift` and `scale`."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    net = Landmarks()
    net.load_state_dict(torch.load(state, weights_only=True))
    wrapped = Exported(net.eval(), slope, shift, scale).eval()
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        wrapped,
        (torch.zeros(1, 64, 96, 3, dtype=torch.uint8),),
        str(out),
        input_names=["pixels"],
        output_names=["cells"],
        dynamic_axes={"pixels": {0: "n", 1: "h", 2: "w"}, "cells": {0: "n", 2: "y", 3: "x"}},
        opset_version=17,
        dynamo=False,
    )
    model = onnx.load(out)
    for weight in list(model.graph.initializer):
        values = numpy_helper.to_array(weight)
        if values.dtype == np.float32 and values.size > 256:
            name = weight.name
            model.graph.initializer.remove(weight)
            small = numpy_helper.from_array(values.astype(np.float16), f"{name}.half")
            model.graph.initializer.append(small)
            cast = helper.make_node("Cast", [small.name], [name], to=TensorProto.FLOAT)
            model.graph.node.insert(0, cast)
    header = {"format": "kaogae-landmarks", "version": 1, "stride": STRIDE, "eyes": EYES}
    helper.set_model_props(model, {"kaogae": json.dumps(header)})
    onnx.save(model, out)
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    app()
