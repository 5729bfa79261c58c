"""From contributions to reason codes: how much each feature moved a prediction, in its own unit and in a sentence."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def units_of_factors(log_factors: Floats, start: Floats) -> Floats:
    """Split the change from `start` (rows,) to start x exp(sum of log factors) over the factors (rows, factors), in units.

    Each factor gets its share of the log change times the logarithmic mean of start and end (log-mean Divisia index, Ang 2004):
    the parts of a row sum to end - start, and a factor of 1 gets 0.
    """
    total = log_factors.sum(axis=1)
    # (end - start) / log(end / start), which tends to start where nothing changes.
    scale = np.where(np.abs(total) < 1e-9, start, start * np.expm1(total) / np.where(total == 0, 1.0, total))
    return np.asarray(log_factors * scale[:, None], dtype=np.float64)


def top_reasons(contributions: Floats, count: int, least: float) -> NDArray[np.int64]:
    """Positions of the `count` largest contributions (features,) by size, largest first; those smaller than `least` are no reasons."""
    order = np.argsort(-np.abs(contributions), kind="stable")[:count]
    return np.asarray([index for index in order if abs(contributions[index]) >= least], dtype=np.int64)


def sentence(amount: float, unit: str, phrase: str, value: Any, on: date | None = None) -> str:
    """A reason in words: "+3.1 units: campaign discount 20% on 11 Nov".

    `phrase` names the feature, `value` is already text or a plain value, `on` the day it speaks of.
    """
    words = " ".join(part for part in (phrase, "" if value is None else str(value)) if part)
    day = f" on {day_text(on)}" if on is not None else ""
    return f"{amount:+.1f} {unit}: {words}{day}"


def amount_text(amount: float) -> str:
    """A signed amount: one decimal below ten, none above; never -0.0."""
    rounded = round(amount, 1 if abs(amount) < 10 else 0)
    return f"{rounded + 0.0:+.1f}" if abs(amount) < 10 else f"{rounded:+,.0f}"


def day_text(day: date) -> str:
    """A day as a reader says it: 11 Nov."""
    return f"{day.day} {day:%b}"


def value_text(feature: str, value: Any) -> str:
    """A feature's value as a reader writes it, by what its name says of its unit: rates and shares as %, booleans as yes and no."""
    if value is None or value != value:
        return "unknown"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    number = float(value)
    if re.search(r"_(rate|share)(_[0-9]+d)?$", feature):
        return f"{100 * number:.0f}%"
    if number == round(number) and abs(number) < 1e9:
        return f"{number:.0f}"
    return f"{number:.2f}"


def phrase_of(feature: str, phrases: Mapping[str, str]) -> str:
    """The phrase that a table of phrases has for a feature; else its name, spelled out: views_28d is "views, last 28 days"."""
    if feature in phrases:
        return phrases[feature]
    name = feature.removeprefix("is_").removeprefix("has_").removesuffix("_rate").removesuffix("_amount")
    window = re.search(r"_([0-9]+)d(?=_|$)", name)
    if window:
        name = name.replace(window.group(0), "").removesuffix("_rate")
    plain = name.replace("_", " ")
    return f"{plain}, last {window.group(1)} days" if window else plain
