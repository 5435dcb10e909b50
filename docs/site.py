"""A hook of MkDocs: what the site shows of the repository beside docs/, and links to it."""

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "config/README.md": "config.md",
}
"""File of the repository → page of the site."""
PUBLISHED = "results/published"
_LINK = re.compile(r"(!?)\[([^\]\n]*)\]\(([^)\s#:]+)(#[^)\s]*)?\)")


def on_config(config: Any) -> None:
    """Put the pages of published studies into the navigation."""
    (findings,) = (part["Findings"] for part in config.nav if "Findings" in part)
    findings += sorted(
        f"findings/{path.name}" for path in Path(config.docs_dir, "findings").glob("*.md")
    )


def on_files(files: Files, config: Any) -> Files:
    """Add the pages of the repository, published tables and figures."""
    added = {ROOT / source: page for source, page in PAGES.items()}
    for path in sorted((ROOT / PUBLISHED).rglob("*")):
        if path.suffix in (".csv", ".png"):
            added[path] = path.relative_to(ROOT).as_posix()
    for path, page in added.items():
        files.append(File.generated(config, page, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, files: Files, **_: Any) -> str:
    """Turn links between files of the repository into links of the site."""
    shown = page.file.src_uri
    source = {page: source for source, page in PAGES.items()}.get(shown, f"docs/{shown}")

    def linked(found: re.Match[str]) -> str:
        mark, text, target, anchor = found.groups(default="")
        path = normpath(str(PurePosixPath(source).parent / target))
        there = PAGES.get(path, path.removeprefix("docs/"))
        file = files.get_file_from_path(there)
        if file and file.inclusion.is_included():
            return f"{mark}[{text}]({relpath(there, str(PurePosixPath(shown).parent))}{anchor})"
        if not (ROOT / path).exists():
            raise PluginError(f"{source}: a link to {target}, which does not exist")
        return f"{text} (`{path}`)" if path not in text else text  # code, which the site has not

    parts = re.split(r"(?ms)(^ *```.*?^ *```$)", markdown)
    return "".join(part if i % 2 else _LINK.sub(linked, part) for i, part in enumerate(parts))


def on_post_page(output: str, **_: Any) -> str:
    """Name the dialog of the search, which the theme leaves without a name."""
    return on_post_template(output)


def on_post_template(output_content: str, **_: Any) -> str:
    """Name it on the page of what is not found, too."""
    return output_content.replace(' role="dialog"', ' role="dialog" aria-label="Search"')
