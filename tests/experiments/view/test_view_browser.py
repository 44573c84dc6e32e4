"""The browser view in a real browser: what a visitor sees, presses, and gets."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest
from paths import PROJECT
from playwright.sync_api import Browser, Page, expect

from firesale.agents.compiling.cache import cache_root
from firesale.experiments.view.pictures import PANELS

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
if CHROMIUM is None:
    pytest.skip("there is no chromium on this machine", allow_module_level=True)

SECONDS = 60_000  # patience with a busy machine, in milliseconds
FAST_CRASH = """
title = "Fast crash"
days = 130

[crypto]
path = "crash"
crash_start_day = 2
crash_days = 40
crash_depth = 0.9

[credit]
refinancing_appetite = 0.0
"""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, object]) -> dict[str, object]:
    quiet = (
        *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    )
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": list(quiet)}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where ``firesale view`` serves a fast crash."""
    scenario = tmp_path_factory.mktemp("view") / "fast-crash.toml"
    scenario.write_text(FAST_CRASH, encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "firesale.experiments.cli", "view", str(scenario)]
    server = subprocess.Popen(
        [*command, "--port", str(port), "--no-open"],
        cwd=PROJECT,
        env=os.environ | {"HOME": str(scenario.parent), "NUMBA_CACHE_DIR": str(cache_root())},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert server.poll() is None, "firesale view stopped"
            try:
                urllib.request.urlopen(f"{url}/readyz", timeout=1).close()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=SECONDS / 1000)


def opened(page: Page, address: str) -> Page:
    page.set_default_timeout(SECONDS)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(address)
    expect(page.locator(".fs-picture img")).to_have_count(len(PANELS), timeout=SECONDS)
    return page


def day(page: Page) -> int:
    return int(page.locator(".fs-today strong").inner_text().removeprefix("Day "))


def number(page: Page, name: str) -> int:
    cell = page.locator(".fs-story dl > div").filter(has_text=name).locator("dd")
    return int(re.sub(r"\D.*", "", cell.inner_text().replace(",", "")))


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def jump(page: Page, to: int) -> None:
    page.get_by_label(re.compile("^Day, 0 to")).fill(str(to))
    press(page, "Go")
    wait_for_day(page, to)


def wait_for_day(page: Page, at: int) -> None:
    """Until the day is reached and its pictures are drawn."""
    expect(page.locator(".fs-today strong")).to_have_text(f"Day {at}", timeout=SECONDS)
    expect(page.locator(f'.fs-grid[data-day="{at}"]')).to_have_count(1, timeout=SECONDS)


