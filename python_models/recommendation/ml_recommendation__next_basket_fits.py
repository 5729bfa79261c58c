from trendhouse import training, warehouse
from trendhouse.artifacts import DESCRIPTION_COLUMNS, FITS_SCHEMA
from trendhouse.recommendation import next_basket_fits as next_basket


def model(dbt, session):
    """One row per algorithm and training, when the policy wants one; else none."""
    repeats = dbt.ref("feat_recommendation_repeats")
    products = dbt.ref("feat_recommendation_repeat_products")
    baskets = dbt.ref("ml_recommendation__next_baskets")
    policy = dbt.config.meta_get("train")
    retrain_days = dbt.config.meta_get("retrain_days")
    threads = dbt.config.meta_get("threads")

    past = next_basket.PastBaskets(repeats, products, baskets)
    as_of_date = past.as_of_date()
    previous = warehouse.existing_rows(session, dbt.this, dbt.is_incremental, FITS_SCHEMA, DESCRIPTION_COLUMNS)
    decision = training.decide(policy, retrain_days, as_of_date, previous, next_basket.settings())
    if not decision.trains:
        return FITS_SCHEMA.empty_table()
    return next_basket.train(past, as_of_date, previous, threads)
