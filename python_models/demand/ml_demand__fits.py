from trendhouse import training, warehouse
from trendhouse.artifacts import DESCRIPTION_COLUMNS, FITS_SCHEMA
from trendhouse.demand import feature_selection, fits
from trendhouse.demand.matrix import HAS_LABEL


def model(dbt, session):
    """One row per candidate and training, when the policy wants one; else none."""
    features = dbt.ref("feat_demand_horizons")
    selection = dbt.ref("ml_demand__feature_selection")
    tuning = dbt.ref("ml_demand__tuning")
    policy = dbt.config.meta_get("train")
    retrain_days = dbt.config.meta_get("retrain_days")
    threads = dbt.config.meta_get("threads")

    as_of_date = warehouse.maximum(features, "as_of_date")
    previous = warehouse.existing_rows(session, dbt.this, dbt.is_incremental, FITS_SCHEMA, DESCRIPTION_COLUMNS)
    selected = warehouse.to_arrow(selection, feature_selection.DESCRIPTION_COLUMNS)
    columns = feature_selection.kept(selected, warehouse.column_names(features), as_of_date)
    settings = fits.settings(columns, warehouse.to_arrow(tuning), as_of_date)
    decision = training.decide(policy, retrain_days, as_of_date, previous, settings)
    if not decision.trains:
        return FITS_SCHEMA.empty_table()
    return fits.train(warehouse.to_arrow(features, where=HAS_LABEL), as_of_date, previous, threads, settings)
