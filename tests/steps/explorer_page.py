"""The explorer in a real Chromium: what its test modules share."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from explorer_study import write  # type: ignore[import-not-found]

from make_explorer import main

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright, a browser's driver, is not installed"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("there is no chromium on this machine", allow_module_level=True)

PANELS = ("image", "filter", "gallery", "table", "compare", "lists")
SLOW = 90_000  # milliseconds: the machines of the tests may be busy


class Watched:
    """A page, what it asked the network for, and what it complained of."""

    def __init__(
        self, browser: Any, file: Path, *, address: str = "", ready: bool = True, **options: Any
    ) -> None:
        self.context = browser.new_context(
            viewport={"width": 1200, "height": 800}, accept_downloads=True, **options
        )
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


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return write(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def file(arguments: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("page") / "explorer.html"
    main(explorer=made, **{**arguments, "thumbnail": 8})
    return made
