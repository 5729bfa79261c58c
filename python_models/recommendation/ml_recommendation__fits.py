from trendhouse import training, warehouse
from trendhouse.artifacts import DESCRIPTION_COLUMNS, FITS_SCHEMA
from trendhouse.recommendation import fits
from trendhouse.recommendation.snapshots import Snapshots


def model(dbt, session):
    """One row per candidate and date it was fitted at, when the policy wants a training; else none."""
    interactions = dbt.ref("feat_recommendation_interactions")
    catalogue = dbt.ref("feat_recommendation_catalogue")
    visits = dbt.ref("feat_recommendation_visits")
    policy = dbt.config.meta_get("train")
    retrain_days = dbt.config.meta_get("retrain_days")
    threads = dbt.config.meta_get("threads")

    snapshots = Snapshots(interactions, catalogue, visits)
    as_of_date = snapshots.as_of_date()
    previous = warehouse.existing_rows(session, dbt.this, dbt.is_incremental, FITS_SCHEMA, DESCRIPTION_COLUMNS)
    decision = training.decide(policy, retrain_days, as_of_date, previous, fits.settings(previous, as_of_date))
    if not decision.trains:
        return FITS_SCHEMA.empty_table()
    return fits.train(snapshots, as_of_date, previous, threads)
