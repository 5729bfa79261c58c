"""Random forest: the mean of many large trees, each on a sample of rows and, at every split, of features (Breiman 2001)."""

from trendhouse.demand.tree_method import TreeCandidate

CANDIDATE = TreeCandidate(
    "random_forest",
    rounds=40,
    leaf_share=0.0005,
    settings=(
        ("boosting", "rf"),
        ("num_leaves", 127),
        ("bagging_fraction", 0.632),
        ("bagging_freq", 1),
        ("feature_fraction_bynode", 0.33),
    ),
)
