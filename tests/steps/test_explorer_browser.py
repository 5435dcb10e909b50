"""The explorer in a real browser: every function by mouse and by keyboard, and no network."""

import csv
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from explorer_study import EVIL, N, bare, write  # type: ignore[import-not-found]

from latent_microscope.forensics.bias import attribute_bias_index
from latent_microscope.io.artefacts import load_npy, load_table
from make_explorer import main

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright, a browser's driver, is not installed"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("there is no chromium on this machine", allow_module_level=True)

SLOW = 90_000  # milliseconds: the machines of the tests may be busy


class Watched:
    """A page, what it asked the network for, and what it complained of."""

    def __init__(self, browser: Any, file: Path, **options: Any) -> None:
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
        self.page.goto(file.as_uri())
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
def opened(
    browser: Any, arguments: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    file = tmp_path_factory.mktemp("page") / "explorer.html"
    main(explorer=file, **arguments)
    watched = Watched(browser, file)
    yield watched
    watched.context.close()


def test_it_opens_without_a_network_an_error_or_foreign_code(opened: Watched) -> None:
    assert len(opened.requests) == 1
    assert opened.requests[0].startswith("file:")
    assert opened.trouble == []
    assert opened.run("() => window.hurt ?? null") is None
    assert opened.page.locator("h1").inner_text() == "study <1> · {{study}}"
    blocked = opened.run("() => fetch('https://example.org/').then(() => 'sent', () => 'blocked')")
    assert blocked == "blocked"
    opened.trouble.clear()  # the browser says that it refused


def test_hover_shows_thumbnail_and_values(opened: Watched) -> None:
    opened.page.mouse.move(*opened.on_screen("image-030"))
    tip = opened.page.locator("#tooltip")
    tip.wait_for(state="visible")
    assert "uniqueness" in tip.inner_text()
    shown = opened.run("() => document.querySelector('#tooltip strong').textContent")
    row = opened.run("id => explorer.study.ids.indexOf(id)", shown)
    opened.page.wait_for_timeout(300)
    red, green = opened.run(
        """() => { const c = document.querySelector('#tooltip canvas');
        return [...c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data]; }"""
    )[:2]
    assert abs(red - row) <= 12  # lossy
    assert abs(green - 80 * (row % 3)) <= 12


def test_click_finds_the_nearest_neighbours_in_latent_space(
    opened: Watched, arguments: dict[str, Any]
) -> None:
    image = "image-120"
    opened.page.mouse.click(*opened.on_screen(image))
    opened.page.locator("#panel-image h2").wait_for()
    picked = opened.page.locator("#panel-image h2").inner_text()
    latents = load_npy(arguments["spaces"][0])
    scaled = (latents - latents.mean(axis=0)) / latents.std(axis=0)
    ids = load_table(arguments["samples"])["id"].tolist()
    distance = np.linalg.norm(scaled - scaled[ids.index(picked)], axis=1)
    wanted = [ids[row] for row in np.argsort(distance)[1:7]]
    found = opened.page.locator("#panel-image .strip button").all_inner_texts()
    assert [text.strip() for text in found] == wanted


def test_lasso_gives_the_odds_ratios_and_means_of_the_library(
    opened: Watched, arguments: dict[str, Any]
) -> None:
    page = opened.page
    page.locator("#mode-lasso").click()
    left, top = opened.on_screen("image-001")  # of the second group
    corners = [(-130, -130), (130, -130), (130, 130), (-130, 130), (-130, -125)]
    page.mouse.move(left + corners[0][0], top + corners[0][1])
    page.mouse.down()
    for right, down in corners[1:]:
        page.mouse.move(left + right, top + down, steps=6)
    page.mouse.up()
    page.locator("#export-ids").wait_for()
    page.locator("#mode-move").click()
    chosen = opened.run("() => explorer.selected()")
    assert 10 < len(chosen) < N - 10
    table = load_table(arguments["attributes"])
    members = table["id"].isin(chosen).to_numpy()
    binary = table[[name for name in table if name not in ("id", "hair", "Smiling")]].copy()
    binary["Smiling"] = (table["Smiling"] > 0).astype(int)
    binary["hair: black"] = (table["hair"] == "black").astype(int)
    binary["hair: fair"] = (table["hair"] == "fair").astype(int)
    wanted = attribute_bias_index(binary, members).set_index("attribute")
    rows = opened.run(
        """() => explorer.oddsRatios(
        explorer.selected().map(id => explorer.study.ids.indexOf(id)))"""
    )
    assert {row["title"] for row in rows} == set(wanted.index)
    for row in rows:
        expected = wanted.loc[row["title"]]
        for key in ("value", "estimate", "low", "high", "p", "q"):
            got = np.nan if row[key] is None else row[key]
            np.testing.assert_allclose(got, expected[key], rtol=1e-8, err_msg=str(row["title"]))
    scores = load_table(arguments["scores"][0]).set_index("id")
    rows = opened.run(
        """() => explorer.meanScores(
        explorer.selected().map(id => explorer.study.ids.indexOf(id)))"""
    )
    means = {row["name"]: row for row in rows}
    for name in ("uniqueness", "originality", "cls"):
        assert means[name]["mean"] == pytest.approx(scores.loc[chosen, name].mean(), rel=1e-6)
        assert means[name]["all"] == pytest.approx(scores[name].mean(), rel=1e-6)
    assert "uniqueness_script" not in means
    shown = page.locator("#panel-selection").inner_text()
    assert "Nothing is corrected for the choice of the region by eye" in shown
    assert "several images of one person" in shown.lower()
    assert f"{len(chosen)} of {N} images selected" in shown


def test_export_holds_the_ids_of_the_selection(opened: Watched, tmp_path: Path) -> None:
    opened.run("ids => explorer.select(ids)", ["image-005", EVIL, "image-006"])
    opened.page.locator("#tab-selection").click()
    with opened.page.expect_download() as waiting:
        opened.page.locator("#export-ids").click()
    file = tmp_path / "ids.csv"
    waiting.value.save_as(file)
    with file.open(newline="", encoding="utf-8") as handle:
        assert list(csv.reader(handle)) == [["id"], [EVIL], ["image-005"], ["image-006"]]


def test_search_lists_votes_and_models_by_keyboard_alone(
    opened: Watched, arguments: dict[str, Any]
) -> None:
    page = opened.page
    page.keyboard.press("Escape")
    page.locator("body").press("/")
    page.keyboard.type("image-04")
    assert page.locator("#found li").count() == 10
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("#panel-image h2").inner_text() == "image-041"
    assert "image-041 picked" in page.locator("#status").inner_text()
    rows = page.locator("#panel-image table", has_text="Votes of annotators").locator("tbody tr")
    texts = {row.split("\t")[0]: row.split("\t")[1:] for row in rows.all_inner_texts()}
    votes = load_table(arguments["votes"]).set_index("id").loc["image-041"]
    logits = load_npy(arguments["logits"][0])[41]
    chances = np.exp(logits) / np.exp(logits).sum()
    for j, name in enumerate(("cat", "dog", "<b>ship</b>")):
        shown = texts[f"{name} (label)" if j == 41 % 3 else name]
        assert int(shown[0]) == votes[name]
        assert float(shown[1]) == pytest.approx(chances[j], abs=6e-4)
    page.locator("#panel-image .strip button").first.focus()
    first, second = page.locator("#panel-image .strip button").all_inner_texts()[:2]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.locator("#panel-image h2").inner_text() == second.strip() != first.strip()
    page.locator("#tab-image").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#tab-selection").get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowRight")
    page.locator("#list-select").select_option(label="creative frontier (highest CLS)")
    listed = page.locator("#listed .strip button span:first-of-type").all_inner_texts()
    assert listed == ["image-009", EVIL, "image-050", "image-007", "image-001"]
    page.locator("#list-select").select_option(value="pairs")
    assert "near-duplicate: cropped, cosine 0.9995" in page.locator("#listed").inner_text()


def test_filter_selects_what_a_lasso_could(opened: Watched, arguments: dict[str, Any]) -> None:
    page = opened.page
    page.locator("#tab-selection").click()
    if not page.locator("#filter-column").is_visible():  # a lasso closed it
        page.locator("#filter summary").press("Enter")
    page.locator("#filter-column").select_option(value="cluster")
    page.locator("#filter-level").select_option("1")
    page.locator("#filter-how").select_option("replace")
    page.locator("#filter button[type=submit]").press("Enter")
    clusters = load_table(arguments["clusters"])
    wanted = set(clusters["id"][clusters["cluster"] == 1])
    assert set(opened.run("() => explorer.selected()")) == wanted
    assert f"{len(wanted)} images selected" in page.locator("#status").inner_text()
    page.locator("#filter-column").select_option(value="uniqueness")
    page.locator("#filter-low").fill("6")
    page.locator("#filter-how").select_option("keep")
    page.locator("#filter button[type=submit]").press("Enter")
    unique = load_table(arguments["scores"][0]).set_index("id")["uniqueness"]
    assert set(opened.run("() => explorer.selected()")) == {i for i in wanted if unique[i] >= 6.0}


def test_map_moves_and_zooms_by_keyboard_and_mouse(opened: Watched) -> None:
    page = opened.page
    view = "() => [explorer.map.x.start, explorer.map.x.end, explorer.map.y.start]"
    page.locator("#map").focus()
    page.keyboard.press("0")
    whole = opened.run(view)
    page.keyboard.press("ArrowRight")
    assert opened.run(view)[0] > whole[0]
    page.keyboard.press("+")
    x0, x1, _ = opened.run(view)
    assert x1 - x0 < 0.9 * (whole[1] - whole[0])
    page.keyboard.press("0")
    np.testing.assert_allclose(opened.run(view), whole, rtol=1e-9, atol=1e-9)
    box = page.locator("#plot").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 200, steps=4)
    page.mouse.up()
    assert opened.run(view)[0] < whole[0]
    page.mouse.wheel(0, -300)
    deadline = time.monotonic() + SLOW / 1000
    while time.monotonic() < deadline:
        x0, x1, _ = opened.run(view)
        if x1 - x0 < 0.99 * (whole[1] - whole[0]):
            break
        page.wait_for_timeout(50)
    assert x1 - x0 < 0.99 * (whole[1] - whole[0])
    page.locator("#zoom-fit").click()


