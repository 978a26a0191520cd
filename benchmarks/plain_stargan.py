"""A plain training loop: what the original StarGAN code does, written from the method, for `train.py`.

All in float32, one operation after the other on contiguous tensors: real, translated and in-between pictures
go through the discriminator one after the other, the generator's operations are recorded in the
discriminator's step too, the discriminator's weights get gradients in the generator's, every loss is fetched
in every iteration, and pictures come as JPEG files through a DataLoader with one worker.
`tests/train/test_mathematics.py` holds Kaogae's updates against it.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from kaogae.stargan import SmallConfig, SmallGenerator, StarganConfig
from kaogae.train import TrainConfig
from kaogae.train.batches import Batch
from kaogae.train.data import Data
from kaogae.train.sampling import NO_TRUTH, Rows

JPEG_QUALITY = 95


class Generator(nn.Module):
    """StarGAN's, as one sequence of layers."""

    def __init__(self, config: StarganConfig) -> None:
        super().__init__()
        width = config.width

        def stage(convolution: nn.Module, channels: int) -> list[nn.Module]:
            norm = nn.InstanceNorm2d(channels, affine=True, track_running_stats=True)
            return [convolution, norm, nn.ReLU(inplace=True)]

        layers = stage(nn.Conv2d(3 + config.classes, width, 7, 1, 3, bias=False), width)
        for _ in range(config.downs):
            layers += stage(nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False), 2 * width)
            width *= 2
        layers += [Residual(width) for _ in range(config.blocks)]
        for _ in range(config.downs):
            layers += stage(nn.ConvTranspose2d(width, width // 2, 4, 2, 1, bias=False), width // 2)
            width //= 2
        self.main = nn.Sequential(*layers, nn.Conv2d(width, 3, 7, 1, 3, bias=False), nn.Tanh())

    def forward(self, image: Tensor, target: Tensor) -> tuple[Tensor, None]:
        planes = target[:, :, None, None].repeat(1, 1, *image.shape[2:])
        return self.main(torch.cat([image, planes], 1)), None


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.InstanceNorm2d(channels, affine=True, track_running_stats=True),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.InstanceNorm2d(channels, affine=True, track_running_stats=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.main(x)


class Small(SmallGenerator):
    """Kaogae's own generator, which has no other author, with this module's way of calling."""

    def forward(self, image: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        return self.with_mask(image, target)


class Discriminator(nn.Module):
    """Score, logits, and what each layer saw."""

    def __init__(self, size: int, width: int, classes: int, layers: int = 6) -> None:
        super().__init__()
        widths = [3, *(width * 2**i for i in range(layers))]
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(before, after, 4, 2, 1), nn.LeakyReLU(0.01))
            for before, after in pairwise(widths)
        )
        self.score = nn.Conv2d(widths[-1], 1, 3, 1, 1, bias=False)
        self.logits = nn.Conv2d(widths[-1], classes, size // 2**layers, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        seen = []
        for layer in self.layers:
            x = layer(x)
            seen.append(x)
        return self.score(x), self.logits(x).flatten(1), seen


class Plain:
    """Both networks with their optimisers.

    Args:
        generator, discriminator: Kaogae's, whose weights are copied.
    """

    def __init__(self, config: TrainConfig, generator: nn.Module, discriminator: nn.Module | None) -> None:
        self.config, optimiser = config, config.optimiser
        like = next(generator.parameters())
        network = Small if isinstance(config.generator, SmallConfig) else Generator
        self.generator, self.average = network(config.generator).to(like), network(config.generator).to(like)
        classes = config.generator.classes
        self.discriminator = Discriminator(config.image_size, config.discriminator_width, classes).to(like)
        copy_weights(generator, self.generator)
        copy_weights(generator, self.average)
        if discriminator is not None:
            copy_weights(discriminator, self.discriminator)
        betas = (optimiser.beta1, optimiser.beta2)
        rates = (optimiser.generator_rate, optimiser.discriminator_rate)
        self.g_optimiser = torch.optim.Adam(self.generator.parameters(), rates[0], betas)
        self.d_optimiser = torch.optim.Adam(self.discriminator.parameters(), rates[1], betas)

    def iteration(self, batch: Batch, done: int) -> dict[str, float]:
        """One iteration after `done` others; returns the losses."""
        optimiser, losses = self.config.optimiser, dict[str, float]()
        begin = self.config.adversarial_from * self.config.iterations
        judged = self.config.uses_discriminator and done >= begin
        self.set_rates(done)
        if judged:
            losses |= self.discriminator_gradients(batch)
            self.d_optimiser.step()
        if not judged or (done + 1) % optimiser.n_critic == 0:
            losses |= self.generator_gradients(batch, judged)
            if optimiser.clip:
                nn.utils.clip_grad_norm_(self.generator.parameters(), optimiser.clip, foreach=False)
            self.g_optimiser.step()
            if optimiser.average:
                weight = min(optimiser.average, done / (done + 10))
                with torch.no_grad():
                    pairs = zip(self.average.parameters(), self.generator.parameters(), strict=True)
                    for kept, new in pairs:
                        kept.mul_(weight).add_(new, alpha=1 - weight)
        return losses

    def discriminator_gradients(self, batch: Batch) -> dict[str, float]:
        """Gradients of L_D = −L_adv + λ_cls · L_cls + λ_gp · L_gp, with λ_cls = 1."""
        real_score, real_logits, _ = self.discriminator(batch.source)
        loss_real = -real_score.mean()
        loss_classes = F.cross_entropy(real_logits, batch.label)
        fake, _ = self.generator(batch.source, batch.target)
        fake_score, _, _ = self.discriminator(fake.detach())
        loss_fake = fake_score.mean()
        between = (batch.share * batch.source + (1 - batch.share) * fake).detach().requires_grad_(True)
        score, _, _ = self.discriminator(between)
        (gradient,) = torch.autograd.grad(
            score, between, torch.ones_like(score), create_graph=True, retain_graph=True
        )
        length = gradient.flatten(1).square().sum(1).sqrt()
        loss_penalty = ((length - 1) ** 2).mean()
        loss = loss_real + loss_fake + loss_classes + self.config.weights.penalty * loss_penalty
        self._zero_gradients()
        loss.backward()
        return {
            "d_adversarial": -loss_real.item() - loss_fake.item(),
            "d_classes": loss_classes.item(),
            "d_penalty": loss_penalty.item(),
        }

    def generator_gradients(self, batch: Batch, judged: bool = True) -> dict[str, float]:
        """Gradients of L_G = L_adv + λ_cls · L_cls + λ_rec · L_rec; drawn truths add what `small` adds."""
        weights, losses = self.config.weights, dict[str, Tensor]()
        fake, mask = self.generator(batch.source, batch.target)
        loss, seen = torch.zeros((), device=fake.device), []
        if judged:
            score, logits, seen = self.discriminator(fake)
            losses["g_adversarial"] = -score.mean()
            losses["g_classes"] = F.cross_entropy(logits[batch.clear], batch.target_label[batch.clear])
            back_to = F.one_hot(batch.label[batch.free], batch.target.shape[1]).float()
            loss = weights.adversarial * losses["g_adversarial"] + weights.classes * losses["g_classes"]
            if len(batch.free):
                back, _ = self.generator(fake[batch.free], back_to)
                losses["g_reconstruction"] = (batch.source[batch.free] - back).abs().mean()
                loss = loss + weights.reconstruction * losses["g_reconstruction"]
        if weights.supervised and len(batch.known):
            known = batch.known
            mask = None if mask is None else mask[known]
            losses |= supervised_terms(fake[known], mask, batch.source[known], batch.truth, weights.focus)
            supervised = losses["g_colours"] + weights.edges * losses["g_edges"]
            if mask is not None:
                supervised = supervised + weights.mask * losses["g_mask"]
            loss = loss + weights.supervised * supervised
            if seen and weights.features:
                _, _, true = self.discriminator(batch.truth)
                losses["g_features"] = feature_terms([layer[known] for layer in seen], true)
                loss = loss + weights.features * losses["g_features"]
        self._zero_gradients()
        loss.backward()
        return {name: value.item() for name, value in losses.items()}

    def set_rates(self, done: int) -> None:
        """The learning rates of an iteration after `done` others."""
        optimiser, total = self.config.optimiser, self.config.iterations
        factor = min(1.0, (done + 1) / max(1, optimiser.warmup))
        turn = optimiser.decay_from * total
        factor *= (total - done) / (total - turn) if done > turn else 1
        self.g_optimiser.param_groups[0]["lr"] = optimiser.generator_rate * factor
        self.d_optimiser.param_groups[0]["lr"] = optimiser.discriminator_rate * factor

    def _zero_gradients(self) -> None:
        self.g_optimiser.zero_grad()
        self.d_optimiser.zero_grad()


def feature_terms(seen: list[Tensor], true: list[Tensor]) -> Tensor:
    """What docs/training.md calls L_feat."""
    terms = list[Tensor]()
    for layer, wanted in zip(seen, true, strict=True):
        wanted = wanted.detach()
        error = (layer - wanted).abs().mean((1, 2, 3)) / wanted.abs().mean((1, 2, 3)).clamp(min=1e-6)
        terms.append(error.mean())
    return torch.stack(terms).mean()


def supervised_terms(
    output: Tensor, mask: Tensor | None, source: Tensor, truth: Tensor, focus: float
) -> dict[str, Tensor]:
    """What docs/training.md calls L_sup, term by term."""
    difference = (source - truth).abs().max(1, keepdim=True).values
    changed = F.avg_pool2d(F.max_pool2d((difference * 4).clamp(0, 1), 5, 1, 2), 3, 1, 1)
    weight = 1 + focus * changed
    terms = {"g_colours": ((output - truth).abs() * weight).mean()}
    edges, a, b, w = torch.zeros_like(terms["g_colours"]), output, truth, weight
    for _ in range(3):
        down = (a[:, :, 1:] - a[:, :, :-1]) - (b[:, :, 1:] - b[:, :, :-1])
        right = (a[:, :, :, 1:] - a[:, :, :, :-1]) - (b[:, :, :, 1:] - b[:, :, :, :-1])
        edges = edges + (down.abs() * w[:, :, 1:]).mean() / 6 + (right.abs() * w[:, :, :, 1:]).mean() / 6
        a, b, w = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2), F.avg_pool2d(w, 2)
    terms["g_edges"] = edges
    if mask is not None:
        terms["g_mask"] = F.binary_cross_entropy(mask, changed)
    return terms


def copy_weights(source: nn.Module, target: nn.Module) -> None:
    """The weights of networks whose layers stand in the same order, whatever they are called."""
    values = [value.detach().clone().contiguous() for value in source.state_dict().values()]
    target.load_state_dict(dict(zip(target.state_dict(), values, strict=True)))


class Files(Dataset[tuple[Tensor, Tensor]]):
    """What Kaogae's sampler draws, out of JPEG files: input and truth, cropped and mirrored by Pillow.

    Args:
        rows: what an iteration sees.
        first: the iteration that the first pictures belong to.
    """

    def __init__(self, folder: Path, rows: Callable[[int], Rows], config: TrainConfig, first: int) -> None:
        self.folder, self.rows, self.config, self.first = folder, rows, config, first

    def __len__(self) -> int:
        return (self.config.iterations - self.first) * self.config.batch

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        iteration, row = divmod(place, self.config.batch)
        rows = self.rows(self.first + iteration)
        store = "faces" if row < rows.real else "drawn"
        dice = np.random.default_rng([self.config.seed, self.first + iteration, row])
        corner, mirrored = dice.random(2), self.config.augment.flip and dice.random() < 0.5
        source = self._picture(self.folder / store / f"{rows.picture[row]}.jpg", corner, mirrored)
        if rows.truth[row] == NO_TRUTH:
            return source, source
        return source, self._picture(self.folder / store / f"{rows.truth[row]}.jpg", corner, mirrored)

    def _picture(self, path: Path, corner: np.ndarray, mirrored: bool) -> Tensor:
        picture, size = Image.open(path).convert("RGB"), self.config.image_size
        left, top = (round(share * (side - size)) for share, side in zip(corner, picture.size, strict=True))
        picture = picture.crop((left, top, left + size, top + size))
        if mirrored:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float().div(255).sub(0.5).div(0.5)


def write_files(data: Data, folder: Path) -> None:
    """Every picture of `data` as a JPEG file."""
    stores = {"faces": data.faces.pixels, "drawn": () if data.pairs is None else data.pairs.chunks()}
    for store, chunks in stores.items():
        (folder / store).mkdir(parents=True)
        pictures = chunks if store == "faces" else (picture for chunk in chunks for picture in chunk)
        for number, pixels in enumerate(pictures):
            file = io.BytesIO()
            Image.fromarray(np.asarray(pixels)).save(file, "JPEG", quality=JPEG_QUALITY)
            (folder / store / f"{number}.jpg").write_bytes(file.getvalue())


def loader(data: Data, folder: Path, first: int, device: torch.device) -> Iterator[Batch]:
    """Batches through a DataLoader with one worker, as the original reads them."""
    config = data.config
    files = Files(folder, Cached(data.rows), config, first)
    pictures = DataLoader(files, config.batch, num_workers=1)
    for number, (source, truth) in enumerate(pictures):
        yield batch_of(data.rows(first + number), source, truth, device)


class Cached:
    """The rows of the newest iteration are kept: a worker asks for them once per picture."""

    def __init__(self, rows: Callable[[int], Rows]) -> None:
        self.rows, self.newest = rows, (-1, None)

    def __call__(self, iteration: int) -> Rows:
        if self.newest[0] != iteration:
            self.newest = (iteration, self.rows(iteration))
        return self.newest[1]


def batch_of(rows: Rows, source: Tensor, truth: Tensor, device: torch.device) -> Batch:
    """The pictures [N, 3, S, S] of `rows`, with what is known about them."""
    target = torch.zeros(len(rows.label), 5)
    target[torch.arange(len(target)), torch.from_numpy(rows.target)] = torch.from_numpy(rows.strength)
    known = torch.from_numpy(rows.known)
    one = torch.ones(())
    values = {
        "source": source, "label": torch.from_numpy(rows.label), "target": target,
        "target_label": torch.from_numpy(rows.target), "truth": truth[known], "known": known,
        "free": torch.from_numpy(rows.free), "clear": torch.from_numpy(rows.clear),
        "known_weight": one, "free_weight": one, "clear_weight": one,
        "share": torch.from_numpy(rows.share)[:, None, None, None],
    }  # fmt: skip
    return Batch(**{entry.name: values[entry.name].to(device) for entry in fields(Batch)})
