import io
import json
import shutil
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_bytes
from latent_microscope.step import In, Out, run

_STUDY = "demo-faces"
_SHOWN: dict[str, dict[str, object]] = {
    "explorer": {"colour": "cluster", "contours": True, "picked": "000007", "tab": "image"},
    "report": {},
}
"""Page → what its address says behind #: the view of the explorer."""


def main(*, results: In, folder: Out) -> None:
    """Photograph the explorer and the report of the finished demo, of drawn faces, in Chromium.

    results: Folder with results of `make demo`.
    folder: Folder of the pictures, docs/images.
    """
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise InputError("chromium: not on this machine; install it (Debian: apt install chromium)")
    pages = {name: Path(results).resolve() / _STUDY / f"{name}.html" for name in _SHOWN}
    for path in pages.values():
        if not path.is_file():
            raise InputError(f"{path}: no such file; run make demo")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, path in pages.items():
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(path.as_uri() + f"#{quote(json.dumps(_SHOWN[name]))}")
            if name == "explorer":
                page.wait_for_selector("html[data-ready]", state="attached")
                page.wait_for_timeout(500)  # the view of the address is drawn
            taken = Image.open(io.BytesIO(page.screenshot()))
            small = io.BytesIO()
            taken.convert("RGB").quantize(128).save(small, "PNG", optimize=True)
            save_bytes(Path(folder) / f"{name}.png", small)
        browser.close()


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
