"""Eyes: the shape of the opening, lids and lashes."""

import random
from dataclasses import dataclass
from typing import Literal

from kaogae.atelier.canvas import Canvas
from kaogae.atelier.geometry import Points, Pose, outline, stroke
from kaogae.atelier.iris import IrisTraits
from kaogae.atelier.iris import draw as draw_iris
from kaogae.atelier.palette import Palette, mix, shift
from kaogae.atelier.rig import Rig
from kaogae.atelier.style import Look, Style

Lower = Literal["none", "outer", "full", "lashes", "thick"]

_KNOTS = (-1.0, -0.86, -0.5, 0.0, 0.5, 0.86, 1.0)


@dataclass(frozen=True)
class EyeTraits:
    """Shape of a relaxed eye, in face units where nothing else is said.

    u runs from the inner corner (−1) to the outer one (1).
    """

    width: float
    height: float
    tilt: float
    """Outer corner up (tsurime) or down (tareme), as a share of the height (−0.25, 0.3)."""
    peak: float
    """Where along u the upper lid is highest (−0.35, 0.35)."""
    box: float
    """Squareness of the upper lid (1.8 pointed, 4 boxy)."""
    lower_box: float
    share: float
    """Part of the height that lies above the corners' line (0.45, 0.85)."""
    lash: float
    """Thickness of the upper lash line."""
    lash_inner: float
    """Its thickness at the inner corner, as a share (0, 1)."""
    wing: float
    wing_lift: float
    spikes: int
    """Separate lashes at the outer corner (0, 4)."""
    spike: float
    """Their length."""
    arc: float
    """Height of the arc of smiling closed eyes (0.08, 0.22)."""
    lower: Lower
    crease: float
    """Distance of the double-lid line above the lashes as a share of the height; 0 for none."""
    solid: bool
    """No white: the iris fills the whole eye (chibi dots)."""
    sclera: str
    sclera_shadow: float
    iris: IrisTraits
    makeup: float
    """Eye shadow on the lid (0, 1)."""
    lash_colour: str | None
    """Instead of the ink."""
    warm_lash: bool
    """Lashes fade to a warm brown towards the corners."""
    over_hair: float
    """Opacity with which they are seen through the fringe (0, 1)."""

    @classmethod
    def sample(cls, dice: random.Random, look: Look, palette: Palette, light: float = 1.0) -> "EyeTraits":
        """Eyes of a new character of this look."""
        width, height, lash, fill = _PROPORTIONS[look]
        tilt = dice.choice((dice.uniform(0.02, 0.28), dice.uniform(-0.2, 0.02), dice.gauss(0.03, 0.05)))
        eye_height = dice.uniform(*height)
        solid = dice.random() < (0.12 if look == "chibi" else 0.005)
        adult = look in ("mature", "male", "webtoon")
        lowers: tuple[Lower, ...] = ("none", "outer", "full", "lashes", "thick")
        return cls(
            width=dice.uniform(0.2, 0.34) if solid else dice.uniform(*width),
            height=eye_height,
            tilt=tilt,
            peak=dice.uniform(-0.3, 0.3),
            box=dice.uniform(2.0, 4.2),
            lower_box=dice.uniform(1.9, 3.4),
            share=dice.uniform(0.5, 0.8),
            lash=dice.uniform(*lash),
            lash_inner=dice.uniform(0.1, 0.8),
            wing=max(0.0, dice.gauss(0.04, 0.04)),
            wing_lift=dice.gauss(0.01, 0.05),
            spikes=dice.choices((0, 1, 2, 3, 4), (6, 2, 3, 2, 1) if look != "male" else (9, 1, 0, 0, 0))[0],
            spike=dice.uniform(0.03, 0.1),
            arc=dice.uniform(0.08, 0.22),
            lower=dice.choices(lowers, (2, 4, 3, 1.5, 0.7))[0],
            crease=dice.uniform(0.1, 0.24) if dice.random() < 0.65 else 0.0,
            solid=solid,
            sclera=dice.choices(
                ("#ffffff", "#f6f4f8", "#fdf3ec", "#e8ecf4", palette.skin), (6, 4, 2, 1, 0.6)
            )[0],
            sclera_shadow=dice.choice((0.0, dice.uniform(0.1, 0.45))),
            iris=IrisTraits.sample(dice, palette, fill, adult=adult, light=light),
            makeup=dice.uniform(0.2, 0.8)
            if dice.random() < (0.3 if adult and look != "male" else 0.08)
            else 0.0,
            lash_colour=dice.choice((shift(palette.hair, lightness=-0.3), "#3a2020"))
            if dice.random() < 0.35
            else None,
            warm_lash=dice.random() < 0.2,
            over_hair=dice.choice((0.0, dice.uniform(0.25, 0.7), 1.0)),
        )


