"""Alarms on rows that were made up to be ill, and none on rows of runs that went well."""

import json
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kaogae.train import load_settings
from kaogae.train.config import TrainConfig
from kaogae.train.watch import Alarm, Watch

Row = dict[str, float]
Illness = Callable[[Row, float], Row]
"""What becomes of a healthy row at this share of the run."""

LONG = load_settings("paper")
SHORT = replace(LONG, iterations=4000, log_every=10, samples_every=100)


def healthy(config: TrainConfig) -> Iterator[Row]:
    """Rows as a run of the paper's presets leaves them: noisy, with outliers, with a drifting critic."""
    dice = random.Random(0)
    for iteration in range(config.log_every, config.iterations + 1, config.log_every):
        share = iteration / config.iterations
        noise = dice.gauss(0, 1)
        row: Row = {
            "iteration": iteration,
            "d_adversarial": 60 * math.exp(-40 * share) + 8 + 2 * noise,
            "d_classes": 1.6 * math.exp(-4 * share) + 0.1 + 0.1 * abs(noise),
            "d_penalty": 0.3 + 4 * math.exp(-100 * share) + (500 if dice.random() < 0.01 else 0),
            "g_adversarial": 30 * math.sin(20 * share) + 5 * noise,
            "g_classes": 1.6 * math.exp(-3 * share) + 0.05 * abs(noise),
            "g_reconstruction": 0.4 * math.exp(-3 * share) + 0.1,
        }
        if iteration % config.samples_every == 0:
            row |= {"spread": 0.08 * share, "change": 0.3}
        yield row


def alarms(config: TrainConfig, illness: Illness) -> list[Alarm]:
    watch = Watch(config)
    return [
        alarm
        for row in healthy(config)
        for alarm in watch.see(illness(row, row["iteration"] / config.iterations))
    ]


def after(share: float, **values: float) -> Illness:
    return lambda row, now: row | {k: v for k, v in values.items() if k in row} if now > share else row


def lead(row: Row, share: float) -> Row:
    """A critic that gets away from a generator that only gets worse."""
    further = math.exp(8 * max(0.0, share - 0.5))
    return row | {
        "d_adversarial": row["d_adversarial"] * further,
        "g_adversarial": row["g_adversarial"] / 10 + 10 * further,
    }


@pytest.mark.parametrize("config", [LONG, SHORT], ids=["long", "short"])
@pytest.mark.parametrize(
    ("illness", "kind", "collapse", "advice"),
    [
        (after(0.5, d_classes=0.0004, g_classes=0.0001), "classes", True, "optimiser.discriminator_rate"),
        (after(0.5, spread=0.0008, change=0.3), "modes", True, "same, whichever expression"),
        (after(0.5, spread=0.0002, change=0.0004), "modes", True, "gives back its input"),
        (after(0.5, d_penalty=300.0), "penalty", False, "optimiser.discriminator_rate"),
        (lead, "discriminator", False, "optimiser.n_critic"),
    ],
    ids=["classes", "modes", "copies", "penalty", "discriminator"],
)
def test_each_failure_is_noticed_once_and_soon(
    config: TrainConfig, illness: Illness, kind: str, collapse: bool, advice: str
) -> None:
    (alarm,) = alarms(config, illness)
    assert (alarm.kind, alarm.collapse) == (kind, collapse)
    assert advice in alarm.sentence
    assert 0.5 < alarm.iteration / config.iterations <= (0.9 if kind == "discriminator" else 0.6)


@pytest.mark.parametrize("preset", ["baseline", "paper", "small"])
def test_the_paper_s_cure_is_advised_where_it_is_another(preset: str) -> None:
    config = replace(SHORT, generator=load_settings(preset).generator)
    (alarm,) = alarms(config, after(0.5, d_classes=0.0004, g_classes=0.0001))
    assert ("preset paper" in alarm.sentence) == (preset == "baseline")


@pytest.mark.parametrize("config", [LONG, SHORT], ids=["long", "short"])
def test_a_healthy_run_gives_no_alarm(config: TrainConfig) -> None:
    assert alarms(config, lambda row, _: row) == []


@pytest.mark.parametrize(
    "illness",
    [
        after(0.5, d_classes=0.0004),  # D knows the real faces by heart: so do all in the end
        after(0.5, g_classes=0.0004),
        lambda row, share: row | {"d_adversarial": 2 + 100 * share},  # while G gets no worse
        lambda row, share: row | {"g_adversarial": 1000 * share},  # nothing holds its level
        lambda row, share: row | {"spread": 0.0, "change": 0.0} if "spread" in row and share < 0.1 else row,
    ],
    ids=["d-classes", "g-classes", "distance", "level", "beginning"],
)
def test_half_of_a_failure_is_none(illness: Illness) -> None:
    assert alarms(LONG, illness) == []


def test_losses_that_explode_at_once_are_noticed_within_five_rows() -> None:
    watch, config = Watch(LONG), LONG
    rows = [{"iteration": config.log_every * i, "d_penalty": 10.0**i} for i in range(1, 10)]
    (alarm,) = [alarm for row in rows for alarm in watch.see(row)]
    assert (alarm.kind, alarm.iteration) == ("penalty", 800)  # 1e4 to 1e8


def test_what_cleared_and_comes_back_is_said_again() -> None:
    def twice(row: Row, share: float) -> Row:
        ill = 0.2 < share < 0.4 or share > 0.7
        return row | {"d_classes": 0.0001, "g_classes": 0.0001} if ill else row

    first, second = alarms(LONG, twice)
    assert first.iteration < 0.4 * LONG.iterations
    assert second.iteration > 0.7 * LONG.iterations


def test_a_run_of_seconds_gives_no_alarm_however_it_begins() -> None:
    watch, config = Watch(load_settings("smoke")), load_settings("smoke")
    row = {"d_classes": 0.0, "g_classes": 0.0, "d_penalty": 900.0, "spread": 0.0, "change": 0.0}
    row |= {"d_adversarial": 1.0, "g_adversarial": 1.0}
    for iteration in range(1, config.iterations + 1):
        assert watch.see(row | {"iteration": iteration, "d_adversarial": 9.0**iteration}) == []


@pytest.mark.parametrize("name", ["baseline", "small"])
def test_real_runs_that_went_well_gave_no_alarm(name: str) -> None:
    first, *lines = (Path(__file__).parent / "runs" / f"{name}.jsonl").read_text("utf-8").splitlines()
    watch = Watch(load_settings(name, json.loads(first)))
    rows = [json.loads(line) for line in lines]
    assert len(rows) > 100
    assert [alarm for row in rows for alarm in watch.see(row)] == []


def test_the_same_real_run_with_dead_class_losses_gives_one() -> None:
    first, *lines = (Path(__file__).parent / "runs" / "baseline.jsonl").read_text("utf-8").splitlines()
    watch = Watch(load_settings("baseline", json.loads(first)))
    rows = [json.loads(line) | {"d_classes": 0.001, "g_classes": 0.0} for line in lines]
    assert [alarm.kind for row in rows for alarm in watch.see(row)] == ["classes"]
