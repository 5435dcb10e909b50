"""Export a finished study: a crate, or files for rsatoolbox, AnnData and Embedding Atlas."""

from importlib.util import find_spec
from pathlib import Path

from latent_microscope.commands.results import result_path
from latent_microscope.errors import InputError

ENDINGS = {
    "crate": (),
    "rsatoolbox": (".h5", ".hdf5"),
    "h5ad": (".h5ad",),
    "embedding-atlas": (".parquet",),
}
"""Format → endings of its file."""


def export(
    study: str,
    output: Path | None = None,
    *,
    to: str = "crate",
    root: Path = Path(),
    figures: bool = False,
    force: bool = False,
) -> str:
    """Write an export of a study below ``root/results``; see ``latent-microscope export -h``.

    Returns lines to print. ``output``: by default named after the study, in this folder.

    Raises:
        InputError: The format is unknown, the study is not finished or has not what the format
            holds, or the output exists.
    """
    if to not in ENDINGS:
        raise InputError(f"--to {to}: unknown; choose {', '.join(ENDINGS)}")
    if to == "crate":
        return _crate(study, output or Path(f"{study}-crate"), root, figures=figures)
    from latent_microscope.exports import anndata, atlas, rdms
    from latent_microscope.exports.study import finished, load_samples

    path = result_path(output, f"{study}{ENDINGS[to][0]}", ENDINGS[to], force=force)
    found = finished(study, root)
    if to == "rsatoolbox":
        count = rdms.write(found, path, root)
        return f"{path}: {count} RDMs; read them by rsatoolbox.rdm.load_rdm({str(path)!r})"
    samples = load_samples(found, root)
    what = f"{path}: {len(samples.ids)} samples, {len(samples.columns)} columns"
    if to == "h5ad":
        anndata.write(samples, path)
        return f"{what}; read it by anndata.read_h5ad({str(path)!r})"
    return f"{what}; open it by\n{atlas.write(samples, path)}"


def _crate(study: str, folder: Path, root: Path, *, figures: bool) -> str:
    if find_spec("rocrate") is None:
        raise InputError('rocrate is not installed; pip install "latent-microscope[workflow]"')
    from latent_microscope.provenance.rocrate import export as exported

    jobs = exported(study, folder, root, figures=figures)
    return f"{folder}: {jobs} jobs"
