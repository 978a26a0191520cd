"""Which split a character belongs to: all of its faces go to one, and every expression gets its share."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from kaogae.dataset.paths import sha256
from kaogae.errors import ConfigError, ManifestError
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


def groups(names: Sequence[str], pictures: Sequence[str]) -> list[str]:
    """What must not be divided: faces with a name or a picture in common, directly or through other faces.

    Args:
        names: of each face, its character or source.
        pictures: of each face, the picture that it was found in.

    Returns:
        For each face the first name, by the alphabet, of those in its group.
    """
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(node: tuple[str, str]) -> tuple[str, str]:
        while (above := parent.setdefault(node, node)) != node:
            parent[node] = parent.setdefault(above, above)  # shortens the way for the next time
            node = parent[node]
        return node

    for name, picture in zip(names, pictures, strict=True):
        # "name" sorts before "picture", so the root of a group is always a name, and the first one
        low, high = sorted((root(("name", name)), root(("picture", picture))))
        parent[high] = low
    return [root(("name", name))[1] for name in names]


def assign(
    groups: Sequence[str],
    expressions: Sequence[Expression],
    shares: Shares,
    *,
    seed: int = 0,
    given: Sequence[str | None] | None = None,
) -> list[str]:
    """The split of each face.

    Groups come in the order of a hash over `seed` and their name, and each goes where the expressions that it
    holds are missing most. The same faces and seed give the same splits, in whatever order they come.

    Args:
        groups: the character (or source) of each face: never divided between splits.
        expressions: the label of each face.
        given: the split of the faces that have one already, None for the others. A group with such a face
            goes there whole.

    Returns:
        For each face a name of `SPLITS`. A single group is all `train`.

    Raises:
        ManifestError: a group was given two splits.
    """
    held: defaultdict[str, Counter[Expression]] = defaultdict(Counter)
    for group, expression in zip(groups, expressions, strict=True):
        held[group][expression] += 1
    total = Counter(expressions)
    wanted = {split: share for split, share in shares.by_split().items() if share > 0}
    filled = {split: Counter[Expression]() for split in SPLITS}
    chosen = _given(groups, given) if given is not None else {}
    for group, split in chosen.items():
        filled[split] += held[group]
    for group in sorted(held.keys() - chosen.keys(), key=lambda name: sha256(f"{seed}:{name}".encode())):
        content = held[group]

        def excess(split: str, content: Counter[Expression] = content) -> float:
            """How full the split is when half the group is in it, weighted by what the group holds.

            Half, as in Sainte-Laguë's method: with the whole, large groups would all go to train.
            """
            full = (
                count * (filled[split][e] + count / 2) / (wanted[split] * total[e])
                for e, count in content.items()
            )
            return sum(full)

        split = min(wanted, key=lambda name: (excess(name), SPLITS.index(name)))
        chosen[group] = split
        filled[split] += content
    return [chosen[group] for group in groups]


def _given(groups: Sequence[str], given: Sequence[str | None]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for group, split in zip(groups, given, strict=True):
        if split is not None and chosen.setdefault(group, split) != split:
            raise ManifestError(
                f"'{group}' would be in the splits {chosen[group]} and {split}: a character or picture can "
                "only be in one; let new splits be made (--new-splits)."
            )
    return chosen
