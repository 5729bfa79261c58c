from trendhouse import warehouse
from trendhouse.recommendation.serving import known_without_visits, latest_fits
from trendhouse.recommendation.similar_products import ALGORITHMS, SHOWN_COLUMNS, SIMILAR_SCHEMA, similar_products


def model(dbt, session):
    """Neighbours of every product, by what its customers deal with and by what is written about it."""
    fits = dbt.ref("ml_recommendation__fits")
    interactions = dbt.ref("feat_recommendation_interactions")
    catalogue = dbt.ref("feat_recommendation_catalogue")
    shown = dbt.ref("ml_recommendation__shown_products")
    threads = dbt.config.meta_get("threads")

    as_of_date = warehouse.maximum(shown, "as_of_date")
    if as_of_date is None:
        return SIMILAR_SCHEMA.empty_table()
    known = known_without_visits(interactions, catalogue, as_of_date)
    serving = latest_fits(fits, ALGORITHMS, as_of_date)
    return similar_products(known, warehouse.to_arrow(shown, SHOWN_COLUMNS), serving, int(threads), as_of_date)
