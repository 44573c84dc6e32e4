"""Lenders: capital, funding, marks, and the price below which seized hardware is not sold."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from .columns import Codes, Flags, IntsOrNone, Longs, Reals, RealsOrNone
from .compiling.arrays import total
from .compiling.kernels import compiled


class LenderKind(IntEnum):
    """Kinds as in the opening tables."""

    BANK = 0
    INSURER = 1
    PRIVATE_CREDIT_LOCKED = 2
    PRIVATE_CREDIT_SEMI_LIQUID = 3
    BOND_FUNDS = 4
    CONVERT_FUNDS = 5
    CRYPTO_LENDER = 6
    VENDOR = 7
    SECURITISATION = 8


SLEEVES = (LenderKind.BANK, LenderKind.INSURER, LenderKind.VENDOR)
"""Part of a larger firm: a sleeve that loses too much is closed, and its parent pays its debts."""

FUNDS = (
    LenderKind.PRIVATE_CREDIT_SEMI_LIQUID,
    LenderKind.BOND_FUNDS,
    LenderKind.CONVERT_FUNDS,
)
"""Investors hold shares and may redeem them, up to a gate."""

MARKED = (*FUNDS, LenderKind.CRYPTO_LENDER)
"""Their other assets are valued at market; the others hold them to maturity."""


SOUND_PD = 0.035
"""Chance that a sound leveraged borrower defaults within a year: B in the long run (S&P)."""
RAISED_PD = 0.09
"""The same once its risk has risen: B minus (S&P, 7 to 9 %)."""
MISSED_PD = 0.27
"""The same once it has missed a payment: CCC."""
MOST_YEARS = 5.0  # of a loan's life that are looked at: most is repaid or rolled by then
UNSECURED_LGD = 0.63
"""Lost of what collateral does not cover: bonds recover 37 % (Moody's 2007)."""
MACHINE_HAIRCUT = 0.25
"""Off the mark when machines must be sold: 14 to 30 % on aircraft (Pulvino 1998)."""
SITE_HAIRCUT = 0.20
"""Off the appraisal of a site: project loans recover about 80 % (Moody's, since 1983)."""
COIN_HAIRCUT = 0.10
"""Off the price of pledged coins: a gap before they are sold, and the liquidator's bonus."""


class Lenders(NamedTuple):
    """One row per lender; its party id is ``first_lender + row``.

    Identity, each day: cash + book + other loans = funding + capital, the book net of write-downs
    and of provisions; those of traded notes are what they are marked below par.
    Of interest received, what funding, costs and owners take is passed on and the rest builds
    capital (:func:`kept_interest_usd`); so does the margin on other loans. Claims that pay nothing
    still cost their funding.
    """

    kind: Codes
    capital_open_usd: Reals
    capital_usd: Reals
    book_usd: Reals  # principal owed to it in this market, before write-downs
    written_down_usd: Reals  # of that book, and not yet settled
    other_loans_usd: Reals  # performing, outside this market; sold at par for cash
    sold_loans_usd: Reals  # of these today, under pressure, at the price before the sale
    funding_usd: Reals
    loss_usd: Reals  # cumulative: write-downs and cost of enforcement
    runnable_share: Reals
    funding_maturity_days: Reals
    least_patience_days: Reals  # it holds seized machines at least so long
    min_capital_ratio: Reals
    sleeve: Flags
    redeemable: Flags  # a fund: capital itself may be redeemed
    marked: Flags  # other assets at market
    target_leverage: Reals  # assets over capital, as at the opening
    supply: Reals  # share of the credit it would give at full capital, 0 to 1
    supply_event: Longs  # what cut its supply: impairment, closure or failure
    news: Reals  # bad news its funders remember, in shares of opening capital
    run_event: Longs  # its last redemptions, -1 if none
    run_usd: Reals  # withdrawn so far
    unpaid_run_usd: Reals  # asked back today and not paid
    worst_usd: Reals  # its largest loss
    worst_event: Longs  # and where that was noted
    interlender_loss_usd: Reals  # on claims on other lenders
    market_loss_usd: Reals  # on other loans, from their price or outside events
    redeemed_usd: Reals  # of capital, by a fund's investors
    growth_room_usd: Reals  # it will newly lend, beyond lines it has committed
    closed_event: Longs  # sleeve closed, -1 if not
    impaired_event: Longs  # capital ratio first below minimum, -1 if never
    funding_spread: Reals  # of its funding, over the reference rate
    cost_share: Reals  # of net interest: operating cost and tax
    payout_share: Reals  # of what is left, to its owners
    other_margin: Reals  # a year, on other loans, after funding, cost, expected loss and tax
    funding_rate: Reals  # what a dollar of its assets costs in funding a year, today
    owners_share: Reals  # of its earnings, today
    provision_usd: Reals  # for losses expected on performing loans, or shown by notes' marks
    earned_usd: Reals  # kept of interest and margins so far, less funding of claims
    last_resort_usd: Reals  # of its funding, owed to the lender of last resort
    spread_duration_years: Reals  # of a fund's other loans: what they lose when spreads widen
    hedged_share: Reals  # of its right to convert notes, by shares sold short
    outflow_usd: Reals  # its investors ask for today
    line_advance: Reals  # margined lines over what secures them, at most; 0 without lines
    line_event: IntsOrNone  # last call on its lines
    line_open_day: IntsOrNone  # a call is unmet since
    pool_usd: Reals  # loans of a securitisation, at the opening
    pool_ltv: RealsOrNone  # their loan to value at marks, at the opening; NaN without machines
    traps_cash: Flags  # a securitisation keeps its excess spread
    amortising_event: IntsOrNone  # its notes take all its cash since


@compiled
def credit_supply_share(lenders: Lenders) -> float:
    """Credit that lenders give, over what they gave at the opening, weighted by their assets."""
    size, given = np.empty(len(lenders.supply)), np.empty(len(lenders.supply))
    for row in range(len(size)):
        size[row] = lenders.target_leverage[row] * lenders.capital_open_usd[row]
        given[row] = lenders.supply[row] * size[row]
    return total(given) / total(size)


@compiled
def capital_ratio(capital_usd: float, funding_usd: float) -> float:
    """Capital over assets; assets are what funding and capital pay for."""
    assets = capital_usd + funding_usd
    if assets <= 0.0:
        return 0.0
    return capital_usd / assets


@compiled
def funded_share(capital_usd: float, funding_usd: float) -> float:
    """Share of assets that others' money pays for, 0 to 1."""
    return min(1.0, max(0.0, 1.0 - capital_ratio(capital_usd, funding_usd)))


@compiled
def paid_out_share(payout_share: float, capital_usd: float, capital_open_usd: float) -> float:
    """Share of earnings that owners get: dividends are paid out of profit.

    Who has lost more than it has earned since the opening keeps all (as Basel III asks of banks
    inside their buffers). A fund's investors get its income in any case: of a share of one.
    """
    if payout_share < 1.0 and capital_usd < capital_open_usd:
        return 0.0
    return payout_share


@compiled
def kept_interest_usd(
    interest_usd: float, rate: float, funding_rate: float, cost_share: float, payout: float
) -> float:
    """What of an interest payment builds capital [USD].

    A loan at ``rate`` costs ``funding_rate`` a year for each dollar; of what is left, cost and
    tax take their share, and owners theirs. What a coupon below that cost lacks is not taken from
    capital: such notes earn it by their option, which is not booked here.
    """
    if rate <= 0.0:
        return 0.0
    net = interest_usd * max(0.0, 1.0 - funding_rate / rate)
    return net * (1.0 - cost_share) * (1.0 - payout)


@compiled
def credit_supply(ratio: float, minimum: float, opening: float, buffer_share: float) -> float:
    """Share of its usual credit a lender gives, 0 to 1.

    All of it while losses have eaten less than ``1 - buffer_share`` of the headroom over the
    minimum ratio it opened with; then less and less, and nothing at the minimum.
    """
    buffer = buffer_share * max(opening - minimum, 0.0)
    if buffer <= 0.0:
        return 1.0 if ratio >= min(minimum, opening) else 0.0
    return min(1.0, max(0.0, (ratio - minimum) / buffer))


@compiled
def perceived_loss_rate(previous: float, lost_share: float, memory_years: float) -> float:
    """Losses a year, as a share of loans, that lenders expect from what they have lived through.

    ``lost_share`` is the day's; memory fades with ``memory_years`` (experience-based learning,
    Malmendier & Nagel 2011, QJE 126).
    """
    keep = np.exp(-1.0 / (365.0 * memory_years))
    return max(0.0, keep * previous + lost_share / memory_years)


@compiled
def lending_ease(perceived: float, priced: float) -> float:
    """How easily lenders lend, -1 to 1: 0 where losses are as expected at the opening.

    Few losses for long make credit easy, the leverage cycle of Geanakoplos (2010).
    """
    return min(1.0, max(-1.0, 1.0 - perceived / priced))


@compiled
def advance_rate(base: float, ease: float, swing: float, most: float) -> float:
    """Share of a new machine's cost that lenders advance."""
    return min(most, max(0.0, base * (1.0 + swing * ease)))


@compiled
def redemption_share(news: float, threshold: float, speed: float) -> float:
    """Share of redeemable funding asked back in a day.

    Funders ignore little news; beyond the threshold the share rises with what they remember.
    """
    return 1.0 - np.exp(-speed * max(0.0, news - threshold))


@compiled
def deleveraging_usd(assets_usd: float, capital_usd: float, target: float, band: float) -> float:
    """Assets to sell to return to the target leverage [USD], once it is exceeded by ``band``.

    A lender without capital has no leverage to return to: it sells everything.
    """
    if capital_usd <= 0.0:
        return assets_usd
    if assets_usd <= target * (1.0 + band) * capital_usd:
        return 0.0
    return assets_usd - target * capital_usd


@compiled
def annuity_factor(rate: float, years: float) -> float:
    """Present value of a dollar a year, paid all along."""
    if abs(rate) < 1e-9:
        return years
    return (1.0 - np.exp(-rate * years)) / rate


@compiled
def continuing_value_usd(
    principal_usd: float, cash_flow_usd_year: float, left_usd: float, rate: float, years: float
) -> float:
    """What a lender expects of a loan that goes on [USD]: cash flow for years, then collateral.

    No more than what is owed.
    """
    flow = max(cash_flow_usd_year, 0.0) * annuity_factor(rate, years)
    return min(principal_usd, flow + max(left_usd, 0.0) * np.exp(-rate * years))


@compiled
def waives(continuing_usd: float, enforcement_usd: float, margin: float) -> bool:
    """Whether waiting brings at least what enforcement does, and ``margin`` of that more."""
    return continuing_usd >= (1.0 + margin) * enforcement_usd


@compiled
def mark_usd(
    schedule_usd: float,
    clearing_usd: float,
    age_days: float,
    evidence_weight: float,
    evidence_half_life_days: float,
) -> float:
    """A lender's mark: (1 - w) schedule + w last clearing price, w halving with the price's age."""
    if not np.isfinite(clearing_usd):
        return schedule_usd
    weight = evidence_weight * 0.5 ** (age_days / evidence_half_life_days)
    return (1.0 - weight) * schedule_usd + weight * clearing_usd


@compiled
def book_value_usd(cost_usd: float, years: float, life_years: float) -> float:
    """What a machine is reported at [USD]: its cost, less depreciation in a straight line."""
    return cost_usd * max(0.0, 1.0 - years / life_years)


@compiled
def patience_days(runnable_share: float, funding_maturity_days: float) -> float:
    """How long a lender can wait for a better price, from its funding [days].

    Locked money waits for its maturity, at most two years; callable money cannot wait.
    """
    return (1.0 - runnable_share) * min(funding_maturity_days, 730.0)


@compiled
def seller_patience_days(
    runnable_share: float, funding_maturity_days: float, least_days: float, supply: float
) -> float:
    """How long a lender waits for a better price of what it seized [days].

    At least ``least_days``; no longer if it gives no credit: closed, failed or without capital, it
    must sell.
    """
    if supply <= 0.0:
        return least_days
    return max(patience_days(runnable_share, funding_maturity_days), least_days)


@compiled
def reserve_price_usd(
    hold_value_usd: float, scrap_usd: float, waited_days: float, patience: float
) -> float:
    """Lowest price [USD/unit] a seller takes: from the value of holding and hosting down to scrap.

    Falls in a straight line to scrap while patience runs out.
    """
    if patience <= 0.0:
        return scrap_usd
    return max(scrap_usd, hold_value_usd * max(0.0, 1.0 - waited_days / patience))


@compiled
def in_kind_usd(hold_value_usd: float, scrap_usd: float) -> float:
    """At what a lender takes machines in kind for its claim [USD/unit], once the court will end.

    At what they are worth to one who keeps and hosts them, or at scrap if that is more: it may bid
    its claim (11 U.S.C. 363(k)) or accept the collateral for it (UCC 9-620).
    """
    return max(hold_value_usd, scrap_usd)


@compiled
def hosts(
    margin_usd_day: float, storage_usd_day: float, days: float, installation_usd: float
) -> bool:
    """Whether a lender has seized machines run for it rather than store them while it waits.

    What a machine earns with a host and does not cost in storage, over the days the lender can
    wait, must pay its installation.
    """
    return (margin_usd_day + storage_usd_day) * days > installation_usd


@compiled
def expected_recovery_usd(claim_usd: float, collateral_value_usd: float, dividend: float) -> float:
    """What a lender carries a defaulted claim at [USD] until it is resolved.

    Collateral at the mark, and the estate's ``dividend`` (a share) on what it does not cover.
    """
    secured = min(claim_usd, max(collateral_value_usd, 0.0))
    return secured + dividend * (claim_usd - secured)


@compiled
def estate_shares(assets_usd: float, liens_usd: float, others_usd: float) -> tuple[float, float]:
    """What an estate pays on a dollar of general liens, and on one of all other claims.

    A general lien is on all that nobody has a pledge on, so it is paid first. What it does not
    cover ranks alike with deficiencies, unsecured loans and suppliers: then nothing is left.
    """
    assets = max(assets_usd, 0.0)
    first = min(1.0, assets / liens_usd) if liens_usd > 0.0 else 1.0
    left = assets - first * liens_usd
    then = min(1.0, max(left, 0.0) / others_usd) if others_usd > 0.0 else 1.0
    return first, then


@compiled
def default_chance(raised: bool, missed: bool, years: float) -> float:
    """Chance of default that a provision counts, of a loan with so many years to run.

    That of 12 months while it is sound; of the rest of its life once its risk has risen
    significantly, or it has missed a payment (IFRS 9, stages 1 and 2).
    """
    left = min(max(years, 0.0), MOST_YEARS)
    if missed:
        return 1.0 - (1.0 - MISSED_PD) ** left
    if raised:
        return 1.0 - (1.0 - RAISED_PD) ** left
    return 1.0 - (1.0 - SOUND_PD) ** min(left, 1.0)


@compiled
def loss_given_default_usd(debt_usd: float, collateral_usd: float, haircut: float) -> float:
    """What a default would cost [USD]: of what collateral after its haircut does not cover."""
    return UNSECURED_LGD * max(0.0, debt_usd - max(0.0, collateral_usd) * (1.0 - haircut))


@compiled
def liquidation_debt_usd(
    debt_usd: float, collateral_usd: float, target_ltv: float, bonus: float
) -> float:
    """Debt x [USD] to repay by selling collateral (1 + bonus) x so that LTV returns to target.

    Selling lowers LTV if and only if LTV < 1 / (1 + bonus); above that everything is sold.
    """
    if collateral_usd <= 0.0:
        return 0.0
    everything = collateral_usd / (1.0 + bonus)
    if debt_usd / collateral_usd >= 1.0 / (1.0 + bonus):
        return min(debt_usd, everything)
    needed = (debt_usd - target_ltv * collateral_usd) / (1.0 - target_ltv * (1.0 + bonus))
    return min(max(needed, 0.0), min(debt_usd, everything))
