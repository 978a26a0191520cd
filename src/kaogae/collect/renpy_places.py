"""Drawings made of files, and where each stands within another one."""

from dataclasses import dataclass, replace

LARGEST = 100_000
"""Of any number that has to do with places and sizes, in pixels."""

Number = int | float
Pair = tuple[Number, Number]
Box = tuple[Number, Number, Number, Number]

NOT_FILES = "no files: a colour, a text, a film"
MISSING = "a layer is missing"
DYNAMIC = "known only to the running game"

SHIFTING = frozenset(
    """
    pos xpos ypos anchor xanchor yanchor align xalign yalign xcenter ycenter xycenter offset xoffset yoffset
    zoom xzoom yzoom size xysize crop alpha rotate
    """.split()  # noqa: SIM905
)
"""The transform properties that change where something stands, how large it is, or whether it is seen."""


class UnclearError(Exception):
    """What is drawn can't be told; `str(error)` is a reason that can be counted."""


@dataclass(frozen=True)
class Place:
    """Where and how a drawing stands within another one. Whole numbers are pixels, fractions are shares."""

    x: Number = 0
    y: Number = 0
    x_anchor: Number = 0
    y_anchor: Number = 0
    x_offset: Number = 0
    y_offset: Number = 0
    x_zoom: float = 1.0
    """Negative: mirrored."""
    y_zoom: float = 1.0
    size: Pair | None = None
    """Width and height to which it is stretched."""
    crop: Box | None = None
    """Left, top, width, height, before anything else happens."""
    alpha: float = 1.0


@dataclass(frozen=True)
class File:
    """A picture in a file."""

    path: str
    """Within the project's game folder."""


@dataclass(frozen=True)
class Stack:
    """Drawings on top of each other, the lowest first."""

    layers: tuple[tuple[Place, "Drawing"], ...]
    size: Pair | None = None
    """Width and height; None: large enough for all layers."""


Drawing = File | Stack
EMPTY = Stack(())


def files(drawing: Drawing) -> list[str]:
    """The paths of all files in it, the lowest first."""
    if isinstance(drawing, File):
        return [drawing.path]
    return [path for _, layer in drawing.layers for path in files(layer)]


def unplaced(drawing: Drawing) -> Drawing:
    """The drawing without the place that it gives itself: whoever holds it says where it stands."""
    if isinstance(drawing, File) or drawing.size is not None or len(drawing.layers) != 1:
        return drawing
    place, inner = drawing.layers[0]
    return Stack(((replace(place, x=0, y=0, x_anchor=0, y_anchor=0), inner),))


def put(place: Place, drawing: Drawing) -> Drawing:
    """The drawing at a place; its own place counts only if this one says nothing about that."""
    if place == Place():
        return drawing
    elsewhere = (place.x, place.y, place.x_anchor, place.y_anchor) != (0, 0, 0, 0)
    return Stack(((place, unplaced(drawing) if elsewhere else drawing),))


def moved(place: Place, properties: dict[str, object]) -> Place:
    """`place` with Ren'Py's transform properties, those of `SHIFTING`.

    Raises:
        UnclearError: a value that makes no sense, or a turn.
    """
    for name, value in properties.items():
        place = _move(place, name, value)
    return place


def _move(place: Place, name: str, value: object) -> Place:
    match name:
        case "pos":
            x, y = pair(value)
            return replace(place, x=x, y=y)
        case "anchor":
            x, y = pair(value)
            return replace(place, x_anchor=x, y_anchor=y)
        case "align" | "xycenter":
            x, y = pair(value)
            across, down = (x, y) if name == "align" else (0.5, 0.5)
            return replace(place, x=x, y=y, x_anchor=across, y_anchor=down)
        case "offset":
            x, y = pair(value)
            return replace(place, x_offset=x, y_offset=y)
        case "xpos" | "ypos":
            return replace(place, **{name[0]: number(value)})
        case "xanchor" | "yanchor" | "xoffset" | "yoffset":
            return replace(place, **{f"{name[0]}_{name[1:]}": number(value)})
        case "xalign" | "yalign":
            return replace(place, **{name[0]: number(value), f"{name[0]}_anchor": number(value)})
        case "xcenter" | "ycenter":
            return replace(place, **{name[0]: number(value), f"{name[0]}_anchor": 0.5})
        case "zoom":
            zoom = zoom_factor(value)
            return replace(place, x_zoom=place.x_zoom * zoom, y_zoom=place.y_zoom * zoom)
        case "xzoom":
            return replace(place, x_zoom=place.x_zoom * zoom_factor(value))
        case "yzoom":
            return replace(place, y_zoom=place.y_zoom * zoom_factor(value))
        case "size" | "xysize":
            return replace(place, size=pair(value))
        case "crop":
            return replace(place, crop=box(value))
        case "alpha":
            return replace(place, alpha=min(1.0, max(0.0, float(number(value)))))
        case "rotate" if value:
            raise UnclearError("turned")
        case _:
            return place


def number(value: object) -> Number:
    if isinstance(value, int | float) and abs(value) <= LARGEST:  # not NaN either
        return value
    raise UnclearError(DYNAMIC)


def zoom_factor(value: object) -> float:
    zoom = float(number(value))
    if 0.01 <= abs(zoom) <= 20:
        return zoom
    raise UnclearError("a senseless size")


def pair(value: object) -> Pair:
    if isinstance(value, tuple | list) and len(value) == 2:
        return number(value[0]), number(value[1])
    raise UnclearError(DYNAMIC)


def box(value: object) -> Box:
    if isinstance(value, tuple | list) and len(value) == 4:
        left, top, width, height = map(number, value)
        return left, top, width, height
    raise UnclearError(DYNAMIC)
