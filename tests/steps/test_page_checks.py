"""What every page is held to: each defect is found, and a good page has none."""

from pathlib import Path
from typing import Any

import pytest
from tests.browser import NARROW, Watched, axe_source, browser

__all__ = ["browser"]  # a fixture

GOOD = """<!DOCTYPE html><html lang="en"><title>t</title><main><h1>Study</h1><h2 id="a">Files</h2>
<p>None of them is finite; information.</p><a href="#a">up</a><table><caption>two</caption><thead>
<tr><th>name</th><th>sd</th></tr></thead><tbody><tr><td>x</td><td>–</td></tr><tr><td>y</td>
<td>0.1</td></tr></tbody></table></main></html>"""


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("", "", None),
        ("<p>None", "<img src='gone.png' alt='gone'><p>None", "broken image"),
        ("#a", "#b", "link to nowhere #b"),
        ("<h2 id", "<h2>Bias</h2><h2 id", "nothing below <h2>Bias"),
        ("0.1", "–", "nothing in the column sd of two"),
        ("0.1", "nan", "says"),
        ("0.1", "(2–inf)", "says"),
        ("0.1", "None", "says"),
        ("<main>", "<main style='width: 500px'>", "pixels wide on a screen of 390"),
        ("</main>", "</main><script>throw Error('oh')</script>", "oh"),
        ("</main>", "</main><script>console.error('oh')</script>", "oh"),
        ("<a href", "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='><a href", "image-alt"),
    ],
)
def test_a_defect_is_found(
    browser: Any, tmp_path: Path, before: str, after: str, told: str | None
) -> None:
    file = tmp_path / "page.html"
    file.write_text(GOOD.replace(before, after, 1) if before else GOOD, encoding="utf-8")
    watched = Watched(browser, file, ready=False, viewport=NARROW)
    found = watched.defects()
    watched.run(axe_source())
    found += [" ".join(one) for one in watched.axe(("serious", "critical"))]
    assert found == [] if told is None else any(told in one for one in found), found
    watched.context.close()
