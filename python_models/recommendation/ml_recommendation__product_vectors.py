from trendhouse import warehouse
from trendhouse.recommendation.factors import product_factors, vectors_schema
from trendhouse.recommendation.serving import known_without_visits, latest_fits


def model(dbt, session):
    """Factors of products by the latest fit of ALS."""
    fits = dbt.ref("ml_recommendation__fits")
    interactions = dbt.ref("feat_recommendation_interactions")
    catalogue = dbt.ref("feat_recommendation_catalogue")

    as_of_date = warehouse.maximum(catalogue, "as_of_date")
    serving = latest_fits(fits, ["als"], as_of_date)
    if not serving:
        return vectors_schema("product_id").empty_table()
    known = known_without_visits(interactions, catalogue, as_of_date)
    return product_factors(known, serving[0], as_of_date)
