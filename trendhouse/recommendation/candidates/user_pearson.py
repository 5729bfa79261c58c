"""User-user collaborative filtering: what customers of like taste dealt with, by Pearson's correlation."""

from trendhouse.recommendation.neighbourhood import CustomerNeighbours

CANDIDATE = CustomerNeighbours("user_pearson", is_centred=True)
