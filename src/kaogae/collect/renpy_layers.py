"""Layered images: which layers they have, which of them a choice of attributes shows, which choices to make.

Facts: https://www.renpy.org/doc/html/layeredimage.html.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from kaogae.collect.renpy_names import mood, the_one, words
from kaogae.collect.renpy_script import TRANSFORM_PROPERTIES, Line, Name, Scanner, parse
from kaogae.expressions import Expression

MOST_CHOICES = 300
"""Pictures made of one layered image."""

MOST_LAYERS = 500
"""Layers of one layered image, shown or not."""

WHOLE_FACE = frozenset({"face", "faces", "expression", "expressions", "emotion", "emote", "mood", "exp"})
PARTS = frozenset({"eyes", "eye", "brow", "brows", "eyebrow", "eyebrows", "mouth", "lips"})
BODY = frozenset(
    """
    body base pose arm arms hand hands hair head outfit outfits clothes clothing costume dress skin uniform
    leg legs accessory accessories glasses hat
    """.split()  # noqa: SIM905
)
"""Words in the names of groups."""

NEEDED = WHOLE_FACE | PARTS | (BODY - {"accessory", "accessories", "glasses", "hat", "arm", "arms"})
"""Groups without a default that nobody shows without an attribute: here the plainest one stands in."""

NOTHING = frozenset[str]()


@dataclass
class Layer:
    """One layer; of several `attribute` lines with one name, all are shown."""

    attribute: str | None = None
    """What has to be chosen for it; None: nothing."""
    group: str | None = None
    image: str | Line | None = None
    """An expression or a block; None: found by its name."""
    stems: tuple[str, ...] = ()
    """The names by which it is found, the likeliest first."""
    default: bool = False
    shown: bool = True
    """False: it is an `if`, of which only an `else` is taken to be true."""
    properties: dict[str, str] = field(default_factory=dict[str, str])
    """Names and expressions: place, `at`, and on which other attributes it depends."""
    conditions: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """if_any, if_all and if_not with what they stand for."""
    when: list[list[str]] = field(default_factory=list[list[str]])
    """`when a not b or c` is [["a", "not b"], ["c"]]."""

    def fits(self, chosen: frozenset[str]) -> bool:
        """Whether it is seen when these attributes are chosen."""
        if not self.shown or (self.attribute is not None and self.attribute not in chosen):
            return False
        any_of, all_of, none_of = (
            self.conditions.get(key, NOTHING) for key in ("if_any", "if_all", "if_not")
        )
        return (
            (not any_of or bool(any_of & chosen))
            and all_of <= chosen
            and not none_of & chosen
            and self._when(chosen)
        )

    def _when(self, chosen: frozenset[str]) -> bool:
        """Whether one of the alternatives of `when` holds: each is names, some of them denied."""
        return not self.when or any(
            all((name.removeprefix("not ") in chosen) != name.startswith("not ") for name in alternative)
            for alternative in self.when
        )


@dataclass
class Layered:
    """A layered image; the first layer is at the back."""

    name: Name
    layers: list[Layer] = field(default_factory=list[Layer])
    properties: dict[str, str] = field(default_factory=dict[str, str])

    def groups(self) -> dict[str, list[str]]:
        """The attributes of each group, in their order."""
        found: dict[str, list[str]] = {}
        for layer in self.layers:
            if layer.group is not None and layer.attribute is not None:
                members = found.setdefault(layer.group, [])
                if layer.attribute not in members:
                    members.append(layer.attribute)
        return found

    def completed(self, wanted: Iterable[str], *, stand_ins: bool = True) -> frozenset[str]:
        """These attributes, and the defaults of the groups that they say nothing about.

        Args:
            stand_ins: groups of `NEEDED` that still show nothing show their plainest attribute.
        """
        groups = self.groups()
        chosen = set(wanted)
        taken = {group for group, members in groups.items() if chosen & set(members)}
        banned = {other for group in taken for other in groups[group]} - chosen
        for layer in self.layers:
            if layer.default and layer.attribute is not None and layer.attribute not in banned:
                chosen.add(layer.attribute)
        for group, members in groups.items():
            if stand_ins and not chosen & set(members) and NEEDED & set(words(group)):
                chosen.add(min(members, key=_liveliness))
        return frozenset(chosen)

    def choices(self) -> dict[frozenset[str], Expression | None]:
        """The choices of attributes worth a picture, and what expression each shows.

        One for each attribute that names an expression, or belongs to a group of whole faces, with the
        defaults of the other groups. Where eyes, brows and mouth are groups of their own, those that name
        the same expression go together. Without any such attribute: the defaults.
        """
        groups = self.groups()
        single = {layer.attribute: None for layer in self.layers if layer.group is None and layer.attribute}
        targets = [
            (group, member)
            for group, members in groups.items()
            for member in members
            if not _of(group, BODY) and (_of(group, WHOLE_FACE) or mood(member))
        ] + [(None, attribute) for attribute in single if mood(attribute)]
        found: dict[frozenset[str], Expression | None] = {}
        for group, member in targets[:MOST_CHOICES]:
            wanted = {member} | (self._companions(groups, member) if _of(group, PARTS) else set())
            chosen = self.completed(wanted)
            label = self._label(groups, group, member, chosen)
            found[chosen] = found.get(chosen) or label
        return found or {self.completed(()): None}

    def _companions(self, groups: dict[str, list[str]], member: str) -> set[str]:
        """Of the other parts of the face, the attributes that name the same mood as `member`."""
        wanted = mood(member)
        found: set[str] = set()
        for group, members in groups.items():
            if _of(group, PARTS) and member not in members:
                found.update([other for other in members if mood(other) == wanted][:1])
        return found

    def _label(
        self, groups: dict[str, list[str]], group: str | None, member: str, chosen: frozenset[str]
    ) -> Expression | None:
        """What the attributes of the face say together: one thing, or None.

        Neutral parts beside it don't count, but a brow alone says nothing: it takes the mouth, or two parts.
        """
        said = set(mood(member)) | set(mood(" ".join(self.name[1:])))
        agreeing = 0
        for other, members in groups.items():
            shown = [attribute for attribute in members if attribute in chosen]
            if not shown or _of(other, BODY):
                continue
            here = mood(" ".join(shown))
            if here and here == mood(member):
                agreeing += 2 if _of(other, frozenset({"mouth", "lips"})) else 1
            said |= here if group is None else here - {Expression.NEUTRAL}
        return None if _of(group, PARTS) and agreeing < 2 else the_one(said)


def _of(group: str | None, kind: frozenset[str]) -> bool:
    return group is not None and bool(kind & set(words(group)))


def _liveliness(attribute: str) -> int:
    """0 for neutral ones, 1 for those that say nothing, 2 for moods."""
    said = mood(attribute)
    return 0 if the_one(said) is Expression.NEUTRAL else 1 if not said else 2


def read_layered(name: Name, line: Line, images: Iterable[Name]) -> Layered:
    """The layered image that a statement defines.

    Args:
        images: the names of all images of the project, for `auto` groups.
    """
    layered = Layered(name)
    stems = ["_".join(image) if len(image) == 1 else "" for image in images]
    for child in line.block:
        scanner = Scanner(child.text)
        match scanner.word():
            case "always":
                layered.layers.append(_layer(scanner, child, Layer()))
            case "attribute":
                layered.layers.append(_attribute(scanner, child, layered.name, Layer()))
            case "group":
                layered.layers.extend(_group(scanner, child, layered.name, stems))
            case "if" | "elif":
                layered.layers.append(_layer(Scanner(""), child, Layer(shown=False)))
            case "else":
                layered.layers.append(_layer(Scanner(""), child, Layer()))
            case _:
                _read(Scanner(child.text), Layer(properties=layered.properties))
    del layered.layers[MOST_LAYERS:]
    return layered


def _layer(scanner: Scanner, line: Line, layer: Layer) -> Layer:
    """Fill `layer` with what its line and its block say."""
    _read(scanner, layer)
    for child in line.block:
        if child.text == "image:":
            layer.image = child
        else:
            _read(Scanner(child.text), layer)
    return layer


def _read(scanner: Scanner, layer: Layer) -> None:
    """Properties and the displayable, in any order, up to the end of the line."""
    while not scanner.ended:
        word = scanner.peek()
        if word in ("default", "auto", "multiple", "null"):
            scanner.word()
            layer.properties[word] = "True"
            layer.default |= word == "default"
            if scanner.peek() in ("True", "False"):
                scanner.word()
        elif word == "at":
            scanner.word()
            layer.properties["at"] = scanner.expressions() or "unknown"
        elif word == "when":
            scanner.word()
            layer.when = _alternatives(scanner)
        elif word == "variant":  # a text, or in newer versions a bare name
            scanner.word()
            bare = scanner.name()
            layer.properties[word] = repr(bare) if bare else scanner.expression() or "unknown"
        elif word in _PROPERTIES:
            scanner.word()
            layer.properties[word] = scanner.expression() or "unknown"
        elif (expression := scanner.expression()) is not None:
            layer.image = expression
        else:
            break


def _alternatives(scanner: Scanner) -> list[list[str]]:
    """What stands behind `when`: names with "and", "or" and "not" between them."""
    found: list[list[str]] = [[]]
    if scanner.peek() is None and scanner.expression():  # brackets: not understood, so never seen
        return [["?"]]
    while (word := scanner.peek()) and word not in _PROPERTIES and word not in ("default", "at"):
        scanner.word()
        if word == "or":
            found.append([])
        elif word == "not":
            found[-1].append(f"not {scanner.name() or ''}")
        elif word != "and":
            found[-1].append(word)
    return found


_PROPERTIES = TRANSFORM_PROPERTIES | {
    "if_any",
    "if_all",
    "if_not",
    "variant",
    "prefix",
    "image_format",
    "format_function",
    "attribute_function",
    "offer_screen",
}


def _attribute(
    scanner: Scanner, line: Line, name: Name, group: Layer, group_name: str | None = None
) -> Layer:
    """An attribute's layer, with its group's properties where it has none of its own."""
    attribute = scanner.name() or ""
    layer = _layer(scanner, line, Layer(group=None if "multiple" in group.properties else group_name))
    layer.properties = group.properties | layer.properties
    layer.when = layer.when or group.when
    layer.attribute = attribute
    if prefix := _text(layer.properties.get("prefix")):
        layer.attribute = f"{prefix}_{attribute}"
    whole, variant = "_".join(name), _text(layer.properties.get("variant"))
    layer.stems = (_joined(whole, group_name, variant, attribute),)
    if "multiple" in layer.properties:  # versions of Ren'Py differ in whether the group's name is in it
        layer.stems += (_joined(whole, variant, attribute),)
    if "null" in layer.properties:
        layer.image = "None"
    return layer


def _group(scanner: Scanner, line: Line, name: Name, stems: list[str]) -> list[Layer]:
    """The layers of a group: the attributes that are written down, and those that `auto` finds."""
    group = scanner.name() or ""
    head = Layer()
    _read(scanner, head)
    members = [child for child in line.block if child.text.startswith("attribute ")]
    for child in line.block:
        if not child.text.startswith("attribute "):
            _read(Scanner(child.text), head)
    found: list[Layer] = []
    for child in members[:MOST_LAYERS]:
        inner = Scanner(child.text)
        inner.word()
        found.append(_attribute(inner, child, name, head, group))
    if "auto" in head.properties:
        start = _joined(*name, group, _text(head.properties.get("variant"))).lower() + "_"
        seen = {layer.stems[0].lower() for layer in found}
        for stem in stems:
            if stem.lower().startswith(start) and stem.lower() not in seen and len(found) < MOST_LAYERS:
                rest = stem[len(start) :]
                found.append(_attribute(Scanner(rest), Line(rest), name, head, group))
    return found


def _joined(*parts: str | None) -> str:
    return "_".join(part for part in parts if part)


def _text(expression: str | None) -> str:
    """The text in a literal; "" if it is none."""
    tree = parse(expression or "")
    return tree.value if isinstance(tree, ast.Constant) and isinstance(tree.value, str) else ""
