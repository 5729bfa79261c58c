"""MovieLens 100K: a temporal split and the random 75/25 split by customer; every source, the ranker, and the peers beside us.

    python benchmarks/recommendation/movielens.py [--data DIR]

All ratings count, as in the public figures: in the random split, NDCG@10 BPR 0.442, SAR 0.382, BiVAE 0.475. In the temporal split the last fifth of
the ratings is to be told from what came before; weights halve every 56 days, as in the warehouse. The ranker learns from what was known
before the split alone: from three earlier cuts, and from a random split of the training ratings.
"""

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
from scipy.sparse import csr_array  # noqa: E402

PRODUCTS = 1_682
TRAINING_SHARE = 0.75
LATE_SHARE = 0.2
EARLIER_CUTS = 3
SEED = 42
COLUMNS = ("ndcg_at_10", "recall_at_10", "precision_at_10", "map_at_10", "ndcg_at_20", "recall_at_20")


def read(folder: Path) -> tuple[Ratings, pa.Table]:
    """Ratings, their weight the stars and the day counted from the first, and the films: the first genre is the category."""
    rows = np.genfromtxt(folder / "ml-100k.inter", skip_header=1)
    days = rows[:, 3] / 86_400
    ratings = Ratings(rows[:, 0].astype(int) - 1, rows[:, 1].astype(int) - 1, rows[:, 2], days - days.min())
    films: list[list[str]] = [[] for _ in range(PRODUCTS)]
    for line in (folder / "ml-100k.item").read_text(encoding="utf-8").splitlines()[1:]:
        number, *film = line.split("\t")
        films[int(number) - 1] = film
    columns = {
        "name": [film[0] if film else None for film in films],
        "category": [film[2].split()[0] if film and film[2] else None for film in films],
        "subcategory": [film[2] or None if film else None for film in films],
    }
    return ratings, catalogue(PRODUCTS, columns)


def by_customer(ratings: Ratings, share: float, seed: int) -> tuple[Ratings, Ratings]:
    """Each customer's ratings, at random: a share to learn from and the rest to judge by."""
    chance = np.random.default_rng(seed).random(len(ratings.customer))
    order = np.lexsort((chance, ratings.customer))
    first = np.searchsorted(ratings.customer[order], ratings.customer[order])
    place = np.arange(len(order)) - first
    count = np.bincount(ratings.customer)[ratings.customer[order]]
    learns = np.zeros(len(order), dtype=bool)
    learns[order] = place < np.round(share * count)
    return ratings.where(learns), ratings.where(~learns)


def random_split(ratings: Ratings, films: pa.Table) -> None:
    """The split of the public figures. Time says nothing in it, so weights are the stars."""
    end = float(ratings.day.max())
    training, test = by_customer(ratings, TRAINING_SHARE, SEED)
    inner, held_out = by_customer(training, TRAINING_SHARE, SEED + 1)
    lesson = lesson_of(cut_at(known_at(inner, end, films, False), held_out), THREADS)
    cut = cut_at(known_at(training, end, films, False), test)
    stars = cut.known.interactions.weights
    results = ours(cut, [lesson]) + peers(cut, {"stars": stars, "ones": _ones(stars)})
    show("MovieLens 100K, random 75/25 by customer", results, COLUMNS, ("ndcg_at_10", "recall_at_10"))


def temporal_split(ratings: Ratings, films: pa.Table) -> None:
    """The last fifth of the ratings, from everything before."""
    start = float(np.quantile(ratings.day, 1 - LATE_SHARE))
    span = float(ratings.day.max()) - start
    lessons = []
    for steps in range(EARLIER_CUTS, 0, -1):
        at = start - steps * span
        known = known_at(ratings.where(ratings.day < at), at, films, True)
        followed = ratings.where((ratings.day >= at) & (ratings.day < at + span))
        lessons.append(lesson_of(cut_at(known, followed), THREADS))
    before = ratings.where(ratings.day < start)
    cut = cut_at(known_at(before, start, films, True), ratings.where(ratings.day >= start))
    stars = known_at(before, start, films, False).interactions.weights
    weights = {"stars": stars, "ones": _ones(stars), "decayed": cut.known.interactions.weights}
    results = ours(cut, lessons) + peers(cut, weights)
    show("MovieLens 100K, last fifth of the ratings in time", results, COLUMNS, ("ndcg_at_10", "recall_at_10"))


def _ones(matrix: csr_array) -> csr_array:
    return csr_array((np.ones_like(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape)


if __name__ == "__main__":
    folder = data_folder(__doc__, "ml100k", "ml-100k.inter")
    everything = read(folder)
    random_split(*everything)
    temporal_split(*everything)
