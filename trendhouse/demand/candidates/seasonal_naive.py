"""Seasonal naive: what sold on the last same weekday that is known; the mean of the last 28 days where that is not."""

from trendhouse.demand.column_baseline import ColumnBaseline

CANDIDATE = ColumnBaseline("seasonal_naive", ("seasonal_naive_units", "moving_average_units"))
