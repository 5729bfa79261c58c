import pyarrow as pa

from trendhouse import warehouse
from trendhouse.demand.history import WEEK_COLUMNS, from_weeks
from trendhouse.demand.scores import SCORES_SCHEMA, Scorer


def model(dbt, session):
    """Forecasts of the current as-of date by the champion."""
    features = dbt.ref("feat_demand_horizons")
    weeks = dbt.ref("feat_demand_weeks")
    fits = dbt.ref("ml_demand__fits")
    ensembles = dbt.ref("ml_demand__ensembles")
    standings = dbt.ref("ml_demand__standings")
    backtest = dbt.ref("ml_demand__backtest")

    as_of_date = warehouse.maximum(features, "as_of_date")
    if as_of_date is None:
        return SCORES_SCHEMA.empty_table()
    champion = warehouse.values(standings, "fit_id", where="is_champion")
    of_training = warehouse.is_one_of("fit_key", warehouse.values(standings, "fit_key", where="is_champion"))
    training = pa.concat_tables(warehouse.to_arrow(table, where=of_training) for table in (fits, ensembles))
    tested = warehouse.to_arrow(backtest, where=warehouse.is_one_of("fit_id", champion))
    history = from_weeks(warehouse.to_arrow(weeks, WEEK_COLUMNS))
    scorer = Scorer.of_champion(next(iter(champion), None), training, tested, history)
    return warehouse.map_batches(
        features, scorer.score, SCORES_SCHEMA, where=warehouse.equals("as_of_date", as_of_date)
    )
