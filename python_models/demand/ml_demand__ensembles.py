from trendhouse import training, warehouse
from trendhouse.artifacts import DESCRIPTION_COLUMNS, FITS_SCHEMA
from trendhouse.demand import fits


def model(dbt, session):
    """One row per ensemble of the latest training, unless it is there already."""
    features = dbt.ref("feat_demand_horizons")
    trained = dbt.ref("ml_demand__fits")
    backtest = dbt.ref("ml_demand__backtest")

    as_of_date = warehouse.maximum(features, "as_of_date")
    latest = training.latest_training(warehouse.to_arrow(trained, DESCRIPTION_COLUMNS), as_of_date)
    previous = warehouse.existing_rows(session, dbt.this, dbt.is_incremental, FITS_SCHEMA, ["fit_id"])
    wanted = fits.missing_ensembles(latest, previous)
    if not wanted:
        return FITS_SCHEMA.empty_table()
    tested = warehouse.is_one_of("fit_id", [row["fit_id"] for row in latest])
    return fits.train_ensembles(latest, warehouse.to_arrow(backtest, where=tested), wanted)
