from trendhouse import warehouse
from trendhouse.pricing import price_response


def model(dbt, session):
    """Price response of every product, estimated anew from the price-response cells."""
    products = dbt.ref("ml_pricing__products")
    cells = dbt.ref("feat_pricing_cells")
    most = dbt.config.meta_get("products")

    described = warehouse.to_arrow(products)
    taught = warehouse.is_one_of("product_id", price_response.best_sellers(described, most))
    return price_response.estimate(warehouse.to_arrow(cells, price_response.CELL_COLUMNS, taught), described)
