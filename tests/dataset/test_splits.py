"""What belongs together stays together, in whatever order it comes."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaogae.dataset.splits import Shares, assign, groups
from kaogae.errors import ManifestError
from kaogae.expressions import EXPRESSIONS, Expression

FACES = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=60)


@given(FACES, st.randoms())
def test_groups_are_the_connected_parts(faces, dice):
    names, pictures = [f"c{name}" for name, _ in faces], [f"c{picture}" for _, picture in faces]
    found = groups(names, pictures)
    # The slow way: join until nothing changes
    slow = list(range(len(faces)))
    for _ in faces:
        for i in range(len(faces)):
            for j in range(i):
                if names[i] == names[j] or pictures[i] == pictures[j]:
                    slow[i] = slow[j] = min(slow[i], slow[j])
    members = defaultdict(set)
    for part, name in zip(slow, names, strict=True):
        members[part].add(name)
    assert found == [min(members[part]) for part in slow]
    order = list(range(len(faces)))
    dice.shuffle(order)
    assert groups([names[i] for i in order], [pictures[i] for i in order]) == [found[i] for i in order]


def test_a_hundred_thousand_faces_in_one_chain_are_grouped_soon():
    count = 100_000
    names = [f"c{i // 2}" for i in range(count)]
    assert len(set(groups(names, [f"p{(i + 1) // 2}" for i in range(count)]))) == 1


@given(st.lists(st.integers(1, 6), min_size=60, max_size=120), st.integers(0, 9))
def test_groups_of_all_sizes_fill_every_split(sizes, seed):
    names = [f"c{group}" for group, size in enumerate(sizes) for _ in range(size)]
    labels = [EXPRESSIONS[group % 2] for group, size in enumerate(sizes) for _ in range(size)]
    splits = assign(names, labels, Shares(), seed=seed)
    for label in EXPRESSIONS[:2]:
        got = [split for split, each in zip(splits, labels, strict=True) if each is label]
        for split in ("validation", "test"):
            assert abs(got.count(split) - 0.1 * len(got)) <= 6


def test_given_splits_stay_and_the_others_are_divided_around_them():
    names = [f"c{i}" for i in range(100)]
    labels = [EXPRESSIONS[i % 5] for i in range(100)]
    given_splits = ["test" if i < 10 else None for i in range(100)]
    splits = assign(names, labels, Shares(), given=given_splits)
    assert splits[:10] == ["test"] * 10
    assert splits.count("test") <= 15
    assert splits.count("validation") == 10


def test_a_group_goes_where_one_of_its_faces_was():
    splits = assign(["a", "a"], [Expression.SAD] * 2, Shares(), given=[None, "validation"])
    assert splits == ["validation", "validation"]


def test_a_group_in_two_splits_is_named():
    with pytest.raises(ManifestError, match="'a' would be in the splits train and test"):
        assign(["a", "a"], [Expression.SAD] * 2, Shares(), given=["train", "test"])
