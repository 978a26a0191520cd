"""Which split a character belongs to: all of its faces go to one, and every expression gets its share."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from kaogae.dataset.paths import sha256
from kaogae.errors import ConfigError
from kaogae.expressions import Expression

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Shares:
    """Share of the faces that each split should get; `train` gets the rest."""

    validation: float = 0.1
    test: float = 0.1

    def __post_init__(self) -> None:
        if not (0 <= self.validation < 1 and 0 <= self.test < 1 and self.validation + self.test < 1):
            raise ConfigError(
                f"The shares of validation ({self.validation}) and test ({self.test}) must be 0 or more "
                "and leave something to train on."
            )

    def by_split(self) -> dict[str, float]:
        """Share of every split; they add up to 1."""
        validation, test = astuple(self)
        return dict(zip(SPLITS, (1 - validation - test, validation, test), strict=True))


def assign(
    groups: Sequence[str], expressions: Sequence[Expression], shares: Shares, *, seed: int = 0
) -> list[str]:
    """The split of each face.

    Groups come in the order of a hash over `seed` and their name, and each goes where the expressions that it
    holds are missing most. The same faces and seed give the same splits, in whatever order they come.

    Args:
        groups: the character (or source) of each face: never divided between splits.
        expressions: the label of each face.

    Returns:
        For each face a name of `SPLITS`. A single group is all `train`.
    """
    held: defaultdict[str, Counter[Expression]] = defaultdict(Counter)
    for group, expression in zip(groups, expressions, strict=True):
        held[group][expression] += 1
    total = Counter(expressions)
    wanted = {split: share for split, share in shares.by_split().items() if share > 0}
    filled = {split: Counter[Expression]() for split in wanted}
    chosen: dict[str, str] = {}
    for group in sorted(held, key=lambda name: sha256(f"{seed}:{name}".encode())):
        content = held[group]

        def excess(split: str, content: Counter[Expression] = content) -> float:
            """How full the split would be, weighted by what the group holds: 1 is its whole share."""
            full = (
                count * (filled[split][e] + count) / (wanted[split] * total[e])
                for e, count in content.items()
            )
            return sum(full)

        split = min(wanted, key=lambda name: (excess(name), SPLITS.index(name)))
        chosen[group] = split
        filled[split] += content
    return [chosen[group] for group in groups]
