"""The explorer in Chromium: faults are said, what is missing is said, axe finds nothing."""

from pathlib import Path
from typing import Any

import pytest
from explorer_page import PANELS, Watched, arguments, browser, file  # type: ignore[import-not-found]
from explorer_study import N, bare, nowhere  # type: ignore[import-not-found]
from tests.browser import axe_source

from latent_microscope.io.artefacts import load_table, save_table
from make_explorer import main

__all__ = ["arguments", "browser", "file"]  # fixtures
LACKING = ".lack:visible"


@pytest.mark.parametrize("cause", ["thrown", "rejected", "broken data"])
def test_a_fault_is_one_visible_line(browser: Any, file: Path, tmp_path: Path, cause: str) -> None:
    made = tmp_path / "explorer.html"
    text = file.read_text(encoding="utf-8")
    if cause == "broken data":  # half of it was copied
        text = text.replace('id="study">{', 'id="study">{"title":', 1)
    made.write_text(text, encoding="utf-8")
    watched = Watched(browser, made, ready=cause != "broken data")
    line = watched.page.locator("#trouble")
    if cause != "broken data":
        assert not line.is_visible()
        how = "throw Error('first')" if cause == "thrown" else "Promise.reject(Error('first'))"
        watched.run(f"() => {{ setTimeout(() => {{ {how}; }}); }}")
        line.wait_for()
        watched.run("() => { setTimeout(() => { throw Error('second'); }); }")
        watched.page.wait_for_function("() => window.trouble.length === 2")
        assert "first (and 1 more)" in line.inner_text()
    line.wait_for()
    assert "Part of this page failed" in line.inner_text()
    assert watched.page.locator("h1").inner_text()
    watched.context.close()


def test_a_part_that_fails_leaves_the_others(browser: Any, file: Path, tmp_path: Path) -> None:
    watched = Watched(browser, file)
    watched.run("() => { explorer.columns.find(c => c.name === 'cls').bins = 3; }")
    watched.page.locator("#tab-filter").click()
    watched.page.locator("#trouble").wait_for()
    watched.page.locator("#tab-table").click()
    assert watched.page.locator("#panel-table tbody tr").count() == 100
    watched.context.close()


@pytest.mark.parametrize("kind", ["latents alone", "ids alone"])
def test_what_a_study_lacks_is_said_with_the_step_that_makes_it(
    browser: Any, arguments: dict[str, Any], tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "explorer.html"
    given = bare(arguments) if kind == "latents alone" else nowhere(arguments)
    if kind == "ids alone":
        save_table(tmp_path / "ids.parquet", load_table(given["samples"])[["id"]])
        given["samples"] = tmp_path / "ids.parquet"
    main(explorer=file, **given)
    watched = Watched(browser, file, color_scheme="dark")
    page = watched.page
    assert page.locator("#facts").inner_text().startswith(f"{N} samples")
    watched.run("() => explorer.pick('image-001')")
    said = page.locator("#panel-image").inner_text()
    assert "no binary attributes" in said
    assert ("step find_neighbours" in said) == (kind == "ids alone")
    page.locator("#tab-compare").click()
    assert "Nothing is selected" in page.locator(LACKING).inner_text()
    watched.run("() => explorer.select(['image-001', 'image-002'])")
    assert "no odds ratios" in page.locator(LACKING).first.inner_text()
    for name in PANELS:
        page.locator(f"#tab-{name}").click()
        assert page.locator(f"#panel-{name}").inner_text().strip()
    page.locator("#tab-gallery").click()
    assert "data.images" in page.locator(LACKING).inner_text()
    page.locator("#tab-table").click()
    assert page.locator("#panel-table tbody th").all_inner_texts() == ["image-001", "image-002"]
    if kind == "ids alone":
        assert "step encode_latents" in page.locator("#map-note").inner_text()
        page.locator("#tab-filter").click()
        assert "nothing to filter" in page.locator(LACKING).inner_text()
    assert "image" not in page.locator("[role=tablist]").inner_text().lower()
    assert not page.locator("#trouble").is_visible()
    assert watched.trouble == []
    watched.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_any_panel(browser: Any, file: Path, theme: str) -> None:
    source = axe_source()
    watched = Watched(browser, file, color_scheme=theme)
    watched.run("() => explorer.pick('image-001')")
    watched.run("() => explorer.selection.filter('uniqueness', [3, null])")
    watched.run(source)
    for name in PANELS if theme == "light" else ("filter", "compare"):
        watched.page.locator(f"#tab-{name}").click()
        watched.page.wait_for_timeout(200)
        assert watched.axe() == [], name
    watched.context.close()
