"""Boosters beside one another: origins of a back-test train and forecast in one process at the same time."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: what this guards against ends the process.
SIDE_BY_SIDE = """
import sys, threading, time
import numpy as np
from trendhouse import boosters
from trendhouse.demand import boosting
from trendhouse.demand.matrix import Encoding

rng = np.random.default_rng(0)
matrix = np.asfortranarray(rng.normal(size=(4000, 30)), dtype=np.float32)
target = rng.poisson(1, 4000).astype(float)
encoding = Encoding(tuple(f"feature_{index}" for index in range(30)), {})
parameters = {"rounds": 10, "leaf_share": 0.001, "lightgbm": {"num_leaves": 31}}
first = boosting.train(boosting.learning_data(matrix, target, encoding, parameters, 1), parameters, 1)
end = time.monotonic() + float(sys.argv[1])
forecasts = []

def train():
    while time.monotonic() < end:
        boosting.train(boosting.learning_data(matrix, target, encoding, parameters, 1), parameters, 1)

def predict():
    booster = boosters.from_text(boosters.to_text(first))
    while time.monotonic() < end:
        forecasts.append(boosters.predict(booster, matrix[:500]))

threads = [threading.Thread(target=work) for work in (train, predict) * 2]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert all(np.array_equal(forecast, forecasts[0]) for forecast in forecasts)
print(len(forecasts))
"""


def test_forecasts_beside_trainings_are_right_and_end_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", SIDE_BY_SIDE, "10"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr[-2000:]}"
    assert int(done.stdout) > 10
