"""Time in the demo shop: the fixed range of days, weekly and yearly rhythms, shopping festivals and public holidays."""

from dataclasses import dataclass

import numpy as np

from trendhouse.demo_shop.columns import Floats, Ints

START = np.datetime64("2024-09-01")
END = np.datetime64("2026-09-30")
DAYS = int((END - START).astype(np.int64)) + 1
START_UNIX_DAY = int(START.astype(np.int64))
DAY_SECONDS = 86_400
START_SECONDS = START_UNIX_DAY * DAY_SECONDS
END_SECONDS = (START_UNIX_DAY + DAYS) * DAY_SECONDS


@dataclass(frozen=True)
class Festival:
    """A shopping festival: peak days with their strength, days of run-up before and of dip after."""

    name: str
    days: tuple[str, ...]
    run_up_days: int
    after_days: int
    lift: float
    peak: tuple[float, ...] = (1.0,)


FESTIVALS = (
    Festival("11.11", ("2024-11-11", "2025-11-11"), run_up_days=14, after_days=9, lift=3.6, peak=(1.0, 0.35)),
    Festival(
        "Black Friday",
        ("2024-11-29", "2025-11-28"),
        run_up_days=6,
        after_days=7,
        lift=3.0,
        peak=(1.0, 0.7, 0.65, 0.85),
    ),
    Festival("6.18", ("2025-06-18", "2026-06-18"), run_up_days=14, after_days=9, lift=2.9, peak=(1.0, 0.3)),
)

# Days on which people do other things than shop, with the log change of demand.
_QUIET_DAYS = {
    "2024-11-28": -0.35,
    "2024-12-24": -0.4,
    "2024-12-25": -0.9,
    "2025-01-01": -0.5,
    "2025-07-04": -0.35,
    "2025-11-27": -0.35,
    "2025-12-24": -0.4,
    "2025-12-25": -0.9,
    "2026-01-01": -0.5,
    "2026-07-04": -0.35,
}


def day_number(date: str) -> int:
    """Return the day's position in the range, 0 for the first day."""
    return int((np.datetime64(date) - START).astype(np.int64))


def all_days() -> Ints:
    """Return 0 .. DAYS - 1."""
    return np.arange(DAYS, dtype=np.int64)


def weekday(days: Ints) -> Ints:
    """Return 0 = Monday .. 6 = Sunday."""
    return (START_UNIX_DAY + days + 3) % 7


def day_of_year(days: Ints) -> Floats:
    """Return the position within the year as a phase, 0 .. 365.25, continuous over year ends."""
    # 2024-09-01 is the 245th day of its year.
    return np.asarray(np.mod(244.0 + days, 365.25), dtype=np.float64)


def festival_curve() -> Floats:
    """Return the log change of demand by festivals, for a category of strength 1, shape (DAYS,).

    Demand climbs through the run-up, jumps on the peak days and dips afterwards: purchases were brought forward.
    """
    curve = np.zeros(DAYS)
    days = all_days()
    for festival in FESTIVALS:
        height = np.log(festival.lift)
        for date in festival.days:
            first = day_number(date)
            last = first + len(festival.peak) - 1
            before = first - days
            run_up = (before > 0) & (before <= festival.run_up_days)
            curve += np.where(run_up, 0.35 * height * (1 - before / (festival.run_up_days + 1)) ** 2, 0.0)
            after = days - last
            dip = (after > 0) & (after <= festival.after_days)
            curve -= np.where(dip, 0.55 * height * (1 - after / (festival.after_days + 1)), 0.0)
            for offset, share in enumerate(festival.peak):
                if first + offset < DAYS:
                    curve[first + offset] += height * share
    return curve


def gift_curve() -> Floats:
    """Return the log change of demand by December gifts, for a category of strength 1, shape (DAYS,)."""
    curve = np.zeros(DAYS)
    days = all_days()
    for christmas in (day_number("2024-12-25"), day_number("2025-12-25")):
        before = christmas - days
        curve += np.where((before >= 4) & (before <= 30), 1 - (before - 4) / 27, 0.0)
        curve += np.where((before >= -12) & (before < 2), -0.35, 0.0)
    return curve


def quiet_curve() -> Floats:
    """Return the log change of demand on public holidays, shape (DAYS,)."""
    curve = np.zeros(DAYS)
    for date, change in _QUIET_DAYS.items():
        curve[day_number(date)] = change
    return curve


def weekly_curve(weekend: float) -> Floats:
    """Return the log change of demand over the week, shape (DAYS,); `weekend` < 0 sells on workdays."""
    workday = np.array([0.06, 0.02, 0.0, -0.02, -0.05, 0.0, 0.04])
    shape = np.array([-0.25, -0.3, -0.25, -0.1, 0.15, 0.45, 0.5])
    return np.asarray((workday + weekend * shape)[weekday(all_days())], dtype=np.float64)


def yearly_curve(amplitude: float, peak_day: float) -> Floats:
    """Return the log change of demand over the year: a wave of that amplitude with its top at that day of the year."""
    return np.asarray(amplitude * np.cos(2 * np.pi * (day_of_year(all_days()) - peak_day) / 365.25), dtype=np.float64)
