# Shared by all files: the plan of this run, names that many rules use, wildcards.
import re
from functools import partial

from snakemake.exceptions import WorkflowError

from latent_microscope import project, registry
from latent_microscope.calibration import PARTS
from latent_microscope.errors import InputError
from latent_microscope.planning import captions, cluster, comparison, data, explorer, figures
from latent_microscope.planning import networks, runs, scores, tables, targets
from latent_microscope.planning.environment import set_environment
from latent_microscope.planning.pages import remember, told_at_the_end
from latent_microscope.planning.resources import *
from latent_microscope.planning.similarity import ceilings, rsa
from latent_microscope.planning.workflow import Plan, one_of
from latent_microscope.provenance.codehash import CACHE, CodeHasher

HASHER = CodeHasher(CACHE)
try:
    # Where Snakemake deploys software, its environments hold what steps need.
    PLAN = Plan(config, HASHER, installed=not workflow.deployment_settings.deployment_method)
except InputError as error:
    raise WorkflowError(str(error))

CONFIG, STUDIES, THREADS = PLAN.config, PLAN.studies, PLAN.config["numeric_threads"]
PAIR_THREADS = pair_threads(THREADS)
ROOT_SEED, DEVICE, TORCH = CONFIG["root_seed"], CONFIG["device"], CONFIG["torch_environment"]
ask, step = PLAN.ask, PLAN.step
# A job of a cluster parses this again, and has no more than it was given.
LIMITS = workflow.global_resources if workflow.is_main_process else {}
DEFAULTS = workflow.resource_settings.default_resources
cluster.know(LIMITS, CONFIG["gres"], DEVICE, DEFAULTS, partial(expected_mb, STUDIES))
cluster.resend_preempted()


def of_study(*keys):
    """The value at these keys in the study's config."""
    return ask(runs.of_study(*keys))


def section(name, *keys):
    """Params of these names from one section of the study's config."""
    return {key: of_study(name, key) for key in keys}


def shown(path, kind, declared, subcategory, labels):
    """A file in Snakemake's report, under its declared caption."""
    caption = captions.file_of(kind, declared.name)
    options = {"caption": caption, "category": "{study}", "subcategory": subcategory}
    return report(path, **options, labels=labels)


def alone(files):
    """A list of one file as that file."""
    return files[0] if len(files) == 1 else files


def tables_of_rule(rule, **files):
    """Outputs: these files, then the declared tables of a rule, each as Parquet and CSV."""
    for table in tables.made_by(rule):
        labels = {"what": table.title, "kind": "table"}
        files[table.output] = tables.path(table)
        files[table.csv] = shown(tables.path(table, "csv"), "tables", table, "Tables", labels)
    return files


def log_of(rule, outputs):
    """The log of a step: its name and the wildcards of its first output."""
    names = re.findall(r"\{(\w+)\}", next(iter(outputs.values())))
    parts = [f"-seed{{{name}}}" if name == "seed" else f"-{{{name}}}" for name in names[1:]]
    return f"{LOG}/{rule}{''.join(parts)}.log"


def code_of(rule):
    """The name of a step's script: that of its rule, unless it says another one.

    A workflow that imports this one may put a prefix before the names of rules.
    """
    name = max((step for step in STEPS if f"_{rule}".endswith(f"_{step}")), key=len)
    return STEPS[name].get("script", name)


captions.write_captions()


if not workflow.modifier.is_module or workflow.modifier.parent_modifier is None:
    # Another workflow that imports this one keeps its own environment; its jobs set theirs.
    set_environment(THREADS, CONFIG["download_mirror"])

SEEDED = {"root_seed": ROOT_SEED, "seed": ask(runs.number)}
RUN = runs.RUN
LOG = runs.LOGS
MODEL = networks.MODEL

# Steps whose rules differ in little but files and params; steps.smk makes the rules. Name -> input, output, params; where
# (constraints of wildcards), and what differs from the defaults: script, log, group, local, environment, threads, resources.
STEPS = {}


wildcard_constraints:
    study=one_of(STUDIES),
    crop=PLAN.crops,
    seed=r"\d+",
    split="train|test",
    method="intended|executed",
    metric="euclidean|correlation|cosine",
    layer=r"[A-Za-z0-9_.]+",
    model="[a-z0-9_]+",
    replicate=r"\d+",
    source=r"human|[a-z0-9_]+-[A-Za-z0-9_.]+-seed\d+",


# On SLURM, the jobs of a group (profiles/slurm) run one after another: each takes a turn.
resource_scopes:
    turn="local",