_PROPORTIONS: dict[Look, tuple[tuple[float, float], ...]] = {
    #          width         height        lash           iris height / eye height
    "moe": ((0.50, 0.64), (0.36, 0.56), (0.045, 0.100), (0.95, 1.25)),
    "chibi": ((0.46, 0.66), (0.50, 0.74), (0.050, 0.110), (0.90, 1.15)),
    "nineties": ((0.46, 0.60), (0.44, 0.64), (0.040, 0.080), (0.90, 1.15)),
    "webtoon": ((0.48, 0.62), (0.28, 0.42), (0.035, 0.080), (0.95, 1.25)),
    "mature": ((0.46, 0.60), (0.20, 0.32), (0.030, 0.065), (1.00, 1.35)),
    "male": ((0.44, 0.60), (0.20, 0.36), (0.032, 0.070), (0.95, 1.30)),
}


def _bump(u: float, peak: float, box: float) -> float:
    v = u - peak * (1 - u * u)
    return (1 - min(abs(v), 1.0) ** box) ** 0.62


def _lids(traits: EyeTraits, rig: Rig) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Upper and lower lid as (u, y), y measured from the centre of the relaxed opening's box."""
    t, h = traits, traits.height
    opening = min(max(rig.eye_open, 0.0), 1.4)
    wide = max(opening - 1.0, 0.0)
    shut = min(opening, 1.0)
    above, below = t.share * h, (1 - t.share) * h
    slope = -t.tilt * min(h, 0.38)
    top = min(slope * u - above * _bump(u, t.peak, t.box) for u in _KNOTS)
    bottom = max(slope * u + below * _bump(u, -0.1, t.lower_box) for u in _KNOTS)
    middle = (top + bottom) / 2
    # sadness takes the sharpness out of slanting eyes
    slope *= 1 - 0.75 * max(rig.lid_droop, 0.0) if slope < 0 else 1.0
    arch = (t.arc + 0.1 * h) * rig.eye_smile
    upper: list[tuple[float, float]] = []
    lower: list[tuple[float, float]] = []
    for u in _KNOTS:
        base = slope * u
        round_bump = (1 - u * u) ** 0.8
        closed = base * 0.5 + 0.16 * h + arch * (0.5 - round_bump) + rig.lid_droop * 0.05 * u
        fold = 0.07 * rig.eye_squeeze * (u + 1)
        up = base - above * _bump(u, t.peak, t.box) * (1 + 0.4 * wide)
        low = base + below * _bump(u, -0.1, t.lower_box) * (1 + 0.5 * wide)
        low -= rig.lower_lid * 0.45 * min(h, 0.4) * round_bump
        hang = rig.lid_droop * (0.1 + 0.16 * u) * h * (1 if u < 1 else 0.7)
        # the upper lid travels most of the way; the lower one comes up only at the end
        y_up = closed + (up + hang - closed) * shut - fold * (1 - shut)
        y_low = closed + (low - closed) * min(1.0, shut * 1.6) + fold * (1 - shut)
        upper.append((u, min(y_up, y_low) - middle))
        lower.append((u, y_low - middle))
    return upper, lower


