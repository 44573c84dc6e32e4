"""Published results through the kernels that the simulation runs, as a table.

uv run python tests/published.py

Each row configures the engine's own clearing, cascade, margin liquidation, impact or deleveraging
to the special case of a paper. ``test_published.py`` checks every row.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from by_hand import Bench
from scipy import sparse

from firesale.agents.buyer import option_to_run_usd
from firesale.agents.party import Outside
from firesale.experiments.pricing.copula import loss_distribution, vasicek_quantile
from firesale.market.clearing.vector import clearing_vector
from firesale.market.debt import covenants
from firesale.market.lenders import funding
from firesale.market.prices.impact import impact_log
from firesale.market.scenario.sections import IMPACT_LAWS
from firesale.market.state import randomness
from firesale.market.state.events import Cause
from firesale.market.state.loans import Collateral

LINEAR, EXPONENTIAL = IMPACT_LAWS.index("linear"), IMPACT_LAWS.index("exponential")
EISENBERG_NOE = [[0, 20, 10], [5, 0, 24], [10, 0, 0]]
SPLIT_MIX = (6457827717110365317, 3203168211198807973, 9817491932198370423)
ROGERS_VERAART = [[0, 30, 0], [5, 0, 20], [10, 0, 0]]


class Row(NamedTuple):
    """A result: numbers expected and ours, and how far apart they may be."""

    result: str
    source: str
    expected: tuple[float, ...]
    ours: tuple[float, ...]
    tolerance: tuple[float, ...]


def exact(result: str, source: str, expected: tuple[float, ...], ours: tuple[float, ...]) -> Row:
    """A result in closed form."""
    return Row(result, source, expected, ours, tuple(1e-6 * max(abs(x), 1.0) for x in expected))


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

    def rises(before: float) -> bool:
        loan = dict(
            principal_usd=before * 10_000.0,
            collateral=Collateral.BTC,
            collateral_btc=100.0,
            initial_ltv=0.6,
            margin_call_ltv=0.75,
            liquidation_ltv=0.85,
        )
        bench = Bench([loan], liquidation_bonus=bonus)
        debt = 0.01 * before * 10_000.0
        exchange = bench.outside(Outside.EXCHANGE)
        call = dict(loan=0, debt_usd=debt, exchange=exchange, cause=int(Cause.BTC_PRICE), parent=-1)
        bench.kernel(covenants.sell_pledged_btc, **call)
        s = bench.s
        after = s.loans.principal_usd[0] / (s.loans.collateral_btc[0] * s.prices.btc_usd)
        return bool(after > before)

    low, high = 0.5, 0.999
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if rises(middle) else (middle, high)
    return 0.5 * (low + high)


def spiral(leverage: float, impact: float, first: float) -> float:
    """Total fall of the price of loans after lenders at a leverage lost a share of them."""
    size = 1e9
    bench = Bench(
        lenders=1,
        loan_impact=impact,
        loan_impact_law=LINEAR,
        leverage_band=0.0,
        loan_price_half_life_days=math.inf,
        lender_capital=True,
    )
    bench.balance(0, cash=0.0, other=size, owes=size * (1.0 - 1.0 / leverage), marked=True)
    bench.s.lenders.other_loans_usd[0] -= first * size
    bench.s.lenders.capital_usd[0] -= first * size
    bench.s.opening.other_loans_usd = size
    for _ in range(300):
        sold = bench.kernel(funding.target_leverage)
        bench.kernel(funding.mark_other_loans, sold_usd=sold)
    return first + 1.0 - bench.s.prices.loan_price


def spillover(
    assets: tuple[float, ...], leverages: tuple[float, ...], impact: float, shock: float
) -> float:
    """Loss by one round of sales, over the equity of all, a unit of the shock that began it.

    Banks return to their leverage in assets of one kind; the others' sales cost each of them.
    """
    bench = Bench(
        lenders=len(assets),
        loan_impact=impact,
        loan_impact_law=LINEAR,
        leverage_band=0.0,
        loan_price_half_life_days=math.inf,
        lender_capital=True,
    )
    lenders = bench.s.lenders
    for row, (owns, leverage) in enumerate(zip(assets, leverages, strict=True)):
        bench.balance(row, cash=0.0, other=owns, owes=owns * (1.0 - 1.0 / leverage), marked=True)
        lenders.other_loans_usd[row] -= shock * owns
        lenders.capital_usd[row] -= shock * owns
    sold = bench.kernel(funding.target_leverage)
    before = float(lenders.capital_usd.sum())
    bench.s.opening.other_loans_usd = sum(assets)
    bench.kernel(funding.mark_other_loans, sold_usd=sold)
    lost = before - float(lenders.capital_usd.sum())
    return lost / shock / sum(owns / leverage for owns, leverage in zip(assets, leverages))


def split_mix(seed: int, count: int) -> tuple[float, ...]:
    """The first numbers of SplitMix64 by the finaliser that every draw of a market goes through."""
    words = ((seed + k * 0x9E3779B97F4A7C15) % 2**64 for k in range(1, count + 1))
    return tuple(float(randomness._mix(np.uint64(word))) for word in words)


def pool_rows() -> list[Row]:
    """The copula that prices tranches: its closed form, and its recursion against that."""
    losses, chances = loss_distribution(np.full(500, 0.02), np.full(500, 1 / 500), 0.1, 500)
    worst = float(losses[np.searchsorted(np.cumsum(chances), 0.999)])
    given, odds = loss_distribution(np.full(3, 0.5), np.ones(3), 0.0, 3)
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
        exact(
            "0 to 3 defaults of three firms with PD 1/2, no correlation, by recursion",
            "binomial",
            (0.125, 0.375, 0.375, 0.125),
            tuple(float(odds[np.argmin(abs(given - k))]) for k in range(4)),
        ),
    ]


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
    ]


def main() -> None:
    """Print the table as Markdown."""
    print("| result | source | expected | ours |\n|---|---|---|---|")
    for row in table():
        numbers = [", ".join(f"{x:.6g}" for x in column) for column in (row.expected, row.ours)]
        print(f"| {row.result} | {row.source} | {numbers[0]} | {numbers[1]} |")


if __name__ == "__main__":
    main()
