"""Is anybody there to buy? A borrower's whole GPU fleet is seized, at several sizes.

A test borrower with 1,000 to 100,000 H100s stands in the market of 2025 and fails on the first day
of a calm year, owing what the fleet is worth second-hand. Its one lender must sell. The script
measures recovery, time to sale and what stays unsold, against the quantity and against how many
compatible racks are free.

What buyers would pay rests on a few rows that we estimated, first of all on what hyperscalers would
spend on running clusters. So each number is a median over draws of books and judgements within what
is believed of them, with the middle nine tenths beside it; ``--no-beliefs`` gives the central
figures.

    uv run python -m firesale.experiments.questions.missing_repo_market [--quick] [--out DIR]
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .ensemble import BELIEFS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from ...market.opening.books import Books
    from ...market.simulation import Simulation

TEST_BORROWER = "TEST"
LENDER = "OTHER_PC"
LOAN_TO_USED_VALUE = 1.0  # lenders advance on new cost; on used value the largest stand at 1.25
QUANTITIES = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
QUICK_QUANTITIES = (1_000, 10_000, 100_000)
RACK_SCALES = (0.25, 1.0, 4.0)
DAYS = 730
DRAWS = 20


def with_test_borrower(tables: Books, gpus: int, hardware: str = "H100") -> Books:
    """The opening tables plus one neocloud that owes the second-hand value of ``gpus`` machines.

    It has no cash, no contract and a debt that matures on day 1, so it fails at once. The lender's
    book grows by the loan and its other loans shrink by as much: no dollar is added.
    """
    price = next(row.used_price_usd or 0.0 for row in tables.hardware if row.id == hardware)
    debt_usd_m = LOAN_TO_USED_VALUE * price * gpus / 1e6
    model = next(row for row in tables.neoclouds if row.id == "VOLTAGE")
    fleet = {name: 0 for name in type(model).model_fields if name.startswith("gpus_")}
    fleet[f"gpus_{hardware.lower()}"] = gpus
    borrower = model.model_copy(
        update={
            "id": TEST_BORROWER,
            "name": "Test borrower",
            "cash_usd_m": 0.0,
            "fixed_cost_usd_m_yr": 0.0,
            "revenue_usd_m_yr": 0.0,
            "opex_ex_da_usd_m_yr": 0.0,
            "capex_committed_12m_usd_m": 0.0,
            **fleet,
        }
    )
    opening = tables.opening_date
    pattern = next(
        row for row in tables.loans if row.loan_id == "NEXGEN-GPU_LOAN-01-REGIONAL_BANKS"
    )
    loan = pattern.model_copy(
        update={
            "loan_id": f"{TEST_BORROWER}-GPU_LOAN",
            "borrower_id": TEST_BORROWER,
            "perimeter": TEST_BORROWER,
            "lender_id": LENDER,
            "drawn_usd_m": debt_usd_m,
            "committed_usd_m": debt_usd_m,
            "amortisation": "bullet",
            "collateral_class": hardware,
            "collateral_units": float(gpus),
            "origination": date(2024, 1, 1),
            "maturity": opening + timedelta(days=1),
            "cure_days": 0,
            "min_dscr": None,
            "dscr_test_start": None,
            "pledged_cash_flow_usd_m_yr": None,
        }
    )
    lenders = tuple(
        row.model_copy(
            update={
                "book_usd_m": row.book_usd_m + debt_usd_m,
                "other_loans_usd_m": row.other_loans_usd_m - debt_usd_m,
            }
        )
        if row.id == LENDER
        else row
        for row in tables.lenders
    )
    return replace(
        tables,
        neoclouds=(*tables.neoclouds, borrower),
        loans=(*tables.loans, loan),
        lenders=lenders,
    )


def sell_out(
    gpus: int, rack_scale: float, seed: int = 1, days: int = DAYS, *, beliefs: bool = False
) -> dict[str, float]:
    """Seize ``gpus`` H100s in a calm market and sell them; one row of the experiment's table.

    Returns quantity, rack scale, share sold within the run, median days from seizure to sale, price
    over mark at seizure, and recovery of the loan (net proceeds over claim so far). With
    ``beliefs`` the seed draws books and judgements; the debt is what the drawn prices say.
    """
    from ...market.opening.beliefs import believe
    from ...market.opening.books_2025.read import load_books_2025
    from ...market.opening.books_2025.sample import sample_books
    from ...market.scenario.scenario import Scenario
    from ...market.simulation import Simulation

    asks = Scenario.load("calm").changed({"opening.beliefs": beliefs}, "draws")
    scenario = believe(asks, seed).changed(
        {
            "opening.sample": False,  # before the test borrower comes
            "days": days,
            "liquidation.slot_scale": rack_scale,
            "credit.hazard_per_year": 0.0,
        },
        "the experiment",
    )
    books = sample_books(load_books_2025(), seed if beliefs else None)
    simulation = Simulation(scenario, seed, with_test_borrower(books, gpus))
    return _measure(simulation.run(), gpus, rack_scale)


def _measure(simulation: Simulation, gpus: int, rack_scale: float) -> dict[str, float]:
    import numpy as np

    state = simulation.market
    loan = state.names.loans.index(f"{TEST_BORROWER}-GPU_LOAN")
    claims, claim = state.loans.claims, int(state.loans.claim[loan])
    lots = state.lots
    mine = np.flatnonzero(lots.loan[: int(lots.count[0])] == loan)
    if len(mine) == 0:  # repaid in full: what was left over went to the estate
        borrower = state.names.parties.index(TEST_BORROWER)
        mine = np.flatnonzero(lots.borrower[: int(lots.count[0])] == borrower)
    seized = float(lots.seized_units[mine].sum())
    sold = seized - float(lots.units[mine].sum())
    paper = sold * float(lots.mark_usd[mine[0]])
    nan = float("nan")
    return {
        "gpus": float(gpus),
        "rack_scale": rack_scale,
        "sold_share": sold / seized,
        "unsold_gpus": seized - sold,
        "days_to_sale": float(lots.unit_days[mine].sum()) / sold if sold > 0 else nan,
        "price_to_paper": float(lots.proceeds_usd[mine].sum()) / paper
        if sold > 0
        else float("nan"),
        "recovery": float(claims.recovered_usd[claim] / claims.claim_usd[claim]),
        "paper_ltv": LOAN_TO_USED_VALUE,
        "realised_ltv": float(claims.claim_usd[claim] / max(claims.recovered_usd[claim], 1.0)),
    }


def table(quick: bool = False, draws: int = DRAWS, beliefs: bool = True) -> pd.DataFrame:
    """All quantities at each number of racks: medians over draws, and 5 and 95 % of recovery."""
    import pandas as pd

    quantities = QUICK_QUANTITIES if quick else QUANTITIES
    seeds = range(1, draws + 1) if beliefs else (1,)
    rows = []
    for scale in RACK_SCALES:
        for gpus in quantities:
            runs = pd.DataFrame([sell_out(gpus, scale, seed, beliefs=beliefs) for seed in seeds])
            low, high = runs["recovery"].quantile([0.05, 0.95])
            rows.append({**runs.median(), "recovery_low": low, "recovery_high": high})
    return pd.DataFrame(rows)


def figure(results: pd.DataFrame) -> Figure:
    """Three panels against quantity: recovery, days to sale, unsold; one line per rack count."""
    from matplotlib.ticker import FuncFormatter, PercentFormatter

    from ..look.plots import BLACK, BLUE, RED, Layout, new_figure

    today = results[results.rack_scale == 1.0].sort_values("gpus")
    first, last = today.iloc[0], today.iloc[-1]
    title = (
        f"{first.gpus:,.0f} H100s bring {first.recovery:.0%} of the loan within two years, "
        f"{last.gpus:,.0f} bring {last.recovery:.0%}"
    )
    fig, axes = new_figure(
        title,
        "One lender sells a failed borrower's fleet in the calm market of 2025; the loan is what "
        "the fleet is worth second-hand",
        Layout(columns=3, height_in=3.2),
    )
    panels = (
        ("recovery", "Recovered of the claim (net of cost)"),
        ("days_to_sale", "Mean days from seizure to sale"),
        ("unsold_gpus", "Unsold after two years (GPUs)"),
    )
    colours = {0.25: RED, 1.0: BLACK, 4.0: BLUE}
    labels = {0.25: "a quarter of the racks", 1.0: "racks free today", 4.0: "four times the racks"}
    for axis, (column, label) in zip(axes, panels, strict=True):
        for scale in RACK_SCALES:
            group = results[results.rack_scale == scale]
            ordered = group.sort_values("gpus")
            axis.plot(
                ordered.gpus, ordered[column], marker="o", color=colours[scale], label=labels[scale]
            )
            if column == "recovery":  # the middle nine tenths of draws
                axis.fill_between(
                    ordered.gpus,
                    ordered.recovery_low,
                    ordered.recovery_high,
                    color=colours[scale],
                    alpha=0.15,
                    linewidth=0,
                )
        axis.set_xscale("log")
        axis.set_xlabel("H100s seized")
        axis.set_ylabel(label)
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axis.set_ylim(bottom=0)
    axes[0].yaxis.set_major_formatter(PercentFormatter(1.0))
    axes[2].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes[0].legend(frameon=False, fontsize=8)
    return fig


def main(
    quick: Annotated[bool, typer.Option(help="Three quantities instead of seven.")] = False,
    draws: Annotated[int, typer.Option(min=1, help="Draws of books and judgements.")] = DRAWS,
    beliefs: BELIEFS = True,
    out: Annotated[Path, typer.Option(help="Folder for the table and the figure.")] = Path(
        "out/missing-repo-market"
    ),
) -> None:
    """Seize 1,000 to 100,000 H100s in a calm market and see who buys."""
    from ..look.plots import save

    results = table(quick, draws, beliefs)
    out.mkdir(parents=True, exist_ok=True)
    results.to_csv(out / "table.csv", index=False, float_format="%.6g")
    save(figure(results), out / "missing-repo-market.png")
    typer.echo(results.round(3).to_string(index=False))
    typer.echo(f"Written to {out}.")


if __name__ == "__main__":
    typer.run(main)
