"""One HTML file of a study: data, style, code and the plotting library, and no network."""

import hashlib
import html
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from latent_microscope.errors import InputError
from latent_microscope.explorer.columns import base64_text
from latent_microscope.explorer.study import Study

ASSETS = Path(__file__).with_name("assets")
# In this order they make one script; each needs only those before it.
SCRIPTS = (
    "data.js", "dom.js", "palettes.js", "statistics.js", "raster.js", "density.js", "map.js",
    "selection.js", "compare.js", "filters.js", "image.js", "gallery.js", "lists.js", "view.js",
    "main.js",
)  # fmt: skip
_LIBRARY = "server/static/js/bokeh.min.js"


def write_page(study: Study) -> str:
    """The page of a study; the same bytes for the same study.

    The content security policy allows the scripts inside by their hashes and nothing from
    anywhere else: no file, no address, no other script is ever asked for.
    """
    parts = "\n".join(_asset(name) for name in SCRIPTS)  # one script with its own scope
    code = f'(() => {{\n"use strict";\n{parts}\n}})();'
    scripts = {"guard": _asset("guard.js"), "library": plotting_library(), "code": code}
    values = {
        "title": html.escape(study.title),
        "policy": _policy(list(scripts.values())),
        "style": _asset("explorer.css"),
        "study": embedded_json(study.payload),
        "noun": study.payload["noun"],
        "sheets": "\n".join(
            f'<script type="text/plain" id="{name}-{number}">{base64_text(content)}</script>'
            for name, files in study.sheets.items()
            for number, content in enumerate(files)
        ),
        **scripts,
    }
    # One pass: a title that holds a placeholder is text as any other.
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], _asset("page.html"))


def embedded_json(content: Any) -> str:
    """JSON that can neither end the script element around it nor start a comment."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def plotting_library() -> str:
    """BokehJS as the package bokeh ships it."""
    spec = find_spec("bokeh")  # does not import it
    folders = list(spec.submodule_search_locations or []) if spec else []
    path = Path(folders[0]) / _LIBRARY if folders else None
    if path is None or not path.is_file():
        raise InputError("the package bokeh is not installed; install envs/requirements.lock")
    text = path.read_text(encoding="utf-8")
    # It occurs only in strings and comments; a browser would take it for the end of the element.
    return text.replace("</script", "<\\/script")


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _policy(scripts: list[str]) -> str:
    digests = [hashlib.sha256(text.encode()).digest() for text in scripts]
    hashes = " ".join(f"'sha256-{base64_text(digest)}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
