"""What an image statement draws, as far as that can be known without running the game.

Facts: https://www.renpy.org/doc/html/displayables.html, atl.html. Only literals, names of files and images,
and the calls that put pictures together are understood; everything else is an `UnclearError`.
"""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass

from kaogae.collect.renpy_places import (
    DYNAMIC,
    EMPTY,
    MISSING,
    NOT_FILES,
    SHIFTING,
    Drawing,
    File,
    Place,
    Stack,
    UnclearError,
    box,
    moved,
    pair,
    put,
    unplaced,
    zoom_factor,
)
from kaogae.collect.renpy_script import Line, Name, parse, properties
from kaogae.collect.renpy_values import Values, dotted

FIRST_IS_SHOWN = frozenset(
    {
        "alphablend",
        "animation",
        "blur",
        "flatten",
        "grayscale",
        "image",
        "layeredimageproxy",
        "matrixcolor",
        "recolor",
        "sepia",
        "transitionanimation",
        "twocolor",
    }
)
"""Calls that show their first argument, in other colours or for a while: the expression stays the same."""


@dataclass(frozen=True)
class Reader:
    """Reads what one project's scripts draw."""

    values: Values
    transforms: dict[str, Line]
    find_file: Callable[[str], str | None]
    """The picture that a script's path leads to, within the game folder."""
    find_image: Callable[[Name, int], Drawing]
    """The image of a name, asked for at a depth; raises UnclearError."""

    def drawing(self, image: str | Line, depth: int = 0) -> Drawing:
        """What an expression, or a line with a block, draws.

        Raises:
            UnclearError: only the running game knows.
        """
        self.values.count(depth)
        if isinstance(image, Line):
            return self._block(image.block, depth)
        return self._draw(_parsed(image), depth)

    def transformed(self, expression: str, place: Place) -> Place:
        """`place` after what stands behind `at`: transforms of the project, or Transform(...).

        Raises:
            UnclearError: one of them isn't to be found, or says something that isn't a literal.
        """
        tree = _parsed(expression)
        for transform in tree.elts if isinstance(tree, ast.Tuple | ast.List) else [tree]:
            place = self._transformed(transform, place)
        return place

    def moved(self, place: Place, expressions: dict[str, str]) -> Place:
        """`place` with transform properties given as expressions; raises UnclearError."""
        shifting = {name: value for name, value in expressions.items() if name in SHIFTING}
        return moved(place, {name: self.values.read(value) for name, value in shifting.items()})

    def _draw(self, tree: ast.expr, depth: int) -> Drawing:
        self.values.count(depth)
        if isinstance(tree, ast.Call):
            return self._call(_called(tree.func), tree, depth + 1)
        value = self.values.of(tree, depth)
        if isinstance(value, str):
            return self._named(value, depth + 1)
        if value is None:
            return EMPTY
        raise UnclearError(DYNAMIC)

    def _named(self, text: str, depth: int) -> Drawing:
        """What a text means where a displayable is wanted: a colour, a file or an image."""
        if text.startswith("#"):
            raise UnclearError(NOT_FILES)
        if "[" in text:
            raise UnclearError(DYNAMIC)
        if "." not in text:
            return self.find_image(tuple(text.split()), depth)
        path = self.find_file(text)
        if path is None:
            raise UnclearError(MISSING)
        return File(path)

    def _call(self, name: str, call: ast.Call, depth: int) -> Drawing:
        arguments = call.args
        if name in FIRST_IS_SHOWN:
            return self._draw(_first(arguments), depth)
        match name:
            case "composite" | "livecomposite":
                return self._composite(arguments, depth)
            case "fixed":
                return Stack(tuple((Place(), self._draw(part, depth)) for part in arguments))
            case "conditionswitch" | "showingswitch":
                return self._draw(_branch(arguments), depth)
            case "transform":
                named = {word.arg: word.value for word in call.keywords if word.arg}
                child = [named.pop("child")] if "child" in named else arguments
                place = self._shifted(Place(), named, depth)
                return put(place, self._draw(_first(child), depth))
            case "at":
                place = Place()
                for transform in arguments[1:]:
                    place = self._transformed(transform, place)
                return put(place, self._draw(_first(arguments), depth))
            case "livecrop":
                cut = Place(crop=box(self.values.of(_first(arguments), depth)))
                return put(cut, self._draw(_first(arguments[1:]), depth))
            case "factorscale" | "scale" | "flip" | "crop":
                values = [self.values.of(part, depth) for part in arguments[1:]]
                named = {word.arg: self.values.of(word.value, depth) for word in call.keywords if word.arg}
                return put(_changed(name, values, named), self._draw(_first(arguments), depth))
            case "null":
                return EMPTY
            case "solid" | "text" | "paramtext" | "movie" | "frame" | "tile" | "placeholder":
                raise UnclearError(NOT_FILES)
            case _:
                raise UnclearError(DYNAMIC)

    def _composite(self, arguments: list[ast.expr], depth: int) -> Drawing:
        size = pair(self.values.of(_first(arguments), depth))
        layers: list[tuple[Place, Drawing]] = []
        for where, what in zip(arguments[1::2], arguments[2::2], strict=False):
            x, y = pair(self.values.of(where, depth))
            layers.append((Place(x=x, y=y), unplaced(self._draw(what, depth))))
        return Stack(tuple(layers), size)

    def _transformed(self, transform: ast.expr, place: Place) -> Place:
        self.values.count(0)
        func = transform.func if isinstance(transform, ast.Call) else transform
        name = dotted(func)
        if name == "Transform" and isinstance(transform, ast.Call):
            named = {word.arg: word.value for word in transform.keywords if word.arg}
            return self._shifted(place, named, 0)
        if name not in self.transforms:
            raise UnclearError(DYNAMIC)
        for line in self.transforms[name].block:
            place = self.moved(place, properties(line.text))
        return place

    def _shifted(self, place: Place, named: dict[str, ast.expr], depth: int) -> Place:
        shifting = {name: tree for name, tree in named.items() if name in SHIFTING}
        return moved(place, {name: self.values.of(tree, depth) for name, tree in shifting.items()})

    def _block(self, block: list[Line], depth: int) -> Drawing:
        """The first picture of an animation; what it `contains` lies on top of each other."""
        place, contained, first = Place(), list[tuple[Place, Drawing]](), None
        for line in block:
            self.values.count(depth)
            word, _, rest = line.text.rstrip(":").partition(" ")
            if word == "contains":
                inside = self.drawing(rest, depth + 1) if rest else self._block(line.block, depth + 1)
                contained.append((Place(), inside))
            elif set_at_once := properties(line.text):
                place = self.moved(place, set_at_once)
            elif first is not None:
                break  # from here on time passes
            elif word in ("block", "choice", "parallel"):
                first = self._block(line.block, depth + 1)
            elif re.match(r"[\"']|(im\.)?[A-Z]\w+\(", line.text):
                first = self.drawing(re.split(r"(?<=[\"')])\s+with\s", line.text)[0], depth + 1)
        if first is not None:
            contained.insert(0, (Place(), first))
        if not contained:
            raise UnclearError(DYNAMIC)
        return put(place, contained[0][1] if len(contained) == 1 else Stack(tuple(contained)))


