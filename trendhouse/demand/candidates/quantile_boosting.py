"""LightGBM with quantile objectives (Koenker and Bassett 1978): boosted trees of five quantiles, whose mean is the forecast.

The mean of the quantiles at 0.1, 0.3 ... 0.9 leaves the tails out, so that one wild day moves it little; it is scaled to what was sold
in training, because a planner adds forecasts up.
"""

from trendhouse.demand.tree_method import TreeCandidate

CANDIDATE = TreeCandidate(
    "lightgbm_quantile",
    rounds=50,
    leaf_share=0.001,
    settings=(
        ("num_leaves", 31),
        ("learning_rate", 0.15),
        ("feature_fraction", 0.4),
        ("bagging_fraction", 0.6),
        ("bagging_freq", 1),
    ),
    objectives=tuple((("objective", "quantile"), ("alpha", alpha)) for alpha in (0.1, 0.3, 0.5, 0.7, 0.9)),
    most_rows=50_000,
)
