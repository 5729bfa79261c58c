"""Own-price elasticity and promotion lift from price-response cells.

Units of a cell are modelled as

    E[units] = days x level(product, quarter) x season(period) x mood(category, period) x mood(category path, period)
               x price ^ elasticity(product) x lift(promotion kind)

and fitted by Poisson pseudo-maximum likelihood: right for any distribution with this mean, zeros included (Santos Silva and Tenreyro 2006,
"The log of gravity"). Levels and seasons are fixed effects: what a product's life cycle and a festival do to demand is taken out, because
prices are cut at the end of the one and on the days of the other. The moods, how a category strays from the shop and a path from its
category, are gamma random effects (Clayton and Kaldor 1987). What is left to tell prices apart is the same product, in the same quarter, at
different prices.

Elasticities are shrunk product -> category path -> category -> shop -> prior by normal empirical Bayes on this tree (Efron and Morris 1975);
the spread within each level is its posterior mean under a half-normal prior (Roever 2020, "bayesmeta"). The prior of the shop's mean is the
meta-analysis of Bijmolt, van Heerde and Pieters (2005): 1,851 elasticities, mean -2.62, standard deviation 2.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PRIOR_ELASTICITY = -2.62
PRIOR_SD = 2.2
# Scale of the half-normal prior on the standard deviation of elasticities within a level: twice it, one point, is a wide spread.
SPREAD_SCALE = 0.5
_SPREADS = np.concatenate([[0.0], np.geomspace(0.01, 3.0, 60)])
_ROUNDS = 60
# Rounds stop when no slope and no lift moves further than this, a small part of any standard error.
_TOLERANCE = 5e-3
# Rounds in which the sizes of the random effects and of the excess variance are learnt; fixed then, so that the rest can settle.
_LEARNING_ROUNDS = (2, 4, 7, 11, 16)
_LARGEST_STEP = 0.5
_LARGEST_SLOPE = 15.0
_LEAST_INFORMATION = 1e-6


@dataclass(frozen=True)
class Cells:
    """Observations, each array of shape (n,).

    units: sold, >= 0; days: exposure, > 0; log_price: natural log of the price per unit. The others are codes from 0 on: `product`; `block`,
    product x quarter; `period`; `category_period`; `path_period`; `promotion`, 0 without one, else the kind.
    """

    units: Floats
    days: Floats
    log_price: Floats
    product: Ints
    block: Ints
    period: Ints
    category_period: Ints
    path_period: Ints
    promotion: Ints

    def __len__(self) -> int:
        """Number of cells."""
        return len(self.units)

    def subset(self, keep: NDArray[np.bool_]) -> "Cells":
        """The cells where `keep` is true."""
        return Cells(**{name: getattr(self, name)[keep] for name in self.__dataclass_fields__})


@dataclass(frozen=True)
class Slopes:
    """What the cells say of each product and of each finest group, before shrinkage, and the shop-wide promotion lifts.

    slope: elasticity, shape (products,); variance: of its error given its group's, infinite where the cells say nothing; group_slope,
    group_variance: of the finest groups, shape (groups,); shared_variance: of the error that all slopes have in common, because the lifts
    are estimates too; lift, lift_se: log lift of promotion kinds 1, 2 ... and standard error (infinite for a kind without cells), shape
    (kinds,); dispersion: variance of what products sell in a quarter over a Poisson count's.
    """

    slope: Floats
    variance: Floats
    group_slope: Floats
    group_variance: Floats
    shared_variance: float
    lift: Floats
    lift_se: Floats
    dispersion: float


@dataclass(frozen=True)
class Level:
    """Posterior of one level of the tree: mean, standard deviation, and the share of a node's mean that is its own data; shape (nodes,)."""

    mean: Floats
    sd: Floats
    own_weight: Floats


@dataclass(frozen=True)
class Posterior:
    """Posterior elasticities, level by level from the products to the shop, and the standard deviation of nodes around their parents."""

    levels: list[Level]
    spreads: list[float]


class _Effect:
    """A multiplicative effect of each group, on the log scale; `pseudo` units pull a random effect towards 0."""

    def __init__(self, codes: Ints, is_random: bool) -> None:
        self.codes = codes
        self.is_random = is_random
        self.groups = int(codes.max()) + 1
        # Ten units' worth of disbelief until the spread is learnt.
        self.pseudo = 10.0 if is_random else 0.0
        self.value = np.zeros(self.groups)
        self.projections: dict[int, Floats] = {}

    def sums(self, values: Floats) -> Floats:
        return _sums(self.codes, values, self.groups)

    def learn_pseudo(self, units: Floats, mean: Floats) -> None:
        """Gamma shape by moments: how much further group totals stray than Poisson counts would; at most 1, at least a thousandth."""
        own, expected = self.sums(units), self.sums(mean * np.exp(-self.value[self.codes]))
        excess = np.sum((own - expected) ** 2 - expected) / max(np.sum(expected**2), 1e-12)
        self.pseudo = 1 / float(np.clip(excess, 1e-3, 1.0))


