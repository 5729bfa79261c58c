"""User-user collaborative filtering: what customers of like taste dealt with, by cosine."""

from trendhouse.recommendation.neighbourhood import CustomerNeighbours

CANDIDATE = CustomerNeighbours("user_cosine", is_centred=False)
