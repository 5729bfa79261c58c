"""Trendhouse: the algorithms behind the warehouse's prediction tables; pure functions that know nothing of dbt."""

import os

# OpenMP threads that wait spin by default. Beside other work on the same cores (dbt's other threads, a second build) that made the same
# training take up to twelve times as long. It has to be said before the first library with OpenMP is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
