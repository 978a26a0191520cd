"""Pictures to train the landmark network on: drawn ones, cut, bent, recoloured and covered."""

import csv
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from kaogae.atelier.portrait import Portrait, sample_rig
from kaogae.atelier.scenes import Scene
from kaogae.expressions import EXPRESSIONS
from kaogae.parallel import parallel_map

FIRST_SEED = 20_000_000
OFTEN = (0.25, 0.2, 0.3, 0.12, 0.13)
"""Happy and crying faces more often: theirs are the closed eyes and the wide mouths."""
NAMES = ("left_eye", "right_eye", "nose", "mouth", "chin")
SIDE = 192
"""Of what the network is shown in training."""
EYES = (8.0, 64.0)
"""Eye distances in pixels that it learns; larger and smaller faces count neither for nor against it."""
ONE_SHAPE = "gene"
"""Part of the source names in the `open` set whose pictures are all of one 3D head: taken seldom."""


@dataclass(frozen=True)
class Shown:
    """A picture and the places of its faces [N, 5, 2]; NaN where a place isn't known."""

    pixels: np.ndarray
    points: np.ndarray


def draw_one(job: tuple[str, int]) -> tuple[bytes, np.ndarray]:
    """PNG, and landmarks: a head of 192 px with 35 px between the eyes, or a small illustration."""
    cv2.setNumThreads(1)
    kind, seed = job
    if kind == "portraits":
        dice = random.Random(f"landmarks {seed}")
        expression = dice.choices(EXPRESSIONS, OFTEN)[0]
        portrait = Portrait.from_seed(seed)
        pixels = portrait.render(sample_rig(seed, expression, dice.uniform(0.6, 1.0)), 96, 48)
        faces, shift = [portrait.points(96)], 48
    else:
        scene = Scene.from_seed(seed, sides=(224, 448))
        pixels, faces, shift = scene.render(), [figure.points() for figure in scene.figures], 0
    data = cv2.imencode(".png", pixels[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    return data, np.array([[face[name] for name in NAMES] for face in faces], np.float32) + shift


def draw(file: Path, kind: str, count: int, workers: int) -> None:
    """Draw `count` "portraits" or "scenes" into an npz file."""
    jobs = [(kind, FIRST_SEED + i) for i in range(count)]
    drawn = list(parallel_map(draw_one, jobs, workers=workers, chunk=8))
    np.savez(
        file,
        files=np.frombuffer(b"".join(data for data, _ in drawn), np.uint8),
        lengths=np.array([len(data) for data, _ in drawn]),
        points=np.concatenate([points for _, points in drawn]),
        counts=np.array([len(points) for _, points in drawn]),
    )


def read_drawn(file: Path) -> list[Shown]:
    with np.load(file) as stored:
        ends, faces = np.cumsum(stored["lengths"]), np.cumsum(stored["counts"])
        data = np.split(stored["files"], ends[:-1])
        points = np.split(stored["points"], faces[:-1])
    return [
        Shown(cv2.imdecode(one, cv2.IMREAD_COLOR)[..., ::-1], at)
        for one, at in zip(data, points, strict=True)
    ]


def read_open(folder: Path) -> tuple[list[Shown], list[float]]:
    """Aligned crops with an open licence, and how often each is taken; nose and chin aren't known."""
    shown: list[Shown] = []
    weights: list[float] = []
    with (folder / "manifest.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            eyes_mouth = np.array([p.split(",") for p in row["landmarks"].split(";")], np.float32)
            points = np.full((1, 5, 2), np.nan, np.float32)
            points[0, [0, 1, 3]] = eyes_mouth
            pixels = cv2.imread(str(folder / row["file"]), cv2.IMREAD_COLOR)
            shown.append(Shown(pixels[..., ::-1], points))
            weights.append(0.15 if ONE_SHAPE in row["source"].lower() else 1.0)
    return shown, weights


class Pictures:
    """Endless training pictures."""

    def __init__(self, folder: Path, open_set: Path | None, seed: int) -> None:
        self.portraits = read_drawn(folder / "portraits.npz")
        self.scenes = read_drawn(folder / "scenes.npz")
        self.open, self.weights = read_open(open_set) if open_set else ([], [])
        self.dice = np.random.default_rng(seed)
        self.choice = random.Random(seed)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """RGB [SIDE, SIDE, 3] uint8 and landmarks [N, 5, 2] in it; some are four pictures in one."""
        cv2.setNumThreads(1)
        while True:
            if self.dice.random() < 0.75:
                yield self.one()
                continue
            half, parts = SIDE // 2, [self.one() for _ in range(4)]
            small = [cv2.resize(pixels, (half, half), interpolation=cv2.INTER_AREA) for pixels, _ in parts]
            shifts = ([0, 0], [half, 0], [0, half], [half, half])
            points = [at / 2 + np.array(by, np.float32) for (_, at), by in zip(parts, shifts, strict=True)]
            rows = [np.concatenate(small[:2], 1), np.concatenate(small[2:], 1)]
            yield np.concatenate(rows), np.concatenate(points)

    def one(self) -> tuple[np.ndarray, np.ndarray]:
        """One picture."""
        which = self.dice.random()
        if which < 0.10:
            pixels, points = self.texture(), np.zeros((0, 5, 2), np.float32)
        elif which < 0.25:
            pixels, points = self.placed(self.nobody())[0], np.zeros((0, 5, 2), np.float32)
        elif which < 0.33 and self.open:
            pixels, points = self.placed(self.choice.choices(self.open, self.weights)[0])
        else:
            drawn = self.portraits if which < 0.62 else self.scenes
            pixels, points = self.placed(self.choice.choice(drawn))
        if which >= 0.97:
            pixels, points = erased(pixels, points), np.zeros((0, 5, 2), np.float32)
        elif self.dice.random() < 0.15:
            pixels = self.covered(pixels)
        return self.recoloured(pixels), points

    def placed(self, shown: Shown) -> tuple[np.ndarray, np.ndarray]:
        """A cut of the picture in which a face has a chosen size, turned, stretched and mirrored."""
        dice, pixels, points = self.dice, shown.pixels, shown.points
        chosen = dice.integers(len(points))
        face = points[chosen]
        eyes = float(np.hypot(*(face[1] - face[0])))
        target = math.exp(dice.uniform(math.log(EYES[0] * 0.8), math.log(EYES[1] * 1.05)))
        finer = int(eyes / target)  # shrink by averaging first, so that nothing aliases
        if finer > 1:
            size = (max(pixels.shape[1] // finer, 1), max(pixels.shape[0] // finer, 1))
            points = points * (np.array(size) / pixels.shape[1::-1]).astype(np.float32)
            pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
            face = points[chosen]
            eyes /= finer
        angle = math.radians(dice.normal(0, 10) if dice.random() < 0.85 else dice.uniform(-50, 50))
        x, y = target / eyes * np.exp(dice.normal(0, 0.06, 2))
        if mirror := dice.random() < 0.5:
            x = -x
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        matrix = np.zeros((2, 3))
        matrix[:, :2] = turn @ np.diag([x, y])
        middle = matrix[:, :2] @ face[:2].mean(0)
        room = max(SIDE / 2 - 1.2 * target, 0) if dice.random() < 0.8 else SIDE / 2
        matrix[:, 2] = SIDE / 2 - middle + dice.uniform(-room, room, 2)
        out = np.zeros((SIDE, SIDE, 3), np.uint8)
        if dice.random() < 0.5:
            flags = cv2.BORDER_REPLICATE
        else:
            flags, out = cv2.BORDER_TRANSPARENT, self.ground()
        shifted = matrix.copy()
        shifted[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
        cv2.warpAffine(pixels, shifted, (SIDE, SIDE), dst=out, flags=cv2.INTER_LINEAR, borderMode=flags)
        placed = (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
        return out, placed[:, [1, 0, 2, 3, 4]] if mirror else placed

    def ground(self) -> np.ndarray:
        """What a picture is laid on: one colour, or a texture."""
        if self.dice.random() < 0.5:
            colour = (
                self.dice.integers(0, 256, 3)
                if self.dice.random() < 0.5
                else [self.choice.choice((0, 128, 255))]
            )
            return np.full((SIDE, SIDE, 3), colour, np.uint8)
        return self.texture()

    def texture(self) -> np.ndarray:
        """Noise, shapes and letters, or a part of a scene far from its faces: things without a face."""
        dice = self.dice
        if dice.random() < 0.35:
            return self.faceless()
        coarse = int(2 ** dice.uniform(1, 7))
        noise = dice.normal(dice.uniform(0, 255, 3), dice.uniform(0, 60), (coarse, coarse, 3))
        out = cv2.resize(
            noise.clip(0, 255).astype(np.uint8), (SIDE, SIDE), interpolation=self.choice.choice((0, 1, 2))
        )
        for _ in range(dice.integers(0, 14)):
            colour = dice.integers(0, 256, 3).tolist()
            at, size = dice.integers(0, SIDE, 2).tolist(), dice.integers(2, 50, 2).tolist()
            thick = int(dice.integers(1, 6)) if dice.random() < 0.5 else -1
            kind = dice.integers(4)
            if kind == 0:
                cv2.ellipse(
                    out, at, size, dice.uniform(0, 180), 0, dice.uniform(90, 360), colour, thick, cv2.LINE_AA
                )
            elif kind == 1:
                cv2.rectangle(out, at, (at[0] + size[0], at[1] + size[1]), colour, thick)
            elif kind == 2:
                cv2.line(out, at, dice.integers(0, SIDE, 2).tolist(), colour, abs(thick), cv2.LINE_AA)
            else:
                text = "".join(self.choice.choices("AOUXo0^_;T><-8@.~", k=5))
                cv2.putText(
                    out,
                    text,
                    at,
                    int(dice.integers(0, 8)),
                    dice.uniform(0.4, 2),
                    colour,
                    abs(thick),
                    cv2.LINE_AA,
                )
        return out

    def nobody(self) -> Shown:
        """What isn't a face, cut as faces are cut: that a picture has a middle makes no face of it."""
        pixels = self.faceless() if self.dice.random() < 0.7 else self.texture()
        across = SIDE / self.dice.uniform(2.4, 5)
        eyes = np.array([[-0.5, -0.25], [0.5, -0.25], [0, 0], [0, 0.2], [0, 0.5]], np.float32)
        return Shown(pixels, (eyes * across + SIDE / 2)[None])

    def faceless(self) -> np.ndarray:
        """A part of a scene in which no eye is, enlarged to the whole."""
        for _ in range(8):
            shown = self.choice.choice(self.scenes)
            side = int(self.dice.uniform(0.15, 0.6) * min(shown.pixels.shape[:2]))
            y, x = (int(self.dice.integers(0, length - side + 1)) for length in shown.pixels.shape[:2])
            eyes = shown.points[:, :2].reshape(-1, 2)
            if not ((np.abs(eyes - [x + side / 2, y + side / 2])).max(1) < side * 0.65).any():
                part = np.ascontiguousarray(shown.pixels[y : y + side, x : x + side])
                return cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        return np.full((SIDE, SIDE, 3), self.dice.integers(0, 256, 3), np.uint8)

    def covered(self, pixels: np.ndarray) -> np.ndarray:
        """Some bars and blots over it."""
        out = np.ascontiguousarray(pixels)
        for _ in range(self.dice.integers(1, 4)):
            colour = self.dice.integers(0, 256, 3).tolist()
            at, to = (self.dice.integers(0, SIDE, 2).tolist() for _ in range(2))
            if self.dice.random() < 0.6:
                cv2.line(out, at, to, colour, int(self.dice.integers(1, 7)), cv2.LINE_AA)
            else:
                cv2.ellipse(
                    out, at, self.dice.integers(3, 22, 2).tolist(), 0, 0, 360, colour, -1, cv2.LINE_AA
                )
        return out

    def recoloured(self, pixels: np.ndarray) -> np.ndarray:
        """Colours, light, sharpness, noise and compression changed."""
        dice = self.dice
        out = pixels.astype(np.float32)
        if dice.random() < 0.1:
            out = cv2.filter2D(out, -1, np.pad([[1.0]], 1) + dice.normal(0, 0.12, (3, 3)))
        if dice.random() < 0.12:
            out = np.repeat(out.mean(2, keepdims=True), 3, 2)
        elif dice.random() < 0.5:
            out = out @ (np.eye(3) + dice.normal(0, 0.12, (3, 3))).astype(np.float32)
        if dice.random() < 0.6:
            out = (out - 128) * math.exp(dice.normal(0, 0.25)) + 128 + dice.normal(0, 20)
        if dice.random() < 0.3:
            out = 255 * (out.clip(0, 255) / 255) ** math.exp(dice.normal(0, 0.3))
        if dice.random() < 0.25:
            out = cv2.GaussianBlur(out, (0, 0), dice.uniform(0.3, 1.4))
        if dice.random() < 0.2:
            out = out + 0.8 * (out - cv2.GaussianBlur(out, (0, 0), 1.2))
        if dice.random() < 0.2:
            out = out + dice.normal(0, dice.uniform(1, 12), out.shape)
        out = out.clip(0, 255).astype(np.uint8)
        if dice.random() < 0.25:
            code = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(dice.integers(20, 95))])[1]
            out = cv2.imdecode(code, cv2.IMREAD_COLOR)
        return np.ascontiguousarray(out)


def erased(pixels: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Heads without faces: everything between the eyes and the mouth runs together."""
    out = np.ascontiguousarray(pixels)
    for face in points:
        eyes = float(np.hypot(*(face[1] - face[0])))
        x, y = face[[0, 1, 3]].mean(0)
        box = [int(v) for v in (x - 1.1 * eyes, y - 0.9 * eyes, x + 1.1 * eyes, y + 0.8 * eyes)]
        left, top, right, bottom = np.clip(box, 0, np.tile(out.shape[1::-1], 2))
        part = out[top:bottom, left:right]
        if part.size:
            out[top:bottom, left:right] = cv2.blur(part, (max(int(eyes * 1.4), 1),) * 2)
    return out