def _parsed(expression: str) -> ast.expr:
    tree = parse(expression)
    if tree is None:
        raise UnclearError(DYNAMIC)
    return tree


def _changed(name: str, values: list[object], named: dict[str, object]) -> Place:
    """What an image manipulator with these arguments, after the first, does to its first one."""
    match name:
        case "factorscale" if values:
            zooms = [zoom_factor(value) for value in values[:2]]
            return Place(x_zoom=zooms[0], y_zoom=zooms[-1])
        case "scale":
            return Place(size=pair(tuple(values[:2])))
        case "crop":
            return Place(crop=box(values[0] if len(values) == 1 else tuple(values[:4])))
        case "flip":
            across, down, *_ = [*values, None, None]
            across, down = named.get("horizontal", across), named.get("vertical", down)
            return Place(x_zoom=-1.0 if across else 1.0, y_zoom=-1.0 if down else 1.0)
        case _:
            raise UnclearError(DYNAMIC)


def _called(func: ast.expr) -> str:
    """The last word of what is called, in lower case: im.FactorScale is factorscale."""
    return dotted(func).rpartition(".")[2].lower()


def _first(arguments: list[ast.expr]) -> ast.expr:
    if not arguments:
        raise UnclearError(DYNAMIC)
    return arguments[0]


def _branch(arguments: list[ast.expr]) -> ast.expr:
    """What a switch shows if nothing special is the case: the branch of "True" or None, else the last one."""
    branches = list(zip(arguments[::2], arguments[1::2], strict=False))
    for condition, shown in branches:
        if isinstance(condition, ast.Constant) and condition.value in ("True", None):
            return shown
    if not branches:
        raise UnclearError(DYNAMIC)
    return branches[-1][1]
