from trendhouse import warehouse
from trendhouse.demand import coherence
from trendhouse.demand.hierarchy import NODE_COLUMNS
from trendhouse.demand.history import WEEK_COLUMNS, from_weeks


def model(dbt, session):
    """The champion's back-test at every level of the hierarchy, bottom-up and reconciled."""
    nodes = dbt.ref("ml_demand__nodes")
    weeks = dbt.ref("feat_demand_weeks")
    standings = dbt.ref("ml_demand__standings")
    backtest = dbt.ref("ml_demand__backtest")

    champion = warehouse.values(standings, "fit_id", where="is_champion")
    tested = warehouse.to_arrow(backtest, coherence.BACKTEST_COLUMNS, where=warehouse.is_one_of("fit_id", champion))
    history = from_weeks(warehouse.to_arrow(weeks, WEEK_COLUMNS))
    return coherence.run_backtest(tested, warehouse.to_arrow(nodes, NODE_COLUMNS), history)