def test_the_page_asks_nothing_of_the_internet_and_shows_every_panel(
    page: Page, address: str
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    opened(page, address)
    wait_for_day(page, 0)
    assert "In force" in page.get_by_role("status").inner_text()
    here = (address, address.replace("http", "ws"), "data:", "blob:")
    assert [url for url in asked if not url.startswith(here)] == []
    for image in page.locator(".fs-picture img").all():
        assert image.evaluate("image => image.complete && image.naturalWidth") > 300
        assert image.get_attribute("alt")
    for panel in PANELS:
        expect(page.get_by_role("heading", name=panel.name)).to_be_visible()


def test_step_is_a_day_with_mouse_and_keyboard_and_reset_goes_back(
    page: Page, address: str
) -> None:
    opened(page, address)
    press(page, "Step")
    wait_for_day(page, 1)
    page.get_by_role("button", name="Step", exact=True).focus()
    page.keyboard.press("Enter")
    wait_for_day(page, 2)
    press(page, "Reset")
    wait_for_day(page, 0)


def test_play_runs_into_the_crash_until_defaults_appear_and_pauses(
    page: Page, address: str
) -> None:
    opened(page, address)
    assert number(page, "Defaulted, of") == 0
    calm = page.get_by_role("img", name=re.compile("Lending network")).get_attribute("src")
    press(page, "▶")
    page.wait_for_function(
        "() => +document.querySelector('.fs-today strong').innerText.slice(4) >= 60",
        timeout=2 * SECONDS,
    )
    press(page, "❚❚")
    reached = day(page)
    assert reached >= 60
    time.sleep(1.0)
    assert day(page) <= reached + 2
    wait_for_day(page, day(page))
    assert number(page, "Defaulted, of") + number(page, "Called or in cure") > 0
    assert page.get_by_role("img", name=re.compile("Lending network")).get_attribute("src") != calm
    jump(page, 110)
    assert number(page, "Defaulted, of") > 0
    expect(page.locator(".fs-news li.fs-grave").first).to_be_visible()


@pytest.mark.slow
def test_a_market_left_playing_stops_at_its_last_day(page: Page, address: str) -> None:
    opened(page, address)
    jump(page, 126)
    press(page, "▶")
    wait_for_day(page, 130)
    expect(page.get_by_role("button", name="Step", exact=True)).to_be_disabled()
    press(page, "Reset")
    wait_for_day(page, 0)


@pytest.mark.slow
def test_a_slider_waits_for_reset_and_then_changes_the_outcome(page: Page, address: str) -> None:
    opened(page, address)
    jump(page, 100)
    crashed = number(page, "Defaulted, of")
    slider = page.get_by_role("slider", name=re.compile("^Fall of bitcoin"))
    slider.focus()
    page.keyboard.press("Home")
    waiting = page.get_by_role("status")
    expect(waiting).to_contain_text(
        "Waiting for Reset: fall of bitcoin 90 % → 0 %", timeout=SECONDS
    )
    press(page, "Reset")
    wait_for_day(page, 0)
    expect(waiting).to_contain_text("In force", timeout=SECONDS)
    jump(page, 100)
    assert number(page, "Defaulted, of") < crashed


@pytest.mark.slow
def test_a_jump_back_starts_the_same_market_again(page: Page, address: str) -> None:
    opened(page, address)
    jump(page, 40)
    shown = page.locator(".fs-story dl").inner_text()
    jump(page, 60)
    jump(page, 40)
    assert page.locator(".fs-story dl").inner_text() == shown
    press(page, "Step")
    wait_for_day(page, 41)


def test_two_visitors_have_a_market_each(browser: Browser, address: str) -> None:
    with browser.new_context() as mine, browser.new_context() as other:
        one, two = opened(mine.new_page(), address), opened(other.new_page(), address)
        press(one, "Step")
        wait_for_day(one, 1)
        slider = one.get_by_role("slider", name=re.compile("^Crash lasts"))
        slider.focus()
        one.keyboard.press("End")
        expect(one.get_by_role("status")).to_contain_text("Waiting for Reset", timeout=SECONDS)
        assert day(two) == 0
        assert "In force" in two.get_by_role("status").inner_text()


def test_a_party_is_chosen_by_a_click_on_its_circle(page: Page, address: str) -> None:
    opened(page, address)
    page.locator('.fs-dot[title^="CoreWeave: owes $"]').click()
    sheet = page.locator(".fs-party")
    expect(sheet.get_by_role("heading", name="CoreWeave")).to_be_visible(timeout=SECONDS)
    for text in ("Assets less debt", "Loan to value", "DSCR", "Microsoft"):
        expect(sheet).to_contain_text(text)


def test_a_bad_value_gets_a_sentence_and_the_market_lives_on(page: Page, address: str) -> None:
    opened(page, address)
    page.get_by_text("Anything else").click()
    page.get_by_label(re.compile("^key=value")).fill("crypto.crash_depth=7")
    page.keyboard.press("Tab")
    press(page, "Set")
    expect(page.get_by_text(re.compile("crash_depth = 7.* is not allowed"))).to_be_visible(
        timeout=SECONDS
    )
    press(page, "Step")
    wait_for_day(page, 1)


@pytest.mark.slow
def test_a_pause_stops_at_the_first_default_and_days_go_on(page: Page, address: str) -> None:
    opened(page, address)
    page.get_by_label("Pause").click(force=True)
    page.get_by_text("at the first default", exact=True).click()
    press(page, "▶")
    said = page.locator(".fs-today .fs-waiting")
    expect(said).to_have_text("Paused at the first default.", timeout=2 * SECONDS)
    stood = day(page)
    wait_for_day(page, stood)
    assert number(page, "Defaulted, of") > 0
    press(page, "Step")
    wait_for_day(page, stood + 1)
    expect(said).to_have_count(0, timeout=SECONDS)


@pytest.mark.slow
def test_a_link_opens_the_day_the_party_and_the_market_beside_it(page: Page, address: str) -> None:
    opened(page, f"{address}/?set=crypto.crash_depth%3D0.8&seed=3&day=30&party=CRWV")
    wait_for_day(page, 30)
    expect(page.locator(".fs-party").get_by_role("heading", name="CoreWeave")).to_be_visible()
    link = page.locator(".fs-link").get_attribute("href")
    assert link == "?set=crypto.crash_depth%3D0.8&seed=3&day=30&party=CRWV"
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save").click()
    assert saved.value.suggested_filename.endswith("seed-3-day-30.zip")
    page.goto(f"{address}/?day=20&beside=calm")
    expect(page.locator('.fs-grid[data-day="20"]')).to_have_count(2, timeout=2 * SECONDS)
    page.goto(f"{address}/?seed=many")
    expect(page.get_by_text("seed 'many' is no whole number from 0 to 100")).to_be_visible()


@pytest.mark.parametrize("width", [800, 1280, 1920])
def test_buttons_stay_in_sight_at_every_width(page: Page, address: str, width: int) -> None:
    opened(page, address)
    page.set_viewport_size({"width": width, "height": 900})
    page.get_by_role("heading", name=PANELS[-1].name).scroll_into_view_if_needed()
    for name in ("Reset", "▶", "Step"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_in_viewport()
    expect(page.locator(".fs-days")).to_be_in_viewport()
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) <= 0
