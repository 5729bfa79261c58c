import pyarrow as pa

from trendhouse import warehouse
from trendhouse.demand import reasons
from trendhouse.demand.history import WEEK_COLUMNS, from_weeks


def model(dbt, session):
    """What moves the forecasts of the products with the largest ones, on the current as-of date."""
    features = dbt.ref("feat_demand_horizons")
    weeks = dbt.ref("feat_demand_weeks")
    fits = dbt.ref("ml_demand__fits")
    ensembles = dbt.ref("ml_demand__ensembles")
    standings = dbt.ref("ml_demand__standings")
    scores = dbt.ref("ml_demand__scores")
    products = dbt.config.meta_get("products")
    threads = dbt.config.meta_get("threads")

    on_date = warehouse.equals("as_of_date", warehouse.maximum(features, "as_of_date"))
    largest = reasons.largest_products(
        warehouse.to_arrow(scores, ["product_id", "mean_units"], where=on_date), products
    )
    of_products = warehouse.is_one_of("product_id", largest)
    champion = warehouse.values(standings, "fit_id", where="is_champion")
    of_training = warehouse.is_one_of("fit_key", warehouse.values(standings, "fit_key", where="is_champion"))
    training = pa.concat_tables(warehouse.to_arrow(table, where=of_training) for table in (fits, ensembles))
    history = from_weeks(warehouse.to_arrow(weeks, WEEK_COLUMNS, where=of_products))
    rows = warehouse.to_arrow(features, where=f"{on_date} and {of_products}")
    return reasons.explain(rows, next(iter(champion), None), training, history, threads)
