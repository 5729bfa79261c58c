from trendhouse import warehouse
from trendhouse.artifacts import FITS_SCHEMA
from trendhouse.recommendation import fits
from trendhouse.recommendation.snapshots import Snapshots


def model(dbt, session):
    """The rankers of today's training, at the judged date and now, unless they are there already."""
    interactions = dbt.ref("feat_recommendation_interactions")
    catalogue = dbt.ref("feat_recommendation_catalogue")
    visits = dbt.ref("feat_recommendation_visits")
    shown = dbt.ref("ml_recommendation__shown_products")
    candidate_fits = dbt.ref("ml_recommendation__fits")
    threads = dbt.config.meta_get("threads")

    snapshots = Snapshots(interactions, catalogue, visits)
    as_of_date, trained = snapshots.as_of_date(), fits.Trained([candidate_fits])
    previous = warehouse.existing_rows(session, dbt.this, dbt.is_incremental, FITS_SCHEMA, ["fit_key"])
    wanted = fits.missing_rankers(trained, previous, as_of_date)
    rest_days = warehouse.to_arrow(shown, ["product_id", "rest_days"])
    return fits.train_rankers(wanted, as_of_date, snapshots, trained, rest_days, threads)
