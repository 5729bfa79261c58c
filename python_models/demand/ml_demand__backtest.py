from trendhouse import artifacts, training, warehouse
from trendhouse.demand import backtest
from trendhouse.demand.history import WEEK_COLUMNS, from_weeks


def model(dbt, session):
    """Back-test predictions of the latest training, unless it has some already."""
    features = dbt.ref("feat_demand_horizons")
    weeks = dbt.ref("feat_demand_weeks")
    fits = dbt.ref("ml_demand__fits")
    origins = dbt.config.meta_get("origins")
    threads = dbt.config.meta_get("threads")

    as_of_date = warehouse.maximum(features, "as_of_date")
    tested = warehouse.existing_rows(session, dbt.this, dbt.is_incremental, backtest.BACKTEST_SCHEMA, ["fit_id"])
    known = warehouse.to_arrow(fits, artifacts.DESCRIPTION_COLUMNS)
    pending = backtest.untested(training.latest_training(known, as_of_date), tested)
    if not pending:
        return backtest.BACKTEST_SCHEMA.empty_table()
    rows = warehouse.to_arrow(features, where="units is not null")
    to_test = artifacts.from_table(warehouse.to_arrow(fits, where=warehouse.is_one_of("fit_id", pending)))
    history = from_weeks(warehouse.to_arrow(weeks, WEEK_COLUMNS))
    return backtest.run(rows, history, to_test, as_of_date, origins, threads)
