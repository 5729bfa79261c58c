"""The calendar seeds: what the builder writes is what is committed, and the days are the right ones."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from types import ModuleType

import pytest
from conftest import ROOT, load_module

FOLDER = ROOT / "seeds" / "reference"


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    return load_module(FOLDER / "build_calendar.py")


@pytest.fixture(scope="module")
def festivals() -> list[dict[str, str]]:
    with (FOLDER / "shopping_festivals.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_committed_seeds_are_what_the_builder_writes(builder: ModuleType) -> None:
    for name, text in builder.build().items():
        assert (FOLDER / name).read_bytes() == text.encode(), (
            f"run seeds/reference/build_calendar.py: {name} has changed"
        )
        assert len(text) < 300_000


# Days from public calendars, by hand.
@pytest.mark.parametrize(
    ("country", "name", "day"),
    [
        ("ALL", "Singles' Day", "2024-11-11"),
        ("ALL", "6.18", "2025-06-18"),
        ("ALL", "Black Friday", "2019-11-29"),
        ("ALL", "Black Friday", "2024-11-29"),
        ("ALL", "Cyber Monday", "2019-12-02"),
        ("US", "Mother's Day", "2024-05-12"),
        ("GB", "Mother's Day", "2024-03-10"),
        ("FR", "Mother's Day", "2024-05-26"),
        ("FR", "Mother's Day", "2020-06-07"),
        ("AU", "Father's Day", "2024-09-01"),
        ("CN", "Chinese New Year", "2026-02-17"),
        ("IN", "Diwali", "2023-11-12"),
        ("US", "Easter", "2019-04-21"),
        ("DE", "Easter", "2038-04-25"),
        ("DE", "Easter", "2011-04-24"),
    ],
)
def test_festivals_fall_on_their_days(
    builder: ModuleType, festivals: list[dict[str, str]], country: str, name: str, day: str
) -> None:
    if int(day[:4]) > builder.LAST_YEAR:
        assert builder.easter(int(day[:4])).isoformat() == day
        return
    assert day in [
        row["festival_date"] for row in festivals if row["country_code"] == country and row["festival_name"] == name
    ]


def test_a_festival_comes_once_a_year_and_its_window_ends_before_its_next(festivals: list[dict[str, str]]) -> None:
    ends: dict[tuple[str, str], date] = {}
    for row in festivals:
        key, day = (row["country_code"], row["festival_name"]), date.fromisoformat(row["festival_date"])
        assert day - timedelta(days=int(row["run_up_days"])) > ends.get(key, date.min)
        ends[key] = day + timedelta(days=int(row["after_days"]))
