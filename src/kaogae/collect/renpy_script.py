"""Ren'Py scripts as text: which images they define. Nothing in them is executed.

Facts about the language: https://www.renpy.org/doc/html/language_basics.html. A statement is a logical line:
it goes on over line breaks within brackets, within strings and after a backslash. Blocks are indented.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

SCRIPT_BYTES = 8 * 2**20
"""Largest script that is read."""

LONGEST_EXPRESSION = 20_000
"""Letters of an expression that is understood."""

_PIECE = re.compile(
    r"""(?P<string>[rRuU]?(?:\"\"\"(?:[^\\"]|\\.|"(?!""))*+(?:\"\"\"|\Z)|'''(?:[^\\']|\\.|'(?!''))*+(?:'''|\Z)
          |"(?:[^\\"]|\\.)*+(?:"|\Z)|'(?:[^\\']|\\.)*+(?:'|\Z)))
      | (?P<comment>\#[^\n]*)
      | (?P<joined>\\\n)
      | (?P<end>\n)
      | (?P<opened>[(\[{])
      | (?P<closed>[)\]}])
      | (?P<word>\w+)
      | (?P<plain>[^\w"'\#\\\n()\[\]{}]+|\\)
    """,
    re.VERBOSE | re.DOTALL,
)
_NAME = r"[-0-9A-Za-z_\u00a0-\ufffd]+"
_IMAGE = re.compile(rf"image((?:\s+{_NAME})+)\s*(=|:$)\s*(.*)", re.DOTALL)
_LAYERED = re.compile(rf"layeredimage((?:\s+{_NAME})+)\s*:$")
_TRANSFORM = re.compile(r"transform\s+(?:-?\d+\s+)?([A-Za-z_]\w*)\s*(?:\(.*\))?\s*:$", re.DOTALL)
_CONSTANT = re.compile(r"(?:define|default)\s+(?:-?\d+\s+)?([A-Za-z_][\w.]*)\s*=\s*(.*)", re.DOTALL)
_CALL = re.compile(r"\$?\s*(renpy\.image\(.*\))\s*", re.DOTALL)

_WORD = re.compile(r"[^\W\d][\w-]*")
_COMPONENT = re.compile(r"[\w-]+")
_SCALAR = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)|[^\W\d]\w*")

TRANSFORM_PROPERTIES = frozenset(
    """
    pos xpos ypos anchor xanchor yanchor align xalign yalign xcenter ycenter xycenter offset xoffset yoffset
    around alignaround angle radius rotate rotate_pad transform_anchor zoom xzoom yzoom nearest alpha
    additive crop crop_relative corner1 corner2 size xsize ysize xysize fit maxsize subpixel delay events
    xpan ypan xtile ytile matrixcolor matrixanchor matrixtransform perspective blur mesh mesh_pad shader blend
    zpos zzoom point_to orientation xrotate yrotate zrotate anchorangle anchorradius anchoraround zorder
    show_cancels_hide
    """.split()  # noqa: SIM905
)
"""What a transform can set: https://www.renpy.org/doc/html/transform_properties.html."""

Name = tuple[str, ...]
"""An image's name: its tag and its attributes."""


@dataclass
class Line:
    """A logical line, without its comment, and the block below it."""

    text: str
    block: list["Line"] = field(default_factory=list["Line"])


@dataclass
class Definitions:
    """What scripts define; a later definition of a name takes the place of an earlier one."""

    images: dict[Name, str | Line] = field(default_factory=dict[Name, str | Line])
    """An expression, or the line whose block draws the image."""
    layered: dict[Name, Line] = field(default_factory=dict[Name, Line])
    transforms: dict[str, Line] = field(default_factory=dict[str, Line])
    constants: dict[str, str] = field(default_factory=dict[str, str])
    """Names and the expressions behind them."""


def decode(data: bytes) -> str:
    """A script's text: UTF-8 as Ren'Py wants it; bytes that aren't become "�"."""
    return data.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")


def read_script(text: str, into: Definitions) -> None:
    """Add what a script defines, wherever in it a statement stands."""
    for line in _everywhere(tree(text)):
        if found := _LAYERED.fullmatch(line.text):
            into.layered[_split(found[1])] = line
        elif found := _IMAGE.fullmatch(line.text):
            image = found[3] if found[2] == "=" else line
            into.images[_split(found[1])] = image
        elif found := _TRANSFORM.fullmatch(line.text):
            into.transforms[found[1]] = line
        elif found := _CONSTANT.fullmatch(line.text):
            into.constants[found[1]] = found[2]
        elif (found := _CALL.fullmatch(line.text)) and (pair := _image_call(found[1])):
            into.images[pair[0]] = pair[1]


def parse(expression: str) -> ast.expr | None:
    """The expression's syntax tree; None if it is none, or too long or nested too deep."""
    if len(expression) > LONGEST_EXPRESSION:
        return None
    try:
        return ast.parse(expression.strip().replace("\n", " "), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def tree(text: str) -> list[Line]:
    """The script's lines, each with its block."""
    top: list[Line] = []
    open_blocks: list[tuple[int, list[Line]]] = [(-1, top)]
    for indent, logical in _logical(text):
        while indent <= open_blocks[-1][0]:
            open_blocks.pop()
        line = Line(logical)
        open_blocks[-1][1].append(line)
        open_blocks.append((indent, line.block))
    return top


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Indentation and text of every logical line."""
    pieces: list[str] = []
    depth = 0
    for piece in _PIECE.finditer(text):
        kind = piece.lastgroup
        if kind == "end" and depth == 0:
            yield from _finished(pieces)
            pieces = []
        elif kind in ("end", "joined"):
            pieces.append(" ")
        elif kind != "comment":
            depth = max(0, depth + (kind == "opened") - (kind == "closed"))
            pieces.append(piece[0])
    yield from _finished(pieces)


def _finished(pieces: list[str]) -> Iterator[tuple[int, str]]:
    whole = "".join(pieces)
    if stripped := whole.strip():
        indent = whole[: len(whole) - len(whole.lstrip())]
        yield len(indent.expandtabs(8)), stripped


def _everywhere(lines: list[Line]) -> Iterator[Line]:
    """All lines in their order; a layered image's or an image's own block isn't looked into."""
    waiting = lines[::-1]
    while waiting:
        line = waiting.pop()
        yield line
        if not line.text.startswith(("image ", "layeredimage ", "transform ")):
            waiting.extend(reversed(line.block))


def _image_call(text: str) -> tuple[Name, str] | None:
    """Name and expression of `renpy.image("eileen happy", ...)`."""
    text = text.strip().replace("\n", " ")
    call = parse(text)
    if not isinstance(call, ast.Call) or len(call.args) != 2:
        return None
    name = call.args[0]
    if isinstance(name, ast.Tuple):
        parts = [part.value for part in name.elts if isinstance(part, ast.Constant)]
    else:
        parts = [name.value] if isinstance(name, ast.Constant) else []
    words = _split(" ".join(part for part in parts if isinstance(part, str)))
    return (words, ast.get_source_segment(text, call.args[1]) or "") if words else None


def _split(name: str) -> Name:
    return tuple(name.split())


class Scanner:
    """Goes over a line, word by word and expression by expression."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    @property
    def ended(self) -> bool:
        """Whether nothing is left, or nothing but the colon before a block."""
        return self._start() >= len(self.text) - self.text.endswith(":")

    def word(self) -> str | None:
        """The next word, which may hold hyphens; None if something else comes next."""
        found = _WORD.match(self.text, self._start())
        if found:
            self.at = found.end()
        return found[0] if found else None

    def name(self) -> str | None:
        """The next part of an image's name, which may begin with a digit."""
        found = _COMPONENT.match(self.text, self._start())
        if found:
            self.at = found.end()
        return found[0] if found else None

    def peek(self) -> str | None:
        """The next word, which stays the next."""
        found = _WORD.match(self.text, self._start())
        return found[0] if found else None

    def expression(self) -> str | None:
        """The next number, text, name or bracket, with the calls and attributes right behind it."""
        start = self._start()
        end = self._primary(start)
        if end is None:
            return None
        while end < len(self.text) and self.text[end] in ".([":
            further = _SCALAR.match(self.text, end + 1) if self.text[end] == "." else None
            longer = further.end() if further else self._primary(end)
            if longer is None:
                break
            end = longer
        self.at = end
        return self.text[start:end]

    def expressions(self) -> str | None:
        """The next expressions with commas between them, as one list."""
        parts = [self.expression()]
        while parts[-1] is not None and self.text.startswith(",", self._start()):
            self.at = self._start() + 1
            parts.append(self.expression())
        whole = [part for part in parts if part is not None]
        return f"[{', '.join(whole)}]" if whole else None

    def _start(self) -> int:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.at

    def _primary(self, start: int) -> int | None:
        """Where the number, name, text or bracket that begins at `start` ends; None if none does."""
        if found := _SCALAR.match(self.text, start):
            quoted = self.text[found.end() : found.end() + 1] in ("'", '"') and found[0] in "rRuU"
            if not quoted:
                return found.end()
        depth = 0
        for piece in _PIECE.finditer(self.text, start):
            depth += (piece.lastgroup == "opened") - (piece.lastgroup == "closed")
            if depth <= 0:
                return piece.end() if piece.lastgroup in ("string", "closed") and depth == 0 else None
        return None


def properties(text: str) -> dict[str, str]:
    """Transform properties at the beginning of a line, `xpos 10 zoom 0.5`, and their expressions."""
    found: dict[str, str] = {}
    scanner = Scanner(text)
    while scanner.peek() in TRANSFORM_PROPERTIES:
        name, expression = scanner.word(), scanner.expression()
        if name is None or expression is None:
            break
        found[name] = expression
    return found
