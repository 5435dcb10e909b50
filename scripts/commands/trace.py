"""Print where an artefact came from: the chain of jobs from a figure or table back to the data.

Each file with the step that made it, its code, params, seed and machine, whether it is still the
content that was recorded, and whether the code is still the one in this checkout.
"""

import argparse
import sys
from pathlib import Path

from latent_microscope.errors import InputError
from latent_microscope.provenance.lineage import describe, table_row, trace


def main() -> None:
    """Print the chain of one artefact."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, help="a figure, table, array or weight file")
    parser.add_argument("--row", type=int, help="of a table, from 0: what this row rests on")
    parser.add_argument("--root", type=Path, default=Path(), help="the project's folder")
    options = parser.parse_args()
    try:
        if options.row is not None:
            print(f"row {options.row}: {table_row(options.root / options.path, options.row)}")
        print(describe(trace(options.path, options.root, row=options.row)))
    except InputError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
