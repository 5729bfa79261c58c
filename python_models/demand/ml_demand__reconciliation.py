from trendhouse import warehouse
from trendhouse.demand import coherence
from trendhouse.demand.hierarchy import NODE_COLUMNS
from trendhouse.demand.history import WEEK_COLUMNS, from_weeks


def model(dbt, session):
    """The current forecasts of products' weeks, reconciled by the method that did best in the back-test."""
    features = dbt.ref("feat_demand_horizons")
    nodes = dbt.ref("ml_demand__nodes")
    weeks = dbt.ref("feat_demand_weeks")
    standings = dbt.ref("ml_demand__standings")
    backtest = dbt.ref("ml_demand__backtest")
    methods = dbt.ref("ml_demand__reconciliation_standings")
    scores = dbt.ref("ml_demand__scores")

    on_date = warehouse.equals("as_of_date", warehouse.maximum(features, "as_of_date"))
    scored = warehouse.to_arrow(scores, coherence.SCORE_COLUMNS, where=on_date)
    method = next(iter(warehouse.values(methods, "method", where="is_chosen")), None)
    champion = warehouse.values(standings, "fit_id", where="is_champion")
    tested = warehouse.to_arrow(backtest, coherence.BACKTEST_COLUMNS, where=warehouse.is_one_of("fit_id", champion))
    history = from_weeks(warehouse.to_arrow(weeks, WEEK_COLUMNS))
    return coherence.reconcile(method, scored, tested, warehouse.to_arrow(nodes, NODE_COLUMNS), history)
