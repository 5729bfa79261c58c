from trendhouse import warehouse
from trendhouse.recommendation import next_basket_fits as next_basket


def model(dbt, session):
    """Next baskets of the current as-of date by the champion."""
    repeats = dbt.ref("feat_recommendation_repeats")
    products = dbt.ref("feat_recommendation_repeat_products")
    shown_products = dbt.ref("ml_recommendation__shown_products")
    fits = dbt.ref("ml_recommendation__next_basket_fits")
    standings = dbt.ref("ml_recommendation__next_basket_standings")

    as_of_date = warehouse.maximum(repeats, "as_of_date")
    if as_of_date is None:
        return next_basket.SCORES_SCHEMA.empty_table()
    champion = warehouse.is_one_of("fit_id", warehouse.values(standings, "fit_id", where="is_champion"))
    known = warehouse.to_arrow(products, where=warehouse.equals("as_of_date", as_of_date))
    shown = warehouse.values(shown_products, "product_id", where="is_shown")
    scorer = next_basket.Scorer.of_champion(warehouse.to_arrow(fits, where=champion), known, shown, as_of_date)
    return next_basket.score_all(scorer, repeats)
