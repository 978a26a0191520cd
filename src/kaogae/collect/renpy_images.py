"""The images of a project by name: defined in scripts, found in files, put together in layers.

Files in game/images define images by themselves: the file's name in lower case, without its ending and "@2".
Facts: https://www.renpy.org/doc/html/displaying_images.html.
"""

import ast
from pathlib import PurePosixPath

from kaogae.collect.renpy_drawings import Reader
from kaogae.collect.renpy_layers import Layer, Layered, read_layered
from kaogae.collect.renpy_places import DYNAMIC, MISSING, Drawing, File, Place, Stack, UnclearError, put
from kaogae.collect.renpy_script import Definitions, Name, parse
from kaogae.collect.renpy_values import Values

MOST_IMAGES = 20_000
"""Image statements of one project that are looked at."""


class Images:
    """Finds out what the images of one project show."""

    def __init__(self, definitions: Definitions, pictures: list[str]) -> None:
        """`pictures`: paths of all pictures within the game folder."""
        self.values = Values(definitions.constants)
        self.reader = Reader(self.values, definitions.transforms, self.find_file, self.find)
        self.defined = dict(list(definitions.images.items())[:MOST_IMAGES])
        self._files = {path.lower(): path for path in reversed(pictures)}
        self._files.update({path: path for path in pictures})
        self.automatic: dict[Name, str] = {}
        for path in filter(_is_automatic, pictures):
            self.automatic.setdefault(automatic_name(path), path)
        names = [*self.automatic, *self.defined]
        blocks = list(definitions.layered.items())[:MOST_IMAGES]
        self.layered = {name: read_layered(name, line, names) for name, line in blocks}
        for layer in (layer for layered in self.layered.values() for layer in layered.layers):
            self._settle(layer)

    def _settle(self, layer: Layer) -> None:
        """On what a layer depends may be said by a constant's name; if nobody knows it, it isn't seen."""
        for key in {"if_any", "if_all", "if_not"} & layer.properties.keys():
            self.values.steps = 0
            try:
                value = self.values.read(layer.properties[key])
            except UnclearError:
                layer.shown = False
            else:
                layer.conditions[key] = frozenset(map(str, value if isinstance(value, tuple) else [value]))

    def find_file(self, path: str) -> str | None:
        """The picture that a script means: below the game folder or its images folder, else nowhere."""
        for wanted in (path, f"images/{path}"):
            if found := self._files.get(wanted) or self._files.get(wanted.lower()):
                return found
        return None

    def find(self, name: Name, depth: int = 0) -> Drawing:
        """What an image shows; of a layered one, the words behind its name are attributes.

        Raises:
            UnclearError: there is none, or only the running game knows.
        """
        self.values.count(depth)
        if name in self.defined:
            return self.reader.drawing(self.defined[name], depth + 1)
        lower = tuple(part.lower() for part in name)
        if lower in self.automatic:
            return File(self.automatic[lower])
        for length in range(len(name), 0, -1):
            if layered := self.layered.get(name[:length]):
                return self.compose(layered, layered.completed(name[length:], stand_ins=False), depth + 1)
        raise UnclearError(MISSING)

    def compose(self, layered: Layered, chosen: frozenset[str], depth: int = 0) -> Drawing:
        """The layers of a layered image that are seen when these attributes are chosen.

        Raises:
            UnclearError: one of them isn't there, or only the running game knows.
        """
        shown = [layer for layer in layered.layers if layer.fits(chosen)]
        stack = Stack(tuple((Place(), self.layer(layered, layer, depth)) for layer in shown))
        try:
            place = self.reader.moved(Place(), layered.properties)
        except UnclearError:  # where the whole stands on the screen doesn't matter
            return stack
        return put(place, stack)

    def layer(self, layered: Layered, layer: Layer, depth: int = 0) -> Drawing:
        """What one layer shows, at its place; raises UnclearError."""
        place = self.reader.moved(Place(), layer.properties)
        if "at" in layer.properties:
            place = self.reader.transformed(layer.properties["at"], place)
        return put(place, self._shown(layered, layer, depth))

    def _shown(self, layered: Layered, layer: Layer, depth: int) -> Drawing:
        if layer.image is not None:
            return self._pictured(layered, layer, depth)
        if "format_function" in layered.properties:
            raise UnclearError(DYNAMIC)
        for stem in layer.stems[:-1]:
            try:
                return self._formatted(layered, stem, depth)
            except UnclearError:
                continue
        return self._formatted(layered, layer.stems[-1] if layer.stems else "", depth)

    def _pictured(self, layered: Layered, layer: Layer, depth: int) -> Drawing:
        image = layer.image
        if isinstance(image, str) and "image_format" in layered.properties:
            tree = parse(image)
            if isinstance(tree, ast.Constant) and isinstance(tree.value, str):
                return self._formatted(layered, tree.value, depth)
        return self.reader.drawing(image or "None", depth + 1)

    def _formatted(self, layered: Layered, image: str, depth: int) -> Drawing:
        """What the layered image's image_format makes of a name."""
        pattern = self.values.read(layered.properties.get("image_format", "None"))
        if isinstance(pattern, str):
            image = pattern.replace("{image}", image).replace("{name}", "_".join(layered.name))
        return self.reader.drawing(repr(image), depth + 1)


def automatic_name(path: str) -> Name:
    """The name of the image that a file in game/images defines by itself."""
    stem = PurePosixPath(path).stem.lower().partition("@")[0]
    return tuple(stem.split()) or ("?",)


def _is_automatic(path: str) -> bool:
    return path.lower().startswith("images/")
