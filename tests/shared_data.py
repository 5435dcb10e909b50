"""Where the tests find real data: the folder LATENT_MICROSCOPE_DATA, by default ../shared/data."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("LATENT_MICROSCOPE_DATA") or ROOT.parent / "shared/data")
REFERENCE = DATA.parent / "reference"
