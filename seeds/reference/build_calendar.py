"""Write the two calendar seeds: public holidays (by the `holidays` package), shopping festivals (by the rules below).

Run `python seeds/reference/build_calendar.py` after raising the version of `holidays` or changing a rule, and commit
the CSV files that it writes.
"""

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import holidays

FIRST_YEAR = 2009
LAST_YEAR = 2035
COUNTRIES = ("US", "GB", "CN", "DE", "FR", "JP", "IN", "BR", "AU", "CA")
EVERYWHERE = "ALL"

# Where Mother's Day is the second Sunday of May. Britain's follows Easter, France's has a rule of its own.
SECOND_SUNDAY_OF_MAY = ("US", "CN", "DE", "JP", "IN", "BR", "AU", "CA")
# (month, day) near which school starts; families buy in the weeks before.
SCHOOL_START = {
    "US": (9, 1),
    "CA": (9, 1),
    "GB": (9, 1),
    "FR": (9, 1),
    "DE": (9, 1),
    "CN": (9, 1),
    "JP": (4, 6),
    "IN": (6, 15),
    "AU": (1, 28),
    "BR": (2, 1),
}


def nth_weekday(year: int, month: int, weekday: int, n: int) -> date:
    """Return the n-th (from 1) given weekday (Monday is 0) of a month."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (the anonymous algorithm of 1876, as in Meeus)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return date(year, month, day + 1)


def french_mothers_day(year: int) -> date:
    """Return the last Sunday of May, or the first of June when Pentecost takes the former."""
    last_of_may = date(year, 5, 31)
    sunday = last_of_may - timedelta(days=(last_of_may.weekday() + 1) % 7)
    return sunday + timedelta(days=7) if sunday == easter(year) + timedelta(days=49) else sunday


def named_day(country: str, year: int, name: str) -> date:
    """Return the first day of a year that the `holidays` package gives a name with these words."""
    calendar = holidays.country_holidays(country, years=year, observed=False, language="en_US")
    return min(day for day, text in calendar.items() if name in text)


def festivals_of(year: int) -> Iterator[tuple[date, str, str, int, int]]:
    """Yield (date, country, name, run-up days, after days) of one year's shopping festivals."""
    black_friday = nth_weekday(year, 11, 3, 4) + timedelta(days=1)
    yield date(year, 1, 1), EVERYWHERE, "New Year", 3, 7
    yield date(year, 2, 14), EVERYWHERE, "Valentine's Day", 14, 3
    yield date(year, 6, 18), EVERYWHERE, "6.18", 17, 7
    yield date(year, 10, 31), EVERYWHERE, "Halloween", 14, 3
    yield date(year, 11, 11), EVERYWHERE, "Singles' Day", 21, 10
    yield black_friday, EVERYWHERE, "Black Friday", 10, 2
    yield black_friday + timedelta(days=3), EVERYWHERE, "Cyber Monday", 2, 10
    yield date(year, 12, 12), EVERYWHERE, "12.12", 7, 3
    yield date(year, 12, 25), EVERYWHERE, "Christmas", 21, 6
    for country in SECOND_SUNDAY_OF_MAY:
        yield nth_weekday(year, 5, 6, 2), country, "Mother's Day", 14, 3
    yield easter(year) - timedelta(days=21), "GB", "Mother's Day", 14, 3
    yield french_mothers_day(year), "FR", "Mother's Day", 14, 3
    for country in ("US", "GB", "CN", "FR", "JP", "IN", "CA"):
        yield nth_weekday(year, 6, 6, 3), country, "Father's Day", 10, 3
    yield nth_weekday(year, 8, 6, 2), "BR", "Father's Day", 10, 3
    yield nth_weekday(year, 9, 6, 1), "AU", "Father's Day", 10, 3
    for country, (month, day) in SCHOOL_START.items():
        yield date(year, month, day), country, "Back to school", 28, 7
    for country in ("US", "GB", "DE", "FR", "BR", "AU", "CA"):
        yield easter(year), country, "Easter", 14, 3
    for country in ("GB", "AU", "CA"):
        yield date(year, 12, 26), country, "Boxing Day", 1, 5
    yield named_day("CN", year, "Chinese New Year (Spring Festival)"), "CN", "Chinese New Year", 21, 10
    yield named_day("IN", year, "Diwali"), "IN", "Diwali", 21, 7


def shopping_festivals() -> str:
    """Return the festivals as CSV text, sorted by date, country and name."""
    rows = sorted(row for year in range(FIRST_YEAR, LAST_YEAR + 1) for row in festivals_of(year))
    header = ("festival_date", "country_code", "festival_name", "run_up_days", "after_days")
    return as_csv(header, [(day.isoformat(), *rest) for day, *rest in rows])


def public_holidays() -> str:
    """Return the public holidays as CSV text: nation-wide, days off in lieu included, by country and date."""
    rows = []
    for country in COUNTRIES:
        years = range(FIRST_YEAR, LAST_YEAR + 1)
        calendar = holidays.country_holidays(country, years=years, language="en_US")
        rows += [(country, day.isoformat(), name) for day, name in sorted(calendar.items()) if day.year in years]
    return as_csv(("country_code", "holiday_date", "holiday_name"), rows)


def as_csv(header: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    """Return rows as CSV text with Unix line ends."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def build() -> dict[str, str]:
    """Return the text of every calendar seed by file name."""
    return {"public_holidays.csv": public_holidays(), "shopping_festivals.csv": shopping_festivals()}


def main() -> None:
    """Write the seeds beside this file."""
    for name, text in build().items():
        (Path(__file__).parent / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
