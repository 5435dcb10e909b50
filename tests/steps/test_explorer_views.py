"""Views of the explorer in Chromium: filters, gallery, table, contours, colours, links."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from explorer_page import PANELS, Watched, arguments, browser, file  # type: ignore[import-not-found]
from explorer_study import EVIL, N  # type: ignore[import-not-found]

from latent_microscope.io.artefacts import load_table, save_table
from make_explorer import main

__all__ = ["arguments", "browser", "file"]  # fixtures


@pytest.fixture(scope="module")
def page(browser: Any, file: Path) -> Iterator[Watched]:
    watched = Watched(browser, file, color_scheme="light")
    yield watched
    watched.context.close()


@pytest.fixture
def opened(page: Watched) -> Watched:
    """The page, nothing selected, and no view in its address."""
    page.run("() => explorer.selection.clear()")
    return page


def joined(arguments: dict[str, Any]) -> pd.DataFrame:
    """Scores and clusters in the order of the samples."""
    table = load_table(arguments["samples"])[["id"]]
    for name in (arguments["scores"][0], arguments["clusters"]):
        table = table.merge(load_table(name), on="id", validate="one_to_one")
    return table


def shown(opened: Watched, name: str) -> list[str]:
    """The ``passing / all`` of a column's bars."""
    return opened.page.locator(f"[data-column='{name}'] .levels .number").all_inner_texts()


def test_filters_combine_and_count_what_passes_the_others(
    opened: Watched, arguments: dict[str, Any]
) -> None:
    table, page = joined(arguments), opened.page
    page.locator("#tab-filter").click()
    field = page.get_by_label("uniqueness from", exact=True)
    field.fill("6")
    field.press("Enter")
    high = table["uniqueness"] >= 6.0
    assert opened.run("() => explorer.selected()") == table["id"][high].tolist()
    levels = opened.run("() => explorer.columns.find(c => c.name === 'cluster').levels")
    codes = table["cluster"].astype(str).replace("-1", "noise")
    page.locator("[data-column='cluster']").scroll_into_view_if_needed()
    wanted = [f"{(high & (codes == each)).sum()} / {(codes == each).sum()}" for each in levels]
    page.wait_for_function(
        "() => document.querySelectorAll('[data-column=cluster] .number').length > 0"
    )
    assert shown(opened, "cluster") == wanted
    page.locator("[data-column='cluster'] .levels button", has_text="noise").press("Enter")
    both = high & (codes == "noise")
    assert opened.run("() => explorer.selected()") == table["id"][both].tolist()
    assert shown(opened, "cluster") == wanted  # its own filter does not change its counts
    assert f"{both.sum()} of {N} images selected" in page.locator("#chosen").inner_text()
    page.get_by_label("All levels of cluster (UMAP) but these").click()
    both = high & (codes != "noise")
    assert opened.run("() => explorer.selected()") == table["id"][both].tolist()
    bins = opened.run(
        """() => { const column = explorer.columns.find(c => c.name === 'uniqueness');
        const { codes, many, start, step } = column.bins;
        return [[...explorer.passing(column, codes, many)], start, step]; }"""
    )
    edges = bins[1] + bins[2] * np.arange(41)
    counts, _ = np.histogram(table["uniqueness"][codes != "noise"].astype(np.float32), edges)
    assert np.abs(np.array(bins[0]) - counts).sum() <= 2  # a value on an edge, rounded
    assert sum(bins[0]) == (codes != "noise").sum()
    page.get_by_label("Remove: uniqueness ≥ 6").click()
    assert opened.run("() => explorer.selected().length") == (codes != "noise").sum()


