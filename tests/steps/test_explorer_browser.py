"""The explorer in a real browser: every function by mouse and by keyboard, and no network."""

import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from explorer_page import (  # type: ignore[import-not-found]
    SLOW,
    Watched,
    arguments,
    browser,
)
from explorer_study import EVIL, N  # type: ignore[import-not-found]

from latent_microscope.forensics.bias import attribute_bias_index
from latent_microscope.io.artefacts import load_npy, load_table
from make_explorer import main

__all__ = ["arguments", "browser"]  # fixtures


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
    page.locator("#clear").wait_for()
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
    assert page.locator("#tab-compare").get_attribute("aria-selected") == "true"
    shown = page.locator("#panel-compare").inner_text()
    assert "Nothing is corrected for the choice of the region by eye" in shown
    assert "several images of one person" in shown.lower()
    assert f"{len(chosen)} of {N} images selected" in page.locator("#chosen").inner_text()


def test_export_holds_the_ids_of_the_selection(opened: Watched, tmp_path: Path) -> None:
    opened.run("ids => explorer.select(ids)", ["image-005", EVIL, "image-006"])
    opened.page.locator("#tab-table").click()
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
    assert page.locator("#tab-filter").get_attribute("aria-selected") == "true"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#tab-lists").get_attribute("aria-selected") == "true"
    page.locator("#list-select").select_option(label="creative frontier (highest CLS)")
    listed = page.locator("#listed .strip button span:first-of-type").all_inner_texts()
    assert listed == ["image-009", EVIL, "image-050", "image-007", "image-001"]
    page.locator("#list-select").select_option(value="pairs")
    assert "near-duplicate: cropped, cosine 0.9995" in page.locator("#listed").inner_text()


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
