"""Which sections a study's page has: those whose tables are there, then whatever is left."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from latent_microscope.report import (
    alignment,
    attributes,
    clusters,
    own,
    read_alignment,
    read_clusters,
    read_truth,
    read_vae,
    simulations,
    truth,
    vae,
)
from latent_microscope.report.blocks import Block, Picture, Reading, Section, Study
from latent_microscope.report.generic import table_blocks

Shows = Callable[[Study], Iterator[Block]]
Reads = Callable[[Study], Iterator[Reading]]


@dataclass(frozen=True)
class Part:
    """A section that a page may have.

    Attributes:
        key: Of its anchor.
        title: Heading.
        tables: What it needs.
        reads: Readings of its numbers.
        shows: Its tables and figures.
        figures: Beginnings of the names of the figures that belong here.
        also: Tables that it shows if they are there.
        empty: Whether it has something to say about a first table without rows.
    """

    key: str
    title: str
    tables: tuple[str, ...]
    reads: tuple[Reads, ...] = ()
    shows: tuple[Shows, ...] = ()
    figures: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    empty: bool = False


def _facts(study: Study) -> Iterator[Block]:
    for view in dict.fromkeys(study.table("forensics")["view"]):
        yield from vae.facts(study, view)


PARTS = (
    Part("files", "Files", ("files",), (own.read_files,), (own.as_it_is("files"),)),
    Part("funnel", "The published funnel", ("funnel",), (read_truth.funnel,), (truth.funnel,),
         ("funnel-",)),
    Part("detectors", "Single scores as detectors", ("detectors",), (read_truth.detectors,),
         (truth.detectors,), ("detectors-", "panels-", "latent-map")),
    Part("comparison", "Detectors of authentic samples", ("comparison",), (read_truth.comparison,),
         (truth.first_setting, truth.every_setting), ("settings",)),
    Part("search", "The funnel at its best", ("search",), (read_truth.search,), (truth.search,)),
    Part("similarity", "Similarity to people", ("alignment",), (read_alignment.similarity,),
         (alignment.similarity,), ("rsa-", "rdms-", "classes-", "model-similarity-")),
    Part("measures", "Intervals and baselines", ("measures",), (read_alignment.measures,),
         (alignment.measures,)),
    Part("differences", "Differences between models", ("differences",),
         (read_alignment.differences,), (alignment.differences,)),
    Part("layers", "Stage by stage", ("layers",), (read_alignment.layers,), (alignment.layers,),
         ("layers",)),
    Part("behaviour", "Behaviour against the votes", ("behaviour",), (read_alignment.behaviour,),
         (alignment.behaviour,), ("accuracy-", "confusions", "entropy", "disputed")),
    Part("ceilings", "What can be reached", ("ceilings",), (read_alignment.ceilings,),
         (alignment.ceilings,)),
    Part("recovery", "Can the models be told apart?", ("recovery",), (read_alignment.recovery,),
         (alignment.recovery,), ("recovery",)),
    Part("false-alarms", "False alarms", ("null",), (read_truth.false_alarms,),
         (simulations.false_alarms,)),
    Part("coverage", "Coverage of the intervals", ("coverage",), (read_truth.coverage,),
         (simulations.coverage,), ("calibration",)),
    Part("power", "Power", ("power",), (read_truth.power,), (simulations.power,), ("power",)),
    Part("training", "Training", (), figures=("training-", "classifier-training", "fold-training")),
    Part("health", "Health of the VAE", ("health",), (read_vae.health,), (vae.health,),
         ("vae-checks-", "vae-health-", "vae-images", "vae-samples", "traversals")),
    Part("scores", "The latent space and its scores", ("forensics",), (read_vae.facts,), (_facts,),
         ("uniqueness-originality", "density", "overlaps")),
    Part("rankings", "What of a ranking repeats", ("reliability",),
         (read_vae.reliability,), (vae.reliability, vae.rankings), ("reliability", "list-"),
         also=("rankings",)),
    Part("old-rankings", "What of a ranking repeats", ("rankings",), (read_vae.rankings,),
         (vae.rankings,), ("list-",)),
    Part("clusters", "Clusters", ("cluster-stability", "sbs"),
         (read_clusters.clusters, read_clusters.cluster_overlap),
         (clusters.clusters, clusters.cluster_overlap),
         ("clusters", "sbs-sizes-", "cluster-stability-", "components", "cluster-control"),
         also=("cluster-jaccard",)),
    Part("bias", "Attributes of the clusters", ("bias-tests", "bias"),
         (read_clusters.bias, read_clusters.published_bias),
         (clusters.bias, clusters.published_bias),
         ("bias-forest", "cluster-bias", "cmax-bias", "subniches")),
    Part("correlations", "Numbers beside scores", ("correlations",), (own.read_correlations,),
         (own.correlations,)),
    Part("identities", "People", (), figures=("identities",)),
    Part("probes", "What the latents know", ("probes",), (read_clusters.probes,),
         (attributes.probes,), ("probes",)),
    Part("duplicates", "Near-duplicates", ("duplicates",), (read_clusters.duplicates,),
         (attributes.duplicates,), ("duplicates",), empty=True),
)  # fmt: skip


def sections(study: Study) -> list[Section]:
    """The sections of a study's page, whatever its kind: each where its tables or figures are."""
    told_tables: set[str] = set()
    told_figures: set[str] = set()
    made = []
    for part in PARTS:
        if part.tables and part.tables[0] in told_tables:
            continue
        if part.tables and _there(study, part):
            told_tables |= {*part.tables, *part.also}
            blocks = (*_told(study, part), *_drawn(study, part, told_figures))
        else:  # figures of a study whose table is not there
            blocks = tuple(_drawn(study, part, told_figures))
        if blocks:
            made.append(Section(part.key, part.title, blocks))
    rest = tuple(_rest(study, told_tables, told_figures))
    if rest:
        made.append(Section("more", "More tables and figures", rest))
    return made


def _there(study: Study, part: Part) -> bool:
    there = all(name in study.tables for name in part.tables)
    return there and (part.empty or len(study.table(part.tables[0])) > 0)


def _told(study: Study, part: Part) -> Iterator[Block]:
    have_all = all(name in study.tables for name in part.also)
    shows = part.shows if have_all else part.shows[:1]
    reads = part.reads if have_all else part.reads[:1]
    for read in reads:
        yield from read(study)
    for show in shows:
        yield from (block for block in show(study) if not isinstance(block, Picture))


def _drawn(study: Study, part: Part, told: set[str]) -> Iterator[Block]:
    names: list[str] = []
    for beginning in part.figures:
        names += [n for n in study.pictures(beginning) if n not in (*names, *told)]
    told.update(names)
    yield from (Picture(name, name) for name in names)


def _rest(study: Study, tables: set[str], figures: set[str]) -> Iterator[Block]:
    for name in study.tables:
        if name not in tables:
            yield from table_blocks(study, name)
    yield from (Picture(name, name) for name in study.figures if name not in figures)


def in_short(made: Sequence[Section]) -> list[tuple[Section, Reading]]:
    """The first reading of each section."""
    found = []
    for section in made:
        first = next((b for b in section.blocks if isinstance(b, Reading)), None)
        if first:
            found.append((section, first))
    return found
