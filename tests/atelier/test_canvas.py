import re

from kaogae.atelier.canvas import Canvas


def test_layers_keep_their_definitions_apart() -> None:
    layer = Canvas.layer()
    layer.path("M0,0H1V1Z", layer.linear((0, 0), (0, 1), (0, "#ff0000", 1), (1, "#0000ff", 1)))
    canvas = Canvas()
    canvas.clip("M0,0H1V1Z")
    canvas.add(layer)
    canvas.add(layer)
    document = canvas.svg((0, 0, 1, 1))
    names = re.findall(r' id="(\w+)"', document)
    used = re.findall(r"url\(#(\w+)\)", document)
    assert len(names) == len(set(names)) == 3
    assert len(set(used)) == 2
    assert set(used) < set(names)


def test_a_thin_line_and_no_fill_is_a_stroke() -> None:
    canvas = Canvas()
    canvas.path("M0,0L1,1", line="#000000", width=0.01, opacity="0.5")
    assert 'fill="none"' in canvas.elements[0]
    assert 'stroke-width="0.0100"' in canvas.elements[0]
