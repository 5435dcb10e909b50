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
    """Check the artefacts of a study; fail if a check fails.

    artefacts: arrays and tables of one study.
    checks: .parquet, columns artefact, check, passed, detail.
    measured: names of the scores that must be finite numbers.
    may_collapse: a collapsed VAE is a finding, not an error.
    """
    table = check_artefacts(artefacts, measured, may_collapse)
    failed = table[~table["passed"]]
    if len(failed):
        first = failed.iloc[0]
        raise InputError(
            f"{first['artefact']}: the check {first['check']!r} failed ({first['detail']}); "
            f"{len(failed)} of {len(table)} checks failed"
        )
    save_table(checks, table)


if __name__ == "__main__":
    run(main, globals().get("snakemake"))
