"""What moves in a face: continuous parameters, as in a puppet, and how each expression sets them.

Every parameter is continuous, so a face half way between two rigs is a face half way between two expressions.
"""

from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class Rig:
    """The state of eyes, brows and mouth. The defaults are a calm, neutral face.

    Ranges are given as (least, most).
    """

    eye_open: float = 1.0
    """Height of the eye's opening over its relaxed height: 0 closed, 1 relaxed, 1.35 wide (0, 1.4)."""
    eye_smile: float = 0.0
    """How far the lid line arches as it closes: 1 the happy ∩, 0 straight, −1 the calm ∪ (−1, 1)."""
    eye_squeeze: float = 0.0
    """How far tightly closed eyes fold into a > and a < (0, 1)."""
    lower_lid: float = 0.0
    """How far the lower lid rises, as in a smile (0, 1)."""
    lid_droop: float = 0.0
    """How far the upper lid's outer corner hangs: sad (−0.5 sharp, 1 drooping)."""
    iris_size: float = 1.0
    """Size of the iris: small in surprise (0.5, 1.2)."""
    gaze_x: float = 0.0
    """Iris towards the viewer's right (−1, 1)."""
    gaze_y: float = 0.0
    """Iris downwards (−1, 1)."""
    shine: float = 1.0
    """Strength of the highlights: 0 dull (0, 1.5)."""
    brow_raise: float = 0.0
    """Brows up: −1 pressed down, 1 high (−1, 1.2)."""
    brow_slant: float = 0.0
    """Inner ends up: 1 worried, −1 stern (−1, 1.2)."""
    brow_arch: float = 0.0
    """Curvature: 1 round, −1 the other way (−1, 1)."""
    brow_pinch: float = 0.0
    """Brows drawn together (0, 1)."""
    mouth_open: float = 0.0
    """Height of the opening (0, 1.2)."""
    mouth_width: float = 1.0
    """Width as a share of the relaxed mouth's (0.3, 1.8)."""
    mouth_curve: float = 0.0
    """Corners up: 1 a smile, −1 a frown (−1, 1)."""
    mouth_round: float = 0.0
    """Shape of the opening: 0 flat on one side (a D), 1 an ellipse (0, 1)."""
    mouth_wave: float = 0.0
    """A trembling line (0, 1)."""
    teeth: float = 0.0
    """How much of the upper teeth shows in the opening (0, 1)."""
    tear_well: float = 0.0
    """Water along the lower lid (0, 1)."""
    tear_stream: float = 0.0
    """Streams down the cheeks, as a share of the way to the chin (0, 1)."""
    tear_drop: float = 0.0
    """Drops at the eyes' outer corners (0, 1)."""
    blush: float = 0.0
    """Redness of the cheeks (0, 1)."""
    sweat: float = 0.0
    """A drop of sweat at the temple (0, 1)."""

    def towards(self, other: "Rig", share: float) -> "Rig":
        """The rig `share` of the way to `other`: 0 is this one, 1 is the other."""
        return Rig(*(a + share * (b - a) for a, b in zip(astuple(self), astuple(other), strict=True)))
