"""How far the pictures that a model makes are from real ones, as two sets: FID and KID, from any features.

The features are the judge's, which need nothing from anywhere, or those of the Inception network that
everybody uses, whose weights are fetched or brought (`kaogae weights fetch inception`).

Sources:
    M. Heusel and others, GANs trained by a two time-scale update rule converge to a local Nash equilibrium,
    Advances in Neural Information Processing Systems 30 (2017), equation 6.
    M. Bińkowski, D. J. Sutherland, M. Arbel and A. Gretton, Demystifying MMD GANs, ICLR (2018).
"""

import hashlib
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kaogae import weights
from kaogae.errors import EvaluationError, WeightsError
from kaogae.evaluate.backbones import torchvision
from kaogae.evaluate.identity import from_pixels

LEAST = 10
"""Pictures in a set; with fewer, nothing can be said."""
SUBSETS, SUBSET = 100, 1000
"""How often KID takes how many pictures of each set, at most."""
BATCH = 16
"""Pictures at once through Inception."""

Pixels = NDArray[np.uint8]
Features = NDArray[np.floating[Any]]
Matrix = NDArray[np.float64]


def frechet(a: Features, b: Features) -> float:
    """The Fréchet distance between normal distributions with the means and covariances of two sets.

    Few pictures make it too large, and the fewer, the larger: even two halves of one set, which differ in
    nothing, are found apart. With fewer pictures than features the covariances have no full rank, which the
    formula can bear but which makes this worse. So only compare numbers from equally many pictures, and see
    what two sets of real faces of those sizes come to.

    Args:
        a: [N, F].
        b: [M, F].

    Raises:
        EvaluationError: fewer than ten pictures, or features that aren't such.
    """
    first, second = _checked(a, b)
    apart = float(((first.mean(0) - second.mean(0)) ** 2).sum())
    # With Σ = XᵀX for centred X, tr √(Σ₁Σ₂) is the sum of the singular values of X₁X₂ᵀ: exact in any rank,
    # and small where pictures are few
    roots = [_root(one) for one in (first, second)]
    common = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    return max(apart + float((roots[0] ** 2).sum() + (roots[1] ** 2).sum() - 2 * common), 0.0)


