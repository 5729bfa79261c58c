from trendhouse import warehouse
from trendhouse.recommendation.factors import customer_factors, vectors_schema
from trendhouse.recommendation.serving import known_without_visits, latest_fits


def model(dbt, session):
    """Factors of customers by the latest fit of ALS."""
    fits = dbt.ref("ml_recommendation__fits")
    interactions = dbt.ref("feat_recommendation_interactions")
    catalogue = dbt.ref("feat_recommendation_catalogue")
    threads = dbt.config.meta_get("threads")

    as_of_date = warehouse.maximum(catalogue, "as_of_date")
    serving = latest_fits(fits, ["als"], as_of_date)
    if not serving:
        return vectors_schema("customer_id").empty_table()
    known = known_without_visits(interactions, catalogue, as_of_date)
    return customer_factors(known, serving[0], int(threads), as_of_date)
