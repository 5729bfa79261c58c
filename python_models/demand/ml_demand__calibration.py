from trendhouse import warehouse
from trendhouse.demand import backtest


def model(dbt, session):
    """The champion's back-test with all quantiles, each origin calibrated on the others."""
    standings = dbt.ref("ml_demand__standings")
    tested = dbt.ref("ml_demand__backtest")

    champion = warehouse.is_one_of("fit_id", warehouse.values(standings, "fit_id", where="is_champion"))
    return backtest.calibration_check(warehouse.to_arrow(tested, where=champion))
