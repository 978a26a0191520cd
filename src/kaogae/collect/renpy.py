"""Character sprites of a Ren'Py project: from files, image statements and layered images.

Scripts are read as text and nothing in them is executed; archives and compiled scripts are pickles and aren't
read at all. `docs/collect.md` says which pictures are taken and how they get their labels.
"""

import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from kaogae.collect.intake import Intake, Post, clean
from kaogae.collect.renpy_canvas import Canvas, is_stacked
from kaogae.collect.renpy_images import Images, automatic_name
from kaogae.collect.renpy_names import read_image_name, read_path, the_one, unwanted
from kaogae.collect.renpy_places import Drawing, UnclearError, files
from kaogae.collect.renpy_project import Project, find_project
from kaogae.collect.renpy_script import Name
from kaogae.errors import PictureError
from kaogae.expressions import Expression
from kaogae.images import FILE_LIMIT, SUFFIXES, read_picture

MOST_SPRITES = 100_000
"""Pictures of one project."""

WIDE = 1.2
"""A picture without transparency that is this many times as wide as high is a background."""

PART = "part of a composed picture"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Sprite:
    """One picture to be taken: a file, or a drawing of several."""

    post: str
    source: str | Drawing | UnclearError
    """A file's path within the game folder, a drawing, or why it can't be drawn."""
    expression: Expression | None
    character: str | None
    words: tuple[str, ...]
    """The image's name and attributes."""


@dataclass
class Plan:
    """What there is to take."""

    project: Project
    sprites: list[Sprite] = field(default_factory=list[Sprite])
    left_out: Counter[str] = field(default_factory=Counter[str])
    """Pictures and images that aren't sprites, by reason."""
    _aliases: dict[str, list[Name]] = field(default_factory=dict[str, list[Name]])
    _parts: set[str] = field(default_factory=set[str])

    @property
    def unread(self) -> str:
        """One sentence about what can't be read; "" if everything was."""
        archives, compiled = self.project.archives, self.project.compiled
        if not archives + compiled:
            return ""
        return (
            f"Not read: {archives} archives (.rpa) and {compiled} compiled scripts without their source "
            "(.rpyc): unpacking them could run foreign code, so ask the project for its folder of sources."
        )

    def add(self, sprite: Sprite) -> None:
        """One more, up to `MOST_SPRITES`."""
        if len(self.sprites) < MOST_SPRITES:
            self.sprites.append(sprite)
        else:
            self.left_out["too many pictures"] += 1

    def layered_images(self, images: Images) -> None:
        """A sprite for each choice of each layered image; its layers' files are parts."""
        for name, layered in images.layered.items():
            for layer in layered.layers:
                images.values.steps = 0
                try:
                    self._parts.update(files(images.layer(layered, layer)))
                except UnclearError:
                    continue  # said where a picture needs it
            if reason := unwanted(" ".join(name)):
                self.left_out[reason] += 1
                continue
            character = read_image_name(name)[1]
            for chosen, expression in layered.choices().items():
                images.values.steps = 0
                shown = [
                    layer.attribute for layer in layered.layers if layer.fits(chosen) and layer.attribute
                ]
                words = (*name, *dict.fromkeys(shown))
                try:
                    source = images.compose(layered, chosen)
                except UnclearError as unclear:
                    source = unclear
                self.add(Sprite(f"layeredimage {' '.join(words)}", source, expression, character, words))

    def image_statements(self, images: Images) -> None:
        """A sprite for each image of several files; an image of one file names that file."""
        for name in images.defined:
            images.values.steps = 0
            try:
                drawing = images.find(name)
                if not files(drawing):
                    continue
                reason = unwanted(" ".join(name))
            except UnclearError as unclear:
                reason, drawing = f"image statement: {unclear}", None
            if drawing is None:
                self.left_out[reason or ""] += 1
            elif not is_stacked(drawing):
                self._aliases.setdefault(files(drawing)[0], []).append(name)
            else:
                self._parts.update(files(drawing))
                if reason:
                    self.left_out[reason] += 1
                else:
                    said, character = read_image_name(name)
                    self.add(Sprite(f"image {' '.join(name)}", drawing, the_one(said), character, name))

    def pictures(self) -> None:
        """A sprite for each file that is neither a part of others nor something else."""
        for path in self.project.pictures:
            names = self._aliases.get(path, [])
            shown = [*names, automatic_name(path)]
            # Layers have one-word names: a picture with attributes is shown by itself too
            if path in self._parts and all(len(name) < 2 for name in shown):
                self.left_out[PART] += 1
            elif reason := unwanted(path) or next(
                filter(None, (unwanted(" ".join(name)) for name in names)), None
            ):
                self.left_out[reason] += 1
            else:
                said, character = read_path(path)
                for name in names:
                    also, tag = read_image_name(name)
                    said |= also
                    character = tag if len(name) > 1 else character
                words = names[0] if names else automatic_name(path)
                self.add(Sprite(path, path, the_one(said), character, words))


