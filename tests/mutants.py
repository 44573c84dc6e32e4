"""Deliberately wrong rules, one at a time: the tests must notice each of them.

uv run python tests/mutants.py [--only NAME] [--write]

Each mutant is a mistake a person could make. It is put into a copy of the project, and the tests
that speak of that part are run there on uncompiled kernels. The table says which test noticed;
``--write`` keeps it beside this file. A mutant that survives is a hole in the tests, and the exit
code is 1.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parent.parent
TABLE = Path(__file__).with_suffix(".md")
COPIED = ("agents", "market", "experiments", "tests", "pyproject.toml", "README.md")


class Mutant(NamedTuple):
    """One mistake: in ``file``, ``right`` becomes ``wrong``; ``tests`` should notice."""

    name: str
    file: str
    right: str
    wrong: str
    tests: str


MUTANTS = (
    Mutant(
        "clearing forgets beta inside a circle of debts",
        "market/debt_cycles.py",
        "cycle.weight[claims] = beta * debts.claim[slot]",
        "cycle.weight[claims] = debts.claim[slot]",
        "test_clearing",
    ),
    Mutant(
        "clearing forgets beta outside circles",
        "market/debt_cycles.py",
        "payment = debts.realised[party] + beta * receipts(debts, party)",
        "payment = debts.realised[party] + receipts(debts, party)",
        "test_clearing",
    ),
    Mutant(
        "who owes exactly what it has defaults",
        "market/clearing.py",
        "return owes - owns > TIE * owes",
        "return owes - owns >= 0.0",
        "test_clearing",
    ),
    Mutant(
        "machines are seized and stay with their owner too",
        "market/default.py",
        "        holdings.units[holding] -= units\n",
        "",
        "test_kernels_default",
    ),
    Mutant(
        "a payment is made without the cash",
        "market/service.py",
        "if parties.cash_usd[b] >= due * (1.0 - 1e-12):",
        "if True:",
        "test_kernels_service",
    ),
    Mutant(
        "impact is read twenty times too weak",
        "market/crypto.py",
        "    share = sold_usd / depth_usd\n    if law",
        "    share = 0.05 * sold_usd / depth_usd\n    if law",
        "test_rules_crypto",
    ),
    Mutant(
        "a day of interest is dropped at each payment",
        "market/service.py",
        "        loans.arrears_interest_usd[loan] += loans.accrued_usd[loan]\n",
        "        loans.arrears_interest_usd[loan] += loans.accrued_usd[loan]\n"
        "        loans.arrears_interest_usd[loan] -= loans.principal_usd[loan] * rate / 365.0\n",
        "test_kernels_service",
    ),
    Mutant(
        "LTV upside down",
        "market/loans.py",
        "    return debt_usd / collateral_usd\n",
        "    return collateral_usd / debt_usd\n",
        "test_rules_loans",
    ),
    Mutant(
        "LTV upside down, seen by margin calls",
        "market/loans.py",
        "    return debt_usd / collateral_usd\n",
        "    return collateral_usd / debt_usd\n",
        "test_kernels_covenants",
    ),
    Mutant(
        "cure clock a day too long",
        "market/default.py",
        "or today.day < loans.breach_day[loan] + loans.cure_days[loan]",
        "or today.day <= loans.breach_day[loan] + loans.cure_days[loan]",
        "test_kernels_default",
    ),
    Mutant(
        "collateral pays the estate before its lender",
        "market/liquidation.py",
        "applied = min(net, loans.principal_usd[loan])",
        "applied = 0.5 * min(net, loans.principal_usd[loan])",
        "test_auction",
    ),
    Mutant(
        "bids are not capped by racks",
        "agents/buyer.py",
        "        units = min(units, slots / slots_per_unit)\n",
        "        units = max(units, 0.0)\n",
        "test_auction test_rules_agents",
    ),
    Mutant(
        "relocation costs nothing",
        "agents/buyer.py",
        "min(strip_usd * view, new_price_cap_usd) - relocation_usd)",
        "min(strip_usd * view, new_price_cap_usd))",
        "test_rules_agents",
    ),
    Mutant(
        "storage costs nothing",
        "market/custody.py",
        "rate * lots.units[i], courts",
        "0.0 * lots.units[i], courts",
        "test_auction test_hosting",
    ),
    Mutant(
        "parents are shifted by one event",
        "market/events.py",
        '    event["parent"] = parent\n',
        '    event["parent"] = parent - 1\n',
        "test_kernels_default test_kernels_service",
    ),
    Mutant(
        "DSCR upside down",
        "agents/borrower.py",
        "    return cash_flow_usd / service_usd\n",
        "    return service_usd / cash_flow_usd\n",
        "test_rules_borrowers",
    ),
    Mutant(
        "evidence and schedule change places",
        "agents/lender.py",
        "return (1.0 - weight) * schedule_usd + weight * clearing_usd",
        "return weight * schedule_usd + (1.0 - weight) * clearing_usd",
        "test_rules_agents",
    ),
    Mutant(
        "the reserve does not fall with waiting",
        "agents/lender.py",
        "hold_value_usd * max(0.0, 1.0 - waited_days / patience)",
        "hold_value_usd",
        "test_rules_agents",
    ),
    Mutant(
        "the auction's winners pay their own bids' mean",
        "market/liquidation.py",
        "price = max(last_ask, next_bid, 0.0)",
        "price = 0.5 * (bids[bid_order[0]] + max(last_ask, next_bid, 0.0))",
        "test_auction",
    ),
    Mutant(
        "hashprice divides by the hashrate of today",
        "market/phases.py",
        "float(run.crypto.fee_share[day]), p.difficulty_eh_s\n",
        "float(run.crypto.fee_share[day]), p.network_hashrate_eh_s\n",
        "test_kernels_prices",
    ),
    Mutant(
        "difficulty follows blocks the wrong way",
        "market/crypto.py",
        "ratio = planned_days / max(prices.retarget_days + used, 1e-9)",
        "ratio = max(prices.retarget_days + used, 1e-9) / planned_days",
        "test_rules_crypto",
    ),
    Mutant(
        "efficiency raises rents where it should lower them",
        "market/compute.py",
        "efficiency ** (elasticity - 1.0)",
        "efficiency ** (1.0 - elasticity)",
        "test_rules_compute",
    ),
    Mutant(
        "guarantors have no cap",
        "market/contracts.py",
        "    contracts.guarantee_left_usd[c] -= added\n",
        "",
        "test_tenants",
    ),
    Mutant(
        "guarantors pay more than is left",
        "market/contracts.py",
        "added = min(max(0.0, signed_usd_day - rent), contracts.guarantee_left_usd[c])",
        "added = max(0.0, signed_usd_day - rent)",
        "test_tenants",
    ),
    Mutant(
        "lenders wait when enforcing brings more",
        "agents/lender.py",
        "return continuing_usd >= (1.0 + margin) * enforcement_usd",
        "return continuing_usd <= (1.0 + margin) * enforcement_usd",
        "test_forbearance",
    ),
    Mutant(
        "funders run on good news",
        "agents/lender.py",
        "max(0.0, news - threshold)",
        "max(0.0, threshold - news)",
        "test_rules_agents test_kernels_lenders",
    ),
    Mutant(
        "one payment too many before maturity",
        "market/loans.py",
        "return max(1, 1 - (day - maturity_day) // interval_days)",
        "return max(1, 2 - (day - maturity_day) // interval_days)",
        "test_rules_loans",
    ),
    Mutant(
        "the option to run is its intrinsic value",
        "agents/buyer.py",
        "    d1 = math.log(expected_income / cost) / deviation + 0.5 * deviation\n",
        "    return max(expected_income - cost, 0.0)\n    d1 = 0.0\n",
        "test_rules_agents",
    ),
    Mutant(
        "every day draws the same number",
        "market/randomness.py",
        "x = _mix(x ^ (np.uint64(day) * _MIX_1))",
        "x = _mix(x ^ (np.uint64(0) * _MIX_1))",
        "test_rules_randomness",
    ),
    Mutant(
        "notes convert below their price",
        "agents/borrower.py",
        "return conversion_usd > 0.0 and share_usd >= conversion_usd",
        "return conversion_usd > 0.0 and share_usd <= conversion_usd",
        "test_convertibles",
    ),
    Mutant(
        "who converts issues no shares",
        "market/convertibles.py",
        "        borrowers.shares[b] += amount / price\n",
        "",
        "test_convertibles",
    ),
    Mutant(
        "a cancelled order gets its deposit back",
        "market/investment.py",
        "            borrowers.deposits_usd[b] -= deposit\n            orders.units[b] = 0.0\n",
        "            borrowers.deposits_usd[b] -= deposit\n            orders.units[b] = 0.0\n"
        "            pay(parties, supplier, b, deposit)\n",
        "test_investment",
    ),
    Mutant(
        "machines bought on credit are not pledged",
        "market/investment.py",
        "            holdings.pledged[row_held] += units\n",
        "",
        "test_investment",
    ),
    Mutant(
        "losses make lenders bold",
        "agents/lender.py",
        "return min(1.0, max(-1.0, 1.0 - perceived / priced))",
        "return min(1.0, max(-1.0, perceived / priced - 1.0))",
        "test_investment",
    ),
    Mutant(
        "hosted machines take no racks",
        "market/hosting.py",
        "            buyers.slots[:, rack] *= 1.0 - hosted_slots[rack] / free\n",
        "            buyers.slots[:, rack] *= 1.0\n",
        "test_hosting",
    ),
    Mutant(
        "supply of credit grows as capital goes",
        "agents/lender.py",
        "return min(1.0, max(0.0, (ratio - minimum) / buffer))",
        "return min(1.0, max(0.0, (minimum - ratio) / buffer))",
        "test_rules_agents test_kernels_lenders",
    ),
    Mutant(
        "sold loans do not move their price",
        "market/funding.py",
        "    after = np.exp(np.log(price) * keep + impact)\n",
        "    after = np.exp(np.log(price) * keep)\n",
        "test_kernels_lenders",
    ),
    Mutant(
        "a default in a vehicle reaches its parent",
        "market/default.py",
        "if loans.recourse[loan] and terms.cross_default:",
        "if terms.cross_default:",
        "test_kernels_default",
    ),
)


def copy_project(to: Path) -> None:
    """The files that the tests need, without environments and caches."""
    for name in COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy2(source, to / name)


def run_tests(folder: Path, tests: str) -> tuple[int, str]:
    """Exit code of pytest on uncompiled kernels, and the first test that failed."""
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    command += [f"tests/{name}.py" for name in tests.split()]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    return done.returncode, failed.group(1).removeprefix("tests/") if failed else ""


def try_mutant(mutant: Mutant) -> str:
    """The test that noticed, or an empty string; exits if the mutant no longer fits the code."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_project(folder)
        path = folder / mutant.file
        text = path.read_text(encoding="utf-8")
        if text.count(mutant.right) != 1:
            raise SystemExit(
                f"{mutant.file}: '{mutant.right}' is there {text.count(mutant.right)}x"
            )
        path.write_text(text.replace(mutant.right, mutant.wrong), encoding="utf-8")
        code, failed = run_tests(folder, mutant.tests)
        return failed if code == 1 else ""


