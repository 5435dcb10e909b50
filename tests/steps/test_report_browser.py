"""The report in a real Chromium: no network, no script, readable, narrow, dark, printable."""

from typing import Any

import pytest
from test_report_steps import STUDIES, arguments  # type: ignore[import-not-found]
from tests.browser import SLOW, browser

from write_report import main

__all__ = ["browser"]  # a fixture


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    given = arguments(tmp_path_factory.mktemp("report"))
    main(**given)
    return given["pages"][1].as_uri()


def opened(browser: Any, address: str, **options: Any) -> tuple[Any, list[str]]:
    """The page, and what it asked for or complained of."""
    page = browser.new_context(reduced_motion="reduce", **options).new_page()
    page.set_default_timeout(SLOW)
    noted: list[str] = []
    page.on("request", lambda request: noted.append(request.url.partition(":")[0]))
    page.on("console", lambda message: noted.append(message.text))
    page.goto(address)
    return page, noted


def test_it_asks_for_nothing_and_complains_of_nothing(browser: Any, address: str) -> None:
    page, noted = opened(browser, address)
    shown = page.eval_on_selector_all("img", "all => all.filter(i => i.naturalWidth > 0).length")
    assert shown == page.locator("img").count() > 5
    assert set(noted) <= {"file", "data"}
    assert page.locator("h2").all_inner_texts() == [STUDIES[1]]


def test_a_number_leads_to_its_provenance(browser: Any, address: str) -> None:
    page, _ = opened(browser, address)
    page.locator(".findings a").first.click()
    target = page.locator("article:target")
    assert target.is_visible()
    text = target.inner_text()
    assert "SHA-256" in text
    assert "latent-microscope trace" in text
    assert page.evaluate("document.querySelector(':target').getBoundingClientRect().top") < 200


@pytest.mark.parametrize("width", [360, 1400])
def test_nothing_runs_off_the_side(browser: Any, address: str, width: int) -> None:
    page, _ = opened(browser, address, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_keyboard_first_skips_the_contents(browser: Any, address: str) -> None:
    page, _ = opened(browser, address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the text"


def test_dark_and_light_and_paper(browser: Any, address: str) -> None:
    def ground(page: Any) -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light, _ = opened(browser, address, color_scheme="light")
    dark, _ = opened(browser, address, color_scheme="dark")
    assert ground(light) == "rgb(255, 255, 255)"
    assert max(map(int, ground(dark)[4:-1].split(","))) < 60
    dark.emulate_media(media="print")
    assert ground(dark) == "rgb(255, 255, 255)"
