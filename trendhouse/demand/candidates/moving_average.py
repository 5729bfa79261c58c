"""Moving average: the mean of the last 28 days, the same for every day ahead."""

from trendhouse.demand.column_baseline import ColumnBaseline

CANDIDATE = ColumnBaseline("moving_average", ("moving_average_units",))
