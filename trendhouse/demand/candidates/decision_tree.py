"""Decision tree: one regression tree (Breiman et al. 1984)."""

from trendhouse.demand.tree_method import TreeCandidate

CANDIDATE = TreeCandidate(
    "decision_tree", rounds=1, leaf_share=0.005, settings=(("learning_rate", 1.0), ("num_leaves", 64))
)