def test_dragging_over_a_histogram_filters_and_a_click_ends_it(opened: Watched) -> None:
    page = opened.page
    page.locator("#tab-filter").click()
    canvas = page.locator("[data-column='cls'] canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 0.26 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.74 * box["width"], box["y"] + 20, steps=4)
    page.mouse.up()
    page.locator("#chosen button", has_text="CLS").or_(page.locator("#clear")).first.wait_for()
    low, high = opened.run("() => explorer.selection.filters.get('cls').wanted")
    values = opened.run("() => [...explorer.columns.find(c => c.name === 'cls').values]")
    inside = [i for i, value in enumerate(values) if np.float32(low) <= value <= np.float32(high)]
    assert opened.run("() => explorer.selection.rows") == inside
    assert low == pytest.approx(0.25, abs=0.03)
    assert high == pytest.approx(0.75, abs=0.03)
    page.mouse.click(box["x"] + 5, box["y"] + 20)
    page.wait_for_function("() => explorer.selection.filters.size === 0")


def test_values_that_hardly_differ_are_told_apart(
    browser: Any, arguments: dict[str, Any], tmp_path: Path
) -> None:
    scores = load_table(arguments["scores"][0])
    scores["cls"] = np.linspace(0.99997, 0.99998, N)
    save_table(tmp_path / "scores.parquet", scores)
    file = tmp_path / "explorer.html"
    main(explorer=file, **{**arguments, "scores": [tmp_path / "scores.parquet"], "thumbnail": 0})
    watched = Watched(browser, file)
    watched.page.locator("#tab-filter").click()
    canvas = watched.page.locator("[data-column='cls'] canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    watched.page.mouse.move(box["x"] + 0.26 * box["width"], box["y"] + 20)
    watched.page.mouse.down()
    watched.page.mouse.move(box["x"] + 0.74 * box["width"], box["y"] + 20, steps=4)
    watched.page.mouse.up()
    watched.page.locator("#clear").wait_for()
    assert len(watched.run("() => explorer.selected()")) == pytest.approx(N / 2, abs=N / 20)
    watched.context.close()


def test_table_sorts_pages_and_exports_in_its_order(
    opened: Watched, arguments: dict[str, Any], tmp_path: Path
) -> None:
    table, page = joined(arguments), opened.page
    opened.run("() => explorer.selection.filter('originality', [28, null])")
    page.locator("#tab-table").click()
    head = page.locator("#panel-table thead th", has_text="uniqueness")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    wanted = table[table["originality"] >= 28].sort_values("uniqueness", ascending=False)["id"]
    assert page.locator("#panel-table tbody th").all_inner_texts() == wanted[:100].tolist()
    assert f"1–100 of {len(wanted)} images" in page.locator("#panel-table .pager").inner_text()
    page.get_by_label("Page after").click()
    assert page.locator("#panel-table tbody th").all_inner_texts() == wanted[100:200].tolist()
    with page.expect_download() as waiting:
        page.locator("#export-table").click()
    made = tmp_path / "table.csv"
    waiting.value.save_as(made)
    with made.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.reader(handle))
    assert [row[0] for row in rows] == ["id", *wanted]
    unique = dict(zip(table["id"], table["uniqueness"], strict=True))
    at = rows[0].index("uniqueness")
    assert all(np.float32(row[at]) == np.float32(unique[row[0]]) for row in rows[1:])
    head.locator("button").click()
    assert page.locator("#panel-table tbody th").first.inner_text() == wanted.iloc[-1]


def test_gallery_shows_the_selection_and_an_image_in_full(opened: Watched) -> None:
    page = opened.page
    opened.run("() => explorer.select(['image-009', 'image-120', 'image-121'])")
    page.locator("#tab-gallery").click()
    assert page.locator("#panel-gallery .strip button").count() == 3
    page.locator("#panel-gallery .strip button", has_text="image-120").click()
    assert page.locator("#panel-image h2").inner_text() == "image-120"
    assert "16 × 12 pixels as stored" in page.locator("figcaption").inner_text()
    page.wait_for_timeout(200)
    red = opened.run(
        """() => { const c = document.querySelector('figure canvas');
        return c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data[0]; }"""
    )
    assert abs(red - 120) <= 12
    page.locator("#tab-gallery").click()
    opened.run("() => explorer.selection.clear()")
    assert page.locator("#panel-gallery .strip button").count() == 60
    assert f"1–60 of {N} images" in page.locator("#panel-gallery .pager").inner_text()


def test_a_view_survives_its_link(browser: Any, opened: Watched, file: Path) -> None:
    """Map, place, colours, contours, lasso, filters, image, panel, order."""
    page = opened.page
    opened.run(
        """() => { const { selection, map } = explorer;
        selection.take({ map: 0, x: [0, 60000, 60000, 0], y: [0, 0, 30000, 30000] });
        selection.takeRows([100], "remove");
        selection.filter("uniqueness", [4, null]);
        explorer.pick("image-009"); }"""
    )
    page.locator("#colour-select").select_option(value="cluster")
    page.locator("#contours").check()
    page.locator("#zoom-in").click()
    page.locator("#tab-table").click()
    page.locator("#panel-table thead th", has_text="id").first.locator("button").click()
    state = """() => ({ rows: explorer.selected(), x: explorer.map.x.start, y: explorer.map.y.end,
      colour: document.querySelector('#colour-select').value, line: explorer.contours().length,
      contours: document.querySelector('#contours').checked, at: [...document.querySelectorAll(
      '[role=tab][aria-selected=true]')].map(t => t.id), first: document.querySelector(
      '#panel-table tbody th').textContent, chosen: document.querySelector('#chosen').textContent,
      image: document.querySelector('#panel-image h2').textContent })"""
    before = opened.run(state)
    assert 0 < len(before["rows"]) < N
    page.wait_for_function("() => location.hash.length > 100")
    page.wait_for_timeout(300)
    link = page.evaluate("location.href")
    other = Watched(browser, file, address=link)
    after = other.run(state)
    unit = other.run("() => explorer.map.unit()")
    for key in ("x", "y"):
        assert after.pop(key) == pytest.approx(before.pop(key), abs=2 * unit)
    assert after == before
    assert not other.page.locator("#notice").is_visible()
    assert other.trouble == []
    other.run("() => { location.hash = ''; }")
    other.page.wait_for_function("() => !explorer.selection.active")
    other.context.close()


@pytest.mark.parametrize(
    ("hash_", "told"),
    [
        ("#rubbish", "no view of an explorer"),
        ("#[1", "no view of an explorer"),
        ("#null", "no view of an explorer"),
        ('#{"colour":"height","picked":"image-001"}', "no column “height”"),
        ('#{"picked":"nobody"}', "no image “nobody”"),
        ('#{"filters":{"cluster":["77"]}}', "no level “77”"),
        ('#{"parts":[{"how":"replace","map":9,"x":[],"y":[]}]}', "no map 9"),
        ('#{"at":["x",0,1],"sort":3,"columns":7}', "a place is no place"),
    ],
)
def test_a_link_that_does_not_fit_is_told_and_ignored(
    opened: Watched, hash_: str, told: str
) -> None:
    page = opened.page
    page.evaluate("hash => { location.hash = encodeURIComponent(hash.slice(1)); }", hash_)
    page.locator("#notice", has_text=told).wait_for()
    assert opened.run("() => explorer.selected()") == []
    assert not page.locator("#trouble").is_visible()
    if "image-001" in hash_:  # what fits is taken
        assert page.locator("#panel-image h2").inner_text() == "image-001"
    assert opened.trouble == []


def test_contours_are_of_clusters_and_named(opened: Watched) -> None:
    page = opened.page
    page.locator("#colour-select").select_option(value="uniqueness")
    page.locator("#contours").check()
    made = opened.run("() => explorer.contours().map(({ name, x, y }) => [name, x, y])")
    assert sorted(name for name, _, _ in made) == ["cluster 0", "cluster 1", "cluster 2"]
    centres = {"cluster 0": (0, 0), "cluster 1": (6, 1), "cluster 2": (2, 7)}
    for name, x, y in made:
        assert np.hypot(x - centres[name][0], y - centres[name][1]) < 0.4
    assert "cluster (UMAP)" in page.locator("#map-note").inner_text()
    page.locator("#contours").uncheck()
    assert "Contours" not in page.locator("#map-note").inner_text()


def test_no_colour_is_used_twice_and_grey_is_for_noise_alone(
    browser: Any, arguments: dict[str, Any], tmp_path: Path
) -> None:
    samples = load_table(arguments["samples"])[["id"]]
    size = np.repeat(np.arange(20), N // 20)
    samples["kind"] = [f"kind {k:02d}" if k else "unknown" for k in size]
    save_table(tmp_path / "samples.parquet", samples)
    file = tmp_path / "explorer.html"
    main(explorer=file, **{**arguments, "samples": tmp_path / "samples.parquet", "votes": None,
                           "logits": None, "logit_ids": None, "models": None})  # fmt: skip
    watched = Watched(browser, file)
    watched.page.locator("#colour-select").select_option(value="kind")
    colours = watched.run(
        "() => explorer.levelColours(explorer.columns.find(c => c.name === 'kind'), 'light')"
    )
    levels = watched.run("() => explorer.columns.find(c => c.name === 'kind').levels")
    by = dict(zip(levels, map(tuple, colours), strict=True))
    own = [by[f"kind {k:02d}"] for k in range(1, 13)]
    assert len(set(own)) == 12
    assert {by[f"kind {k:02d}"] for k in range(13, 20)}.isdisjoint(own)
    assert all(max(c) - min(c) >= 40 for name, c in by.items() if name != "unknown")
    assert max(by["unknown"]) - min(by["unknown"]) < 12
    legend = watched.page.locator("#legend").inner_text()
    assert "other (7 levels, 84 images)" in legend
    watched.page.locator("#legend button", has_text="other").click()
    assert len(watched.run("() => explorer.selected()")) == 84
    watched.context.close()


@pytest.fixture(scope="module")
def odd(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Ids that differ in their case or are long, a constant, a range of 40, numbers far from 1."""
    folder = tmp_path_factory.mktemp("odd")
    samples = pd.DataFrame(
        {"id": ["A", "a", "x" * 300, "b", "c"], "flag": [True, False] * 2 + [True]}
    )
    samples["name " * 40] = ["level " * 40, "other", "other", "other", "other"]
    scores = samples[["id"]].assign(
        constant=1e-12, forty=[0.5, 10.0, 20.0, 30.0, 40.5], large=1234567.0 + np.arange(5)
    )
    tables = {"samples": samples, "scores": scores}
    for name, table in tables.items():
        save_table(folder / f"{name}.parquet", table)
    main(
        explorer=folder / "explorer.html", title="odd", samples=folder / "samples.parquet",
        scores=[folder / "scores.parquet"], spaces=[], space_ids=[], space_names=[],
    )  # fmt: skip
    watched = Watched(browser, folder / "explorer.html")
    yield watched
    watched.context.close()


def test_search_takes_the_id_of_this_case(odd: Watched) -> None:
    for typed in ("a", "A"):
        odd.page.locator("#search").fill(typed)
        odd.page.keyboard.press("Enter")
        assert odd.page.locator("#panel-image h2").inner_text() == typed


def test_the_legend_tells_percentiles_with_the_digits_they_need(odd: Watched) -> None:
    told = {}
    for name in ("constant", "large"):
        odd.page.locator("#colour-select").select_option(value=name)
        told[name] = odd.page.locator("#legend").inner_text().split("\n")[1:3]
    assert told == {"constant": ["≤ 1e-12", "≥ 1e-12"], "large": ["≤ 1.234567e+6", "≥ 1.234571e+6"]}


def test_a_histogram_spans_the_values(odd: Watched) -> None:
    odd.page.locator("#tab-filter").click()
    for name, ends in {"constant": ["1e-12"] * 2, "forty": ["0.5", "40.5"]}.items():
        fields = odd.page.locator(f"[data-column='{name}'] input")
        fields.first.scroll_into_view_if_needed()
        odd.page.locator(f"[data-column='{name}'] input[placeholder]").first.wait_for()
        assert [fields.nth(i).get_attribute("placeholder") for i in (0, 1)] == ends


def test_booleans_are_yes_and_no(odd: Watched) -> None:
    assert odd.run("() => explorer.columns.find(c => c.name === 'flag').levels") == ["yes", "no"]


@pytest.mark.parametrize("width", [1200, 390])
def test_long_names_leave_room_for_the_rest(odd: Watched, width: int) -> None:
    page = odd.page
    page.set_viewport_size({"width": width, "height": 800})
    page.locator("#colour-select").select_option(label="name " * 40)
    page.locator("#legend button", has_text="level").click()
    page.locator("#tab-table").click()
    page.locator("#chosen button").first.scroll_into_view_if_needed()
    places = odd.run(
        """() => ["#chosen", "#legend"].map(place => document.querySelector(place)).concat(
        document.querySelector("#chosen button")).map(e => e.scrollWidth - e.clientWidth)"""
    )
    assert max(places) <= 1
    assert page.locator("#chosen button").first.inner_text().endswith("… ×")
    odd.run("() => explorer.selection.clear()")
    wide, fixed = (
        page.locator(name).bounding_box() for name in (".wide", ".samples tbody th >> nth=2")
    )
    assert fixed["width"] < wide["width"] / 2


def test_ids_with_markup_are_text_in_every_panel(opened: Watched) -> None:
    """The last of the module: nothing ran, nothing complained."""
    opened.run("id => explorer.select([id])", EVIL)
    for name in PANELS:
        opened.page.locator(f"#tab-{name}").click()
    assert opened.run("() => window.hurt ?? null") is None
    assert opened.trouble == []
    assert all(url.startswith(("file:", "blob:")) for url in opened.requests)
