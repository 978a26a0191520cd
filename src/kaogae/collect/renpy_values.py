"""Numbers, texts and lists in Ren'Py scripts, as far as they are literals, or constants and sums of those."""

import ast

from kaogae.collect.renpy_places import DYNAMIC, UnclearError, number
from kaogae.collect.renpy_script import parse

DEEPEST = 24
"""Images within images within images; likewise values."""

MOST_STEPS = 3000
"""Expressions looked at for one image: enough for honest ones, an end for those that double at every step."""


class Values:
    """Reads values of one project."""

    def __init__(self, constants: dict[str, str]) -> None:
        """`constants`: names and the expressions behind them."""
        self.steps = 0
        """Set this back to 0 for every image."""
        self._constants = constants
        self._known: dict[str, object] = {}

    def read(self, expression: str) -> object:
        """The number, text, tuple (lists too) or None that an expression stands for.

        Raises:
            UnclearError: only the running game knows.
        """
        tree = parse(expression)
        if tree is None:
            raise UnclearError(DYNAMIC)
        return self.of(tree, 0)

    def count(self, depth: int) -> None:
        """Raises UnclearError if this goes too deep or takes too long."""
        self.steps += 1
        if depth > DEEPEST:
            raise UnclearError("nested too deep")
        if self.steps > MOST_STEPS:
            raise UnclearError("too many layers")

    def of(self, tree: ast.expr, depth: int) -> object:
        """As `read`, of a syntax tree at a depth."""
        self.count(depth)
        match tree:
            case ast.Constant(value=str() | int() | float() | None as value):
                return value if isinstance(value, str) or value is None else number(value)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return tuple(self.of(part, depth + 1) for part in parts)
            case ast.UnaryOp(op=ast.USub(), operand=part):
                return -number(self.of(part, depth + 1))
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div()):
                return self._sum(tree, depth + 1)
            case ast.Name() | ast.Attribute():
                return self._constant(dotted(tree), depth + 1)
            case _:
                raise UnclearError(DYNAMIC)

    def _sum(self, tree: ast.BinOp, depth: int) -> object:
        left, right = self.of(tree.left, depth), self.of(tree.right, depth)
        if isinstance(left, str) and isinstance(right, str) and isinstance(tree.op, ast.Add):
            if len(left) + len(right) > 1000:
                raise UnclearError(DYNAMIC)
            return left + right
        a, b = number(left), number(right)
        match tree.op:
            case ast.Add():
                return number(a + b)
            case ast.Sub():
                return number(a - b)
            case ast.Mult():
                return number(a * b)
            case _ if b:
                return number(a / b)
            case _:
                raise UnclearError(DYNAMIC)

    def _constant(self, name: str, depth: int) -> object:
        if name not in self._known:
            tree = parse(self._constants.get(name, ""))
            if tree is None:
                raise UnclearError(DYNAMIC)
            self._known[name] = self.of(tree, depth)
        return self._known[name]


def dotted(tree: ast.expr) -> str:
    """A name as it is written: gui.left_margin."""
    parts: list[str] = []
    while isinstance(tree, ast.Attribute):
        parts.append(tree.attr)
        tree = tree.value
    return ".".join([tree.id if isinstance(tree, ast.Name) else "?", *reversed(parts)])
