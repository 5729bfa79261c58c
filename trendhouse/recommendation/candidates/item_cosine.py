"""Item-item collaborative filtering: what the customers of a product also dealt with, by cosine."""

from trendhouse.recommendation.neighbourhood import ProductNeighbours

CANDIDATE = ProductNeighbours("item_cosine", is_centred=False)
