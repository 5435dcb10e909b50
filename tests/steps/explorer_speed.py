"""Measure an explorer in headless Chromium: time until it can be used, frames a second.

    python tests/steps/explorer_speed.py results/<study>/explorer.html

Beside the frames that were painted it says what processor time they took, of all of Chromium's
processes: on a busy machine that tells more. No test: its numbers are the machine's.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SECONDS = 4
# Turns the map to and fro (or in and out) in every frame, and counts what was painted.
DRIVE = """async ([kind, seconds]) => {
  const { map } = explorer, [x, y] = map.middle(), unit = map.unit();
  const width = map.x.end - map.x.start;
  const start = performance.now(), before = map.raster.painted;
  let frames = 0;
  await new Promise(done => { const step = () => {
    frames += 1;
    const turn = Math.sin(frames / 12);
    if (kind === "pan") map.look(x + 0.2 * width * turn, y, unit);
    else map.look(x, y, unit * Math.exp(0.7 * turn));
    if (performance.now() - start < 1000 * seconds) requestAnimationFrame(step); else done();
  }; requestAnimationFrame(step); });
  map.fit();
  return [map.raster.painted - before, (performance.now() - start) / 1000];
}"""


def family(pid: int) -> Iterator[int]:
    """A process and all that it started."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from family(int(child))


def processor_seconds() -> float:
    """Of all processes below this one, itself left out."""
    total = 0.0
    for pid in list(family(os.getpid()))[1:]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if "chrom" in Path(f"/proc/{pid}/comm").read_text():
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def measure(page: Any, file: Path) -> None:
    """Print what one file takes."""
    before = processor_seconds()
    page.goto(file.resolve().as_uri())
    page.wait_for_selector("html[data-ready]", state="attached", timeout=120_000)
    ready = int(page.locator("html").get_attribute("data-ready"))
    used = processor_seconds() - before
    size, load = file.stat().st_size / 1e6, os.getloadavg()[0]
    print(f"{file}: {size:.1f} MB, load {load:.1f} on {os.cpu_count()} cores")
    print(f"  interactive after {ready / 1000:.2f} s, {used:.2f} processor seconds")
    for kind in ("pan", "zoom"):
        before = processor_seconds()
        painted, seconds = page.evaluate(DRIVE, [kind, SECONDS])
        spent = 1000 * (processor_seconds() - before) / max(painted, 1)
        print(f"  {kind}: {painted / seconds:.1f} frames/s, {spent:.1f} processor ms a frame")


def main() -> None:
    """Measure the files named on the command line."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as driver:
        for name in sys.argv[1:]:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            measure(browser.new_page(viewport={"width": 1440, "height": 900}), Path(name))
            browser.close()


if __name__ == "__main__":
    main()
