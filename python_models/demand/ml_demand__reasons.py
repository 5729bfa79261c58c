from trendhouse import warehouse
from trendhouse.demand import reasons


def model(dbt, session):
    """What moves the forecasts of the products with the largest ones, on the current as-of date."""
    features = dbt.ref("feat_demand_horizons")
    fits = dbt.ref("ml_demand__fits")
    scores = dbt.ref("ml_demand__scores")
    products = dbt.config.meta_get("products")

    on_date = warehouse.equals("as_of_date", warehouse.maximum(features, "as_of_date"))
    forecast = warehouse.to_arrow(scores, ["product_id", "mean_units", "fit_id"], where=on_date)
    largest = reasons.largest_products(forecast, products)
    return reasons.explain(
        warehouse.to_arrow(features, where=f"{on_date} and {warehouse.is_one_of('product_id', largest)}"),
        warehouse.to_arrow(fits, where=warehouse.is_one_of("fit_id", reasons.fits_of(forecast))),
    )
