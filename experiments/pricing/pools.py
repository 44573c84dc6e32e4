"""Pools of loans: what they collect in each run, what tranches lose, and what a copula promised."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .copula import (
    asset_correlation,
    loss_distribution,
    observed_correlation,
    tranche_share,
)
from .estimators import Estimate, Reals, expected_shortfall, grouped, resampled
from .panel import Panel
from .waterfall import Collections, Tranche, run_waterfall

PACKAGED = Path(__file__).resolve().parent / "pools.toml"
TOUCHED = 1e-4  # share of a note that counts as a default of it
LEAST_FIRMS = 2
RESAMPLES = 200  # of correlations, each over all pairs of firms
FIVE_YEAR_RATINGS = (
    ("AAA", 0.0035),
    ("AA", 0.004),
    ("A", 0.006),
    ("BBB", 0.017),
    ("BB", 0.075),
    ("B", 0.18),
    ("CCC", 0.47),
)
"""Highest five-year default rate of each class: S&P's long-run study, B as in
``credit_anchors.csv``, the others recalled."""


class Terms(NamedTuple):
    """Packaged pools and how they are cut."""

    pools: dict[str, str]
    tranches: tuple[Tranche, ...]
    trigger: float


class Cut(NamedTuple):
    """One tranche of one pool: the outcome, and the promise of the copula."""

    pool: str
    tranche: str
    attach: float
    detach: float
    loss: Estimate  # share of the tranche, losses from the first dollar on
    paid: Estimate  # share of the note unpaid after excess spread and triggers
    pd: float  # chance that the note is not paid in full, after those
    shortfall: float  # mean loss in the worst hundredth
    promised_loss: float
    promised_pd: float
    promised_shortfall: float
    rating: str
    promised_rating: str


class Pool(NamedTuple):
    """A pool: who is in it, how its defaults hang together, its tranches."""

    name: str
    query: str
    loans: int
    firms: int
    balance_usd: float
    largest_share: float
    loss: Estimate
    asset_correlation: float  # fitted to calm runs
    promised_most: float  # share of the pool that the copula can lose: all firms, mean losses
    correlations: dict[str, Estimate]  # of defaults, by kind of run
    cuts: tuple[Cut, ...]


def load_terms(largest: str, own: dict[str, str] | None = None) -> Terms:
    """The packaged pools, and a user's own queries."""
    data = tomllib.loads(PACKAGED.read_text(encoding="utf-8"))
    pools = {name: text.format(largest=largest) for name, text in data["pools"].items()}
    tranches = tuple(Tranche(**row) for row in data["tranches"])
    return Terms(pools | (own or {}), tranches, float(data["triggers"]["defaults"]))


def collections(panel: Panel, columns: NDArray[np.int64]) -> Collections:
    """What a pool that buys the drawn balance of some loans at the opening collects.

    What is drawn later belongs to others: of a loan that grows, the pool keeps its share.
    """
    amounts = {key: table[:, columns, :].astype(float) for key, table in panel.quarters.items()}
    balance, claims = amounts["balance_musd"], amounts["claims_musd"]
    size = float(balance[0, :, 0].sum())
    quarters = max(table.shape[2] for table in (claims, amounts["recovered_musd"]))
    quarters = max(quarters, balance.shape[2] - 1)
    draws = len(panel.weight)
    share = (balance[:, :, 0] > 0.0).astype(float)  # of each loan, that the pool holds
    claimed = np.zeros_like(share)  # share of it when it defaulted
    found = {name: np.zeros((draws, quarters)) for name in Collections._fields}
    before = balance[:, :, 0]
    last = balance.shape[2] - 1
    for quarter in range(quarters):
        now = balance[:, :, quarter + 1] if quarter < last else np.zeros_like(before)
        claim, brought, spread = (
            amounts[f"{name}_musd"][:, :, quarter]
            if quarter < amounts[f"{name}_musd"].shape[2]
            else np.zeros_like(before)
            for name in ("claims", "recovered", "spread")
        )
        fails = claim > 0.0
        drawn = np.where(fails, 0.0, np.maximum(now - before, 0.0))
        kept = np.divide(before, before + drawn, out=np.ones_like(before), where=before > 0.0)
        claimed = np.where(fails, share, claimed)
        note = np.where(fails, np.minimum(now, brought), 0.0)  # new debt for old, in a plan
        repaid = np.where(fails, 0.0, np.maximum(before - now, 0.0))
        found["interest"][:, quarter] = (share * spread).sum(axis=1)
        found["principal"][:, quarter] = (share * repaid).sum(axis=1)
        found["defaulted"][:, quarter] = (share * (claim - note)).sum(axis=1)
        found["recovered"][:, quarter] = (
            np.where(claimed > 0.0, claimed, share) * (brought - note)
        ).sum(axis=1)
        share = np.where(now > 0.0, share * kept, share)
        before = now
    return Collections(**{name: table / size for name, table in found.items()})


def firm_defaults(
    panel: Panel, columns: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], Reals, NDArray[np.object_]]:
    """Whether each firm's loans here default by run, what is lost on them [USD], and the firms."""
    names, place = np.unique(
        panel.loans["firm"].to_numpy()[columns].astype(str), return_inverse=True
    )
    fails = np.zeros((len(panel.weight), len(names)), bool)
    lost = np.zeros((len(panel.weight), len(names)))
    for column, firm in zip(columns, place, strict=True):
        fails[:, firm] |= panel.scalars["default_day"][:, column] >= 0
        lost[:, firm] += panel.scalars["loss_usd"][:, column]
    return fails, lost, names.astype(object)


