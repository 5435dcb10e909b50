# Shared by all files: the checked config, wildcards, params and resources by name.
from snakemake.exceptions import WorkflowError

from latent_microscope import project
from latent_microscope.config.resolve import merge, resolve
from latent_microscope.data.manifest import load_manifest
from latent_microscope.errors import InputError
from latent_microscope.io.yaml_files import load_yaml
from latent_microscope.planning.environment import set_environment
from latent_microscope.planning.requirements import require_installed
from latent_microscope.planning.pages import remember, told_at_the_end
from latent_microscope.provenance.codehash import CACHE, CodeHasher

try:
    MANIFEST = load_manifest(project.asset("config/datasets.yaml"))
    DATA_SETS = {
        name: {file.name: file.role for file in entry.files.values()}
        for name, entry in MANIFEST.items()
    }
    CONFIG = resolve(
        merge(load_yaml(project.asset("config/config.yaml")), config),
        project.asset("workflow/schemas/config.schema.yaml"),
        DATA_SETS,
    )
    if not workflow.deployment_settings.deployment_method:  # else its environments bring it
        require_installed(CONFIG["studies"])
except InputError as error:
    raise WorkflowError(str(error))

STUDIES = CONFIG["studies"]

if not workflow.modifier.is_module or workflow.modifier.parent_modifier is None:
    # Another workflow that imports this one keeps its own environment; its jobs set theirs.
    set_environment(CONFIG["numeric_threads"], CONFIG["mirror"])

HASHER = CodeHasher(CACHE)


def of_kind(*kinds):
    return [name for name, study in STUDIES.items() if study["kind"] in kinds]


def one_of(names):
    """A wildcard constraint: one of the names; matches nothing if there are none."""
    return "|".join(re.escape(name) for name in names) or "(?!)"


def of_study(*keys):
    """A params function: the value at these keys in the study's config, and nothing else."""

    def value(wildcards):
        part = STUDIES[wildcards.study]
        for key in keys:
            part = part[key]
        return part

    return value


def run_number(wildcards):
    return int(wildcards.seed)


def step(script, numeric_threads=CONFIG["numeric_threads"], assets=()):
    """What a step's adapter needs to know: the code that it runs and its numeric threads.

    ``assets`` are files of the project that it reads: an edit of them runs it again.
    """
    code = HASHER.code_hash(project.script(script), map(project.asset, assets))
    known = {"code": code, "numeric_threads": numeric_threads}
    return {**known, "assets": list(assets)} if assets else known


def views_of(study):
    """What a study's VAEs look at: views of its images, or the settings of a detection study."""
    return STUDIES[study].get("settings") or STUDIES[study].get("views", ["whole"])


def seeds_of(study, view=None):
    """Seeds of a study; each setting of a detection study has its own."""
    return (STUDIES[study]["settings"][view] if view else STUDIES[study])["seeds"]


def runs_of(study, pattern):
    """The pattern filled in for each view and seed of a study, views outermost."""
    own = STUDIES[study]["kind"] == "detection"
    return [
        pattern.format(study=study, view=view, seed=seed)
        for view in views_of(study)
        for seed in seeds_of(study, view if own else None)
    ]


def methods_of(study):
    return STUDIES[study]["sources"]["methods"]


R = "results/{study}"
B = "results/{study}/vae/{view}/seed{seed}"
LOG = "results/{study}/logs"


# Under a second at published sizes and a few hundred MB: on a cluster they run beside Snakemake itself, as do
# downloads, since compute nodes often have no way out. profiles/slurm groups what is merely short.
localrules:
    collect_judgements,
    collect_votes,
    download_file,
    encode_attributes,
    gather_rsa,
    generate_demo_faces,
    generate_demo_objects,
    generate_setting,
    generate_synthetic,
    join_samples,
    label_attributes,
    label_features,
    make_human_features,
    publish,
    tabulate_alignment,
    tabulate_behaviour,
    tabulate_bias,
    tabulate_clusters,
    tabulate_comparison,
    tabulate_correlations,
    tabulate_detectors,
    tabulate_duplicates,
    tabulate_forensics,
    tabulate_funnel,
    tabulate_health,
    tabulate_inference,
    tabulate_layers,
    tabulate_measures,
    tabulate_probes,
    tabulate_rankings,
    tabulate_reliability,
    tabulate_search,
    write_report,


# --- resources, by the reason for the number -------------------------------------------------
def light_memory(wildcards, attempt):
    return 2000 * attempt  # pandas, matplotlib and a few arrays of one study


def heavy_memory(wildcards, input, attempt):
    return int(3000 + 4 * max(input.size_mb, 100)) * attempt  # inputs, copies of them, libraries


def training_memory(wildcards, input, attempt):
    return int(4000 + 5 * input.size_mb) * attempt  # images in memory, network, optimiser


def pair_memory(wildcards, input, attempt):
    return int(2000 + 5 * input.size_mb) * attempt  # RDMs and their ranks in memory


def short_runtime(wildcards, attempt):
    return 15 * attempt  # minutes: seconds at published sizes, plus a cold file system


def long_runtime(wildcards, attempt):
    return 120 * attempt  # minutes: passes over all pairs, UMAP and HDBSCAN of a large study


def training_runtime(wildcards, attempt):
    return 480 * attempt  # minutes: the paper sizes on a few CPU cores; a GPU needs far less


wildcard_constraints:
    study=one_of(STUDIES),
    view=one_of(["whole", "eyes", *[view for study in STUDIES for view in views_of(study)]]),
    seed=r"\d+",
    split="train|test",
    method="intended|executed",
    metric="euclidean|correlation|cosine",
    layer="features|probabilities|calibrated",
    model="[a-z0-9_]+",


def all_targets():
    """Everything that the studies of this config promise: tables, figures, explorers, checks, pages."""
    targets = []
    for study in STUDIES:
        targets += tables_of(study) + figures_of(study) + explorer_of(study)
        targets.append(f"results/{study}/checks.parquet")
    return targets + story_pages()
