"""The report as one HTML file that needs nothing else: pictures are in it, and no script is.

Whatever it says is put in as text and escaped here: names come from strangers.
"""

import csv
import html
import io
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from kaogae.evaluate.report.figures import Drawn
from kaogae.evaluate.report.galleries import Face, Pair, Sheet
from kaogae.evaluate.tables import UNKNOWN, Table, as_html, as_latex

MARK = '<meta name="generator" content="kaogae evaluate">'
"""Says that a page is one of ours."""
HEAD = 1000
"""Within so many letters."""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What a browser may load: nothing but what is in the page."""
LARGE = 400_000
"""Bytes of an SVG from which on the page takes the PNG, if that's smaller."""


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Heading:
    """Of a part of a section."""

    text: str


@dataclass(frozen=True)
class Points:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Lines:
    """Commands, as they were typed."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Names and what they are."""

    title: str
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Tabled:
    """A table, and what its files hold."""

    name: str
    """Of the files."""
    table: Table
    csv: str
    latex: str
    narrow: bool = False
    """It may stand beside others."""


@dataclass(frozen=True)
class Chart:
    """A figure, and its files."""

    name: str
    """Of the files."""
    drawn: Drawn
    title: str
    alt: str
    wide: bool = False
    """It needs the whole width."""
    hidden: bool = False
    """Only its files are wanted: the page shows the same in another way."""


@dataclass(frozen=True)
class Sheets:
    """Figure 4."""

    sheets: tuple[Sheet, ...]


@dataclass(frozen=True)
class Pairs:
    """Inputs and outputs."""

    pairs: tuple[Pair, ...]


Block = Words | Heading | Points | Lines | Facts | Tabled | Chart | Sheets | Pairs


@dataclass(frozen=True)
class Section:
    """A chapter of the page."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


def tabled(name: str, table: Table, *, narrow: bool = False) -> Tabled:
    """For the page, and as files called `name`."""
    return Tabled(name, table, as_csv(table), as_latex(table), narrow=narrow)


def as_csv(table: Table) -> str:
    """What the table shows; unknown is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_cell(column) for column in table.columns])
    for row in (*table.rows, *table.foot):
        writer.writerow([_cell(cell.text) for cell in row])
    return out.getvalue()


def _cell(text: str) -> str:
    if text == UNKNOWN:
        return ""
    formula = text[:1] in {"=", "+", "-", "@"}  # to a spreadsheet
    return f"'{text}" if formula else text


def page(title: str, sections: Sequence[Section]) -> str:
    """The whole file."""
    style = files("kaogae.evaluate.report").joinpath("page.css").read_text("utf-8")
    links = "".join(f'<li><a href="#{one.anchor}">{_text(one.title)}</a></li>' for one in sections[1:])
    parts = [_section(one) for one in sections]
    contents = f'<nav aria-label="Contents"><h2>Contents</h2><ol>{links}</ol></nav>'
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            MARK,
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{_text(title)}</title>",
            f"<style>\n{style}</style>",
            "</head>",
            "<body>",
            "<main>",
            f"<h1>{_text(title)}</h1>",
            parts[0],
            contents,
            *parts[1:],
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _section(one: Section) -> str:
    inside = "\n".join(_laid_out(one.blocks))
    return f'<section id="{one.anchor}">\n<h2>{_text(one.title)}</h2>\n{inside}\n</section>'


def _laid_out(blocks: Iterable[Block]) -> list[str]:
    """Narrow charts and tables that follow each other stand side by side, where there is room."""
    rows: list[tuple[bool, list[str]]] = []
    for block in blocks:
        if not (made := _block(block)):
            continue
        narrow = (isinstance(block, Tabled) and block.narrow) or (isinstance(block, Chart) and not block.wide)
        if not rows or not narrow or not rows[-1][0]:
            rows.append((narrow, []))
        rows[-1][1].append(made)
    return [_row(made) if narrow else "\n".join(made) for narrow, made in rows]


def _row(made: Sequence[str]) -> str:
    """Charts alone are narrower than tables."""
    kind = "charts" if all(one.startswith("<figure") for one in made) else "tables"
    inside = "\n".join(made)
    return f'<div class="beside {kind}">\n{inside}\n</div>'


def _block(block: Block) -> str:
    match block:
        case Words(text):
            return f"<p>{_text(text)}</p>"
        case Heading(text):
            return f"<h3>{_text(text)}</h3>"
        case Points(items):
            return "<ul>" + "".join(f"<li>{_text(one)}</li>" for one in items) + "</ul>"
        case Lines(lines):
            return f"<pre><code>{_text(chr(10).join(lines))}</code></pre>"
        case Facts(title, facts):
            rows = "".join(f"<div><dt>{_text(k)}</dt><dd>{_text(v)}</dd></div>" for k, v in facts.items())
            return f"<h3>{_text(title)}</h3>\n<dl>{rows}</dl>"
        case Tabled():
            return _scroll(block.table.title, _together(as_html(block.table)))
        case Chart():
            return _chart(block)
        case Sheets(sheets):
            return '<div class="sheets">\n' + "\n".join(map(_sheet, sheets)) + "\n</div>"
        case Pairs(pairs):
            return '<ol class="pairs">\n' + "\n".join(map(_pair, pairs)) + "\n</ol>"


def _scroll(name: str, inside: str) -> str:
    """What may be wider than a phone moves sideways in its place, by keys too."""
    return f'<div class="scroll" role="group" tabindex="0" aria-label="{_text(name)}">\n{inside}</div>'


def _chart(chart: Chart) -> str:
    if chart.hidden:
        return ""
    drawn = chart.drawn
    if drawn.svg and (len(drawn.svg) <= LARGE or len(drawn.svg) <= len(drawn.png) or not drawn.png):
        source = _uri("image/svg+xml", drawn.svg)
    else:
        source = _uri("image/png", drawn.png)
    image = f'<img src="{source}" alt="{_text(chart.alt)}">'
    caption = f"<figcaption>{_text(chart.title)}</figcaption>"
    if chart.wide:
        return f'<figure class="wide">{_scroll(chart.title, image)}{caption}</figure>'
    return f'<figure class="chart">{image}{caption}</figure>'


def _sheet(sheet: Sheet) -> str:
    head = "".join(f'<th scope="col">{_text(column)}</th>' for column in sheet.columns)
    rows = [
        f'<tr><th scope="rowgroup" colspan="{len(faces)}">{_text(name)}</th></tr>\n'
        f"<tr>{''.join(f'<td>{_face(face)}</td>' for face in faces)}</tr>"
        for name, faces in sheet.rows
    ]
    return "\n".join(
        [
            '<table class="faces">',
            f"<caption>{_text(sheet.title)}</caption>",
            f"<thead><tr>{head}</tr></thead>",
            *(f"<tbody>{row}</tbody>" for row in rows),
            "</table>",
        ]
    )


def _pair(pair: Pair) -> str:
    faces = f"{_face(pair.before)}{_face(pair.after, said=False)}"
    return f"<li><strong>{_text(pair.title)}</strong><div>{faces}</div><span>{_text(pair.said)}</span></li>"


def _face(face: Face, *, said: bool = True) -> str:
    image = f'<img src="{_uri("image/webp", face.data)}" alt="{_text(face.alt)}">'
    if not said or not face.said:
        return image
    kind = {True: "right", False: "wrong", None: "open"}[face.right]
    return f'{image}<span class="{kind}">{_text(face.said)}</span>'


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{b64encode(data).decode('ascii')}"


def _text(text: str) -> str:
    return html.escape(_together(text))


def _together(text: str) -> str:
    """A number and its unit stay in one line."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")