class _Fit:
    """The fit in progress: effects, slopes and lifts, and the mean they give."""

    def __init__(self, cells: Cells, products: int, kinds: int) -> None:
        self.cells = cells
        self.fixed = [_Effect(cells.block, False), _Effect(cells.period, False)]
        self.random = [_Effect(cells.category_period, True), _Effect(cells.path_period, True)]
        self.slope = np.full(products, PRIOR_ELASTICITY)
        self.lift = np.zeros(kinds + 1)
        # Variance beyond a Poisson count's, in squares of the mean; cells with large means weigh less for it (negative binomial weights).
        self.excess = 0.0
        # Measured from each product's mean log price, so that slopes hardly move the levels.
        days = _sums(cells.product, cells.days, products)
        centre = _sums(cells.product, cells.days * cells.log_price, products) / np.maximum(days, 1e-12)
        self.price = cells.log_price - centre[cells.product]

    @property
    def effects(self) -> list[_Effect]:
        return [*self.fixed, *self.random]

    def update_effects(self, sweeps: int) -> Floats:
        """Iterative proportional fitting of all effects; returns the mean of each cell."""
        cells = self.cells
        log_mean = np.log(cells.days) + self.slope[cells.product] * self.price + self.lift[cells.promotion]
        for effect in self.effects:
            log_mean += effect.value[effect.codes]
        mean = np.exp(np.minimum(log_mean, 30.0))
        for _ in range(sweeps):
            weight = 1 / (1 + mean * self.excess)
            units = weight * np.minimum(cells.units, _ceiling(mean))
            for effect in self.effects:
                own, base = effect.sums(units), effect.sums(weight * mean) * np.exp(-effect.value)
                value = np.log(np.maximum(own + effect.pseudo, 1e-12) / np.maximum(base + effect.pseudo, 1e-12))
                mean *= np.exp(value - effect.value)[effect.codes]
                effect.value = value
        return np.asarray(mean)

    def own_price(self, weight: Floats) -> tuple[Floats, Floats]:
        """Price of each cell against the product's mean in the quarter, and the share of it that the other effects do not take up.

        Prices that a whole category path has in common say little about the path, whose mood they may be, but all the more about how
        one product differs from the others: of its own cells an effect takes no more than their share of its group.
        """
        block = self.fixed[0]
        mean = block.sums(weight * self.price) / np.maximum(block.sums(weight), 1e-12)
        kept = np.ones(len(weight))
        for effect in self.effects[1:]:
            kept *= 1 - np.minimum(weight / np.maximum(effect.sums(weight) + effect.pseudo, 1e-12)[effect.codes], 1)
        return self.price - mean[block.codes], kept

    def residual(self, name: int, values: Floats, weight: Floats, sweeps: int) -> tuple[Floats, Floats]:
        """What all effects leave of a regressor, and what the fixed effects alone leave (weighted projections, started from the last ones)."""
        left = values.copy()
        totals = [effect.sums(weight) for effect in self.effects]
        for effect in self.effects:
            left -= effect.projections.setdefault(name, np.zeros(effect.groups))[effect.codes]
        for _ in range(sweeps):
            for effect, total in zip(self.effects, totals, strict=True):
                before = effect.projections[name]
                after = (effect.sums(weight * left) + total * before) / np.maximum(total + effect.pseudo, 1e-12)
                effect.projections[name] = after
                left -= (after - before)[effect.codes]
        outer = left.copy()
        for effect in self.random:
            outer += effect.projections[name][effect.codes]
        return left, outer

    def follow(self, slope_step: Floats, lift_step: Floats, names: Sequence[int], weight: Floats) -> None:
        """Move the effects as their regression on prices and promotions says, so that the next sweeps start where a joint step ends."""
        slope_of_cell = slope_step[self.cells.product]
        steps = [1.0, *lift_step]
        for effect in self.effects:
            shared = effect.sums(weight * slope_of_cell) / np.maximum(effect.sums(weight), 1e-12)
            for name, size in zip(names, steps, strict=True):
                effect.value -= effect.projections[name] * (shared if name == 0 else size)


