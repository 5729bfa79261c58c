from trendhouse import warehouse
from trendhouse.recommendation import backtest, fits
from trendhouse.recommendation.snapshots import Snapshots


def model(dbt, session):
    """How the recommenders of the latest training do on the last four weeks, unless that is known already."""
    interactions = dbt.ref("feat_recommendation_interactions")
    catalogue = dbt.ref("feat_recommendation_catalogue")
    visits = dbt.ref("feat_recommendation_visits")
    shown = dbt.ref("ml_recommendation__shown_products")
    candidate_fits = dbt.ref("ml_recommendation__fits")
    rankers = dbt.ref("ml_recommendation__rankers")
    threads = dbt.config.meta_get("threads")

    snapshots, trained = Snapshots(interactions, catalogue, visits), fits.Trained([candidate_fits, rankers])
    schema = backtest.BACKTEST_SCHEMA
    tested = warehouse.existing_rows(session, dbt.this, dbt.is_incremental, schema, ["fit_id"])
    rest_days = warehouse.to_arrow(shown, ["product_id", "rest_days"])
    return backtest.of_today(snapshots, trained, tested, rest_days, threads)
