"""The demo shop: a simulated marketplace with known truth, behind the demo data, the tests and the scale benchmarks."""

from trendhouse.demo_shop.simulate import simulate

__all__ = ["simulate"]
