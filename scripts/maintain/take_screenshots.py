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
_SHOWN = {"colour": "cluster", "contours": True, "picked": "000007", "tab": "image"}
"""The part of the explorer's address behind #."""


def main(*, results: In, folder: Out) -> None:
    """Photograph the explorer and the report of the finished demo, of drawn faces, in Chromium.

    results: Folder with results of `make demo`.
    folder: Folder of the pictures, docs/images.
    """
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise InputError("chromium: not on this machine; install it (Debian: apt install chromium)")
    study = Path(results).resolve() / _STUDY
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name in ("explorer", "report"):
            if not (page_file := study / f"{name}.html").is_file():
                raise InputError(f"{page_file}: no such file; run make demo")
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            shown = f"#{quote(json.dumps(_SHOWN))}" if name == "explorer" else ""
            page.goto(page_file.as_uri() + shown)
            page.wait_for_timeout(2000)  # drawn
            taken = Image.open(io.BytesIO(page.screenshot()))
            small = io.BytesIO()
            taken.convert("RGB").quantize(128).save(small, "PNG", optimize=True)
            save_bytes(Path(folder) / f"{name}.png", small.getvalue())
        browser.close()


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
