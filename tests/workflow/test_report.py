"""Snakemake's report of the finished tiny workflow: captions, figures, tables, and no network."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from snakemake_project import (  # type: ignore[import-not-found]
    SECRETS,
    Project,
    holding,
    tiny,
)

from latent_microscope.provenance.rocrate import export

pytestmark = pytest.mark.workflow

LOADING = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}
EXTERNAL = re.compile(r"\s*(https?:)?//")


class Page(HTMLParser):
    """Collects what a browser loads by itself, and the contents of style and script elements."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.contents: dict[str, str] = {}
        self.styles: list[str] = []
        self._inside: tuple[str, str | None] = ("", None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in LOADING and values.get(LOADING[tag]):
            self.loaded.append(str(values[LOADING[tag]]))
        self._inside = tag, values.get("id")

    def handle_endtag(self, tag: str) -> None:
        self._inside = "", None

    def handle_data(self, data: str) -> None:
        tag, name = self._inside
        if tag == "style":
            self.styles.append(data)
        elif tag == "script" and name:
            self.contents[name] = self.contents.get(name, "") + data


@pytest.fixture(scope="module")
def page(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Page:
    file = tmp_path_factory.mktemp("report") / "report.html"
    done = finished.snakemake(*tiny("--report", str(file)), environment=SECRETS)
    assert done.returncode == 0, done.stdout
    assert len(SECRETS) > 3
    assert holding(file.parent, SECRETS) == []
    page = Page()
    page.feed(file.read_text(encoding="utf-8"))
    return page


@pytest.fixture(scope="module")
def results(page: Page) -> dict[str, dict[str, Any]]:
    """The report's entries by path."""
    return json.loads(page.contents["results"].partition("=")[2].strip().rstrip(";"))


def test_a_run_and_its_crate_hold_no_secret_of_the_environment(
    finished: Project, tmp_path: Path
) -> None:
    assert export("tiny-faces", tmp_path / "crate", root=finished.folder, figures=True) > 10
    assert (tmp_path / "crate/ro-crate-metadata.json").is_file()
    for folder in (finished.folder, tmp_path):
        assert holding(folder, SECRETS) == []


def test_report_loads_nothing_from_elsewhere(page: Page) -> None:
    assert [address for address in page.loaded if EXTERNAL.match(address)] == []
    assert not re.search(r"@import|url\(\s*['\"]?(https?:)?//", " ".join(page.styles))


def test_report_holds_the_bytes_of_every_figure_and_table(
    results: dict[str, dict[str, Any]], finished: Project
) -> None:
    made = {
        path.relative_to(finished.folder).as_posix(): path.read_bytes()
        for path in (finished.folder / "results").rglob("*")
        if path.suffix in (".png", ".csv")
    }
    assert len(made) > 20
    held = {name: base64.b64decode(r["data_uri"].partition(",")[2]) for name, r in results.items()}
    assert held == made


def test_every_entry_has_caption_and_labels(results: dict[str, dict[str, Any]]) -> None:
    assert results
    for name, entry in results.items():
        text = re.sub(r"<[^>]+>", " ", entry["caption"]).strip()
        assert len(text) > 40, f"{name}: {text!r}"
        assert "system-message" not in entry["caption"], f"{name}: not valid reStructuredText"
        assert "{" not in text, f"{name}: {text!r}"
        assert entry["labels"], name
        assert all("{" not in value for value in entry["labels"].values()), name


def test_entries_stand_under_their_study(page: Page, results: dict[str, dict[str, Any]]) -> None:
    categories = json.loads(page.contents["categories"].partition("=")[2].strip().rstrip(";"))
    assert set(categories) == {"tiny-faces", "tiny-objects"}
    for study, parts in categories.items():
        assert parts.keys() <= {"Training", "Forensics", "Detection", "Alignment", "Tables"}
        for names in parts.values():
            assert all(name.startswith(f"results/{study}/") for name in names)
    assert sorted(n for p in categories.values() for names in p.values() for n in names) == sorted(
        results
    )
