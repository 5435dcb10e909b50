"""Look at your files and write the config of a study of them.

python scripts/new_study.py FILES… [--name NAME] [--output FILE] [--force]

A file is an array of embeddings (.npy, .npz, .parquet), a folder, .zip or .parquet of images, a
table of attributes (.csv, .parquet), votes or a square dissimilarity matrix of people (beside them
arrays are the features or logits of models), or a list of ids (.txt). Where it is not clear say it:
embeddings=FILE, images=FILE, attributes=FILE, votes=FILE, dissimilarity=FILE, features:NAME=FILE,
logits:NAME=FILE, ids=FILE.
"""

import argparse
import shlex
import sys
from pathlib import Path

from latent_microscope.custom.looking import look
from latent_microscope.custom.writing import draft
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_text


def main(arguments: list[str]) -> None:
    """Write the config and print the command that runs it."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n\n")[0], epilog=(__doc__ or "").split("\n\n")[2]
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file or folder, or ROLE=FILE")
    parser.add_argument("--name", help="name of the study; by default from the first file")
    parser.add_argument("--output", type=Path, help="the config; by default NAME.yaml")
    parser.add_argument("--force", action="store_true", help="overwrite it if it is there")
    given = parser.parse_args(arguments)
    try:
        found = [look(path) for path in given.files]
        written = draft(found, given.name, f"python scripts/new_study.py {shlex.join(arguments)}")
        name = written.text.partition("run: [")[2].partition("]")[0]
        output = given.output or Path(f"{name}.yaml")
        if output.exists() and not given.force:
            raise InputError(f"{output}: is there already; --force overwrites it, --output goes on")
        save_text(output, written.text)
    except InputError as error:
        sys.exit(f"error: {error}")
    print(*written.notes, f"written: {output}", "run it:", sep="\n")
    print(f"  snakemake --cores 2 --configfile {shlex.quote(str(output))}")


if __name__ == "__main__":
    main(sys.argv[1:])