def check_unchanged() -> None:
    """The tests pass without a mutant, or nothing they say would count."""
    names = " ".join(sorted({test for mutant in MUTANTS for test in mutant.tests.split()}))
    code, failed = run_tests(PROJECT, names)
    if code != 0:
        raise SystemExit(f"without a mutant {failed or 'the run'} fails: mend that first")


def main() -> None:
    """Try all mutants, or those whose name contains a text."""
    parser = argparse.ArgumentParser(description="apply wrong rules and see which test notices")
    parser.add_argument("--only", default="", help="a part of the names of mutants to try")
    parser.add_argument("--write", action="store_true", help=f"keep the table in {TABLE.name}")
    options = parser.parse_args()
    check_unchanged()
    lines = ["| mistake | where | noticed by |", "|---|---|---|"]
    survivors = 0
    for mutant in MUTANTS:
        if options.only not in mutant.name:
            continue
        noticed = try_mutant(mutant)
        survivors += not noticed
        lines.append(f"| {mutant.name} | `{mutant.file}` | {noticed or '**nobody**'} |")
        print(lines[-1], flush=True)
    if options.write:
        title = "# Wrong rules and the tests that notice them\n\n"
        note = "Made by `uv run python tests/mutants.py --write`.\n\n"
        TABLE.write_text(title + note + "\n".join(lines) + "\n", encoding="utf-8")
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
