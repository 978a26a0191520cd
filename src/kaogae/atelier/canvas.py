"""Collects SVG elements and definitions; knows nothing of faces."""

from dataclasses import dataclass, field

_PLACE = "§"  # stands in a layer's names for what tells canvases apart
_UNITS = 'gradientUnits="userSpaceOnUse"'


@dataclass
class Canvas:
    """Elements in drawing order, and the gradients and clip paths that they name."""

    elements: list[str] = field(default_factory=list[str])
    definitions: list[str] = field(default_factory=list[str])
    prefix: str = ""
    """Of the names of definitions."""

    def path(
        self,
        data: str,
        fill: str = "none",
        *,
        line: str | None = None,
        width: float = 0.0,
        **attributes: object,
    ) -> None:
        """A shape with an optional outline. Further attributes go in as they are, `_` for `-`."""
        if "opacity" in attributes and not (line and width > 0):
            # the same without a layer, three times as fast
            attributes["fill_opacity"] = attributes.pop("opacity")
        extra = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
        if line and width > 0:
            extra += (
                f' stroke="{line}" stroke-width="{width:.4f}" stroke-linejoin="round" stroke-linecap="round"'
            )
        self.elements.append(f'<path d="{data}" fill="{fill}"{extra}/>')

    def open(self, **attributes: object) -> None:
        """Begin a group, for instance `open(clip_path=canvas.clip(outline))`."""
        extra = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
        self.elements.append(f"<g{extra}>")

    def close(self) -> None:
        """End the innermost group."""
        self.elements.append("</g>")

    def define(self, element: str, kind: str) -> str:
        """Add a definition whose text has `{id}` in it; returns `url(#id)`."""
        name = f"{self.prefix}{kind}{len(self.definitions)}"
        self.definitions.append(element.replace("{id}", name))
        return f"url(#{name})"

    @classmethod
    def layer(cls) -> "Canvas":
        """A canvas to draw on once and `add` to others often."""
        return cls(prefix=_PLACE)

    def add(self, layer: "Canvas") -> None:
        """Everything on `layer`, its definitions renamed so that they are this canvas's own."""
        prefix = f"{self.prefix}in{len(self.definitions)}"
        self.elements.append("".join(layer.elements).replace(_PLACE, prefix))
        self.definitions.extend(text.replace(_PLACE, prefix) for text in layer.definitions)

    def clip(self, data: str) -> str:
        """A clip path."""
        return self.define(f'<clipPath id="{{id}}"><path d="{data}"/></clipPath>', "clip")

    def linear(
        self, start: tuple[float, float], end: tuple[float, float], *stops: tuple[float, str, float]
    ) -> str:
        """A linear gradient from `start` to `end`; stops are (offset, colour, opacity)."""
        (x1, y1), (x2, y2) = start, end
        where = f'x1="{x1:.4f}" y1="{y1:.4f}" x2="{x2:.4f}" y2="{y2:.4f}"'
        return self.define(
            f'<linearGradient id="{{id}}" {_UNITS} {where}>{_stops(stops)}</linearGradient>',
            "linear",
        )

    def radial(self, centre: tuple[float, float], radius: float, *stops: tuple[float, str, float]) -> str:
        """A radial gradient; stops are (offset, colour, opacity)."""
        where = f'cx="{centre[0]:.4f}" cy="{centre[1]:.4f}" r="{radius:.4f}"'
        return self.define(
            f'<radialGradient id="{{id}}" {_UNITS} {where}>{_stops(stops)}</radialGradient>',
            "radial",
        )

    def svg(self, view: tuple[float, float, float, float]) -> str:
        """The whole document; `view` is (left, top, width, height) in the drawing's units."""
        box = " ".join(f"{value:.4f}" for value in view)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" preserveAspectRatio="none">'
            f"<defs>{''.join(self.definitions)}</defs>{''.join(self.elements)}</svg>"
        )


def _stops(stops: tuple[tuple[float, str, float], ...]) -> str:
    return "".join(
        f'<stop offset="{at}" stop-color="{colour}" stop-opacity="{opacity}"/>'
        for at, colour, opacity in stops
    )
