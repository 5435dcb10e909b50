"""Check the artefacts of a study; fail when one does not hold what every study must."""

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_table
from latent_microscope.report.result_checks import check_artefacts
from latent_microscope.step import In, Out, run


def main(
    *,
    artefacts: list[In],
    checks: Out,
    measured: list[str],
    may_collapse: bool = False,
) -> None:
    """Run the checks.

    Args:
        artefacts: arrays and tables of one study.
        checks: .parquet, columns artefact, check, passed, detail.
        measured: names of the scores that must be finite numbers.
        may_collapse: a VAE that has collapsed whole is a finding, not a fault.
    """
    table = check_artefacts(artefacts, measured, may_collapse)
    failed = table[~table["passed"]]
    if len(failed):
        first = failed.iloc[0]
        raise InputError(
            f"{first['artefact']}: the check “{first['check']}” failed ({first['detail']}); "
            f"{len(failed)} of {len(table)} checks failed"
        )
    save_table(checks, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
