"""Where money moves: every payment, draw and repayment, and the check that nothing was lost."""

from __future__ import annotations

from ...agents.columns import Reals
from ...agents.compiling.kernels import compiled, inlined
from ...agents.lender import kept_interest_usd
from ...agents.party import Outside, Status
from .ledger import Account, Flow, Stocks
from .loans import annual_rate
from .market import Market


@inlined
def pay(market: Market, payer: int, payee: int, amount_usd: float) -> None:
    """Move cash from one party to another."""
    cash_usd = market.parties.cash_usd
    cash_usd[payer] -= amount_usd
    cash_usd[payee] += amount_usd


@inlined
def enter(market: Market, account: int, amount_usd: float) -> None:
    """Write what the authority has paid or received into one of its accounts."""
    market.ledger.policy_usd[account] += amount_usd


@inlined
def fund(market: Market, row: int, amount_usd: float) -> None:
    """Let a lender have at least ``amount_usd`` of cash.

    What is short comes from performing outside loans, sold to investors at par, and when these are
    gone from new funding: its leverage rises.
    """
    today, lenders = market.today, market.lenders
    lender = today.first_lender + row
    short = amount_usd - market.parties.cash_usd[lender]
    if short <= 0.0:
        return
    pay(market, today.first_outside + Outside.INVESTORS, lender, short)
    sold = min(short, max(lenders.other_loans_usd[row], 0.0))
    lenders.other_loans_usd[row] -= sold
    lenders.funding_usd[row] += short - sold


@inlined
def draw(market: Market, loan: int, amount_usd: float) -> None:
    """Lend: cash to the borrower, a claim to the lender, who finds the cash first."""
    loans = market.loans
    row = loans.lender[loan]
    fund(market, row, amount_usd)
    pay(market, market.today.first_lender + row, loans.borrower[loan], amount_usd)
    loans.principal_usd[loan] += amount_usd
    market.lenders.book_usd[row] += amount_usd
    market.ledger.flows[Flow.CLAIM_DRAWN] += amount_usd


@inlined
def repay(market: Market, loan: int, payer: int, amount_usd: float) -> None:
    """Repay principal: cash to the lender, the claim shrinks."""
    loans = market.loans
    row = loans.lender[loan]
    pay(market, payer, market.today.first_lender + row, amount_usd)
    loans.principal_usd[loan] -= amount_usd
    market.lenders.book_usd[row] -= amount_usd
    market.ledger.flows[Flow.CLAIM_REPAID] += amount_usd


@inlined
def forgive(market: Market, loan: int, amount_usd: float) -> None:
    """Extinguish a part of a claim that has been written down."""
    loans, lenders = market.loans, market.lenders
    row = loans.lender[loan]
    loans.principal_usd[loan] -= amount_usd
    lenders.book_usd[row] -= amount_usd
    lenders.written_down_usd[row] -= amount_usd
    market.ledger.flows[Flow.CLAIM_WRITTEN_OFF] += amount_usd


@inlined
def write_off(market: Market, loan: int) -> float:
    """Extinguish what is left of a claim; returns the amount [USD].

    The loss has been taken by write-downs; this only removes the claim from both books.
    """
    amount = market.loans.principal_usd[loan]
    forgive(market, loan, amount)
    market.loans.principal_usd[loan] = 0.0
    return amount


@compiled
def pay_interest(market: Market, loan: int, amount_usd: float) -> None:
    """Interest reaches the lender, which keeps its net margin; funders and owners get the rest.

    Investors own the loans of a lender that has failed: they get all of it.
    """
    today, loans, lenders, prices = market.today, market.loans, market.lenders, market.prices
    row = loans.lender[loan]
    lender = today.first_lender + row
    pay(market, loans.borrower[loan], lender, amount_usd)
    kept = 0.0
    if market.parties.status[lender] == Status.ACTIVE:
        rate = annual_rate(loans.rate_or_spread[loan], loans.floating[loan], prices.reference_rate)
        kept = kept_interest_usd(
            amount_usd,
            rate,
            lenders.funding_rate[row],
            lenders.cost_share[row],
            lenders.owners_share[row],
        )
    pay(market, lender, today.first_outside + Outside.INVESTORS, amount_usd - kept)
    earn(market, row, kept)


@inlined
def earn(market: Market, row: int, amount_usd: float) -> None:
    """Earnings, or negative a cost of funding, reach capital; the cash has been paid."""
    market.lenders.capital_usd[row] += amount_usd
    market.lenders.earned_usd[row] += amount_usd


@compiled
def take_stock(market: Market) -> Stocks:
    """Add up every stock from the tables, in one fixed order."""
    count_buyers(market)
    return add_up(market)


@compiled
def count_buyers(market: Market) -> None:
    """Add up what buyers have: most parties are buyers, and only auctions change it."""
    today, parties, ledger, holdings = market.today, market.parties, market.ledger, market.holdings
    cash = gross = btc = 0.0
    for p in range(today.first_buyer, today.first_outside):
        cash += parties.cash_usd[p]
        gross += abs(parties.cash_usd[p])
        btc += parties.btc[p] + parties.btc_lent[p]
    ledger.buyers[0], ledger.buyers[1], ledger.buyers[2] = cash, gross, btc
    for k in range(len(ledger.buyer_units)):
        ledger.buyer_units[k] = 0.0
    for h in range(holdings.first[today.first_buyer], holdings.first[today.first_outside]):
        if holdings.units[h] != 0.0:  # most rows are room for what a buyer may buy
            ledger.buyer_units[holdings.hardware[h]] += holdings.units[h]


