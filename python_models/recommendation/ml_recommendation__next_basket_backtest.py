from trendhouse import training, warehouse
from trendhouse.artifacts import DESCRIPTION_COLUMNS
from trendhouse.recommendation import next_basket_fits as next_basket


def model(dbt, session):
    """How the algorithms of the latest training do on the last four weeks, unless that is known already."""
    repeats = dbt.ref("feat_recommendation_repeats")
    products = dbt.ref("feat_recommendation_repeat_products")
    baskets = dbt.ref("ml_recommendation__next_baskets")
    fits = dbt.ref("ml_recommendation__next_basket_fits")
    threads = dbt.config.meta_get("threads")

    past = next_basket.PastBaskets(repeats, products, baskets)
    schema = next_basket.BACKTEST_SCHEMA
    tested = set(
        warehouse.existing_rows(session, dbt.this, dbt.is_incremental, schema, ["fit_id"])["fit_id"].to_pylist()
    )
    latest = training.latest_training(warehouse.to_arrow(fits, DESCRIPTION_COLUMNS), past.as_of_date())
    return next_basket.backtest([fit for fit in latest if fit["fit_id"] not in tested], past, threads)
