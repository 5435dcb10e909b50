"""Export a finished study as a Workflow Run RO-Crate (https://w3id.org/ro/wfrun/workflow).

Tables and the workflow are copied; everything else is named with its SHA-256.
"""

import argparse
import sys
from pathlib import Path

from latent_microscope.errors import InputError
from latent_microscope.provenance.rocrate import export


def main() -> None:
    """Write one crate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", help="name of a folder below results/")
    parser.add_argument("folder", type=Path, help="the crate; must not exist")
    parser.add_argument("--root", type=Path, default=Path(), help="the project's folder")
    parser.add_argument(
        "--figures",
        action="store_true",
        help="also copy figures; some show images that must not be passed on",
    )
    options = parser.parse_args()
    try:
        jobs = export(options.study, options.folder, options.root, figures=options.figures)
    except InputError as error:
        sys.exit(f"error: {error}")
    print(f"{options.folder}: {jobs} jobs")


if __name__ == "__main__":
    main()
