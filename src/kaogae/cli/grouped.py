"""Groups of commands whose name alone is a command too: `kaogae train small` beside `kaogae train plot`."""

from typing import Any

from typer.core import TyperCommand, TyperGroup


def first(word: str) -> type[TyperGroup]:
    """A group in which every word that isn't a command's name is the first argument of the command `word`."""

    class First(TyperGroup):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            return super().parse_args(ctx, args if args and args[0] in self.commands else [word, *args])

    return First


class Nameless(TyperCommand):
    """The command that `first` names. Its usage names its first argument once."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return super().collect_usage_pieces(ctx)[:1]
