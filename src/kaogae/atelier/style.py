"""The hand of the artist: how lines and shadows are laid, the same over a whole character."""

import random
from dataclasses import dataclass
from typing import Literal

Shading = Literal["flat", "cel", "soft"]


@dataclass(frozen=True)
class Style:
    """How a character is drawn; line colours are in the palette."""

    line_width: float = 0.014
    """Width of outlines in face units; 0 draws none (0, 0.035)."""
    shading: Shading = "cel"
    """Flat colours, hard-edged shadows, or gradients."""
    shadow: float = 1.0
    """Strength of shadows (0, 1)."""
    gloss: float = 1.0
    """Strength of highlights on hair and skin (0, 1)."""
    detail: float = 0.5
    """How many inner lines and shadows there are (0, 1)."""
    taper: float = 0.2
    """Width of a stroke's ends as a share of its middle (0, 1)."""
    light: float = 1.0
    """Side that the light comes from: 1 the viewer's right, −1 the left."""

    @classmethod
    def sample(cls, dice: random.Random) -> "Style":
        """A new hand."""
        width = dice.choices((0.0, 0.008, 0.013, 0.02, 0.03), (0.03, 0.25, 0.42, 0.22, 0.08))[0]
        shading: Shading = dice.choices(("flat", "cel", "soft"), (0.15, 0.5, 0.35))[0]
        return cls(
            line_width=width * dice.uniform(0.8, 1.25),
            shading=shading,
            shadow=dice.uniform(0.45, 1.0),
            gloss=dice.random() * (0.5 if shading == "flat" else 1.0),
            detail=dice.random(),
            taper=dice.uniform(0.0, 0.5),
            light=dice.choice((-1.0, 1.0)),
        )

    @property
    def feature_line(self) -> float:
        """Width of the lines of eyes, mouth and nose, which are drawn even where outlines are not."""
        return max(self.line_width, 0.011)


Look = Literal["moe", "chibi", "nineties", "webtoon", "mature", "male"]
"""A school of drawing, which sets the proportions: from huge round eyes to small realistic ones."""

LOOKS: dict[Look, float] = {
    "moe": 5,
    "chibi": 1.6,
    "nineties": 1.6,
    "webtoon": 2.6,
    "mature": 1.6,
    "male": 2.2,
}
"""Each look, and how often it is drawn."""


def sample_look(dice: random.Random) -> Look:
    """A look for a new character."""
    return dice.choices(tuple(LOOKS), tuple(LOOKS.values()))[0]