def estimate_slopes(cells: Cells, products: int, kinds: int, tree: Sequence[Ints]) -> Slopes:
    """Fit the cells.

    products: their number, cells or not; kinds: of promotions; tree: see `shrink`, along which slopes are held together while they are
    fitted: a product with three sales has no slope of its own. Cells that can say nothing (a product without sales in the quarter) are left
    out.
    """
    group, groups = tree[0], int(tree[0].max()) + 1
    cells = _informative(cells)
    lift, lift_se = np.zeros(kinds), np.full(kinds, np.inf)
    if len(cells) == 0:
        nothing = [(np.full(size, PRIOR_ELASTICITY), np.full(size, np.inf)) for size in (products, groups)]
        return Slopes(*nothing[0], *nothing[1], 0.0, lift, lift_se, 1.0)
    fit = _Fit(cells, products, kinds)
    present = [kind for kind in range(1, kinds + 1) if np.any(cells.promotion == kind)]
    promoted = [(cells.promotion == kind).astype(np.float64) for kind in present]
    group_slope, group_of_cell = np.full(groups, PRIOR_ELASTICITY), group[cells.product]
    for number in range(_ROUNDS):
        mean = fit.update_effects(sweeps=4 if number else 12)
        units = np.minimum(cells.units, _ceiling(mean))
        error = units - mean
        if number in _LEARNING_ROUNDS:
            for effect in fit.random:
                effect.learn_pseudo(units, mean)
            fit.excess = float(np.clip(np.sum(error**2 - mean) / np.sum(mean**2), 0, 1))
        weight = mean / (1 + mean * fit.excess)
        error /= 1 + mean * fit.excess
        own, kept = fit.own_price(weight)
        own_score = _sums(cells.product, own * error, products)
        own_information = _sums(cells.product, weight * own**2 * kept, products)
        # The working residual, random effects put back: their pull towards 0 is then part of the projections alone.
        for effect in fit.random:
            error += weight * effect.value[effect.codes]
        sweeps = 3 if number else 10
        inner, outer = fit.residual(0, fit.price, weight, sweeps)
        information = _sums(cells.product, weight * inner * outer, products)
        dispersion = _dispersion(cells.block, inner * error, information)
        slope, variance = _step(fit.slope, own_score, own_information, dispersion)
        between = _spread(slope, variance, group)
        group_information = _sums(group, information, groups)
        group_mean, group_variance = _step(
            group_slope, _sums(group_of_cell, inner * error, groups), group_information, dispersion
        )
        # A group is a handful of products: its mean is no better known than they are alike.
        shares = information / np.where(group_information > _LEAST_INFORMATION, group_information, np.inf)[group]
        group_variance += between**2 * _sums(group, shares**2, groups)

        posterior = shrink(slope, variance, group_mean, group_variance, tree)
        group_slope = posterior.levels[1].mean
        step = np.clip(posterior.levels[0].mean - fit.slope, -_LARGEST_STEP, _LARGEST_STEP)
        fit.slope = np.clip(fit.slope + step, -_LARGEST_SLOPE, _LARGEST_SLOPE)

        columns = [(inner, outer)]
        columns += [fit.residual(kind, column, weight, sweeps) for kind, column in zip(present, promoted, strict=True)]
        inner, outer = (np.column_stack(side) for side in zip(*columns, strict=True))
        hessian = (inner * weight[:, None]).T @ outer + _LEAST_INFORMATION * np.eye(len(columns))
        lift_step = np.linalg.solve(hessian[1:, 1:], inner[:, 1:].T @ error)
        lift_step = np.clip(lift_step, -_LARGEST_STEP, _LARGEST_STEP)
        fit.lift[present] += lift_step
        fit.follow(step, lift_step, [0, *present], weight)
        if max(np.abs(step).max(), np.abs(lift_step).max(initial=0)) < _TOLERANCE:
            break
    covariance = dispersion * np.linalg.inv(hessian)
    lift_se[np.array(present, dtype=np.int64) - 1] = np.sqrt(np.diag(covariance))[1:]
    shared = max(float(covariance[0, 0] - dispersion / hessian[0, 0]), 0.0)
    return Slopes(slope, variance, group_mean, group_variance, shared, fit.lift[1:], lift_se, dispersion)


