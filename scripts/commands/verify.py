"""Hash a folder of results again and say what is not as its sidecars record.

Exit status 1 when a file was altered, is missing or was made from another content of an input than
lies there now; files without a sidecar are named, too, but are no failure.
"""

import argparse
import sys
from pathlib import Path

from latent_microscope.errors import InputError
from latent_microscope.provenance.lineage import FAILURES, verify


def main() -> None:
    """Verify one folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("results"))
    parser.add_argument("--root", type=Path, default=Path(), help="the project's folder")
    options = parser.parse_args()
    try:
        count, findings = verify(options.folder, options.root)
    except InputError as error:
        sys.exit(f"error: {error}")
    for finding in findings:
        print(f"{finding.kind}: {finding.path}: {finding.detail}")
    wrong = sum(finding.kind in FAILURES for finding in findings)
    print(f"{count} files checked, {wrong} not as recorded, {len(findings) - wrong} without record")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
