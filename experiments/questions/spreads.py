"""Are loans of this market priced for what they lose? What do tranches lose against their promise?

firesale experiment spreads --quick
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..answers import verdicts
from ..answers.finding import Finding, Number, Table
from ..answers.question import Question

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..answers.study import Study
    from ..pricing.estimators import Estimate

CONVERTIBLE, POOL = "convertible", "ddtl"
PARTS, RUNS = "prices", 600
NAMES = {
    "asic_loan": "loans on rigs", "btc_loan": "loans on bitcoin", "convertible": "convertibles",
    "gpu_loan": "GPU loans, DDTLs", "high_yield": "high-yield bonds", "other": "other unsecured",
    "project_finance": "project finance", "revolver": "revolvers", "vendor": "vendor loans",
}  # fmt: skip


def study(study: Study) -> Finding:
    """Runs of the weighted grid of scenarios, priced by `firesale price`."""
    import numpy as np

    from ..pricing import grid as grids
    from ..pricing.answer import INSTRUMENT, answer
    from ..pricing.cohorts import price
    from ..pricing.runs import Workers, make, read, spent

    grid = grids.load(grids.NAME)
    asked = study.draws(1, RUNS)  # whole blocks
    where = study.folder / PARTS
    _, before_s = spent(where)
    here = Workers("serial", None, study.quiet)
    if study.workers != 1:
        here = Workers("local", study.workers, study.quiet)
    failed = make(grid, asked, where, here)
    runs, busy_s = spent(where)
    study.count(runs, failed, busy_s - before_s)
    found = answer(grid, *read(grid, where))
    book = found.panel.loans
    straight = (book["instrument"] != CONVERTIBLE).to_numpy()
    own = (book["borrower"] == found.largest).to_numpy()

    def gap(columns: Any, name: str) -> Number:
        one = price(found.panel, np.flatnonzero(columns), name, grid.joint)
        return _gap(one.break_even, one.contract)

    numbers = {
        "gap": gap(straight, "all"),
        "gap_without": gap(straight & ~own, "without"),
        "gpu": gap((book["instrument"] == "gpu_loan").to_numpy(), "gpu"),
        "unsecured": gap((book["instrument"] == "other").to_numpy(), "other"),
    }
    rows = [
        (NAMES.get(one.name, one.name), one.balance_usd / 1e9, 1e4 * one.contract,
         Number(1e4 * one.break_even.value, 1e4 * one.break_even.low, 1e4 * one.break_even.high),
         _gap(one.break_even, one.contract), 1e4 * one.charged, 100.0 * one.pd[-1],
         100.0 * one.lgd)
        for one in found.prices[INSTRUMENT]
    ]  # fmt: skip
    cuts = [
        (pool.name, cut.tranche,
         Number(100.0 * cut.loss.value, 100.0 * cut.loss.low, 100.0 * cut.loss.high),
         100.0 * cut.promised_loss, cut.rating, cut.promised_rating)
        for pool in found.pools for cut in pool.cuts
    ]  # fmt: skip
    mezzanine = next((c for c in cuts if c[0] == POOL and "junior" in c[1]), None)
    if mezzanine is not None:
        numbers["junior"] = mezzanine[2]._replace(unit="%")
        numbers["junior_promised"] = Number.known(mezzanine[3], "%")
    return study.finding(
        QUESTION.name,
        numbers,
        {
            "spreads": Table(
                "Spread above the reference rate: in the contract, and that which pays for "
                "losses, bp",
                ("loans", "drawn, $bn", "contract", "break-even", "break-even less contract",
                 "with capital", "PD 5 years, %", "LGD, %"),
                ("", ".1f", ".0f", ",.0f", "+,.0f", ",.0f", ".0f", ".0f"),
                tuple(rows),
            ),
            "tranches": Table(
                "Tranches: loss in % of each, and what a copula fitted in calm promised",
                ("pool", "tranche", "loss", "promised", "rating by default", "promised rating"),
                ("", "", ".1f", ".1f", "", ""),
                tuple(cuts),
            ),
        },
        runs,
        {"largest": found.largest},
    )  # fmt: skip


def _gap(even: Estimate, contract: float) -> Number:
    """Break-even less contract, in bp: positive where the lender is paid too little."""
    ends = (even.value, even.low, even.high)
    value, low, high = (1e4 * (one - contract) for one in ends)
    return Number(value, low, high, "bp")


def verdict(found: Finding) -> str:
    """Over instruments but convertibles."""
    return verdicts.over(
        verdicts.above(Number(*row[4]))
        for row in found.tables["spreads"].rows
        if row[0] != NAMES[CONVERTIBLE]
    )


def sentence(found: Finding) -> str:
    """The answer."""
    n = found.numbers
    rows = [row for row in found.tables["spreads"].rows if row[0] != NAMES[CONVERTIBLE]]
    cheap = [row[0] for row in rows if Number(*row[4]).low > 0.0]
    dear = [row[0] for row in rows if Number(*row[4]).high < 0.0]
    text = (
        f"Over all debt but convertibles the spread that pays for expected losses, less the "
        f"contract's, is {n['gap'].text('+,.0f')} ({n['gap_without'].text('+,.0f')} without the "
        f"largest borrower): surely too little is paid on {_list(cheap)}, surely enough on "
        f"{_list(dear)}."
    )
    if "junior" in n:
        text += (
            f" The tranche from 5 to 15 % of a pool of DDTLs loses {n['junior'].text('.0f')} where "
            f"a copula fitted in calm promised {n['junior_promised'].text('.1f')}."
        )
    return text


def _list(names: list[str]) -> str:
    return ", ".join(names) if names else "none"


def draw(found: Finding) -> Figure:
    """Break-even less contract by instrument."""
    from ..answers.draw import Text, intervals

    rows = {
        row[0]: [Number(*row[4])]
        for row in found.tables["spreads"].rows
        if row[0] != NAMES[CONVERTIBLE]
    }
    n = found.numbers
    title = (
        f"Unsecured debt would need {n['unsecured'].value:+,.0f} bp more, GPU loans "
        f"{n['gpu'].value:+,.0f} bp"
    )
    return intervals(
        Text(title, "Spread that pays for expected losses less the contract's; 95 % over "
             "draws; right of zero the lender is paid too little", "bp"),
        rows, ("break-even less contract",),
    )  # fmt: skip


QUESTION = Question(
    name="spreads",
    claim="Credit to AI infrastructure and miners is not priced for any of this.",
    design="Every loan of the books of 2025 in thirteen weighted scenarios of bitcoin, rents and "
    "money, five years with entry, as `firesale price grid` has it; convertibles apart, whose "
    "coupon is not all that they pay.",
    rule="Holds for an instrument if its break-even spread for expected losses alone surely "
    "exceeds the contract's, fails if it is surely below; over instruments but convertibles.",
    headline="gap",
    boundary=0.0,
    without="gap_without",
    study=study,
    verdict=verdict,
    sentence=sentence,
    draw=draw,
    rests_on=(
        "weights of the scenarios (`experiments/pricing/grid.toml`): judgements, each with its "
        "reason",
        "no charge for capital, liquidity or options: with capital more of it is too cheap",
    ),
    would_change=(
        "other weights: `firesale price my-grid.toml`",
        "contracts that are renewed in 2029",
    ),
    objections=(
        "Rare events are rare in some hundred runs too.",
        "Quotes of the market are beside the prices in `experiments/PRICES.md`: the order is "
        "right, the level lower.",
        "Of DDTLs without the largest borrower the 5 to 15 % tranche loses about what was "
        "promised: the broken promise is one of concentration.",
    ),
    minutes=12,
)
