"""From rows of the fits tables to a forecaster that can serve: one candidate, or an ensemble with its members."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from trendhouse.artifacts import Fit, from_table
from trendhouse.demand.backtest import with_demand_class
from trendhouse.demand.candidate import Forecaster
from trendhouse.demand.candidates import candidates
from trendhouse.demand.ensemble import Combination
from trendhouse.demand.ensembles import ensembles
from trendhouse.demand.history import Floats, History
from trendhouse.training import NotTrainedError


@dataclass(frozen=True)
class CombinedForecaster:
    """An ensemble and its members, serving as one forecaster. All rows of a call share one as-of date."""

    combination: Combination
    members: tuple[Forecaster, ...]

    def predict(self, rows: pa.Table, history: History) -> Floats:
        """Mean units per row (rows,): the members' forecasts, weighted."""
        weights = self._weights(rows, history)
        total = np.zeros(rows.num_rows)
        for index, member in enumerate(self.members):
            used = np.flatnonzero(weights[:, index])
            total[used] += weights[used, index] * member.predict(rows.take(pa.array(used)), history)
        return total

    def contributions(self, rows: pa.Table, history: History) -> tuple[Sequence[str], Floats]:
        """Units (rows, features): the members' contributions, weighted and summed by feature."""
        weights = self._weights(rows, history)
        summed: dict[str, Floats] = {}
        for index, member in enumerate(self.members):
            # Contributions are dear: only of the rows in which the member has a say.
            used = np.flatnonzero(weights[:, index])
            features, units = member.contributions(rows.take(pa.array(used)), history)
            for column, feature in enumerate(features):
                whole = summed.setdefault(feature, np.zeros(rows.num_rows))
                whole[used] += units[:, column] * weights[used, index]
        features = sorted(summed)
        return features, np.column_stack([summed[feature] for feature in features])

    def _weights(self, rows: pa.Table, history: History) -> Floats:
        dates = rows.column("as_of_date")
        known = history.before(dates[0].as_py()) if rows.num_rows else history
        return self.combination.weights(with_demand_class(rows.select(["product_id", "horizon_days"]), known))


def forecaster_of(champion_id: str | None, training: pa.Table) -> tuple[Fit, Forecaster]:
    """The champion's fit and its forecaster. `training`: rows of the fits tables, candidates and ensembles, of the champion's training.

    Raises NotTrainedError when there is no champion, DamagedArtifactError when an artifact is not as it was written.
    """
    fits = {fit.fit_id: fit for fit in from_table(training)}
    if champion_id not in fits:
        raise NotTrainedError(
            "No demand model has been trained on data before this as-of date. Build once with training: "
            "dbt build --vars '{trendhouse_train: auto}' (selector score never trains)."
        )
    fit = fits[champion_id]
    if fit.algorithm in candidates():
        return fit, candidates()[fit.algorithm].load(fit.artifact)
    combination = ensembles()[fit.algorithm].load(fit.artifact)
    trained = {member.algorithm: member for member in fits.values()}
    lost = sorted(set(combination.members) - set(trained))
    if lost:
        raise NotTrainedError(
            f"The ensemble {fit.algorithm} weighs forecasts of {', '.join(lost)}, and ml_demand__fits holds no such model of its training. "
            "Restore the rows, or train anew: dbt build --vars '{trendhouse_train: always}'."
        )
    members = tuple(candidates()[name].load(trained[name].artifact) for name in combination.members)
    return fit, CombinedForecaster(combination, members)
