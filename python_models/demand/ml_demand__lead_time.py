from trendhouse import warehouse
from trendhouse.demand import lead_time_demand


def model(dbt, session):
    """Distribution of each product's demand until a delivery, and until the one after."""
    forecast = dbt.ref("pred_demand_daily")
    backtest = dbt.ref("ml_demand__backtest")
    standings = dbt.ref("ml_demand__standings")
    terms = dbt.ref("ml_demand__replenishment")

    champion = warehouse.is_one_of("fit_id", warehouse.values(standings, "fit_id", where="is_champion"))
    return lead_time_demand.ladders(
        warehouse.to_arrow(forecast, ["product_id", "as_of_date", "horizon_days", "mean_units"]),
        warehouse.to_arrow(backtest, lead_time_demand.BACKTEST_COLUMNS, where=champion),
        warehouse.to_arrow(terms, ["product_id", "lead_time_days", "protection_days"]),
    )
