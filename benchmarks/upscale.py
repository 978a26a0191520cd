"""What CARN-M gains over bicubic on drawn faces, and how fast it is beside the published layers.

Quality: faces drawn at 224 px are shrunk to 100 px and saved as JPEG, then enlarged and compared with what
was drawn: PSNR and SSIM on luma (BT.601, full range) and PSNR on RGB. Speed: the same weights in the order
of the published layers, each a plain contiguous float32 module, in the same process, turn by turn; then
files to files, the whole stage with its catalogue beside a plain loop around those layers.

    python benchmarks/upscale.py --weights carn_m.pth [--faces 60] [--cores 1] [--picture upscale.png]
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont

FACE, SMALL = 224, 100
QUALITIES = (None, 95, 85, 75, 50)
"""Of the JPEG that the small face went through; None: it didn't."""


def main(
    weights: Path = typer.Option(..., help="The published carn_m.pth."),
    faces: int = typer.Option(60, help="Drawn faces, each of another character."),
    cores: int = typer.Option(1, help="Cores for the measurement of speed."),
    rounds: int = typer.Option(7, help="Turns of each in the measurement of speed; the median counts."),
    picture: Path | None = typer.Option(None, help="Where to write faces side by side."),
) -> None:
    """Print both tables."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    import torch

    torch.set_num_threads(cores)
    from kaogae.upscale import Bicubic, Network, load_carn

    network = Network(load_carn(weights))
    drawn = [draw(seed) for seed in range(faces)]
    ways = {
        "bicubic": lambda small: resize(small, FACE),
        "bicubic ×3, then 224": lambda small: resize(Bicubic()(small[None], 3)[0], FACE),
        "CARN-M ×2, then 224": lambda small: resize(network(small[None], 2)[0], FACE),
        "CARN-M ×3, then 224": lambda small: resize(network(small[None], 3)[0], FACE),
    }
    quality(drawn, ways)
    if picture is not None:
        side_by_side(drawn[:3], ways, picture)
    speed(network.model, weights, cores, rounds)
    stage(network, weights, cores)


def draw(seed: int) -> np.ndarray:
    """A drawn face, RGB uint8 [224, 224, 3]."""
    from kaogae.atelier.expression import canonical
    from kaogae.atelier.portrait import Portrait
    from kaogae.expressions import EXPRESSIONS

    return Portrait.from_seed(seed, roughness=0).render(canonical(EXPRESSIONS[seed % 5]), FACE)


def shrink(face: np.ndarray, quality: int | None) -> np.ndarray:
    """Shrunk with a filter, as whoever made the small picture did, and through JPEG (4:2:0)."""
    small = Image.fromarray(face).resize((SMALL, SMALL), Image.Resampling.BICUBIC)
    if quality is not None:
        file = BytesIO()
        small.save(file, "JPEG", quality=quality)
        small = Image.open(file).convert("RGB")
    return np.asarray(small)


def resize(image: np.ndarray, side: int) -> np.ndarray:
    """As a frozen set does: by area when it gets smaller, else bicubic."""
    way = cv2.INTER_AREA if side < image.shape[0] else cv2.INTER_CUBIC
    return cv2.resize(image, (side, side), interpolation=way)


def luma(image: np.ndarray) -> np.ndarray:
    """BT.601 luma, 0 to 255."""
    return image @ np.array([0.299, 0.587, 0.114])


def measures(image: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """PSNR of luma, SSIM of luma, PSNR of RGB."""
    from skimage.metrics import structural_similarity

    def psnr(a: np.ndarray, b: np.ndarray) -> float:
        return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))

    similar = structural_similarity(
        luma(image),
        luma(truth),
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    return psnr(luma(image), luma(truth)), float(similar), psnr(image, truth)


def quality(drawn: list[np.ndarray], ways: dict[str, Callable[[np.ndarray], np.ndarray]]) -> None:
    """Mean of each way over all faces, and gain over bicubic face by face with its standard deviation."""
    print(f"{len(drawn)} drawn faces, {FACE} → {SMALL} → {FACE} px")
    print("| JPEG | way | PSNR Y | SSIM Y | PSNR RGB | gain PSNR Y | gain SSIM Y | better |")
    print("|---|---|---|---|---|---|---|---|")
    for setting in QUALITIES:
        smalls = [shrink(face, setting) for face in drawn]
        base = None
        for name, way in ways.items():
            rows = np.array([measures(way(small), face) for small, face in zip(smalls, drawn, strict=True)])
            base = rows if base is None else base
            gain, (y, s, rgb) = rows - base, rows.mean(axis=0)
            print(
                f"| {setting or 'none'} | {name} | {y:.2f} | {s:.4f} | {rgb:.2f} "
                f"| {gain[:, 0].mean():+.2f} ± {gain[:, 0].std():.2f} "
                f"| {gain[:, 1].mean():+.4f} ± {gain[:, 1].std():.4f} | {(gain[:, 0] > 0).mean():.0%} |"
            )


def side_by_side(
    drawn: list[np.ndarray], ways: dict[str, Callable[[np.ndarray], np.ndarray]], path: Path
) -> None:
    """Rows of faces: as drawn, the small one as it is in pixels, bicubic, CARN-M."""
    columns: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
        "drawn, 224 px": lambda face, _: face,
        "100 px, JPEG 85": lambda _, small: cv2.resize(small, (FACE, FACE), interpolation=cv2.INTER_NEAREST),
        "bicubic": lambda _, small: ways["bicubic"](small),
        "CARN-M": lambda _, small: ways["CARN-M ×3, then 224"](small),
    }
    gap, top = 6, 26
    sheet = Image.new(
        "RGB", (len(columns) * (FACE + gap) - gap, top + len(drawn) * (FACE + gap) - gap), "white"
    )
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for column, (name, way) in enumerate(columns.items()):
        left = column * (FACE + gap)
        pen.text((left + 4, 4), name, "black", font)
        for row, face in enumerate(drawn):
            cell = Image.fromarray(way(face, shrink(face, 85)))
            sheet.paste(cell, (left, top + row * (FACE + gap)))
    sheet.save(path, optimize=True)
    print(f"picture: {path}")


def speed(model, weights: Path, cores: int, rounds: int) -> None:
    """Faces per second of both, turn by turn."""
    import torch

    reference = published(weights)
    print(f"\n{cores} core(s), CARN-M, float32, median of {rounds} turns")
    print("| crop | scale | batch | this | published, batch | published, one by one | ratio |")
    print("|---|---|---|---|---|---|---|")
    with torch.inference_mode():
        for size, scale, batch in ((112, 2, 1), (112, 2, 8), (100, 3, 8), (64, 4, 8)):
            images = torch.rand(batch, 3, size, size)
            close = (model(images, scale) - reference(images, scale).clamp(0, 1)).abs().max().item()
            assert close < 1e-5, close
            ways = (
                lambda: model(images, scale),  # noqa: B023
                lambda: reference(images, scale),  # noqa: B023
                lambda: [reference(image, scale) for image in images.split(1)],  # noqa: B023
            )
            times = [[seconds(way) for way in ways] for _ in range(rounds)]
            ours, same, single = (batch / statistics.median(column) for column in zip(*times, strict=True))
            print(
                f"| {size} | ×{scale} | {batch} | {ours:.1f} | {same:.1f} | {single:.1f} "
                f"| {ours / max(same, single):.2f} |"
            )


def stage(network, weights: Path, cores: int, faces: int = 64, size: int = 112) -> None:
    """Crops of drawn faces in, enhanced crops out: the stage beside a plain loop."""
    import torch

    from kaogae.catalog import Face, Picture, Workspace
    from kaogae.faces.crops import crop_path, save_crop
    from kaogae.upscale import enhance

    reference = published(weights)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        catalog = workspace.open()
        digests = [save_crop(resize(draw(seed), size), workspace.folder) for seed in range(faces)]
        with catalog.session() as session:
            for digest in digests:
                about = {"box": [0, 0, 1, 1], "landmarks": {}, "matrix": [[1, 0, 0], [0, 1, 0]]}
                row = {"number": 0, "site": "drawn", "confidence": 1, "detector": "drawn", "side": size}
                picture = Picture(site="drawn", post=digest, state="searched")
                file = {"size": size, "file": crop_path(digest), "pixels_sha256": digest}
                session.add(Face(picture=picture, **about, **row, **file))
        begun = time.perf_counter()
        report = enhance(workspace, catalog, network, threads=cores)
        ours = report.enhanced / (time.perf_counter() - begun)
        catalog.close()
        torch.set_num_threads(cores)
        begun = time.perf_counter()
        for digest in digests:
            crop = np.array(Image.open(workspace.folder / crop_path(digest)).convert("RGB"))
            with torch.inference_mode():
                larger = reference(torch.tensor(crop).permute(2, 0, 1)[None] / 255, 2)[0]
                pixels = (larger.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
            Image.fromarray(pixels).save(workspace.folder / "plain.png")
        theirs = faces / (time.perf_counter() - begun)
    print(f"\nfiles to files, {faces} faces of {size} px, {cores} core(s)")
    print(
        f"kaogae upscale: {ours:.1f} faces/s, a plain loop around the published layers: {theirs:.1f} faces/s"
    )
    print(f"  ratio: {ours / theirs:.2f}")


def seconds(way: Callable[[], object]) -> float:
    """How long one call takes, the second one."""
    way()
    begun = time.perf_counter()
    way()
    return time.perf_counter() - begun


def published(weights: Path):
    """CARN-M as the published layers run: every layer a module of its own on contiguous float32 tensors."""
    import torch
    from torch import nn

    state = torch.load(weights, map_location="cpu", weights_only=True)

    def convolution(name: str, groups: int = 1) -> nn.Conv2d:
        weight = state[f"{name}.weight"]
        outer, inner, side = weight.shape[:3]
        layer = nn.Conv2d(inner * groups, outer, side, padding=side // 2, groups=groups)
        layer.load_state_dict({"weight": weight, "bias": state[f"{name}.bias"]})
        return layer

    def residual(name: str) -> Callable[[torch.Tensor], torch.Tensor]:
        body = nn.Sequential(
            convolution(f"{name}.body.0", 4),
            nn.ReLU(inplace=True),
            convolution(f"{name}.body.2", 4),
            nn.ReLU(inplace=True),
            convolution(f"{name}.body.4"),
        ).eval()
        return lambda features: torch.relu(body(features) + features)

    def cascade(steps: list, names: list[str]) -> Callable[[torch.Tensor], torch.Tensor]:
        mixes = [nn.Sequential(convolution(name), nn.ReLU(inplace=True)) for name in names]

        def run(features: torch.Tensor) -> torch.Tensor:
            kept = mixed = features
            for step, mix in zip(steps, mixes, strict=True):
                kept = torch.cat([kept, step(mixed)], dim=1)
                mixed = mix(kept)
            return mixed

        return run

    blocks = [
        cascade([residual(f"b{n}.b1")] * 3, [f"b{n}.c{k}.body.0" for k in (1, 2, 3)]) for n in (1, 2, 3)
    ]
    whole = cascade(blocks, [f"c{k}.body.0" for k in (1, 2, 3)])
    ends = {name: convolution(name) for name in ("sub_mean.shifter", "entry", "exit", "add_mean.shifter")}
    heads = {
        scale: nn.Sequential(
            *(
                layer
                for place, factor in places
                for layer in (
                    convolution(f"upsample.up{scale}.body.{place}", 4),
                    nn.ReLU(inplace=True),
                    nn.PixelShuffle(factor),
                )
            )
        )
        for scale, places in {2: [(0, 2)], 3: [(0, 3)], 4: [(0, 2), (3, 2)]}.items()
    }

    def run(batch: torch.Tensor, scale: int) -> torch.Tensor:
        features = whole(ends["entry"](ends["sub_mean.shifter"](batch)))
        return ends["add_mean.shifter"](ends["exit"](heads[scale](features)))

    return run


if __name__ == "__main__":
    typer.run(main)
