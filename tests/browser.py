"""A real Chromium for tests of pages, and what every page is held to."""

import re
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SLOW = 90_000  # milliseconds: the machines of the tests may be busy
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
"""Pixels of a laptop and of a telephone."""
NO_NUMBER = re.compile(r"\b(nan|NaN|NaT|inf|Infinity|undefined)\b|<NA>|\[object|\bNone\b(?! of)")
"""What a value that is missing looks like where nobody thought of it."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright, a browser's driver, is not installed"
    )
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


class Watched:
    """A page, what it asked the network for, and what it complained of."""

    def __init__(
        self, browser: Any, file: Path, *, address: str = "", ready: bool = True, **options: Any
    ) -> None:
        options = {"viewport": {"width": 1200, "height": 800}, "accept_downloads": True} | options
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(SLOW)
        self.requests: list[str] = []
        self.trouble: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("console", self._heard)
        self.page.goto(address or file.as_uri())
        if ready:
            self.page.wait_for_selector("html[data-ready]", state="attached")

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.trouble.append(message.text)

    def run(self, code: str, argument: Any = None) -> Any:
        return self.page.evaluate(code, argument)

    def on_screen(self, image: str) -> tuple[float, float]:
        """Where an image lies on the screen."""
        box = self.page.locator("#plot").bounding_box()
        x, y = self.run(
            """id => { const { map, study } = explorer, row = study.ids.indexOf(id);
            return [(map.shown.xs[row] - map.x.start) / (map.x.end - map.x.start),
                    (map.y.end - map.shown.ys[row]) / (map.y.end - map.y.start)]; }""",
            image,
        )
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def axe(self, impacts: tuple[str, ...] = ("minor", "moderate", "serious", "critical")) -> list:
        """What axe-core finds: impact, rule, first element; :func:`axe_source` was run before."""
        found = self.run(
            """async () => (await axe.run({ resultTypes: ["violations"] })).violations.map(
            v => [v.impact, v.id, v.nodes[0].html.slice(0, 200)])"""
        )
        return [one for one in found if one[0] in impacts]

    def defects(self) -> list[str]:
        """Images that do not show, links to nowhere, empty parts, words for missing numbers."""
        found = self.run(DEFECTS)
        said = self.page.locator("body").inner_text()
        near = [said[max(0, m.start() - 60) : m.end() + 30] for m in NO_NUMBER.finditer(said)]
        return found + [f"says {' '.join(text.split())!r}" for text in near] + self.trouble


def axe_source() -> str:
    """axe-core as the package axe-playwright-python ships it."""
    found = find_spec("axe_playwright_python")
    if found is None or not found.submodule_search_locations:
        pytest.skip("axe-playwright-python, which holds axe-core, is not installed")
    return (Path(found.submodule_search_locations[0]) / "axe.min.js").read_text(encoding="utf-8")


DEFECTS = """() => {
  const found = [], shown = e => e.checkVisibility() && e.getClientRects().length > 0;
  const about = e => e.outerHTML.slice(0, 120);
  for (const image of document.images)
    if (!image.complete || !image.naturalWidth) found.push(`broken image ${about(image)}`);
  for (const link of document.querySelectorAll('a[href^="#"]'))
    if (!document.getElementById(decodeURIComponent(link.hash.slice(1))))
      found.push(`link to nowhere ${link.getAttribute("href")}`);
  const heads = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(shown);
  const level = head => Number(head.tagName[1]);
  for (const [at, head] of heads.entries()) {
    const next = heads[at + 1], range = document.createRange();
    if (next && level(next) > level(head)) continue;  // of the parts of it
    range.setStartAfter(head);
    if (next) range.setEndBefore(next); else range.setEndAfter(document.body.lastChild);
    const inside = range.cloneContents();
    inside.querySelectorAll("script, style, template").forEach(e => e.remove());
    if (!inside.textContent.trim() && !inside.querySelector("img, canvas, svg"))
      found.push(`nothing below ${about(head)}`);
  }
  for (const table of [...document.querySelectorAll("table")].filter(shown)) {
    const rows = [...table.tBodies].flatMap(body => [...body.rows]);
    const name = table.caption?.textContent.trim().slice(0, 80) ?? about(table);
    if (!rows.length) found.push(`no rows in ${name}`);
    const titles = [...(table.tHead?.rows[0]?.cells ?? [])];
    for (const [at, title] of titles.entries())
      if (rows.length > 1 && rows.every(row => /^[–\\s]*$/.test(row.cells[at]?.textContent ?? "")
          && !row.cells[at]?.querySelector("img, canvas, svg, input, button")))
        found.push(`nothing in the column ${title.textContent.trim()} of ${name}`);
  }
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth)
    found.push(`${page.scrollWidth} pixels wide on a screen of ${page.clientWidth}`);
  return found;
}"""
