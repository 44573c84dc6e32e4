"""Whatever is asked of a synthetic population: books that add up, or one sentence."""

from __future__ import annotations

import warnings
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
import runs
import test_synthetic as totals
from annotated_types import Ge, Gt, Le, Lt
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from firesale import synthetic
from firesale.market.opening.synthetic.open import open_synthetic, synthetic_books
from firesale.market.scenario.errors import InputError
from firesale.market.scenario.synthetic import FEWEST_PARTIES, Synthetic
from firesale.market.state.market import Market

UNKNOWN = {  # columns in which NaN says that there is none
    "initial_ltv", "margin_call_ltv", "liquidation_ltv", "min_dscr", "conversion_usd",
    "unit_cost_usd_day", "dscr",
}  # fmt: skip
CHECKS = (
    totals.test_overhead_adds_up,
    totals.test_machines_add_up_by_class,
    totals.test_debt_adds_up_by_instrument_and_kind_of_lender,
    totals.test_lenders_balance_sheets_add_up_by_kind,
    totals.test_buyers_have_the_budgets_and_racks_of_2025,
    totals.test_contracts_add_up,
    totals.test_nothing_is_pledged_twice_or_by_somebody_else,
)


def allowed(field: FieldInfo) -> st.SearchStrategy[Any]:
    """Values of a setting from end to end of its range."""
    if get_origin(field.annotation) is Literal:
        return st.sampled_from(get_args(field.annotation))
    low = next(bound for bound in field.metadata if isinstance(bound, Ge | Gt))
    high = next(bound for bound in field.metadata if isinstance(bound, Le | Lt))
    ends = {
        "min_value": low.ge if isinstance(low, Ge) else low.gt,
        "max_value": high.le if isinstance(high, Le) else high.lt,
    }
    if field.annotation is int:
        return st.integers(**ends)
    return st.floats(**ends, exclude_min=isinstance(low, Gt), exclude_max=isinstance(high, Lt))


FIELDS = {name: field for name, field in Synthetic.model_fields.items() if name != "parties"}
POPULATIONS = st.fixed_dictionaries(
    {"parties": st.integers(FEWEST_PARTIES, 400)},
    optional={name: allowed(field) for name, field in FIELDS.items()},
)


def opened(values: dict[str, Any], seed: int) -> Market:
    """The books of a population, with numpy's warnings as errors."""
    settings = {f"synthetic.{name}": value for name, value in values.items()}
    scenario = synthetic(1000, "calm").changed(settings, "test")  # some without effect
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "overflow encountered in scalar multiply")  # hashes
        return open_synthetic(synthetic_books(totals.TABLES, scenario), scenario, seed)


@settings(max_examples=150)
@given(POPULATIONS, st.integers(0, 2**31))
def test_any_population_has_books_that_add_up(values: dict[str, Any], seed: int) -> None:
    state = opened(values, seed)
    for name in ("parties", "borrowers", "miners", "lenders", "holdings", "loans", "contracts"):
        for column, values in runs.columns(state, name).items():
            assert column in UNKNOWN or np.isfinite(values).all(), f"{name}.{column}"
    for check in CHECKS:
        check(state)


@pytest.mark.parametrize("name", FIELDS)
def test_beyond_its_range_a_setting_is_refused_in_one_sentence(name: str) -> None:
    value = -1e9 if get_origin(FIELDS[name].annotation) is not Literal else "nothing"
    with pytest.raises(InputError, match=f"synthetic.{name}") as refused:
        opened({"parties": 100, name: value}, 1)
    assert "\n" not in str(refused.value)
