"""Base level: what the other candidates start from, by itself. In the warehouse the recent level, in a panel the average of rules of thumb."""

from trendhouse.demand.column_baseline import ColumnBaseline

CANDIDATE = ColumnBaseline("base_level", ("base_units", "moving_average_units"))
