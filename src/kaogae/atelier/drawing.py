"""A character with an expression, drawn: the SVG and where everything in it is."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from kaogae.atelier import accessories, brows, cheeks, clothes, eyes, face, hair, mouth, nose, tears
from kaogae.atelier.canvas import Canvas
from kaogae.atelier.character import Character
from kaogae.atelier.geometry import Points, Pose
from kaogae.atelier.rig import Rig

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""(left, top, right, bottom)."""

AHEAD = Pose()
CROP_VIEW: Box = (-1.35, -1.1, 2.7, 2.7)
"""(left, top, width, height) of the aligned crop of a face that looks straight ahead (faces/alignment.py)."""


@dataclass(frozen=True)
class Landmarks:
    """Truth about a drawing, in face units. Left and right as the viewer sees them.

    The same for every expression of a character in a pose: the eyes' centres are those of the relaxed
    openings, the mouth's that of the relaxed line, so that an expression never shifts the crop.
    """

    left_eye: Point
    right_eye: Point
    nose: Point
    mouth: Point
    chin: Point
    face: Box


@dataclass(frozen=True)
class Regions:
    """Boxes around what an expression moves, as it is drawn now."""

    left_eye: Box
    right_eye: Box
    left_brow: Box
    right_brow: Box
    mouth: Box


@dataclass(frozen=True)
class Drawing:
    """Elements in face units, not yet a picture."""

    canvas: Canvas
    landmarks: Landmarks
    regions: Regions

    def svg(self, view: Box = CROP_VIEW) -> str:
        """The document; `view` is (left, top, width, height) in face units."""
        return self.canvas.svg(view)


def draw(character: Character, rig: Rig, pose: Pose = AHEAD, canvas: Canvas | None = None) -> Drawing:
    """Draw `character` with the expression `rig`.

    Args:
        canvas: draws onto this one instead of onto a new one.
    """
    canvas = Canvas() if canvas is None else canvas
    c = character
    look = (pose, c.palette)
    behind, front, top = _still(c, pose)
    canvas.add(behind)
    cheeks.draw(canvas, *look, rig, c.cheeks, c.style, c.face.chin)
    nose.draw(canvas, *look, c.nose, c.style, c.face.chin)
    mouth.draw(canvas, *look, rig, c.mouth, c.style, c.face.chin)
    _draw_eyes(canvas, c, rig, pose)
    if not c.brows.over_hair:
        brows.draw(canvas, *look, rig, c.brows, c.style, c.eyes.height)
    canvas.add(front)
    if c.eyes.over_hair > 0:
        canvas.open(opacity=f"{c.eyes.over_hair:.3f}")
        _draw_eyes(canvas, c, rig, pose)
        canvas.close()
    if c.brows.over_hair:
        brows.draw(canvas, *look, rig, c.brows, c.style, c.eyes.height)
    canvas.add(top)
    return Drawing(canvas, landmarks(c, pose), regions(c, rig, pose))


@lru_cache(maxsize=4)  # the five expressions of a character are drawn one after the other
def _still(c: Character, pose: Pose) -> tuple[Canvas, Canvas, Canvas]:
    """What no expression moves: body and head, the hair before the face, and what lies over it."""
    look = (pose, c.palette)
    body = (c.face.chin, c.face.neck)
    behind, front, top = Canvas.layer(), Canvas.layer(), Canvas.layer()
    accessories.draw_behind(behind, *look, c.style, c.accessories, c.face.chin)
    hair.draw_back(behind, *look, c.style, c.hair)
    clothes.draw_behind(behind, *look, c.style, c.clothes, *body)
    face.draw_neck(behind, *look, c.face, c.style)
    clothes.draw(behind, *look, c.style, c.clothes, *body)
    face.draw_head(behind, *look, c.face, c.style)
    _draw_fringe_shadow(behind, c, pose)
    hair.draw_front(front, *look, c.style, c.hair)
    accessories.draw_front(top, *look, c.style, c.accessories, c.face.chin)
    return behind, front, top


def _draw_eyes(canvas: Canvas, c: Character, rig: Rig, pose: Pose) -> None:
    eyes.draw(canvas, pose, c.palette, rig, c.eyes, c.style)
    openings = (eyes.opening(-1, pose, rig, c.eyes), eyes.opening(1, pose, rig, c.eyes))
    size = (c.eyes.width, c.eyes.height)
    tears.draw(canvas, pose, c.palette, rig, c.tears, c.style, openings, size, c.face.chin)


def _draw_fringe_shadow(canvas: Canvas, c: Character, pose: Pose) -> None:
    if c.style.shading == "flat":
        return
    canvas.open(clip_path=canvas.clip(face.outline_of(pose, c.face)))
    strength = (0.3 if c.style.shading == "soft" else 0.45) + 0.5 * c.style.shadow
    canvas.path(hair.fringe_shadow(pose, c.hair), c.palette.skin_shadow, opacity=f"{strength:.3f}")
    canvas.close()


def landmarks(character: Character, pose: Pose = AHEAD) -> Landmarks:
    """Where the parts of the face are, whatever its expression."""
    chin = character.face.chin
    left, right, lips, end = pose([(-0.5, 0), (0.5, 0), (0, character.mouth.y * chin), (0, chin)])
    tip = pose([(0, character.nose.y * chin)], nose.LIFT)[0]
    left_edge, top, right_edge, bottom = _box(face.contour(pose, character.face))
    return Landmarks(
        _point(left),
        _point(right),
        _point(tip),
        _point(lips),
        _point(end),
        (left_edge, top, right_edge, bottom),
    )


def regions(character: Character, rig: Rig, pose: Pose = AHEAD) -> Regions:
    """Boxes around eyes, brows and mouth with this expression."""
    c = character
    edge = max(c.eyes.lash, c.style.feature_line)
    brow = max(c.brows.thickness, c.style.feature_line) * 0.7
    lips = np.concatenate(mouth.edges(pose, rig, c.mouth, c.face.chin))
    return Regions(
        _box(eyes.opening(-1, pose, rig, c.eyes), edge),
        _box(eyes.opening(1, pose, rig, c.eyes), edge),
        _box(brows.knots(-1, pose, rig, c.brows, c.eyes.height), brow),
        _box(brows.knots(1, pose, rig, c.brows, c.eyes.height), brow),
        _box(lips, c.mouth.lips + c.style.feature_line),
    )


def _point(p: Points) -> Point:
    return (float(p[0]), float(p[1]))


def _box(p: ArrayLike, margin: float = 0.0) -> Box:
    p = np.asarray(p, np.float64)
    (left, top), (right, bottom) = p.min(0) - margin, p.max(0) + margin
    return (float(left), float(top), float(right), float(bottom))