def lash_ink(palette: Palette) -> str:
    """Lashes are the darkest lines of a face, whatever colour its outlines have."""
    return mix(palette.line, "#140d12", 0.6)


def _place(side: int, traits: EyeTraits, local: list[tuple[float, float]]) -> list[tuple[float, float]]:
    half = traits.width / 2
    return [(side * (0.5 + half * u), y) for u, y in local]


def opening(side: int, pose: Pose, rig: Rig, traits: EyeTraits) -> Points:
    """Outline [14, 2] of the eye's opening, projected. `side` −1 is the eye on the viewer's left."""
    upper, lower = _lids(traits, rig)
    return pose(_place(side, traits, upper + lower[::-1]))


def draw(canvas: Canvas, pose: Pose, palette: Palette, rig: Rig, traits: EyeTraits, style: Style) -> None:
    """Both eyes, without brows and tears."""
    for side in (-1, 1):
        upper, lower = _lids(traits, rig)
        top, bottom = pose(_place(side, traits, upper)), pose(_place(side, traits, lower))
        _draw_lid_colour(canvas, top, palette, traits)
        gap = max(b[1] - a[1] for a, b in zip(upper, lower, strict=True))
        if gap > 0.012 and rig.eye_open >= 0.3 * rig.eye_squeeze:
            _draw_ball(canvas, pose, palette, rig, traits, style, side, outline(top, bottom[::-1]), top)
        _draw_lower_line(canvas, bottom, palette, traits, style, gap)
        if rig.eye_squeeze * (1 - rig.eye_open) > 0.2:
            width = max(traits.lash * 0.7, 0.025)
            canvas.path(
                stroke(bottom, width, taper=(0.5, 0.4), count=9), traits.lash_colour or lash_ink(palette)
            )
        _draw_lashes(canvas, pose, palette, rig, traits, style, side, upper)
        _draw_crease(canvas, pose, palette, rig, traits, style, side, upper)


def _draw_lid_colour(canvas: Canvas, top: Points, palette: Palette, traits: EyeTraits) -> None:
    if traits.makeup <= 0:
        return
    above = top - [0.0, traits.height * 0.3]
    canvas.path(outline(top, above[::-1]), palette.lips, opacity=f"{0.35 * traits.makeup:.3f}")


def _draw_ball(
    canvas: Canvas, pose: Pose, palette: Palette, rig: Rig, traits: EyeTraits, style: Style, side: int,
    shape: str, top: Points,
) -> None:  # fmt: skip
    canvas.open(clip_path=canvas.clip(shape))
    canvas.path(shape, shift(palette.iris, lightness=-0.05) if traits.solid else traits.sclera)
    draw_iris(canvas, pose, palette, rig, traits.iris, side, (traits.width, traits.height))
    if traits.sclera_shadow > 0 and style.shading != "flat":
        band = outline(top - [0.0, 0.05], (top - [0.0, -0.2 * traits.height])[::-1])
        canvas.path(band, shift(palette.skin_shadow, lightness=-0.25), opacity=f"{traits.sclera_shadow:.3f}")
    canvas.close()


def _draw_lower_line(
    canvas: Canvas, bottom: Points, palette: Palette, traits: EyeTraits, style: Style, gap: float
) -> None:
    width = style.feature_line * min(1.0, gap / 0.08)
    if traits.lower == "none" or width < 0.002:
        return
    ink = traits.lash_colour or lash_ink(palette)
    first = {"outer": 3, "lashes": 3, "full": 1, "thick": 2}[traits.lower]
    weight = 1.8 if traits.lower == "thick" else 0.75
    canvas.path(stroke(bottom[first:], width * weight, taper=(0.1, 0.6), count=7), ink)
    if traits.lower == "lashes":
        for i in (4, 5):
            x, y = bottom[i]
            outwards = float(bottom[6][0] - bottom[3][0]) * 0.12
            canvas.path(
                stroke(
                    [(x, y), (x + outwards * 0.6, y + 0.02), (x + outwards, y + 0.045)],
                    width,
                    taper=(0.9, 0.1),
                    count=4,
                ),
                ink,
            )


