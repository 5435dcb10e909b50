"""Print what a run would ask of the cluster; nothing is submitted.

All arguments go to Snakemake, such as ``python scripts/plan.py --workflow-profile profiles/slurm
--configfile config/faces.yaml --config size=paper``. See ``make plan``.
"""

import sys

from latent_microscope.errors import InputError
from latent_microscope.planning.plan import planned_jobs, table


def main(arguments: list[str]) -> None:
    """Print the plan of ``snakemake ARGUMENTS``."""
    if not arguments or {"-h", "--help"} & set(arguments):
        print(__doc__)
        return
    try:
        jobs = planned_jobs(arguments)
    except InputError as error:
        sys.exit(f"error: {error}")
    print(table(jobs) if jobs else "Nothing to be done.")


if __name__ == "__main__":
    main(sys.argv[1:])
