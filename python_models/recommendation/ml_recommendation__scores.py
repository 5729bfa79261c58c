from trendhouse import warehouse
from trendhouse.recommendation import fits, scores
from trendhouse.recommendation.snapshots import Snapshots


def model(dbt, session):
    """Lists of the current as-of date by the champion, and the guest's."""
    interactions = dbt.ref("feat_recommendation_interactions")
    catalogue = dbt.ref("feat_recommendation_catalogue")
    visits = dbt.ref("feat_recommendation_visits")
    products = dbt.ref("feat_recommendation_products")
    shown = dbt.ref("ml_recommendation__shown_products")
    candidate_fits = dbt.ref("ml_recommendation__fits")
    rankers = dbt.ref("ml_recommendation__rankers")
    standings = dbt.ref("ml_recommendation__standings")
    places = dbt.config.meta_get("places")
    diversity = dbt.config.meta_get("diversity")
    threads = dbt.config.meta_get("threads")

    snapshots, trained = Snapshots(interactions, catalogue, visits), fits.Trained([candidate_fits, rankers])
    champion = warehouse.to_arrow(standings, ["fit_id", "fit_key"], "is_champion")
    wanted = scores.Wanted(int(places), float(diversity))
    return scores.of_today(snapshots, trained, champion, shown, products, wanted, threads)