def kernel(a: Features, b: Features, *, seed: int = 0) -> tuple[float, float]:
    """The kernel distance: squared maximum mean discrepancy with the kernel (x·y / F + 1)³, unbiased.

    Its mean doesn't depend on how many pictures there are, and may be a little below 0 for equal sets.

    Args:
        a: [N, F].
        b: [M, F].

    Returns:
        The mean and the standard deviation over 100 subsets of 1,000 pictures of each set, or of half of the
        smaller set where there are fewer. The deviation tells how much subsets differ, not how sure the mean
        is: subsets overlap.

    Raises:
        EvaluationError: fewer than ten pictures, or features that aren't such.
    """
    first, second = _checked(a, b)
    torchvision()  # which torchmetrics imports
    from torchmetrics.image import KernelInceptionDistance

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it keeps all features
        subset = min(SUBSET, min(len(first), len(second)) // 2)
        metric = KernelInceptionDistance(feature=nn.Identity(), subsets=SUBSETS, subset_size=subset)
    metric.update(torch.from_numpy(first), real=True)
    metric.update(torch.from_numpy(second), real=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        mean, deviation = metric.compute()
    return float(mean), float(deviation)


def _root(features: Matrix) -> Matrix:
    """[min(N, F), F], whose product with itself is the covariance."""
    centred = (features - features.mean(0)) / np.sqrt(len(features) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r") if len(centred) > centred.shape[1] else centred)


def _checked(a: Features, b: Features) -> tuple[Matrix, Matrix]:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise EvaluationError(
            f"Two sets of features of the same network are needed, not {a.shape} and {b.shape}."
        )
    if min(len(a), len(b)) < LEAST:
        raise EvaluationError(
            f"FID and KID need {LEAST} pictures of each kind at least, not {min(len(a), len(b))}: take more"
            " inputs, or a set with more faces of each expression."
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise EvaluationError("FID and KID need features that are finite: the network is damaged.")
    return a.astype(np.float64), b.astype(np.float64)


# -------------------------------------------------------------------------------------------------- Inception


class Inception:
    """The network with the weights of 2015 that FID is usually computed with."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network.eval().requires_grad_(False)

    @classmethod
    def load(cls, path: Path | None = None) -> "Inception":
        """The network with the published weights in `path`, or with those that were fetched.

        Raises:
            WeightsError: missing, not the published file, or damaged.
        """
        known = weights.named("inception")
        data = weights.read(path or weights.find(known.name), known.limit)
        found = hashlib.sha256(data).hexdigest()
        if found != known.sha256:
            raise WeightsError(
                f"{path} isn't {known.file} (its SHA-256 is {found}): bring that file, or run"
                f" `kaogae weights fetch {known.name}`."
            )
        return cls(inception(_state(data, known.file)))

    @torch.inference_mode()
    def features(self, pictures: Pixels) -> NDArray[np.float32]:
        """[N, 2048] of pictures [N, S, S, 3] RGB of any size."""
        found = [torch.zeros(0, 2048)]
        for begin in range(0, len(pictures), BATCH):
            found.append(self._network(from_pixels(pictures[begin : begin + BATCH]))[0])
        return torch.cat(found).numpy()


def inception(state: dict[str, Tensor] | None = None) -> nn.Module:
    """torch-fidelity's Inception with these weights, or with random ones. Pictures are [N, 3, S, S] bytes.

    Its own constructor would download a pickle and run it, so its parts are put together here.

    Raises:
        WeightsError: other names or shapes.
    """
    torchvision()  # which torch-fidelity imports
    from torch_fidelity import feature_extractor_inceptionv3 as parts
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase

    class Network(parts.FeatureExtractorInceptionV3):
        def __init__(self) -> None:
            FeatureExtractorBase.__init__(self, "inception", ["2048"])
            self.feature_extractor_internal_dtype = torch.float32
            self.Conv2d_1a_3x3 = parts.BasicConv2d(3, 32, kernel_size=3, stride=2)
            self.Conv2d_2a_3x3 = parts.BasicConv2d(32, 32, kernel_size=3)
            self.Conv2d_2b_3x3 = parts.BasicConv2d(32, 64, kernel_size=3, padding=1)
            self.MaxPool_1 = nn.MaxPool2d(kernel_size=3, stride=2)
            self.Conv2d_3b_1x1 = parts.BasicConv2d(64, 80, kernel_size=1)
            self.Conv2d_4a_3x3 = parts.BasicConv2d(80, 192, kernel_size=3)
            self.MaxPool_2 = nn.MaxPool2d(kernel_size=3, stride=2)
            self.Mixed_5b = parts.InceptionA(192, pool_features=32)
            self.Mixed_5c = parts.InceptionA(256, pool_features=64)
            self.Mixed_5d = parts.InceptionA(288, pool_features=64)
            self.Mixed_6a = parts.InceptionB(288)
            self.Mixed_6b = parts.InceptionC(768, channels_7x7=128)
            self.Mixed_6c = parts.InceptionC(768, channels_7x7=160)
            self.Mixed_6d = parts.InceptionC(768, channels_7x7=160)
            self.Mixed_6e = parts.InceptionC(768, channels_7x7=192)
            self.Mixed_7a = parts.InceptionD(768)
            self.Mixed_7b = parts.InceptionE_1(1280)
            self.Mixed_7c = parts.InceptionE_2(2048)
            self.AvgPool = nn.AdaptiveAvgPool2d(1)
            self.fc = nn.Linear(2048, 1008)

    network = Network()
    if state is not None:
        try:
            missing, unknown = network.load_state_dict(state, strict=False)
        except RuntimeError as error:  # shapes
            raise WeightsError("The file isn't FID's Inception network: its shapes are others.") from error
        missing = [name for name in missing if not name.endswith("num_batches_tracked")]  # isn't in old files
        if missing or unknown:
            raise WeightsError(f"The file isn't FID's Inception network: see {[*missing, *unknown][0]}.")
    return network


def _state(data: bytes, name: str) -> dict[str, Tensor]:
    """The tensors in a file of PyTorch's, of which nothing is run."""
    try:
        state: Any = torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a reader of other people's files can meet
        raise WeightsError(f"{name} is damaged, or holds more than tensors, which is never run.") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{name} holds other things than tensors by name: fetch it again.")
    return state
