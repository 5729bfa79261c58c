from trendhouse import warehouse
from trendhouse.demand.scores import SCORES_SCHEMA, Scorer


def model(dbt, session):
    """Forecasts of the current as-of date by the champion."""
    features = dbt.ref("feat_demand_horizons")
    fits = dbt.ref("ml_demand__fits")
    standings = dbt.ref("ml_demand__standings")
    backtest = dbt.ref("ml_demand__backtest")

    as_of_date = warehouse.maximum(features, "as_of_date")
    if as_of_date is None:
        return SCORES_SCHEMA.empty_table()
    champion = warehouse.is_one_of("fit_id", warehouse.values(standings, "fit_id", where="is_champion"))
    scorer = Scorer.of_champion(warehouse.to_arrow(fits, where=champion), warehouse.to_arrow(backtest, where=champion))
    return warehouse.map_batches(
        features, scorer.score, SCORES_SCHEMA, where=warehouse.equals("as_of_date", as_of_date)
    )
