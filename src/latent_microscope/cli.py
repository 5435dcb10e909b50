"""The console command ``latent-microscope``: works in any folder, without a clone."""

import io
import os
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from latent_microscope import __version__
from latent_microscope.errors import InputError
from latent_microscope.messages import one_line

app = typer.Typer(
    name="latent-microscope",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_snakemakes_own: list[str] = []
"""Arguments behind ``--``."""
_LISTS_NOTHING = {"-n", "--dry-run", "--dryrun", "-h", "--help", "--unlock", "--lint", "--summary"}

Configs = Annotated[
    list[Path] | None, typer.Argument(metavar="[CONFIG]...", help="Config files; none: the demo.")
]
Cores = Annotated[int | None, typer.Option(min=1, help="Cores of this machine; default: all.")]
Profile = Annotated[str | None, typer.Option(metavar="NAME|PATH", help="Profile, such as slurm.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="The table: .csv or .parquet.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the output.")]
ByPosition = Annotated[
    bool, typer.Option("--by-position", help="Row i without an id is row i of the others.")
]
Ignoring = Annotated[
    list[str] | None,
    typer.Option(help="Difference of ids to ignore: zeros, case, ending, folder or unicode."),
]
Folder = Annotated[Path, typer.Option("--root", help="Folder of the run, with results/ and data/.")]


def main() -> None:
    """Entry point; a user's mistake is one line and exit status 1."""
    words = sys.argv[1:]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Unicode
    if words[:1] in (["run"], ["plan"]) and "--" in words:
        cut = words.index("--")
        words, _snakemakes_own[:] = words[:cut], words[cut + 1 :]
    try:
        app(words)
    except InputError as error:
        sys.exit(f"error: {one_line(str(error))}")
    except OSError as error:
        sys.exit(f"error: {error.filename or 'output'}: {error.strerror or error}")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def _end(status: int, also: Sequence[tuple[Path, str]] = ()) -> None:
    """List the pages of a successful run; exit with its status."""
    from latent_microscope.planning.pages import Page, last_run, listing, pages_of

    if status == 0 and not _LISTS_NOTHING & set(_snakemakes_own):
        pages = [*pages_of(last_run()), *(Page(path, what) for path, what in also)]
        typer.echo(listing(pages))
    raise typer.Exit(status)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What is in a latent space, and how well does it align with human judgements?"""


@app.command()
def init(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files, or ROLE=FILE.")],
    name: Annotated[str | None, typer.Option(help="Name of the study; default: FILE's.")] = None,
    output: Annotated[Path | None, typer.Option(help="The config; default: NAME.yaml.")] = None,
    by_position: ByPosition = False,
    ignoring: Ignoring = None,
    check: Annotated[bool, typer.Option("--check", help="Read all, write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the config.")] = False,
) -> None:
    """Look at files, print what each is and how they join, write the config of a study of them.

    A file is a matrix of embeddings, a folder, .zip or .parquet of images, a table of attributes,
    votes or dissimilarities of annotators (beside them matrices are the features or outputs of
    models), or a list of ids; docs/formats.md lists the formats. Where a file could be several
    things, say which: embeddings=FILE, images=FILE, attributes=FILE, identities=FILE, labels=FILE,
    votes=FILE, dissimilarity=FILE, similarity=FILE, ids=FILE; of models features:NAME=FILE,
    logits:NAME=FILE, probabilities:NAME=FILE, log-probabilities:NAME=FILE, percentages:NAME=FILE.
    FILE:ARRAY is one array or column of a file.

    Example: latent-microscope init latents.npz attributes.csv images/
    """
    from latent_microscope.commands import init as made
    from latent_microscope.custom.joining import joining_of

    joining = joining_of(ignoring, by_position=by_position)
    if check:
        typer.echo(made.check_files(files, joining))
    else:
        written = made.write_config(files, name, output, joining=joining, force=force)
        typer.echo(written.text)


@app.command()
def run(configs: Configs = None, cores: Cores = None, workflow_profile: Profile = None) -> None:
    """Run the workflow on configs; results go to this folder. Options of Snakemake follow --.

    Example: latent-microscope run latents.yaml --cores 2 -- --dry-run
    """
    from latent_microscope.commands import workflow

    words = workflow.arguments(configs or [], cores, workflow_profile, _snakemakes_own)
    _end(workflow.snakemake(words))


@app.command()
def demo(cores: Cores = None) -> None:
    """Run the embedded default: synthetic demo data, no download, no account; minutes.

    Example: latent-microscope demo --cores 2
    """
    from latent_microscope.commands import workflow

    _end(workflow.demo(cores), also=[(workflow.DEMO_REPORT, "Snakemake's report of all jobs")])


@app.command()
def score(
    embeddings: Annotated[Path, typer.Argument(help="A format of docs/formats.md.")],
    output: Output = None,
    ids: Annotated[Path | None, typer.Option(help=".txt or table with the rows' ids.")] = None,
    array: Annotated[str | None, typer.Option(help="Array or column, if several.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Root seed.")] = None,
    components: Annotated[int | None, typer.Option(min=1, help="Independent sources.")] = None,
    restarts: Annotated[int | None, typer.Option(min=1, help="Restarts of FastICA.")] = None,
    force: Force = False,
) -> None:
    """Score embeddings by every heuristic, in one table; no workflow, no training.

    The numbers are those of a study of the same file: see latent-microscope init.

    Example: latent-microscope score latents.npz -o scores.parquet
    """
    from latent_microscope.commands.score import score as scored

    numbers = {"seed": seed, "components": components, "restarts": restarts}
    typer.echo(scored(embeddings, output, ids=ids, array=array, force=force, **numbers).text)


@app.command()
def compare(
    features: Annotated[
        list[str],
        typer.Argument(metavar="FEATURES...", help="FILE, NAME=FILE, or FILE:ARRAY of each model."),
    ],
    votes: Annotated[Path | None, typer.Option(help="Votes of annotators.")] = None,
    dissimilarity: Annotated[Path | None, typer.Option(help="Square matrix, or one each.")] = None,
    output: Output = None,
    metric: Annotated[str, typer.Option(help="euclidean, correlation or cosine.")] = "euclidean",
    draws: Annotated[int | None, typer.Option(min=0, help="Bootstrap samples; 0: none.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Root seed.")] = None,
    by_position: ByPosition = False,
    ignoring: Ignoring = None,
    force: Force = False,
) -> None:
    """Compare features of models with votes or dissimilarities of annotators; no workflow.

    Similarity with intervals, beside baselines and, where there are votes, the noise ceiling.

    Example: latent-microscope compare resnet.npz late=vgg.parquet --votes votes.csv
    """
    from latent_microscope.commands.compare import compare as compared
    from latent_microscope.custom.joining import joining_of

    result = compared(
        features,
        output,
        metric=metric,
        draws=draws,
        seed=seed,
        joining=joining_of(ignoring, by_position=by_position),
        votes=votes,
        dissimilarity=dissimilarity,
        force=force,
    )
    typer.echo(result.text)


@app.command()
def extract(
    model: Annotated[str, typer.Option(help="pixels, TYPE:NAME, or a weights.pt.")],
    images: Annotated[
        Path | None, typer.Argument(help="Folder, .zip, .parquet or .npy of images.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Output, .npz.")] = None,
    layer: Annotated[
        str | None, typer.Option(help="NAME[,NAME]; default: the network's own features.")
    ] = None,
    reduce: Annotated[
        str, typer.Option(help="Maps and tokens to vectors: flatten, mean, cls or max.")
    ] = "mean",
    weights: Annotated[
        str | None, typer.Option(help="random, pretrained, or a state dict (.pt, .safetensors).")
    ] = None,
    layers: Annotated[
        bool, typer.Option("--list", help="Print names and shapes of layers.")
    ] = False,
    ids: Annotated[str, typer.Option(help="Ids of files: path or name.")] = "path",
    size: Annotated[int | None, typer.Option(min=1, help="Pixels of a side.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    batch: Annotated[int, typer.Option(min=1, help="Images at a time.")] = 250,
    force: Force = False,
) -> None:
    """Extract features of images from a network, with their ids.

    Models: pixels, efficientnet_lite0 to 2, TYPE:NAME (torchvision, timm, open_clip, transformers,
    module), or the weights.pt of a VAE or PhilNet that a run has trained. Weights are downloaded by
    --weights pretrained alone. The .npz is what score, compare and init read; of several layers one
    array each, for score --array, compare FILE:ARRAY and init FILE:ARRAY.

    Example: latent-microscope extract photos/ --model timm:resnet18 --weights pretrained
    """
    if layers:
        from latent_microscope.commands.networks import list_layers

        typer.echo(list_layers(model, size))
        return
    if images is None:
        raise InputError("IMAGES: missing; give a folder or file of images, or --list")
    from latent_microscope.commands.extract import extract as extracted

    network: dict[str, Any] = {"layer": layer, "weights": weights, "device": device, "batch": batch}
    network["reduce"] = reduce
    result = extracted(images, model, output, ids=ids, size=size, force=force, **network)
    typer.echo(result.text)


@app.command("open")
def open_pages(
    study: Annotated[str | None, typer.Argument(help="Folder in results/; default: all.")] = None,
    show: Annotated[bool, typer.Option("--print", help="Only print the paths.")] = False,
) -> None:
    """Open explorer and report in the browser.

    Example: latent-microscope open demo-faces
    """
    from latent_microscope.planning.pages import last_run, listing, pages_of

    pages = pages_of([study] if study else last_run())
    typer.echo(listing(pages) or "No finished study here; run latent-microscope demo.")
    if show or not pages:
        raise typer.Exit(0 if pages else 1)
    if sys.platform.startswith("linux") and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        raise InputError("no display to open a browser; copy these files to a machine with one")
    for page in pages:
        if page.path.suffix == ".html":
            webbrowser.open(page.path.resolve().as_uri())


@app.command()
def doctor() -> None:
    """Check this machine, and list what is missing for which study.

    Example: latent-microscope doctor
    """
    from latent_microscope.commands.doctor import examine, report

    typer.echo(report(examine()))


@app.command()
def plan(
    configs: Configs = None,
    workflow_profile: Profile = None,
    used: Annotated[
        bool, typer.Option(help="Of the finished steps: what they used of their requests.")
    ] = False,
) -> None:
    """Print what a run would request from a cluster: jobs, GPU hours, disk. Nothing is submitted.

    Example: latent-microscope plan faces.yaml --workflow-profile slurm -- --config size=paper
    """
    from latent_microscope.commands import workflow

    words = workflow.arguments(configs or [], None, workflow_profile, _snakemakes_own)
    from latent_microscope.planning import usage
    from latent_microscope.planning.plan import planned_jobs, table  # needs Snakemake

    if used:
        finished = usage.used(words)
        typer.echo(usage.table(finished) if finished else "No step has run here.")
        return
    jobs = planned_jobs(words)
    typer.echo(table(jobs) if jobs else "Nothing to be done.")


@app.command()
def trace(
    path: Annotated[Path, typer.Argument(help="A figure, table, array or weights file.")],
    row: Annotated[int | None, typer.Option(help="Row of a table, from 0.")] = None,
    root: Folder = Path(),
) -> None:
    """Print the provenance of an artefact: the chain of jobs from a figure or table to the data.

    Example: latent-microscope trace results/demo-faces/tables/bias.csv --row 3
    """
    from latent_microscope.provenance import lineage

    found = lineage.trace(path, root, row=row)
    if row is not None:
        typer.echo(f"row {row}: {lineage.table_row(root / path, row)}")
    typer.echo(lineage.describe(found))


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="Results of one or all studies.")] = Path(
        "results"
    ),
    root: Folder = Path(),
    current: Annotated[
        bool,
        typer.Option(help="Also fail for what is of older code, made from such, or has no record."),
    ] = False,
) -> None:
    """Hash results again and name files that differ from the record; if any do, exit status 1.

    Example: latent-microscope verify results/demo-faces
    """
    from latent_microscope.provenance.currency import stale
    from latent_microscope.provenance.lineage import FAILURES
    from latent_microscope.provenance.lineage import verify as verified

    count, findings = verified(root / folder, root)
    for finding in findings:
        typer.echo(f"{finding.kind}: {finding.path}: {finding.detail}")
    wrong = sum(finding.kind in FAILURES for finding in findings)
    typer.echo(
        f"{count} files checked, {wrong} not as recorded, {len(findings) - wrong} without record"
    )
    old = stale(root / folder, root) if current else []
    for path, reason in old:
        typer.echo(f"stale: {path}: {reason}")
    if current:
        typer.echo(f"{len(old)} of {count} files are stale")
    failed = findings if current else wrong  # what has no record may be of any code
    raise typer.Exit(1 if failed or old else 0)


@app.command()
def export(
    study: Annotated[str, typer.Argument(help="Name of a folder below results/.")],
    out: Annotated[Path | None, typer.Argument(metavar="[OUT]", help="As --output.")] = None,
    to: Annotated[str, typer.Option(help="crate, rsatoolbox, h5ad or embedding-atlas.")] = "crate",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File, or the folder of a crate.")
    ] = None,
    root: Folder = Path(),
    figures: Annotated[
        bool,
        typer.Option("--figures", help="crate: with figures, some of images not to be shared."),
    ] = False,
    force: Force = False,
) -> None:
    """Export a finished study for other tools.

    crate: a Workflow Run RO-Crate (https://w3id.org/ro/wfrun/workflow), a new folder: tables and
    the workflow are copied, all other files listed with their SHA-256. rsatoolbox: all RDMs, read
    by rsatoolbox.rdm.load_rdm. h5ad: vectors, scores, clusters, attributes, map and neighbours,
    read by anndata.read_h5ad. embedding-atlas: a Parquet file, and the command that opens it.

    Example: latent-microscope export demo-faces --to h5ad -o demo-faces.h5ad
    """
    from latent_microscope.commands.export import export as exported

    typer.echo(exported(study, output or out, to=to, root=root, figures=figures, force=force))


if __name__ == "__main__":
    main()
