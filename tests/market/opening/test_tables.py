"""The opening tables: what they hold, and what is refused, in which words."""

import csv
import math
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from firesale.market.opening.books import CONFIDENCE_SD, Books
from firesale.market.opening.books_2025.read import DATA_FOLDER, load_books_2025
from firesale.market.opening.books_2025.rows import ASIC_SHARES, GPU_GROUPS
from firesale.market.opening.rows import Depreciation
from firesale.market.scenario.errors import InputError

DATA = DATA_FOLDER.parent


@pytest.fixture(scope="module")
def tables() -> Books:
    return load_books_2025()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the packaged tables that a test may break."""
    return Path(shutil.copytree(DATA_FOLDER, tmp_path / "tables"))


def refusal(folder: Path) -> str:
    """The sentence with which the tables in the folder are refused."""
    with pytest.raises(InputError) as refused:
        load_books_2025(folder)
    return str(refused.value)


def set_cell(path: Path, row: str, column: str, value: str) -> None:
    """Write a value into the first row that starts with the name ``row``."""
    with path.open(newline="") as stream:
        header, *rows = csv.reader(stream)
    next(cells for cells in rows if cells[0] == row)[header.index(column)] = value
    with path.open("w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *rows])


# ------------------------------------------------------------------ what the tables hold


def test_every_table_has_its_rows(tables: Books) -> None:
    sizes = {name: len(rows) for name, rows in vars(tables).items() if isinstance(rows, tuple)}
    assert sizes == {
        "miners": 21,
        "treasuries": 13,
        "neoclouds": 20,
        "loans": 212,
        "lenders": 34,
        "margins": 9,
        "interlender": 34,
        "leases": 81,
        "buyers": 14,
        "hardware": 16,
        "group_split": 16,
        "depreciation": 8,
        "outside": 16,
        "secondary_market": 12,
        "quote_rows": 16,
        "sites": 6,
        "machines": 0,  # those of a user's own book
    }


def test_38_borrowers_owe_61_bn(tables: Books) -> None:
    assert len({loan.borrower_id for loan in tables.loans}) == 38
    assert sum(loan.drawn_usd_m for loan in tables.loans) == pytest.approx(61_315.1)


@pytest.mark.parametrize(
    ("borrower", "debt_usd_m"),
    [
        ("MARA", 3640.0),
        ("RIOT", 854.0),
        ("CLSK", 834.5),
        ("CORZ", 1105.0),
        ("IREN", 1190.0),
        ("HUT", 480.0),
        ("APLD", 830.0),
        ("CANG", 405.1),
        ("FUFU", 130.0),
        ("SLNH", 53.0),
        ("ARBK", 47.0),
        ("REST_2025", 3500.0),
        ("CRWV", 18767.5),
        ("NBIS", 4162.5),
        ("LAMBDA", 800.0),
        ("FLUID", 412.0),
        ("DOCN", 1317.0),
        ("NB2", 700.0),
        ("REST_NEO", 8500.0),
        ("CRUSOE_ABILENE_JV", 7000.0),
    ],
)
def test_loans_add_up_to_the_debt_of_the_borrower(
    tables: Books, borrower: str, debt_usd_m: float
) -> None:
    drawn = sum(loan.drawn_usd_m for loan in tables.loans if loan.borrower_id == borrower)
    assert drawn == pytest.approx(debt_usd_m)


@pytest.mark.parametrize(
    ("instrument", "drawn_usd_m"),
    [
        ("btc_loan", 3558.68),
        ("asic_loan", 1023.0),
        ("gpu_loan", 14264.5),
        ("project_finance", 7665.0),
        ("high_yield", 3832.0),
        ("convertible", 16730.0),
        ("vendor", 7189.0),
        ("revolver", 3105.0),
        ("other", 3947.92),
    ],
)
def test_debt_by_instrument(tables: Books, instrument: str, drawn_usd_m: float) -> None:
    drawn = sum(loan.drawn_usd_m for loan in tables.loans if loan.instrument == instrument)
    assert drawn == pytest.approx(drawn_usd_m)


@pytest.mark.parametrize(
    ("miner", "btc"),
    [("RIOT", 3300.0), ("CLSK", 2583.0), ("HUT", 5000.0), ("REST_2025", 30822.03)],
)
def test_pledged_btc_is_the_collateral_of_the_loans(tables: Books, miner: str, btc: float) -> None:
    pledges = (
        loan.collateral_units
        for loan in tables.loans
        if loan.borrower_id == miner and loan.collateral_class == "BTC"
    )
    assert sum(pledges) == pytest.approx(btc)


def test_miners_make_up_the_network(tables: Books) -> None:
    hashrate = sum(miner.hashrate_eh_s for miner in tables.miners)
    assert hashrate == pytest.approx(tables.quotes["network_hashrate_eh_s"], abs=0.5)


@pytest.mark.parametrize(
    ("operator", "gpus"), [("CRWV", 370_000), ("REST_NEO", 480_000), ("APLD", 6_144)]
)
def test_fleet_counts_the_gpus(tables: Books, operator: str, gpus: int) -> None:
    row = next(row for row in (*tables.miners, *tables.neoclouds) if row.id == operator)
    fleet = row.fleet()
    assert sum(fleet[group] for group in GPU_GROUPS) == gpus


def test_fleet_counts_rigs_in_terahash(tables: Books) -> None:
    riot = next(miner for miner in tables.miners if miner.id == "RIOT").fleet()
    assert riot["J18_25"] == pytest.approx(36.5e6 * 0.374)
    assert sum(riot[group] for group in ASIC_SHARES) == pytest.approx(36.5e6)


def test_opening_ltv_is_debt_over_what_the_collateral_costs(tables: Books) -> None:
    price = {"BTC": tables.quotes["btc_usd"]}
    for machine in reversed(tables.hardware):  # so that B200 and GB200 price their groups
        of_rig = machine.family == "asic"
        value = machine.used_price_usd if of_rig else machine.new_price_usd
        price[machine.fleet_group] = value or 0.0
    for loan in tables.loans:
        if loan.opening_ltv is not None and loan.collateral_class is not None:
            value = price[loan.collateral_class] * loan.collateral_units
            assert loan.drawn_usd_m * 1e6 / value == pytest.approx(loan.opening_ltv, abs=2e-4)


def test_tenants_have_the_rating_of_their_party(tables: Books) -> None:
    rating = {party.id: party.rating for party in tables.outside}
    for lease in tables.leases:
        assert rating.get(lease.tenant_id, lease.tenant_rating) == lease.tenant_rating


def test_quotes_close_the_weekly_history(tables: Books) -> None:
    with (DATA / "history" / "market_weekly.csv").open(newline="") as stream:
        *_, last = csv.DictReader(stream)
    assert float(last["btc_usd_close"]) == tables.quotes["btc_usd"]
    assert float(last["eth_usd_close"]) == tables.quotes["eth_usd"]
    assert float(last["hashprice_usd_per_ph_day"]) == tables.quotes["hashprice_usd_ph_day"]
    assert last["week_ending"] <= tables.opening_date.isoformat()


def test_hardware_loses_value_with_age_and_stays_above_scrap(tables: Books) -> None:
    kept: defaultdict[str, list[float]] = defaultdict(list)
    for step in sorted(tables.depreciation, key=lambda row: row.age_years):
        kept[step.family].append(step.residual_share)
    assert kept == {family: sorted(shares, reverse=True) for family, shares in kept.items()}
    for machine in tables.hardware:
        if machine.used_price_usd is not None:
            assert machine.scrap_usd < machine.used_price_usd <= machine.new_price_usd


@pytest.mark.parametrize("share", [0.0, -0.1, 1.5, math.nan])
def test_hardware_that_keeps_nothing_has_no_rate_of_depreciation(share: float) -> None:
    with pytest.raises(ValueError, match="residual_share"):
        Depreciation(
            family="gpu", age_years=1.0, residual_share=share, confidence="estimated", source="me"
        )


@pytest.mark.parametrize(
    "path",
    [path for path in (*DATA_FOLDER.glob("*.csv"), *DATA.glob("*.csv")) if path.stem != "beliefs"],
    ids=lambda p: p.name,
)
def test_every_row_says_how_sure_it_is_and_why(path: Path) -> None:
    with path.open(newline="") as stream:
        for row in csv.DictReader(stream):
            assert row["confidence"] in CONFIDENCE_SD
            assert row["source"]


@pytest.mark.parametrize("path", sorted(DATA.rglob("*.csv")), ids=lambda p: p.name)
def test_files_are_plain_text(path: Path) -> None:
    text = path.read_bytes()
    assert text.isascii()
    assert b"\r" not in text
    assert text.endswith(b"\n")


def test_rows_cannot_be_changed(tables: Books) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        tables.loans[0].drawn_usd_m = 0.0  # type: ignore[misc]


def test_loading_needs_no_heavy_library() -> None:
    code = (
        "import sys, firesale.market.opening.books\n"
        "print({'numpy', 'pandas', 'numba'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_spaces_blank_lines_and_a_byte_order_mark_do_no_harm(tables: Books, folder: Path) -> None:
    path = folder / "outside.csv"
    text = path.read_text().replace(",IG,", " , IG ,").replace("\n", "\n\n")
    path.write_text(text, encoding="utf-8-sig")
    assert load_books_2025(folder) == tables


# ------------------------------------------------------------------ what is refused


CELLS = [  # file, row, column, value, what the sentence says
    # one cell: type, bounds, emptiness
    ("loans", "CLSK-CV-03-CONVARB", "drawn_usd_m", "-5",
     "line 20 (CLSK-CV-03-CONVARB), column drawn_usd_m: '-5' is not allowed; "
     "it must be a number greater than or equal to 0 and less than or equal to 1e+09."),
    ("loans", "CLSK-CV-03-CONVARB", "drawn_usd_m", "",
     "line 20 (CLSK-CV-03-CONVARB), column drawn_usd_m: an empty cell is not allowed; "
     "it must be a number greater than or equal to 0 and less than or equal to 1e+09."),
    ("miners", "RIOT", "cash_usd_m", "nan",
     "line 3 (RIOT), column cash_usd_m: 'nan' is not allowed; "
     "it must be a number greater than or equal to 0 and less than or equal to 1e+09."),
    ("miners", "RIOT", "cash_usd_m", "1,200",
     "line 3 (RIOT), column cash_usd_m: '1,200' is not allowed; "
     "it must be a number greater than or equal to 0 and less than or equal to 1e+09."),
    ("miners", "RIOT", "market_cap_usd_m", "0",
     "line 3 (RIOT), column market_cap_usd_m: '0' is not allowed; "
     "it must be a number greater than or equal to 1e-06 and less than or equal to 1e+09 or "
     "empty."),
    ("miners", "RIOT", "share_lt18", "1.5",
     "line 3 (RIOT), column share_lt18: '1.5' is not allowed; "
     "it must be a number greater than or equal to 0 and less than or equal to 1."),
    ("miners", "RIOT", "listed", "perhaps",
     "line 3 (RIOT), column listed: 'perhaps' is not allowed; it must be yes or no."),
    ("neoclouds", "CRWV", "gpus_h100", "10.5",
     "line 2 (CRWV), column gpus_h100: '10.5' is not allowed; "
     "it must be a whole number greater than or equal to 0 and less than or equal to 1e+07."),
    ("neoclouds", "CRWV", "name", "",
     "line 2 (CRWV), column name: an empty cell is not allowed; it must be a text."),
    ("neoclouds", "CRWV", "source", " ",
     "line 2 (CRWV), column source: an empty cell is not allowed; it must be a text."),
    ("lenders", "BX", "confidence", "sure",
     "line 2 (BX), column confidence: 'sure' is not allowed; "
     "it must be one of seen, computed, memory, estimated."),
    ("leases", "LS001", "start", "30/09/2025",
     "line 2 (LS001), column start: '30/09/2025' is not allowed; "
     "it must be a date such as 2025-09-30."),
    ("buyers", "ITAD_MAJORS", "classes_accepted", "",
     "line 2 (ITAD_MAJORS), column classes_accepted: an empty cell is not allowed; "
     "it must be names joined by |."),
    ("outside", "META", "id", "",
     "line 3 (no name), column id: an empty cell is not allowed; it must be a text."),
    # columns of one row that do not agree
    ("miners", "RIOT", "share_lt18", "0.9",
     "line 3 (RIOT), column share_lt18: '0.9' is not allowed; "
     "it must be such that the four shares of hashrate add up to 1."),
    ("treasuries", "RIOT", "hold_share", "1.5",
     "line 3 (RIOT), column hold_share: '1.5' is not allowed; "
     "it must be a number greater than or equal to 0 and less than or equal to 1."),
    ("treasuries", "RIOT", "initial_ltv", "",
     "line 3 (RIOT), column initial_ltv: an empty cell is not allowed; "
     "it must be given for a line and empty without one."),
    ("treasuries", "CLSK", "rate", "0.09",
     "line 4 (CLSK), column rate: '0.09' is not allowed; "
     "it must be given for a line and empty without one."),
    ("treasuries", "RIOT", "id", "BX",
     "line 3 (BX), column id: 'BX' is not allowed; it must be an id in miners.csv."),
    ("treasuries", "RIOT", "line_lender_id", "RIOT",
     "line 3 (RIOT), column line_lender_id: 'RIOT' is not allowed; "
     "it must be an id in lenders.csv."),
    ("loans", "CLSK-CV-03-CONVARB", "committed_usd_m", "100",
     "line 20 (CLSK-CV-03-CONVARB), column drawn_usd_m: '487.5' is not allowed; "
     "it must be at most committed_usd_m, 100."),
    ("loans", "CLSK-CV-03-CONVARB", "maturity", "2024-12-17",
     "line 20 (CLSK-CV-03-CONVARB), column maturity: '2024-12-17' is not allowed; "
     "it must be a date after origination, 2024-12-17."),
    ("loans", "MARA-CV-04-CONVARB", "put_date", "2035-01-01",
     "line 8 (MARA-CV-04-CONVARB), column put_date: '2035-01-01' is not allowed; "
     "it must be a date after origination and not after maturity."),
    ("loans", "CLSK-CV-03-CONVARB", "collateral_class", "H100",
     "line 20 (CLSK-CV-03-CONVARB), column collateral_class: 'H100' is not allowed; "
     "it must be given for a loan with collateral and empty or 0 without."),
    ("loans", "CLSK-CV-03-CONVARB", "collateral_units", "7",
     "line 20 (CLSK-CV-03-CONVARB), column collateral_units: '7' is not allowed; "
     "it must be given for a loan with collateral and empty or 0 without."),
    ("loans", "RIOT-BTC_LOAN-01-COIN", "initial_ltv", "",
     "line 14 (RIOT-BTC_LOAN-01-COIN), column initial_ltv: an empty cell is not allowed; "
     "it must be given for a loan with collateral and empty or 0 without."),
    ("loans", "RIOT-BTC_LOAN-01-COIN", "margin_call_ltv", "0.6",
     "line 14 (RIOT-BTC_LOAN-01-COIN), column margin_call_ltv: '0.6' is not allowed; "
     "it must be greater than initial_ltv."),
    ("loans", "RIOT-BTC_LOAN-01-COIN", "liquidation_ltv", "0.75",
     "line 14 (RIOT-BTC_LOAN-01-COIN), column liquidation_ltv: '0.75' is not allowed; "
     "it must be greater than margin_call_ltv, and empty if that is."),
    ("loans", "RIOT-BTC_LOAN-01-COIN", "opening_ltv", "0.61",
     "line 14 (RIOT-BTC_LOAN-01-COIN), column opening_ltv: '0.61' is not allowed; "
     "it must be at most initial_ltv."),
    ("loans", "IREN-GPU_LOAN-03-OTHER_PC", "dscr_test_start", "",
     "line 32 (IREN-GPU_LOAN-03-OTHER_PC), column dscr_test_start: an empty cell is not "
     "allowed; it must be given if min_dscr is, and empty if that is."),
    ("loans", "CLSK-CV-03-CONVARB", "conversion_price_usd", "",
     "line 20 (CLSK-CV-03-CONVARB), column conversion_price_usd: an empty cell is not "
     "allowed; it must be given for a convertible and empty otherwise."),
    ("leases", "LS001", "end", "2024-01-01",
     "line 2 (LS001), column end: '2024-01-01' is not allowed; "
     "it must be a date after start, 2025-01-01."),
    ("leases", "LS023", "gpu_class", "",
     "line 26 (LS023), column gpu_class: an empty cell is not allowed; "
     "it must be given for a contract on GPUs and empty otherwise."),
    ("leases", "LS010", "guarantor_id", "",
     "line 11 (LS010), column guarantee_cap_usd_m: '1800' is not allowed; "
     "it must be 0 if nobody guarantees."),
    ("hardware", "H100", "rack", "ASIC",
     "line 3 (H100), column rack: 'ASIC' is not allowed; "
     "it must be ASIC for a rig and another for a GPU."),
    ("hardware", "H100", "performance_bf16_h100", "",
     "line 3 (H100), column performance_bf16_h100: an empty cell is not allowed; "
     "it must be given for a GPU and empty for a rig."),
    ("hardware", "LT18", "efficiency_lo_j_th", "",
     "line 16 (LT18), column efficiency_lo_j_th: an empty cell is not allowed; "
     "it must be given for a rig and empty for a GPU."),
    ("hardware", "LT18", "efficiency_hi_j_th", "",
     "line 16 (LT18), column efficiency_hi_j_th: an empty cell is not allowed; "
     "it must be given for a rig and empty for a GPU."),
    ("hardware", "LT18", "efficiency_hi_j_th", "9",
     "line 16 (LT18), column efficiency_hi_j_th: '9' is not allowed; "
     "it must be at least efficiency_lo_j_th."),
    # rows and tables that do not agree
    ("miners", "RIOT", "id", "MARA",
     "line 3 (MARA), column id: 'MARA' is not allowed; "
     "it must be different on every line, and line 2 has it already."),
    ("group_split", "A100", "class", "H100",
     "line 2 (A100/H100), column class: 'H100' is not allowed; "
     "it must be a class of the group A100 in hardware.csv."),
    ("group_split", "B200_B300", "share", "0.8",
     "line 5 (B200_B300/B200), column share: '0.8' is not allowed; "
     "it must be such that the shares of its group add up to 1."),
    ("neoclouds", "CRWV", "id", "MARA",
     "line 2 (MARA), column id: 'MARA' is not allowed; "
     "it must be an id that miners.csv does not have."),
    ("quotes", "opening_date", "value", "100",
     "line 2 (opening_date), column value: '100' is not allowed; "
     "it must be a date such as 2025-09-30."),
    ("quotes", "btc_usd", "value", "2025-09-30",
     "line 3 (btc_usd), column value: '2025-09-30' is not allowed; "
     "it must be a number from 1 to 1e+09."),
    ("quotes", "btc_usd", "value", "much",
     "line 3 (btc_usd), column value: 'much' is not allowed; "
     "it must be a number or a date such as 2025-09-30."),
    ("buyers", "ITAD_MAJORS", "classes_accepted", "A100|P100",
     "line 2 (ITAD_MAJORS), column classes_accepted: 'A100|P100' is not allowed; "
     "it must be ASIC, SITE, HALL or groups joined by |, out of A100, H100, H200, B200_B300, "
     "GB200_GB300, "
     "AMD, OTHER, VR200, VR300, GT35, J25_35, J18_25, LT18, LT10."),
    ("leases", "LS001", "landlord_id", "NOBODY",
     "line 2 (LS001), column landlord_id: 'NOBODY' is not allowed; "
     "it must be the id of a party."),
    ("leases", "LS001", "tenant_id", "NOBODY",
     "line 2 (LS001), column tenant_id: 'NOBODY' is not allowed; it must be the id of a party."),
    ("leases", "LS010", "guarantor_id", "NOBODY",
     "line 11 (LS010), column guarantor_id: 'NOBODY' is not allowed; "
     "it must be the id of a party."),
    ("leases", "LS023", "gpu_class", "P100",
     "line 26 (LS023), column gpu_class: 'P100' is not allowed; "
     "it must be a group in hardware.csv."),
    ("loans", "CLSK-CV-03-CONVARB", "borrower_id", "BX",
     "line 20 (CLSK-CV-03-CONVARB), column borrower_id: 'BX' is not allowed; "
     "it must be an id in miners.csv or neoclouds.csv."),
    ("loans", "CLSK-CV-03-CONVARB", "lender_id", "MARA",
     "line 20 (CLSK-CV-03-CONVARB), column lender_id: 'MARA' is not allowed; "
     "it must be an id in lenders.csv."),
    ("loans", "CLSK-CV-03-CONVARB", "origination", "2025-10-01",
     "line 20 (CLSK-CV-03-CONVARB), column origination: '2025-10-01' is not allowed; "
     "it must be a date not after the opening date, 2025-09-30."),
    ("loans", "CLSK-CV-03-CONVARB", "maturity", "2025-09-30",
     "line 20 (CLSK-CV-03-CONVARB), column maturity: '2025-09-30' is not allowed; "
     "it must be a date after the opening date, 2025-09-30."),
    ("loans", "RIOT-BTC_LOAN-01-COIN", "collateral_class", "H100",
     "line 14 (RIOT-BTC_LOAN-01-COIN), column collateral_class: 'H100' is not allowed; "
     "it must be a class for collateral of the kind btc."),
    ("loans", "SLNH-ASIC_LOAN-02-OTHER_PC", "collateral_units", "2000000",
     "line 79 (SLNH-ASIC_LOAN-02-OTHER_PC), column collateral_units: '2000000' is not allowed; "
     "it must be within the 1900000 units of J18_25 that SLNH owns, all its loans together."),
    ("loans", "CRWV-VENDOR-11-OEM", "collateral_units", "20001",
     "line 145 (CRWV-VENDOR-11-OEM), column collateral_units: '20001' is not allowed; "
     "it must be within the 20000 units of A100 that CRWV owns, all its loans together."),
    ("lenders", "GLXY_LENDING", "parent_id", "NOBODY",
     "line 25 (GLXY_LENDING), column parent_id: 'NOBODY' is not allowed; "
     "it must be the id of a party."),
    ("lenders", "BX", "book_usd_m", "3211",
     "line 2 (BX), column book_usd_m: '3211' is not allowed; "
     "it must be 3210.375, what its loans in loans.csv have drawn."),
    ("lenders", "BX", "undrawn_commitments_usd_m", "601",
     "line 2 (BX), column undrawn_commitments_usd_m: '601' is not allowed; "
     "it must be 600, what its loans in loans.csv have left to draw."),
    ("lenders", "BX", "funding_usd_m", "3201",
     "line 2 (BX), column funding_usd_m: '3201' is not allowed; "
     "it must be 3200, its cash and loans less its capital."),
    ("sites", "WHITEFIBER", "hall_mw", "13",
     "line 4 (WHITEFIBER), column hall_mw: '13' is not allowed; it must be at most power_mw, 12."),
    ("loans", "GLXY-PROJECT_FINANCE-01-DB", "perimeter", "GLXY",
     "line 62 (GLXY-PROJECT_FINANCE-01-DB), column perimeter: 'GLXY' is not allowed; "
     "it must be a perimeter in sites.csv."),
    ("loans", "GLXY-PROJECT_FINANCE-01-DB", "collateral_units", "1.5",
     "line 62 (GLXY-PROJECT_FINANCE-01-DB), column collateral_units: '1.5' is not allowed; "
     "it must be at most 1 over all loans on the site of GALAXY_HELIOS_SPV."),
    ("lenders", "BX", "capital_low_usd_m", "9000",
     "line 2 (BX), column capital_usd_m: '8000' is not allowed; "
     "it must be from capital_low_usd_m to capital_high_usd_m."),
    ("lenders", "BX", "capital_low_usd_m", "",
     "line 2 (BX), column capital_high_usd_m: '16000' is not allowed; "
     "it must be given if capital_low_usd_m is, and only then."),
    ("interlender", "securitisation", "debtor", "NOBODY",
     "line 32 (NOBODY/APO), column debtor: 'NOBODY' is not allowed; "
     "it must be an id or a kind in lenders.csv."),
    ("interlender", "securitisation", "creditor_id", "NOBODY",
     "line 32 (securitisation/NOBODY), column creditor_id: 'NOBODY' is not allowed; "
     "it must be an id in lenders.csv."),
    ("interlender", "GLXY_LENDING", "creditor_id", "GLXY_LENDING",
     "line 22 (GLXY_LENDING/GLXY_LENDING), column creditor_id: 'GLXY_LENDING' is not allowed; "
     "it must be another lender than the debtor."),
    ("interlender", "securitisation", "share", "0.1",
     "line 32 (securitisation/APO), column share: '0.1' is not allowed; "
     "it must be from share_low to share_high."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "row", "column", "value", "sentence"),
    CELLS,
    ids=[f"{file}-{column}-{value or 'empty'}" for file, _, column, value, _ in CELLS],
)
def test_a_wrong_cell_is_refused_in_one_sentence(
    folder: Path, file: str, row: str, column: str, value: str, sentence: str
) -> None:
    set_cell(folder / f"{file}.csv", row, column, value)
    assert refusal(folder) == f"{file}.csv, {sentence}"


def replace(old: str, new: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(path.read_text().replace(old, new, 1))


FILES: list[tuple[str, Callable[[Path], object], str]] = [
    ("loans.csv", Path.unlink, "loans.csv is missing; it must be in the folder {folder}."),
    ("outside.csv", replace(",rating", ""),
     "outside.csv, line 1: column rating is missing; it must be there."),
    ("outside.csv", lambda path: path.write_text(""),
     "outside.csv, line 1: column confidence is missing; it must be there."),
    ("outside.csv", replace(",source", ",source,remark"),
     "outside.csv, line 1: column 'remark' is unknown; "
     "it must be one of confidence, source, id, name, role, rating, pooled."),
    ("outside.csv", replace(",source", ",source,name"),
     "outside.csv, line 1: column name is there twice; it must be there once."),
    ("outside.csv", replace(",IG,", ","),
     "outside.csv, line 2: a row of 6 cells is not allowed; it must have 7, as the header has."),
    ("outside.csv", replace("Microsoft", '"Microsoft'),
     "outside.csv cannot be read (',' expected after '\"'); it must be a CSV file in UTF-8."),
    ("outside.csv", lambda path: path.write_bytes(path.read_bytes() + b"\xff"),
     "outside.csv: is not text in UTF-8."),
    ("quotes.csv", replace("btc_usd,", "btc_price,"),
     "quotes.csv, line 3 (btc_price), column key: 'btc_price' is not allowed; it must be "
     "opening_date or one of btc_usd, eth_usd, hashprice_usd_ph_day, network_hashrate_eh_s, "
     "block_height, block_subsidy_btc, fee_share, blocks_per_retarget, halving_interval_blocks, "
     "reference_rate, btc_volatility, eth_volatility, btc_depth_adv_usd_m, routine_gpu_units_yr, "
     "routine_asic_th_yr."),
    ("quotes.csv", replace("eth_usd,4127.8,USD per ETH,seen,close of the week to 2025-09-28\n", ""),
     "quotes.csv: the key eth_usd is missing; it must have a line."),
    ("group_split.csv", replace("VR300,VR300,1,seen,group and class are the same\n", ""),
     "hardware.csv, line 12 (VR300), column fleet_group: 'VR300' is not allowed; "
     "it must be split in group_split.csv."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "spoil", "sentence"), FILES, ids=[sentence[:40] for _, _, sentence in FILES]
)
def test_a_wrong_file_is_refused_in_one_sentence(
    folder: Path, file: str, spoil: Callable[[Path], object], sentence: str
) -> None:
    size = (folder / file).stat().st_size
    spoil(folder / file)
    assert refusal(folder) == sentence.format(folder=folder, size=size)