def shrink(
    slope: Floats,
    variance: Floats,
    group_slope: Floats,
    group_variance: Floats,
    tree: Sequence[Ints],
    shared_variance: float = 0.0,
) -> Posterior:
    """Posterior of the elasticities on the tree product -> finest group -> ... -> shop -> prior; for normal errors and known spreads.

    slope, variance: of each product; group_slope, group_variance: of each finest group; an infinite variance is no information.
    tree: parents, level by level: tree[0][product] is its finest group, tree[1][group] that group's parent ...; the shop is the parent of
    the last level and need not be given. shared_variance: of an error that all slopes have in common.
    """
    levels = [*tree, np.zeros(int(tree[-1].max()) + 1, dtype=np.int64)]
    sizes = [len(level) for level in levels[1:]] + [1]
    means, variances, spreads = [slope, group_slope], [variance, group_variance], [_spread(slope, variance, tree[0])]
    for parent, size in zip(levels[1:], sizes[1:], strict=True):
        spread = _spread(means[-1], variances[-1], parent)
        weight = 1 / (variances[-1] + spread**2)
        total = _sums(parent, weight, size)
        known = total > 0
        total = np.where(known, total, 1.0)
        means.append(np.where(known, _sums(parent, weight * means[-1], size) / total, PRIOR_ELASTICITY))
        variances.append(np.where(known, 1 / total, np.inf))
        spreads.append(spread)
    # And down again: what is above a node is its prior.
    shop_weight = PRIOR_SD**2 / (PRIOR_SD**2 + variances[-1])
    posterior = [
        Level(
            shop_weight * means[-1] + (1 - shop_weight) * PRIOR_ELASTICITY,
            np.sqrt((1 - shop_weight) * PRIOR_SD**2),
            shop_weight,
        )
    ]
    for index in reversed(range(len(levels))):
        above = posterior[0]
        parent, between = levels[index], spreads[index] ** 2
        known = np.isfinite(variances[index])
        weight = np.where(known, between / np.maximum(between + np.where(known, variances[index], 1.0), 1e-12), 0.0)
        mean = weight * means[index] + (1 - weight) * above.mean[parent]
        sd = np.sqrt((1 - weight) * between + (1 - weight) ** 2 * above.sd[parent] ** 2)
        posterior.insert(0, Level(mean, sd, weight))
    common = shared_variance * float(shop_weight[0]) ** 2
    widened = [Level(level.mean, np.sqrt(level.sd**2 + common), level.own_weight) for level in posterior]
    return Posterior(widened, spreads)


def _step(slope: Floats, score: Floats, information: Floats, dispersion: float) -> tuple[Floats, Floats]:
    """Slopes after one Newton step, and their variances: infinite without information."""
    known = information > _LEAST_INFORMATION
    information = np.where(known, information, 1.0)
    return np.where(known, slope + score / information, slope), np.where(known, dispersion / information, np.inf)


def _spread(mean: Floats, variance: Floats, parent: Ints) -> float:
    """Posterior mean of the standard deviation of nodes around their parents (likelihood on a grid, the parents' means profiled out)."""
    known = np.isfinite(variance)
    if not np.any(known):
        return SPREAD_SCALE * float(np.sqrt(2 / np.pi))
    codes = np.unique(parent[known], return_inverse=True)[1]
    mean, variance = mean[known], np.maximum(variance[known], 1e-12)
    log_density = np.empty(len(_SPREADS))
    for index, spread in enumerate(_SPREADS):
        total = variance + spread**2
        weight = np.bincount(codes, 1 / total)
        centre = np.bincount(codes, mean / total) / weight
        log_density[index] = (
            -0.5 * (np.log(total).sum() + np.log(weight).sum() + np.sum((mean - centre[codes]) ** 2 / total))
            - 0.5 * (spread / SPREAD_SCALE) ** 2
        )
    density = np.exp(log_density - log_density.max()) * np.gradient(_SPREADS)
    return float(np.sum(density * _SPREADS) / np.sum(density))


def _dispersion(cluster: Ints, score: Floats, information: Floats) -> float:
    """Variance of the clusters' scores over what it would be for Poisson counts, at least 1: the cluster-robust inflation of variances."""
    meat = np.sum(np.bincount(cluster, score) ** 2)
    return float(max(meat / max(information.sum(), _LEAST_INFORMATION), 1.0))


def _sums(codes: Ints, values: Floats, groups: int) -> Floats:
    return np.asarray(np.bincount(codes, weights=values, minlength=groups), dtype=np.float64)


def _ceiling(mean: Floats) -> Floats:
    """Units above which a cell counts as no more than that: five standard deviations of a count that strays a third around its mean.

    A bulk order that nobody flagged would otherwise decide its category's elasticity alone.
    """
    return np.asarray(mean + 5 * np.sqrt(1 + mean + (mean / 3) ** 2))


def _informative(cells: Cells) -> Cells:
    """Cells whose fixed effects exist: a group without sales fits a level of zero and says nothing."""
    while len(cells):
        keep = np.ones(len(cells), dtype=np.bool_)
        for codes in (cells.block, cells.period):
            keep &= np.bincount(codes, cells.units)[codes] > 0
        if keep.all():
            break
        cells = cells.subset(keep)
    return cells