def plan(folder: Path) -> Plan:
    """What there is to take from a project, without having looked at the pictures.

    Raises:
        CollectError: `folder` isn't a project.
    """
    project = find_project(folder)
    images = Images(project.definitions(), project.pictures)
    made = Plan(project)
    made.layered_images(images)
    made.image_statements(images)
    made.pictures()
    made.left_out.update(project.left_out)
    made.left_out["archive, not read"] += project.archives
    made.left_out["compiled script, not read"] += project.compiled
    return made


def collect(
    intake: Intake, made: Plan, site: str, *, limit: int | None = None, progress: Progress | None = None
) -> None:
    """Take a project's sprites into the workspace; what the catalogue has already is passed over.

    Args:
        site: under which the catalogue keeps them.
        limit: most new pictures of this run.
        progress: called with how many are done, of how many.

    Raises:
        CollectError: the workspace can't be written.
        CatalogError: see `Catalog.session`.
    """
    site = clean(site)[:100]
    known = intake.known(site, [sprite.post for sprite in made.sprites])
    intake.tally.known += len(known)
    canvas = Canvas(lambda path: read_picture(made.project.game / path))
    for done, sprite in enumerate(made.sprites, 1):
        if limit is not None and intake.tally.new >= limit:
            break
        if sprite.post not in known:
            _take(intake, made, canvas, site, sprite)
        if progress is not None:
            progress(done, len(made.sprites))


def _take(intake: Intake, made: Plan, canvas: Canvas, site: str, sprite: Sprite) -> None:
    post = Post(
        site=site,
        post=sprite.post,
        expression=sprite.expression,
        label_origin="file name" if sprite.expression else None,
        tags=sprite.words,
        character=sprite.character,
    )
    source = sprite.source
    if isinstance(source, UnclearError):
        intake.reject(post, f"not composed: {source}")
    elif isinstance(source, str):
        try:
            with (made.project.game / source).open("rb") as file:
                data = file.read(FILE_LIMIT + 1)
        except OSError as error:
            intake.tally.failed[sprite.post] = f"can't be read: {error.strerror or error}"
            return
        if _is_background(made.project.game / source):
            made.left_out["background"] += 1
        else:
            intake.take(post, data)
    else:
        try:
            data = canvas.png(source)
        except UnclearError as unclear:
            intake.reject(post, f"not composed: {unclear}")
        except PictureError as error:
            intake.reject(post, "not composed: a layer is damaged", str(error))
        else:
            intake.take(post, data)


def _is_background(path: Path) -> bool:
    """Whether a picture is wide and nowhere transparent; False if it can't be read: the intake says why."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=list(SUFFIXES)) as image:
            width, height = image.size
        if width < WIDE * height:
            return False
        alpha = read_picture(path).alpha
    except Exception:
        return False
    return alpha is None or int(alpha.min()) == 255
