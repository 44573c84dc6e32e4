"""A borrower that fails on day 1, so that its lender seizes what is pledged: by hand."""

from __future__ import annotations

from by_hand import Bench

from firesale.market.state.events import Cause
from firesale.market.state.loans import Collateral

LEGAL_DAYS = 5
FREE = dict(idle_cost_share=0.0, removal_usd_per_th=0.0, removal_usd_per_gpu=0.0)


def fails_on_day_one(
    kind: int, units: float, debt: float, pledged: float, **terms: object
) -> Bench:
    """A borrower fails on day 1; ``pledged`` of its machines are its lender's, the rest its own."""
    loan = dict(
        principal_usd=debt, collateral=Collateral.HARDWARE, hardware=kind, collateral_units=pledged
    )
    bench = Bench(
        [loan],
        fleets=[(0, kind, units)],
        buyers=[{}],
        scenario={"liquidation": {"window_days": 1}, "credit": {"hazard_per_year": 0.0}},
        **FREE | dict(legal_days=LEGAL_DAYS) | terms,
    )
    s = bench.s
    s.miners.power_usd_mwh[0] = 50.0
    s.neoclouds.spot_realisation[0] = 1.0
    s.prices.hashprice_usd_ph_day = 100.0
    s.prices.rent_h100_usd_h = 2.0
    s.loans.breach[0] = Cause.MATURITY
    s.loans.sheets.cure_days[0] = 0
    bench.day(1, "default")
    return bench
