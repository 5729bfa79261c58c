"""Amazon Beauty: the last product of every customer, among the whole catalogue; every source, the ranker, and the peers beside us.

    python benchmarks/recommendation/beauty.py [--data DIR]

Leave one out, as in the public figures (HR@10 of SASRec 0.0605): the last product of each customer is to be told from those before; what the
customer has dealt with is not recommended again. The ranker learns from the last product but one, told from those before it. The data holds the
order of what a customer did and no dates: each step counts as 28 days, so that weights halve with every second step. Peers get
ones, with which they do better; EASE of RecTools inverts a matrix of all 12,101 products, which takes minutes.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from peers import peers  # noqa: E402
from public_data import data_folder  # noqa: E402
from ratings import Ratings, catalogue, cut_at, known_at, lesson_of  # noqa: E402
from results import THREADS, ours, show  # noqa: E402

from trendhouse.recommendation.contest import Cut  # noqa: E402

STEP_DAYS = 28
COLUMNS = ("hit_rate_at_10", "ndcg_at_10", "mrr_at_10", "hit_rate_at_5", "hit_rate_at_20")


def read(folder: Path) -> tuple[Ratings, pa.Table]:
    """What each customer dealt with, in order; its day is the number of its step. And the products, with their attributes as text."""
    lines = (folder / "Beauty.txt").read_text(encoding="ascii").splitlines()
    sequences = [[int(number) for number in line.split()[1:]] for line in lines]
    customer = np.repeat(np.arange(len(sequences)), [len(sequence) for sequence in sequences])
    product = np.concatenate([np.array(sequence) - 1 for sequence in sequences])
    step = np.concatenate([np.arange(len(sequence)) for sequence in sequences])
    products = int(product.max()) + 1
    attributes = json.loads((folder / "Beauty_item2attributes.json").read_text(encoding="ascii"))
    of_product = [[f"a{code}" for code in attributes.get(str(number + 1), [])] for number in range(products)]
    columns = {
        "description": [" ".join(codes) or None for codes in of_product],
        "category": [codes[-1] if codes else None for codes in of_product],
    }
    return Ratings(customer, product, np.ones(len(product)), step.astype(np.float64)), catalogue(products, columns)


def cut_before(ratings: Ratings, products: pa.Table, left_out: int, is_decayed: bool = True) -> Cut:
    """The cut before the last product but `left_out` - 1 of every customer: what is known ends there, and that product followed."""
    count = np.bincount(ratings.customer)[ratings.customer]
    steps_left = count - ratings.day
    days = Ratings(ratings.customer, ratings.product, ratings.weight, -STEP_DAYS * (steps_left - left_out))
    known = known_at(days.where(steps_left > left_out), 1.0, products, is_decayed, with_visits=True)
    return cut_at(known, days.where(steps_left == left_out))


def main() -> None:
    """Run the benchmark."""
    ratings, products = read(data_folder(__doc__, "amazon_beauty", "Beauty.txt"))
    lesson = lesson_of(cut_before(ratings, products, left_out=2), THREADS)
    cut = cut_before(ratings, products, left_out=1)
    ones = cut_before(ratings, products, left_out=1, is_decayed=False).known.interactions.weights
    results = ours(cut, [lesson]) + peers(cut, {"ones": ones})
    show("Amazon Beauty, leave one out", results, COLUMNS, ("hit_rate_at_10", "ndcg_at_10"))


if __name__ == "__main__":
    main()