def test_every_colouring_draws_and_dark_is_dark(opened: Watched) -> None:
    page = opened.page
    opened.run("() => explorer.select([])")
    ground = """() => { const { canvas, context } = explorer.map.raster;
        return [...context.getImageData(1, 1, 1, 1).data].slice(0, 3); }"""
    names = opened.run("() => explorer.columns.map(c => c.name)")
    assert {"identity", "label_name", "cluster", "human_entropy", "divergence: a & b"} <= set(names)
    for name in names:
        page.locator("#colour-select").select_option(value=name)
    page.locator("#theme").select_option("dark")
    page.wait_for_timeout(300)
    assert max(opened.run(ground)) < 60
    page.locator("#theme").select_option("light")
    page.wait_for_timeout(300)
    assert min(opened.run(ground)) > 240
    page.locator("#map-select").select_option("1")
    assert "principal components" in page.locator("#map-note").inner_text()
    page.locator("#map-select").select_option("0")


def test_nothing_was_fetched_and_nothing_went_wrong(opened: Watched) -> None:
    """The last of the module: after all that was done to the page."""
    assert opened.trouble == []
    assert opened.run("() => window.hurt ?? null") is None
    assert [url for url in opened.requests if not url.startswith(("file:", "blob:"))] in (
        [],
        ["https://example.org/"],
    )


def test_a_study_of_latents_alone_works(
    browser: Any, arguments: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "explorer.html"
    main(explorer=file, **bare(arguments))
    watched = Watched(browser, file, color_scheme="dark")
    assert "no images" in watched.page.locator("#panel-image").inner_text()
    watched.run("() => explorer.pick('image-001')")
    assert watched.page.locator("#panel-image h2").inner_text() == "image-001"
    assert "no binary attributes" in watched.page.locator("#panel-image").inner_text()
    watched.run("() => explorer.select(['image-001', 'image-002'])")
    watched.page.locator("#tab-selection").click()
    assert "no odds ratios" in watched.page.locator("#selected").inner_text()
    assert watched.trouble == []
    watched.context.close()
