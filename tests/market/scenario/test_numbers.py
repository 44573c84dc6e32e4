"""Numbers as people write them, and names as people mistype them."""

from __future__ import annotations

from pathlib import Path

import pytest

from firesale.market.scenario.errors import InputError
from firesale.market.scenario.nearest import did_you_mean
from firesale.market.scenario.scenario import Scenario


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("crypto.crash_depth=77%", 0.77),
        ("crypto.crash_depth=7.7%", 0.077),
        ("crypto.crash_depth=.5 %", 0.005),
        ("crypto.hashrate_growth=59%", 0.59),
        ("crypto.hashrate_growth=-10%", -0.1),
        ("crypto.volatility=62.5%", 0.625),
        ("credit.max_ltv=120%", 1.2),
        ("credit.reference_rate=4.3%", 0.043),
        ("lenders.run_threshold=5%", 0.05),
        ("policy.buyer_of_last_resort_usd=5bn", 5e9),
        ("policy.buyer_of_last_resort_usd=2.5BN", 2.5e9),
        ("policy.lender_of_last_resort_usd=3m", 3e6),
        ("policy.lender_of_last_resort_usd=250k", 250e3),
        ("policy.lender_of_last_resort_usd=1_000 M", 1e9),
        ("investment.refit_usd_per_kw=7.5k", 7500.0),
        ("crypto.depth_adv_usd='20bn'", 20e9),
    ],
)
def test_a_number_as_people_write_it(text: str, value: float) -> None:
    scenario = Scenario.load("crypto-crash").with_settings([text])
    assert scenario.value_of(text.partition("=")[0]) == value


def test_a_percentage_is_the_share_to_the_last_bit() -> None:
    for tenths in range(1, 990):
        scenario = Scenario.load("crypto-crash").with_settings(
            [f"crypto.crash_depth={tenths / 10}%"]
        )
        assert scenario.crypto.crash_depth == float(f"0.{tenths:03d}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("days=30%", "days = '30%' is not allowed; it is a whole number, written in digits only."),
        ("crypto.crash_days=1k", "crypto.crash_days = '1k' is not allowed; it is a whole number, "
         "written in digits only."),
        ("crypto.crash_depth=5bn", "crypto.crash_depth = '5bn' is not allowed; it is a share, as "
         "0.77 or 77%."),
        ("policy.buyer_of_last_resort_usd=5%", "policy.buyer_of_last_resort_usd = '5%' is not "
         "allowed; it is in dollars, as 5e9, 5bn, 3m or 250k."),
        ("credit.growth_years=5k", "credit.growth_years = '5k' is not allowed; it is neither a "
         "share nor in dollars, so write a plain number."),
        ("lenders.news_half_life_days=5%", "lenders.news_half_life_days = '5%' is not allowed; it "
         "is neither a share nor in dollars, so write a plain number."),
        ("crypto.crash_depth=177%", "crypto.crash_depth = 1.77 is not allowed; input should be "
         "less than or equal to 0.999."),
        ("policy.buyer_of_last_resort_usd=5x", "policy.buyer_of_last_resort_usd = '5x' is not "
         "allowed; input should be a valid number."),
    ],
)  # fmt: skip
def test_a_form_that_a_setting_does_not_take_is_refused(text: str, says: str) -> None:
    with pytest.raises(InputError) as refused:
        Scenario.load("crypto-crash").with_settings([text])
    assert str(refused.value) == f"--set: {says}"


def test_files_take_them_as_texts(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('crypto = { path = "crash", crash_depth = "77%" }\n', encoding="utf-8")
    assert Scenario.load(path).crypto.crash_depth == 0.77
    path.write_text('days = "30%"\n', encoding="utf-8")
    with pytest.raises(InputError) as refused:
        Scenario.load(path)
    assert str(refused.value) == (
        "mine.toml: days = '30%' is not allowed; it is a whole number, written in digits only."
    )


@pytest.mark.parametrize(
    ("setting", "meant"),
    [
        ("crypto.crash_dept=0.5", "crypto.crash_depth"),
        ("crash_depth=0.5", "crypto.crash_depth"),
        ("compute.crash_depth=0.5", "crypto.crash_depth"),
        ("cripto.path=crash", "crypto"),
        ("polcy.standstill_days=5", "policy"),
        ("mrks=5", "marks"),
        ("dys=5", "days"),
        ("crypto.path=crahs", "crash"),
        ("policy.buyer_families=gpus", "gpu"),
        ("lenders.loan_impact_law=exponental", "exponential"),
        ("opening.start=synthtic", "synthetic"),
    ],
)
def test_the_nearest_name_is_offered(setting: str, meant: str) -> None:
    with pytest.raises(InputError) as refused:
        Scenario.load("calm").with_settings([setting])
    assert f" (did you mean {meant}?)" in str(refused.value)


def test_nothing_is_offered_where_nothing_is_near() -> None:
    with pytest.raises(InputError) as refused:
        Scenario.load("calm").with_settings(["quux.zzz=1"])
    assert "did you mean" not in str(refused.value)
    with pytest.raises(InputError, match=r"no scenario 'crypto-cras' \(did you mean crypto-crash"):
        Scenario.load("crypto-cras")
    assert did_you_mean("calm", ["calm"]) == ""