@compiled
def add_up(market: Market) -> Stocks:
    """Add up every stock, that of buyers as last counted, in one fixed order."""
    parties, lenders, ledger = market.parties, market.lenders, market.ledger
    loans, holdings, lots = market.loans, market.holdings, market.lots
    first_lender = market.today.first_lender
    today = market.today
    cash, gross, btc = ledger.buyers[0], ledger.buyers[1], ledger.buyers[2]
    payables = 0.0
    for first, end in ((0, today.first_buyer), (today.first_outside, len(parties.cash_usd))):
        for p in range(first, end):
            cash += parties.cash_usd[p]
            gross += abs(parties.cash_usd[p])
            btc += parties.btc[p] + parties.btc_lent[p]
            payables += parties.payables_usd[p]
    for loan in range(len(loans.collateral_btc)):
        btc += loans.collateral_btc[loan]
    btc_gross = btc + abs(ledger.outside_btc[0])
    btc += ledger.outside_btc[0]
    units, units_gross = ledger.buyer_units.copy(), ledger.buyer_units.copy()
    for k in range(len(units)):
        units[k] += ledger.outside_units[k] + ledger.authority_units[k]
        units_gross[k] += abs(ledger.outside_units[k]) + ledger.authority_units[k]
    for h in range(holdings.first[today.first_buyer]):
        units[holdings.hardware[h]] += holdings.units[h]
        units_gross[holdings.hardware[h]] += holdings.units[h]
    for i in range(lots.count[0]):
        units[lots.hardware[i]] += lots.units[i]
        units_gross[lots.hardware[i]] += lots.units[i]
    claims = books = gap = assets = 0.0
    for loan in range(len(loans.principal_usd)):
        claims += loans.principal_usd[loan]
    for row in range(len(lenders.book_usd)):
        books += lenders.book_usd[row]
        total = (
            parties.cash_usd[first_lender + row]
            + lenders.book_usd[row]
            - lenders.written_down_usd[row]
            - lenders.provision_usd[row]
            + lenders.other_loans_usd[row]
        )
        claim = lenders.funding_usd[row] + lenders.capital_usd[row]
        gap = max(gap, abs(total - claim))
        assets += abs(total) + 0.0 * claim  # a claim that is no number must not vanish in gap
    return Stocks(
        cash, gross, btc, btc_gross, units, units_gross, claims, books, gap, assets, payables
    )


@compiled
def conservation_error(before: Stocks, after: Stocks, flows: Reals) -> float:
    """Worst |change - flows| over gross stock of all assets; ``flows`` are the day's journal."""
    claims_flow = flows[Flow.CLAIM_DRAWN] - flows[Flow.CLAIM_REPAID] - flows[Flow.CLAIM_WRITTEN_OFF]
    payables_flow = flows[Flow.PAYABLE_RAISED] - flows[Flow.PAYABLE_SETTLED]
    gross_claims = max(before.claims_usd, 1.0)
    error = max(
        abs(after.cash_usd - before.cash_usd) / max(after.cash_gross_usd, 1.0),
        abs(after.btc - before.btc) / max(after.btc_gross, 1.0),
        abs(after.claims_usd - before.claims_usd - claims_flow) / gross_claims,
        abs(after.claims_usd - after.books_usd) / gross_claims,
        after.lender_gap_usd / max(after.lender_assets_usd, 1.0),
        abs(after.payables_usd - before.payables_usd - payables_flow)
        / max(after.payables_usd, before.payables_usd, 1.0),
    )
    # max() forgets what is no number; zero times such a number is none either
    whole = after.cash_usd - before.cash_usd + after.cash_gross_usd + after.btc - before.btc
    whole += after.btc_gross + after.claims_usd - before.claims_usd - claims_flow + after.books_usd
    whole += after.lender_gap_usd + after.lender_assets_usd
    whole += after.payables_usd - before.payables_usd - payables_flow
    for k in range(len(after.units)):
        moved = abs(after.units[k] - before.units[k])
        error = max(error, moved / max(after.units_gross[k], 1.0))
        whole += moved + after.units_gross[k]
    return error + 0.0 * whole


@compiled
def authority_error(market: Market) -> float:
    """Worst relative error of the authority's books: its cash, and what lenders owe it."""
    accounts, owed = market.ledger.policy_usd, market.lenders.last_resort_usd
    moved = 1.0
    for account in range(Account.CAPITAL):
        moved += accounts[account]
    cash = market.parties.cash_usd[market.today.first_outside + Outside.AUTHORITY]
    cash += accounts[Account.BOUGHT] + accounts[Account.STORED] + accounts[Account.LENT]
    cash -= accounts[Account.REPAID] + accounts[Account.INTEREST]
    lent = accounts[Account.LENT] - accounts[Account.REPAID] - accounts[Account.LOST]
    for row in range(len(owed)):
        lent -= owed[row]
    return max(abs(cash), abs(lent)) / moved + 0.0 * (cash + lent)
