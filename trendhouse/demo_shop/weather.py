"""Weather of the four regions: a yearly wave, persistent anomalies, wet and dry spells."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from trendhouse.demo_shop.columns import Floats, dates, decimals, labels, text_table
from trendhouse.demo_shop.seasons import DAYS, START_UNIX_DAY, all_days, day_of_year
from trendhouse.demo_shop.streams import stream

REGIONS = ("northeast", "midwest", "south", "west")
REGION_SHARE = np.array([0.32, 0.22, 0.28, 0.18])
_MEAN_C = np.array([11.0, 10.0, 20.0, 15.0])
_SWING_C = np.array([12.5, 14.5, 8.5, 7.0])
_WET_SHARE = np.array([0.33, 0.30, 0.31, 0.16])


@dataclass(frozen=True)
class Weather:
    """Daily weather, each array of shape (regions, DAYS)."""

    temperature_c: Floats
    humidity: Floats
    rainfall_mm: Floats

    def table(self) -> Any:
        """Return the raw table `weather_daily`."""
        regions = len(REGIONS)
        day = np.repeat(all_days(), regions)
        region = np.tile(np.arange(regions), DAYS)
        return text_table(
            {
                "date": dates(START_UNIX_DAY + day),
                "region": labels(region, REGIONS),
                "temperature_c": decimals(_tenths(self.temperature_c), 1),
                "humidity": decimals(_tenths(self.humidity), 1),
                "rainfall_mm": decimals(_tenths(self.rainfall_mm), 1),
            }
        )


def make_weather(seed: int) -> Weather:
    """Return the weather of all regions and days."""
    rng = stream(seed, "weather")
    regions = len(REGIONS)
    wave = np.cos(2 * np.pi * (day_of_year(all_days()) - 200) / 365.25)
    shocks = rng.normal(0, 2.6, (DAYS, regions))
    uniform = rng.random((DAYS, regions))
    amount = rng.gamma(0.9, 7.5, (DAYS, regions))
    noise = rng.normal(0, 6, (DAYS, regions))
    anomaly = np.zeros((DAYS, regions))
    wet = np.zeros((DAYS, regions), dtype=bool)
    for day in range(DAYS):
        before = anomaly[day - 1] if day else np.zeros(regions)
        anomaly[day] = 0.75 * before + shocks[day]
        was_wet = wet[day - 1] if day else np.zeros(regions, dtype=bool)
        wet[day] = uniform[day] < np.where(was_wet, 0.3 + 0.7 * _WET_SHARE, 0.75 * _WET_SHARE)
    temperature = _MEAN_C[:, None] + _SWING_C[:, None] * wave[None, :] + anomaly.T - 1.5 * wet.T
    rainfall = np.where(wet.T, np.maximum(0.2, amount.T), 0.0)
    humidity = np.clip(62 + 14 * wet.T - 8 * wave[None, :] + noise.T, 15, 100)
    return Weather(temperature, humidity, rainfall)


def _tenths(values: Floats) -> Any:
    return np.rint(values.T.ravel() * 10).astype(np.int64)
