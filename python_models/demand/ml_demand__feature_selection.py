from trendhouse import training, warehouse
from trendhouse.demand import feature_selection
from trendhouse.demand.feature_selection import DESCRIPTION_COLUMNS, SELECTION_SCHEMA
from trendhouse.demand.matrix import HAS_LABEL


def model(dbt, session):
    """What each feature is worth and whether it is kept, when the policy wants a new selection; else no rows."""
    features = dbt.ref("feat_demand_horizons")
    policy = dbt.config.meta_get("train")
    retrain_days = dbt.config.meta_get("retrain_days")
    origins = dbt.config.meta_get("origins")
    threads = dbt.config.meta_get("threads")

    as_of_date = warehouse.maximum(features, "as_of_date")
    previous = warehouse.existing_rows(session, dbt.this, dbt.is_incremental, SELECTION_SCHEMA, DESCRIPTION_COLUMNS)
    settings = feature_selection.settings(warehouse.column_names(features), origins)
    earlier = feature_selection.history(previous)
    if not training.decide(policy, retrain_days, as_of_date, earlier, settings).trains:
        return SELECTION_SCHEMA.empty_table()
    rows = warehouse.to_arrow(features, where=HAS_LABEL)
    return feature_selection.select(rows, as_of_date, origins, previous, threads)