def _draw_lashes(
    canvas: Canvas, pose: Pose, palette: Palette, rig: Rig, traits: EyeTraits, style: Style, side: int,
    upper: list[tuple[float, float]],
) -> None:  # fmt: skip
    shut = 1 - min(rig.eye_open, 1.0)
    thick = max(traits.lash * (1 - 0.25 * shut), style.feature_line * (1 + 0.6 * shut), 0.035 * shut)
    inner = traits.lash_inner * (1 - shut) + max(traits.lash_inner, 0.45) * shut
    hang = min(0.0, rig.eye_smile) * shut  # calm closed eyes: lashes point down
    tip_u = 1 + traits.wing / (traits.width / 2)
    lift = traits.wing_lift * (1 - shut) - 0.5 * abs(traits.wing_lift) * hang
    lift -= 0.4 * traits.wing * max(0.0, rig.eye_smile) * shut
    tip = (tip_u, upper[-1][1] - lift)
    back: list[tuple[float, float]] = []
    for u, y in upper[::-1]:
        share = inner + (1 - inner) * min(1.0, (u + 1) / 1.5)
        share *= 1 - 0.5 * max(0.0, u - 0.7) / 0.3
        back.append((u * (1 + 0.1 * thick), y - thick * share))
    shape = outline(pose(_place(side, traits, [*upper, tip])), pose(_place(side, traits, [tip, *back])))
    ink = traits.lash_colour or lash_ink(palette)
    canvas.path(shape, _lash_fill(canvas, pose, palette, traits, side, ink))
    _draw_spikes(canvas, pose, traits, side, upper, ink, 1 - 2 * max(0.0, -hang))


def _lash_fill(canvas: Canvas, pose: Pose, palette: Palette, traits: EyeTraits, side: int, ink: str) -> str:
    if not traits.warm_lash:
        return ink
    (x0, _), (x1, _) = pose(_place(side, traits, [(-1.0, 0.0), (1.1, 0.0)])).tolist()
    warm = mix(ink, shift(palette.skin_shadow, saturation=0.2, lightness=-0.2), 0.7)
    return canvas.linear((x0, 0), (x1, 0), (0, warm, 1), (0.3, ink, 1), (0.75, ink, 1), (1, warm, 1))


def _draw_spikes(
    canvas: Canvas,
    pose: Pose,
    traits: EyeTraits,
    side: int,
    upper: list[tuple[float, float]],
    ink: str,
    rise: float,
) -> None:
    half = traits.width / 2
    for i in range(traits.spikes):
        (u, y) = upper[(5, 6, 4, 3)[i]]
        y -= traits.lash * 0.5
        out = traits.spike * (1.0 if u > 0.6 else 0.6) / half
        up = traits.spike * (0.55 if u > 0.6 else 0.9) * rise
        curve = [(u, y), (u + out * 0.55, y - up * 0.35), (u + out, y - up)]
        canvas.path(
            stroke(pose(_place(side, traits, curve)), traits.lash * 0.55, taper=(1.0, 0.0), count=5), ink
        )


def _draw_crease(
    canvas: Canvas, pose: Pose, palette: Palette, rig: Rig, traits: EyeTraits, style: Style, side: int,
    upper: list[tuple[float, float]],
) -> None:  # fmt: skip
    if traits.crease <= 0 or rig.eye_smile * (1 - rig.eye_open) > 0.5:
        return
    rise = traits.lash + traits.crease * traits.height * (1.0 + 0.5 * (1 - min(rig.eye_open, 1.0)))
    line = [(u * 0.96, y * 0.9 - rise) for u, y in upper[1:6]]
    canvas.path(
        stroke(pose(_place(side, traits, line)), style.feature_line * 0.6, taper=(0.1, 0.2), count=7),
        palette.line,
    )
