"""Stage 4, upscale: CARN and CARN-M, which enhance faces that were drawn small.

The networks need torch, and only whoever asks for one of them loads it: bicubic interpolation needs none.
"""

from typing import TYPE_CHECKING, Any

from kaogae.upscale.enlarge import SCALES, Bicubic, Enlarger, enlarge
from kaogae.upscale.stage import Enhanced, enhance, reaching

if TYPE_CHECKING:
    from kaogae.upscale.carn import Carn
    from kaogae.upscale.checkpoint import check_weights, load_carn
    from kaogae.upscale.network import Network

__all__ = [
    "SCALES",
    "Bicubic",
    "Carn",
    "Enhanced",
    "Enlarger",
    "Network",
    "check_weights",
    "enhance",
    "enlarge",
    "load_carn",
    "reaching",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from kaogae.upscale import carn, checkpoint, network

    place = {"Carn": carn, "Network": network}.get(name, checkpoint)
    return getattr(place, name)
