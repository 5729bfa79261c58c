from trendhouse import training, warehouse
from trendhouse.demand import feature_selection, tuning
from trendhouse.demand.candidates import candidates
from trendhouse.demand.matrix import HAS_LABEL
from trendhouse.demand.tuning import TRIALS_SCHEMA


def model(dbt, session):
    """The trials of a search over the algorithms' parameters, when it is switched on and the policy wants one; else no rows."""
    features = dbt.ref("feat_demand_horizons")
    selection = dbt.ref("ml_demand__feature_selection")
    sampler = dbt.config.meta_get("tuning")
    trials = dbt.config.meta_get("tuning_trials")
    policy = dbt.config.meta_get("train")
    retrain_days = dbt.config.meta_get("retrain_days")
    origins = dbt.config.meta_get("origins")
    threads = dbt.config.meta_get("threads")

    if sampler == "none":
        return TRIALS_SCHEMA.empty_table()
    as_of_date = warehouse.maximum(features, "as_of_date")
    columns = feature_selection.kept(warehouse.to_arrow(selection), warehouse.column_names(features), as_of_date)
    previous = warehouse.existing_rows(session, dbt.this, dbt.is_incremental, TRIALS_SCHEMA)
    settings = tuning.settings(candidates(), columns, origins, sampler, trials)
    if not training.decide(policy, retrain_days, as_of_date, tuning.history(previous), settings).trains:
        return TRIALS_SCHEMA.empty_table()
    rows = warehouse.to_arrow(features, columns, where=HAS_LABEL)
    return tuning.tune(rows, candidates(), as_of_date, origins, sampler, trials, previous, threads)
