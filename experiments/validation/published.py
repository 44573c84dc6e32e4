"""Published results through the kernels that the simulation runs, as a table.

Each row configures the engine's own clearing, cascade, margin liquidation, impact, deleveraging or
pricing to the special case of a paper.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy import sparse

from ...agents.buyer import option_to_run_usd
from ...agents.note import conversion_value, market_default_chance
from ...agents.party import Outside
from ...market.clearing.vector import clearing_vector
from ...market.debt.covenants import sell_pledged_btc
from ...market.lenders import funding
from ...market.prices.impact import impact_log
from ...market.scenario.sections import IMPACT_LAWS
from ...market.state import randomness
from ...market.state.events import Cause
from ..pricing.copula import loss_distribution, vasicek_quantile
from .deleveraging import deleveraging_rows
from .equilibria import equilibrium_rows
from .rows import Row, exact
from .small_market import (
    give_balance,
    outside,
    pledge_coins,
    set_price_of_loans,
    set_term,
    small_market,
)

UNEQUAL_PD, UNEQUAL_LOSS = [0.01, 0.05, 0.20], [1, 2, 3]
EXPONENTIAL = IMPACT_LAWS.index("exponential")
EISENBERG_NOE = [[0, 20, 10], [5, 0, 24], [10, 0, 0]]
SPLIT_MIX = (6457827717110365317, 3203168211198807973, 9817491932198370423)
ROGERS_VERAART = [[0, 30, 0], [5, 0, 20], [10, 0, 0]]


def clearing_rows() -> list[Row]:
    """Clearing vectors of small networks."""

    def pays(debts: list[list[int]], assets: list[float], alpha: float = 1.0) -> tuple[float, ...]:
        found = clearing_vector(debts, assets, alpha=alpha).payments
        return tuple(float(x) for x in found)

    rogers = "Rogers & Veraart 2013"
    return [
        exact(
            "clearing payments",
            "Eisenberg & Noe 2001",
            (270 / 11, 290 / 11, 10.0),
            pays(EISENBERG_NOE, [10.0] * 3),
        ),
        exact("no default costs", rogers, (25, 25, 10), pays(ROGERS_VERAART, [10.0, 5.0, 5.0])),
        exact(
            "40 % of assets realised",
            rogers,
            (18, 20, 10),
            pays(ROGERS_VERAART, [10.0, 5.0, 5.0], 0.4),
        ),
        exact("two who owe each other", rogers, (1, 1), pays([[0, 1], [1, 0]], [0.0, 0.0])),
    ]


def random_network(
    banks: int, degree: float, seed: int
) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
    """Gai and Kapadia's banks: what they owe each other, external assets, deposits.

    Poisson directed exposures; 20 % of assets spread evenly over a bank's exposures, capital 4 %.
    """
    rng = np.random.default_rng(seed)
    count = rng.poisson(degree * banks)
    debtor, creditor = rng.integers(0, banks, count), rng.integers(0, banks, count)
    kept = np.unique(np.stack([debtor, creditor])[:, debtor != creditor], axis=1)
    debtor, creditor = kept
    exposures = np.bincount(creditor, minlength=banks)
    amount = 0.2 / exposures[creditor]
    owed = np.bincount(debtor, amount, banks)
    claims = np.where(exposures > 0, 0.2, 0.0)
    deposits = np.maximum(0.96 - owed, 0.0)
    external = deposits + owed + 0.04 - claims
    return sparse.csr_matrix((amount, (debtor, creditor)), (banks, banks)), external, deposits


def contagion(networks: int = 20, shocks: int = 50, banks: int = 10_000) -> Row:
    """How often one random default brings down more than 5 %, and how far that goes."""
    sizes = []
    for seed in range(networks):
        debts, external, deposits = random_network(banks, 3.0, seed)
        for bank in np.random.default_rng(1000 + seed).integers(0, banks, shocks):
            assets = external.copy()
            assets[bank] = 0.0
            result = clearing_vector(
                debts, assets, external_liabilities=deposits, alpha=0.0, beta=0.0
            )
            sizes.append(float(result.defaulted.mean()))
    large = np.array([size for size in sizes if size > 0.05])
    chance = len(large) / len(sizes)
    errors = (
        4.0 * math.sqrt(0.78 * 0.22 / len(sizes)),
        4.0 * float(large.std(ddof=1)) / math.sqrt(len(large)) + 0.001,  # 10,000 banks, not endless
    )
    return Row(
        "probability and extent of contagion, mean degree 3",
        "Gai & Kapadia 2010",
        (0.780, 0.9405),
        (chance, float(large.mean())),
        errors,
    )


def toxic_ltv(bonus: float) -> float:
    """Loan to value above which liquidating coins at a bonus raises loan to value; by bisection."""
    market = small_market()
    set_term(market, "credit.liquidation_bonus", bonus)
    exchange = outside(market, Outside.EXCHANGE)

    def rises(before: float) -> bool:
        debt = before * 10_000.0
        loan = pledge_coins(market, debt, 100.0, 100.0)
        sell_pledged_btc(market, loan, 0.01 * debt, exchange, int(Cause.BTC_PRICE), -1)
        after = market.loans.principal_usd[loan] / (100.0 * market.loans.collateral_btc[loan])
        return bool(after > before)

    low, high = 0.5, 0.999
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if rises(middle) else (middle, high)
    return 0.5 * (low + high)


def spiral(leverage: float, impact: float, first: float) -> float:
    """Total fall of the price of loans after lenders at a leverage lost a share of them."""
    size, market = 1e9, small_market()
    give_balance(market, 0, 0.0, size, size / leverage)
    set_price_of_loans(market, "linear", impact, size)
    market.lenders.other_loans_usd[0] -= first * size
    market.lenders.capital_usd[0] -= first * size
    for _ in range(300):
        funding.mark_other_loans(market, funding.target_leverage(market))
    return float(first + 1.0 - market.prices.loan_price)


def spillover(
    assets: tuple[float, ...], leverages: tuple[float, ...], impact: float, shock: float
) -> float:
    """Loss by one round of sales, over the equity of all, a unit of the shock that began it.

    Banks return to their leverage in assets of one kind; the others' sales cost each of them.
    """
    market = small_market()
    lenders, banks = market.lenders, slice(len(assets))
    for row, (owns, leverage) in enumerate(zip(assets, leverages, strict=True)):
        give_balance(market, row, 0.0, owns, owns / leverage)
        lenders.other_loans_usd[row] -= shock * owns
        lenders.capital_usd[row] -= shock * owns
    set_price_of_loans(market, "linear", impact, sum(assets))
    sold = funding.target_leverage(market)
    before = float(lenders.capital_usd[banks].sum())
    funding.mark_other_loans(market, sold)
    lost = before - float(lenders.capital_usd[banks].sum())
    equity = sum(owns / leverage for owns, leverage in zip(assets, leverages, strict=True))
    return lost / shock / equity


def split_mix(seed: int, count: int) -> tuple[float, ...]:
    """The first numbers of SplitMix64 by the finaliser that every draw of a market goes through."""
    words = ((seed + k * 0x9E3779B97F4A7C15) % 2**64 for k in range(1, count + 1))
    return tuple(float(randomness._mix(np.uint64(word))) for word in words)


def pool_rows() -> list[Row]:
    """The copula that prices tranches: its closed form, and its recursion against that."""
    losses, chances = loss_distribution(np.full(500, 0.02), np.full(500, 1 / 500), 0.1, 500)
    worst = float(losses[np.searchsorted(np.cumsum(chances), 0.999)])
    given, odds = loss_distribution(np.full(3, 0.5), np.ones(3), 0.0, 3)
    _, unequal = loss_distribution(np.array(UNEQUAL_PD), np.array(UNEQUAL_LOSS) / 6.0, 0.2, 6)
    return [
        Row(
            "worst of 1,000 default rates of a large pool, PD 2 %, correlation 0.1",
            "Vasicek 1987; Hull's textbook example",
            (0.128,),
            (vasicek_quantile(0.02, 0.1, 0.999),),
            (0.0005,),  # printed to three digits
        ),
        Row(
            "the same by recursion over 500 firms",
            "Andersen, Sidenius & Basu 2003",
            (0.128,),
            (worst,),
            (0.006,),  # 500 firms, not endless
        ),
        Row(
            "loss of a large pool at 99.9 %, PD 2 %, correlation 0.2, 60 % lost in default",
            "Vasicek 1987, closed form",
            (0.13579,),  # 0.6 N((-2.05375 + 0.44721 x 3.09023) / 0.89443), by tables
            (0.6 * vasicek_quantile(0.02, 0.2, 0.999),),
            (0.00002,),
        ),
        Row(
            "odds of losing 0 to 6 in a pool of 1, 2 and 3 with PD 1, 5 and 20 %, correlation 0.2",
            "all eight outcomes",
            tuple(by_enumeration(UNEQUAL_PD, UNEQUAL_LOSS)),
            tuple(float(p) for p in unequal[:7]),
            (1e-4,) * 7,  # the factor is summed on two grids
        ),
        exact(
            "0 to 3 defaults of three firms with PD 1/2, no correlation, by recursion",
            "binomial",
            (0.125, 0.375, 0.375, 0.125),
            tuple(float(odds[np.argmin(abs(given - k))]) for k in range(4)),
        ),
    ]


def by_enumeration(chance: list[float], loss: list[int], points: int = 4001) -> list[float]:
    """Odds of each loss of a small pool at correlation 0.2: every outcome, factor by midpoints."""
    from scipy.stats import norm

    z = norm.ppf((np.arange(points) + 0.5) / points)
    given = norm.cdf((norm.ppf(chance)[None, :] - math.sqrt(0.2) * z[:, None]) / math.sqrt(0.8))
    odds = [0.0] * (sum(loss) + 1)
    for outcome in itertools.product((0, 1), repeat=len(loss)):
        here = np.where(np.array(outcome), given, 1.0 - given).prod(axis=1).mean()
        odds[sum(size for size, hit in zip(loss, outcome, strict=True) if hit)] += float(here)
    return odds


def merton_rows() -> list[Row]:
    """A levered firm: its shares are a call on what it owns, its debt the rest."""
    # Hull: a firm of 12.40 that owes 10 in a year, at 21.23 % and 5 %.
    shares = 10.0 * conversion_value(12.40, 10.0, 0.2123, 0.05, 1.0)
    chance = market_default_chance(12.40, 10.0, 0.2123, 0.05, 1.0)
    # And one that owes 100 in five years against 125, at 30 % and 4 %.
    debt = 1.25 - conversion_value(1.25, 1.0, 0.30, 0.04, 5.0)
    ours = -math.log(debt) / 5.0 - 0.04
    return [
        Row(
            "shares, debt and chance of default of a firm of 12.40 that owes 10 in a year",
            "Merton 1974; Hull's textbook example",
            (3.00, 9.40, 0.127),
            (shares, 12.40 - shares, chance),
            (0.01, 0.01, 0.0005),  # printed to as many digits
        ),
        exact(
            "spread of debt of 100 in five years, firm of 125, 30 % volatility, 4 % rate",
            "Merton 1974, closed form",
            (_merton_spread(1.25, 0.30, 0.04, 5.0),),
            (ours,),
        ),
        Row(
            "call on a share of 42, strike 40, half a year, 20 % volatility, 10 % rate",
            "Black & Scholes 1973; Hull's textbook example",
            (4.76,),
            (40.0 * conversion_value(42.0, 40.0, 0.20, 0.10, 0.5),),
            (0.005,),
        ),
    ]


def _merton_spread(firm_over_debt: float, volatility: float, rate: float, years: float) -> float:
    """Merton's equation 14 in his own variables: the debt's worth over that of riskless debt."""
    from scipy.stats import norm

    d = math.exp(-rate * years) / firm_over_debt  # quasi leverage
    variance = volatility * volatility * years
    h1 = -(0.5 * variance - math.log(d)) / math.sqrt(variance)
    h2 = -(0.5 * variance + math.log(d)) / math.sqrt(variance)
    return -math.log(float(norm.cdf(h2)) + float(norm.cdf(h1)) / d) / years


def table() -> list[Row]:
    """All rows."""
    toxic, shock = "toxic liquidation, 1/(1+bonus)", 1e-6
    pieces = math.fsum(impact_log(3.0, 100.0, 0.7, 0.03, EXPONENTIAL) for _ in range(10))
    whole = impact_log(30.0, 100.0, 0.7, 0.03, EXPONENTIAL)
    total = spiral(10.0, 0.05, shock) / shock
    return [
        *clearing_rows(),
        contagion(),
        exact("LTV that liquidation worsens, bonus 5 %", toxic, (0.952381,), (toxic_ltv(0.05),)),
        exact("the same, bonus 10 %", toxic, (0.909091,), (toxic_ltv(0.10),)),
        Row(
            "return 1 % with leverage 10, impact 0.05",
            "leverage spiral, r/(1−κ(λ−1))",
            (0.0181818,),
            (0.01 * total,),
            (2e-5,),  # the shock is small, not infinitesimal
        ),
        Row(
            "spillover loss over equity, a unit of shock, three banks",
            "Greenwood, Landier & Thesmar 2015, κΣ(λ−1)a ÷ Σa÷λ",
            (0.1 * (9.0 * 100.0 + 19.0 * 60.0 + 4.0 * 40.0) / 21.0,),
            (spillover((100.0, 60.0, 40.0), (10.0, 20.0, 5.0), 0.1, shock),),
            (1e-3,),  # the shock is small, not infinitesimal
        ),
        Row(
            "option on futures at 20, strike 20, 4 months, 25 % volatility, 9 % rate",
            "Black 1976; Hull's textbook example",
            (1.12,),
            (math.exp(-0.03) * option_to_run_usd(20.0, 20.0, 0.25 * math.sqrt(1 / 3)),),
            (0.005,),  # printed to the cent
        ),
        Row(
            "first numbers of SplitMix64, seed 1234567",
            "Steele, Lea & Flood 2014; public test vector",
            tuple(map(float, SPLIT_MIX)),
            split_mix(1234567, len(SPLIT_MIX)),
            (0.0,) * len(SPLIT_MIX),
        ),
        exact("an order split in ten, over the whole", "exponential law", (1,), (pieces / whole,)),
        *pool_rows(),
        *merton_rows(),
        *deleveraging_rows(),
        *equilibrium_rows(),
    ]
