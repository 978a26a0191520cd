"""Stage 8, transfer: the same picture with another expression. Needs no torch.

from kaogae.transfer import Transferrer
happy = Transferrer.load().transfer("picture.png", "happy")
happy.save("happy.png")
"""

from kaogae.transfer.batch import Options, Outcome, plan, run
from kaogae.transfer.model import Generator
from kaogae.transfer.sheet import save_sheets
from kaogae.transfer.transferrer import (
    FaceChoice,
    Prepared,
    Transfer,
    Transferrer,
    aligned,
    check_strength,
    parse_face,
)

__all__ = [
    "FaceChoice",
    "Generator",
    "Options",
    "Outcome",
    "Prepared",
    "Transfer",
    "Transferrer",
    "aligned",
    "check_strength",
    "parse_face",
    "plan",
    "run",
    "save_sheets",
]
