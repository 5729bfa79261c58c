from trendhouse import warehouse
from trendhouse.demand import trends


def model(dbt, session):
    """Which categories, products and search terms are rising or fading, and what explains their recent change."""
    weeks = dbt.ref("feat_demand_trend_weeks")
    festivals = dbt.ref("feat_demand_festival_weeks")
    false_discovery_rate = dbt.config.meta_get("false_discovery_rate")
    least_change = dbt.config.meta_get("least_change")
    threads = dbt.config.meta_get("threads")

    return trends.find(
        warehouse.to_arrow(weeks),
        warehouse.to_arrow(festivals),
        float(false_discovery_rate),
        float(least_change),
        threads,
    )
