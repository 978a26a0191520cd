"""Stage 4, upscale: CARN and CARN-M, which enhance faces that were drawn small. Needs torch."""

from kaogae.upscale.carn import SCALES, Carn
from kaogae.upscale.checkpoint import check_weights, load_carn
from kaogae.upscale.enlarge import Bicubic, Enlarger, Network, enlarge
from kaogae.upscale.stage import Enhanced, enhance, reaching

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
