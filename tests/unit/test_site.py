"""The documentation as a site: links, anchors, nothing from elsewhere, in Chromium."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image
from tests.browser import NARROW, WIDE, Watched, axe_source, browser

mkdocs_build = pytest.importorskip("mkdocs.commands.build", reason="the extra dev brings mkdocs")
from mkdocs.config import load_config  # noqa: E402
from mkdocs.exceptions import Abort  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SHOWN = ("index", "findings/bias-simulations")

__all__ = ["browser"]  # a fixture


def build(folder: Path, **settings: Any) -> Path:
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), **settings)
    mkdocs_build.build(config)
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("site"))


class Links(HTMLParser):
    """Anchors of a page, its links, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        self.anchors |= {has[name] for name in ("id", "name") if name in has}
        if tag == "a" and "href" in has:
            self.links.append(has["href"])
        loaded = has.get("src", "") or (has.get("href", "") if tag == "link" else "")
        if loaded and has.get("rel") not in ("canonical", "prev", "next"):
            self.loads.append(loaded)


def test_every_link_leads_somewhere_and_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = {path: Links(path) for path in sorted(site.rglob("*.html"))}
    assert len(pages) > 30
    wrong = []
    for path, page in pages.items():
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                wrong += [f"{path}: loads {link}"] if link in page.loads else []
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if path.name == "404.html" and parts.path.startswith("/"):
                there = site / parts.path[1:]
            if there.is_dir():
                there /= "index.html"
            if not there.exists():
                wrong.append(f"{path}: {link}")
            elif there in pages and parts.fragment not in {"", "__skip"} | pages[there].anchors:
                wrong.append(f"{path}: no anchor {link}")
    assert wrong == []
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert styles
    assert re.findall(r"(?:url\(|@import) *[\"']?(?:https?:)?//[^)\"']+", styles) == []


@pytest.mark.parametrize("link", ["b.md#part", "b.md#nowhere", "c.md", "c.png"])
def test_a_link_to_nowhere_ends_the_build(link: str, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text(
        f"# A\n\n[a link]({link}), [another](../config/README.md#top-level)\n"
    )
    (docs / "b.md").write_text("# B\n\n## Part\n\nText.\n")
    nav = [*("index.md", "config.md", "changelog.md", "contributing.md"), "a.md", "b.md"]
    settings = {"nav": [*nav, {"Findings": []}], "extra_css": [], "extra_javascript": []}
    if link == "b.md#part":
        build(tmp_path / "site", docs_dir=str(docs), **settings)
    else:
        with pytest.raises(Abort, match=r"\b1 warnings|BuildError"):
            build(tmp_path / "site", docs_dir=str(docs), **settings)


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
def test_pages_fit_the_screen_and_ask_for_nothing(
    browser: Any, site: Path, address: str, size: dict[str, int], scheme: str
) -> None:
    wrong = []
    for name in SHOWN:
        watched = Watched(
            browser, site, address=f"{address}/{name}.html", ready=False, viewport=size,
            color_scheme=scheme,
        )  # fmt: skip
        watched.page.wait_for_load_state("networkidle")
        watched.run(axe_source())
        wrong += [f"{name}: {one}" for one in watched.axe(("serious", "critical"))]
        wide = watched.run("() => document.documentElement.scrollWidth")
        wrong += [f"{name}: {wide} pixels wide"] if wide > size["width"] else []
        wrong += [f"{name}: {one}" for one in watched.trouble]
        wrong += [f"{name}: {one}" for one in watched.requests if not one.startswith(address)]
        watched.context.close()
    assert wrong == []


def test_screenshots_are_taken_of_a_finished_demo(browser: Any, tmp_path: Path) -> None:
    command: list[str | Path] = [sys.executable, ROOT / "scripts/maintain/take_screenshots.py"]
    command += ["--results", tmp_path, "--folder", tmp_path]  # browser: skips without Chromium
    (demo := tmp_path / "demo-faces").mkdir()
    (demo / "explorer.html").write_text("<html data-ready><p>Map")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{demo}/report.html" in done.stderr
    assert list(tmp_path.glob("*.png")) == []
    (demo / "report.html").write_text("<p>Findings")
    subprocess.run(command, check=True)
    assert {path.stem for path in tmp_path.glob("*.png")} == {"explorer", "report"}
    for path in (*tmp_path.glob("*.png"), *(ROOT / "docs/images").glob("*.png")):
        with Image.open(path) as image:
            assert image.size == (1440, 900)
        assert path.stat().st_size < 150_000