def correlations(
    panel: Panel, fails: NDArray[np.bool_], kinds: dict[str, tuple[str, ...]]
) -> dict[str, Estimate]:
    """Correlation of defaults in kinds of runs, with intervals over runs of each cell."""
    found = {}
    for kind, cells in kinds.items():
        rows = np.flatnonzero(np.isin(panel.cell, np.array(cells, object)))
        if not len(rows):
            continue
        weight = panel.weight[rows] if panel.weight[rows].sum() > 0.0 else np.ones(len(rows))
        groups = grouped(len(rows), panel.strata[rows])
        values = [np.nan]  # of a single run there is no interval
        if min(groups.sizes) > 1:
            ordered = fails[rows][groups.order], weight[groups.order]
            values = [
                observed_correlation(ordered[0], ordered[1] * times)
                for times in resampled(groups.sizes, RESAMPLES)
            ]
        value = observed_correlation(fails[rows], weight)
        low, high = (
            np.nanpercentile(values, [2.5, 97.5]) if np.isfinite(values).any() else (np.nan,) * 2
        )
        found[kind] = Estimate(value, float(low), float(high))
    return found


def fitted_correlation(fails: NDArray[np.bool_], weights: Reals) -> float:
    """Asset correlation at which as many pairs default together as did."""
    weights = weights / weights.sum()
    number = fails.sum(axis=1)
    pairs = float(weights @ (0.5 * number * (number - 1)))
    return asset_correlation(weights @ fails, pairs)


def cut_pool(
    panel: Panel,
    name: str,
    terms: Terms,
    kinds: dict[str, tuple[str, ...]],
    calm: Panel | None = None,
) -> Pool | None:
    """A pool and its tranches; None if nothing is drawn, or by one firm only.

    Args:
        panel: of all runs.
        name: of one of the pools of ``terms``.
        terms: pools and tranches.
        kinds: cells by kind of run, for correlations; those of ``calm`` fit the copula.
        calm: runs to fit it to instead, of the same loans.
    """
    columns = panel.chosen(terms.pools[name])
    balance = panel.loans["balance_usd"].to_numpy()
    columns = columns[balance[columns] > 0.0]
    fails, lost, firms = firm_defaults(panel, columns)
    if len(firms) < LEAST_FIRMS:
        return None
    pool = collections(panel, columns)
    paid = run_waterfall(pool, terms.tranches, terms.trigger)
    gross = np.clip(pool.lost[:, -1], 0.0, 1.0)
    chance = panel.weight @ fails
    per_firm = (panel.weight @ lost) / float(balance[columns].sum())
    scale = float(panel.weight @ gross) / max(float(per_firm.sum()), 1e-12)
    given = np.divide(per_firm * scale, chance, out=np.zeros_like(chance), where=chance > 0.0)
    quiet, still = panel, fails
    if calm is not None:
        quiet, still, kinds = calm, firm_defaults(calm, columns)[0], kinds | {"calm": ()}
    rows = np.isin(quiet.cell, np.array(kinds["calm"] or list(set(quiet.cell)), object))
    rho = fitted_correlation(still[rows], np.ones(int(rows.sum())))
    found = correlations(panel, fails, kinds)
    if calm is not None:
        found = correlations(calm, still, {"calm": tuple(set(calm.cell))}) | found
    losses, chances = loss_distribution(chance, given, rho)
    cuts = tuple(
        _cut(panel, name, tranche, (gross, paid.unpaid[:, place]), (losses, chances))
        for place, tranche in enumerate(terms.tranches)
    )
    by_firm = [
        balance[columns][panel.loans["firm"].to_numpy()[columns] == one].sum() for one in firms
    ]
    return Pool(
        name,
        terms.pools[name],
        len(columns),
        len(firms),
        float(balance[columns].sum()),
        float(max(by_firm) / balance[columns].sum()),
        panel.mean(gross),
        rho,
        float(given.sum()),
        found,
        cuts,
    )


def _cut(
    panel: Panel,
    pool: str,
    tranche: Tranche,
    outcome: tuple[Reals, Reals],
    promise: tuple[Reals, Reals],
) -> Cut:
    """One tranche: outcome with and without the waterfall, and the promise."""
    gross, unpaid = outcome
    losses, chances = promise
    share = tranche_share(gross, tranche.attach, tranche.detach)
    promised = tranche_share(losses, tranche.attach, tranche.detach)
    touched = float(panel.weight @ (unpaid > TOUCHED))
    promised_pd = float(chances @ (promised > TOUCHED))
    return Cut(
        pool,
        tranche.name,
        tranche.attach,
        tranche.detach,
        panel.mean(share),
        panel.mean(unpaid),
        touched,
        expected_shortfall(share, panel.weight),
        float(chances @ promised),
        promised_pd,
        expected_shortfall(promised, chances),
        rating(float(panel.weight @ (share > TOUCHED))),
        rating(promised_pd),
    )


def rating(chance: float) -> str:
    """The class whose five-year default rate a chance does not exceed."""
    for name, most in FIVE_YEAR_RATINGS:
        if chance <= most:
            return name
    return "below CCC"


def as_row(cut: Cut) -> dict[str, Any]:
    """A tranche as a row of the table of results."""
    return {
        "pool": cut.pool,
        "tranche": cut.tranche,
        "attach": cut.attach,
        "detach": cut.detach,
        "expected_loss": cut.loss.value,
        "low": cut.loss.low,
        "high": cut.loss.high,
        "unpaid": cut.paid.value,
        "unpaid_low": cut.paid.low,
        "unpaid_high": cut.paid.high,
        "pd": cut.pd,
        "shortfall": cut.shortfall,
        "copula_expected_loss": cut.promised_loss,
        "copula_pd": cut.promised_pd,
        "copula_shortfall": cut.promised_shortfall,
        "rating": cut.rating,
        "copula_rating": cut.promised_rating,
    }
