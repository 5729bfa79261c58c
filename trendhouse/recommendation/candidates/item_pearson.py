"""Item-item collaborative filtering: what the customers of a product also dealt with, by Pearson's correlation."""

from trendhouse.recommendation.neighbourhood import ProductNeighbours

CANDIDATE = ProductNeighbours("item_pearson", is_centred=True)
