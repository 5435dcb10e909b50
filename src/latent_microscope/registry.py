"""What is declared once: scores, types of models, figures and tables; ours and installed plugins'.

A declaration says everything that config, planner, tables, figures, explorer and report ask about
such a thing, and names its function as ``module:function`` without importing it. Ours stand in
:mod:`latent_microscope.declarations`; another package declares through the entry points
``latent_microscope.scores``, ``.models``, ``.figures`` and ``.tables`` (docs/plugins.md). No step
imports this module: a step gets the declared name, and the hash of the code that it names.
"""

import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeVar, get_args

from latent_microscope.arguments import Out
from latent_microscope.errors import InputError

API_VERSION = 2
"""Of these dataclasses and of what their functions get; docs/plugins.md has the policy."""
ROOT_SEED = "<root seed>"
"""A param's value that stands for the config's root seed."""
GROUPS = ("scores", "models", "figures", "tables")
_OURS = "latent_microscope.declarations"

Files = Any
"""Inputs: a path with wildcards, or a planning function of (study, wildcards)."""
Value = Any
"""A param: a constant, or a planning function of (study, wildcards)."""
Where = Callable[[Any], bool]
"""Whether something is made in a study (:class:`latent_microscope.planning.study.Study`)."""
Per = Literal["run", "run_method", "view", "view_method", "metric", "study"]
"""What one figure is about: a VAE, a VAE and reading of its sources, all seeds of a view …"""


def everywhere(_study: Any) -> bool:
    """In every study."""
    return True


@dataclass(frozen=True, kw_only=True)
class Score:
    """A score of every sample.

    Attributes:
        name: Column in tables and key of its section in ``scores`` of the config.
        title: For people; on axes and in tables.
        function: ``module:function`` that takes latents, float64 (n, d), and as keywords the
            settings of its config section, ``seed`` too if it has such an argument; it returns n
            floats. Empty: a column of the step score_samples.
        meaning: What its ends say.
        listed: Name of the ranked list of the config whose length says how many are looked at.
        largest: Whether that list holds the highest; else the lowest.
        config: Class of its section, a ``config.fields.Section`` whose fields have defaults.
        needs: Parts of a study (images, attributes …) without which it is not computed.
        main: Whether it is one of the few that people look at first: how far it repeats is told
            sample by sample, clusters are profiled by it, the explorer begins with it.
        tested: Whether it is correlated with numeric attributes, and checked.
    """

    name: str
    title: str
    function: str = ""
    meaning: str = ""
    listed: str = "creative"
    largest: bool = True
    config: type[Any] | None = None
    needs: frozenset[str] = frozenset()
    main: bool = False
    tested: bool = False


@dataclass(frozen=True, kw_only=True)
class ModelType:
    """A type of model: a value of ``type`` in a study's ``models``.

    Attributes:
        name: The value.
        title: For people.
        function: ``module:function`` that takes images, uint8 (n, H, W, 3), not to be written to,
            the settings of the model's section and, by keyword, a derived seed; it returns
            features, finite numbers (n, f), kept as float32. Empty: the type has a rule of its own.
        config: Class of its section, a ``config.fields.Section`` whose fields have defaults; it
            gets ``type`` and, if it has none, ``layers``.
        kinds: Kinds of studies that may have it.
        of: Type of the model that its setting ``of`` names.
        needs: Parts that a study must have for it; images, if it has a function.
        extra: Extra of this package that its step needs (train, models).
        logits: Whether there are logits over the classes, which are what a function returns;
            ``as held``: if ``holds`` says so.
        random: Whether it differs from seed to seed.
        built: Whether its weights are made by build_network.
        extracted: Whether its features are read by extract_features.
        profiled: Whether it is profiled layer by layer.
        gpu: Whether a declared function gains from a GPU.
        oracle: Whether it knows the labels: a bound, no model of vision.
        note: What every table says beside its name, from its settings.
    """

    name: str
    title: str
    function: str = ""
    config: type[Any] | None = None
    kinds: tuple[str, ...] = ("alignment",)
    of: str = ""
    needs: frozenset[str] = frozenset()
    extra: str = ""
    logits: bool | Literal["as held"] = False
    random: bool = False
    built: bool = False
    extracted: bool = False
    profiled: bool = False
    gpu: bool = False
    oracle: bool = False
    note: Callable[[Mapping[str, Any]], str] = lambda settings: ""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure: PNG for screens, PDF for print.

    Attributes:
        name: Of its rule (``plot_<name>``) and in ``figures.limits`` of the config.
        function: ``module:function`` whose keywords are the inputs, the params, ``title`` and
            ``look``; it returns a matplotlib figure, or one for each of ``files``.
        title: What it shows, for the report's list.
        caption: For the reports.
        category: Its part of the report.
        inputs: Name → files.
        params: Name → value.
        per: What one figure is about.
        where: In which studies it is drawn.
        needs: Parts that a study must have for it.
        photographs: Whether it shows images of data sets, which are not published.
        files: File name → title, where one job draws several or the name differs.
        memory: Of its rule: light, heavy or pair.
        environment: Of its rule.
    """

    name: str
    function: str
    title: str
    caption: str
    category: str
    inputs: Mapping[str, Files]
    params: Mapping[str, Value] = field(default_factory=dict)
    per: Per = "study"
    where: Where = everywhere
    needs: frozenset[str] = frozenset()
    photographs: bool = False
    files: Mapping[str, str] = field(default_factory=dict)
    memory: str = "light"
    environment: str = "figures"

    @property
    def titles(self) -> Mapping[str, str]:
        """File name without its wildcards → title."""
        return self.files or {self.name.replace("_", "-"): self.title}


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of a study: Parquet for programs, CSV for people.

    Attributes:
        name: Of its files.
        title: What it shows, for the report's list.
        caption: For the reports.
        where: In which studies it is made.
        needs: Parts that a study must have for it.
        made_by: The rule; tables of one rule are made by one function.
        function: ``module:function`` whose keywords are the inputs and params; it returns a
            DataFrame, or a mapping from names to one each. Empty: another table of the rule has it,
            or the rule is a step of its own.
        inputs: Name → files.
        params: Name → value.
        output: Name of the .parquet among the rule's outputs; a function that makes several tables
            returns them by these names.
        more: Further outputs of its rule, which are no tables of the study.
        threads: Whether it computes on several threads.
    """

    name: str
    title: str
    caption: str
    where: Where = everywhere
    needs: frozenset[str] = frozenset()
    made_by: str = ""
    function: str = ""
    inputs: Mapping[str, Files] = field(default_factory=dict)
    params: Mapping[str, Value] = field(default_factory=dict)
    output: str = "table"
    more: Mapping[str, str] = field(default_factory=dict)
    threads: bool = False

    @property
    def rule(self) -> str:
        """The rule that makes it."""
        return self.made_by or f"tabulate_{self.name.replace('-', '_')}"

    @property
    def csv(self) -> str:
        """Name of the .csv among the rule's outputs."""
        return "csv" if self.output == "table" else f"{self.output}_csv"


Declared = Score | ModelType | Figure | Table
D = TypeVar("D", Score, ModelType, Figure, Table)
PARTS = frozenset(
    [
        "images",
        "attributes",
        "identities",
        "labels",
        "votes",
        "dissimilarity",
        "embeddings",
        "vae",
        "logits",
    ]
)
"""What a study may have beside its latents."""
_MODEL_KEYS = {"type", "layers", "seeds", "weights", "of", "file", "array", "holds"}
"""Keys with a meaning for every model."""
_NAMES = dict.fromkeys(GROUPS, r"[a-z][a-z0-9_]*") | {"tables": r"[a-z][a-z0-9_-]*"}
_CLASSES: Mapping[str, type[Declared]] = {
    "scores": Score,
    "models": ModelType,
    "figures": Figure,
    "tables": Table,
}


@dataclass(frozen=True)
class Plugin:
    """Where a declaration of another package comes from."""

    distribution: str
    version: str


def scores() -> tuple[Score, ...]:
    """All scores, ours first."""
    return _declared("scores", Score)


def model_types() -> tuple[ModelType, ...]:
    """All types of models, ours first."""
    return _declared("models", ModelType)


def figures() -> tuple[Figure, ...]:
    """All figures, ours first."""
    return _declared("figures", Figure)


def tables() -> tuple[Table, ...]:
    """All tables, ours first."""
    return _declared("tables", Table)


@cache
def model_type(name: str) -> ModelType:
    """The type of model of this name.

    Raises:
        InputError: There is none.
    """
    return find("models", name)  # type: ignore[return-value]


def find(group: str, name: str) -> Declared:
    """The declaration of a name: of a score, a type of model, a figure or a table's rule.

    Raises:
        InputError: There is none; the message lists what there is.
    """
    for declared in _ours(group):
        if _key(declared) == name:
            return declared
    every = (*_ours(group), *_plugins(group)[0])
    found = next((one for one in every if _key(one) == name), None)
    if found is None:
        known = ", ".join(sorted({_key(one) for one in every}))
        raise InputError(f"{group}: no {name!r} is declared; there are: {known}")
    return found


def names(group: str) -> list[str]:
    """What :func:`find` finds, of what has a function."""
    every = (*_ours(group), *_plugins(group)[0])
    return sorted(_key(declared) for declared in every if declared.function)


def outputs_of(declared: Declared) -> dict[str, Any]:
    """Names of the outputs of its rule, and what they are: one file or several."""
    if isinstance(declared, Figure):
        return {"png": list[Out], "pdf": list[Out]}
    if isinstance(declared, Table):
        together = [table for table in tables() if table.rule == declared.rule]
        files = {name: Out for table in together for name in (table.output, table.csv)}
        return files | dict.fromkeys(declared.more, Out)
    if isinstance(declared, Score):
        return {"score": Out}
    return {"features": Out, "feature_ids": Out}


def functions_of(declared: str) -> list[str]:
    """The function of a declaration that a step names (``group/name``); none of other steps.

    Raises:
        InputError: Nothing of this name is declared here.
    """
    group, _, name = declared.partition("/")
    return [find(group, name).function] if name else []


def plugin_of(group: str, name: str) -> Plugin | None:
    """The package that declares this; None for ours."""
    if any(_key(declared) == name for declared in _ours(group)):
        return None
    return _plugins(group)[1].get(name)


def plugins() -> dict[str, list[str]]:
    """Distribution and version of each plugin → what it declares, as ``group: name``.

    Raises:
        InputError: One of them cannot be loaded.
    """
    found: dict[str, list[str]] = {}
    for group in GROUPS:
        for name, plugin in _plugins(group)[1].items():
            found.setdefault(f"{plugin.distribution} {plugin.version}", []).append(
                f"{group}: {name}"
            )
    return found


def _key(declared: Declared) -> str:
    """What a rule calls it: a table has the name of its rule, if that has a function."""
    if isinstance(declared, Table):
        return declared.rule if declared.function else f"{declared.rule}/{declared.name}"
    return declared.name


def _declared(group: str, kind: type[D]) -> tuple[D, ...]:
    found = (*_ours(group), *_plugins(group)[0])
    return tuple(one for one in found if isinstance(one, kind))


@cache
def _ours(group: str) -> tuple[Declared, ...]:
    module = importlib.import_module(f"{_OURS}.{group}")
    found: tuple[Declared, ...] = getattr(module, group.upper())
    return found


@cache
def _plugins(group: str) -> tuple[tuple[Declared, ...], Mapping[str, Plugin]]:
    """Declarations of other packages, by name of the entry point, and where they come from."""
    from importlib.metadata import entry_points  # takes longer to load than all else here

    found: list[Declared] = []
    origins: dict[str, Plugin] = {}
    taken = {name for one in _ours(group) for name in _names_of(one)}
    points = entry_points(group=f"latent_microscope.{group}")
    for point in sorted(points, key=lambda point: point.name):
        origin = point.dist
        package = f"{origin.name} {origin.version}" if origin else point.value
        try:
            value = point.load()
        except Exception as error:  # whatever another package raises: say which one it is
            raise InputError(
                f"plugin {package}: {point.value} cannot be loaded ({error!r}); repair or "
                "uninstall it"
            ) from error
        for declared in _all_of(value):
            _check(declared, group, package, taken)
            taken.update(_names_of(declared))
            found.append(declared)
            origins[_key(declared)] = Plugin(
                origin.name if origin else point.value, origin.version if origin else ""
            )
    return tuple(found), origins


def _names_of(declared: Declared) -> set[str]:
    """Names that no other declaration of its group may have: its key and its files."""
    if isinstance(declared, Figure):
        return {declared.name, *declared.titles}
    return {_key(declared), declared.name}


def _all_of(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _check(declared: Any, group: str, package: str, taken: set[str]) -> None:
    """Refuse what could not work.

    Raises:
        InputError: One line that names the package and the declaration.
    """
    wanted = _CLASSES[group]
    if not isinstance(declared, wanted):
        raise InputError(
            f"plugin {package}: its entry point in latent_microscope.{group} is a "
            f"{type(declared).__name__}, not a {wanted.__name__}"
        )
    where = f"plugin {package}: {group}: {declared.name}"
    if not re.fullmatch(_NAMES[group], declared.name):
        raise InputError(f"{where}: a name in paths must be of small letters, digits and _")
    if known := sorted(_names_of(declared) & taken):
        raise InputError(f"{where}: there is {known[0]!r} already; give it another name")
    if not declared.function and not getattr(declared, "made_by", ""):
        raise InputError(f"{where}: names no function")
    if declared.function and not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", declared.function):
        raise InputError(f"{where}: {declared.function!r} is not of the form module:function")
    for wrong in _wrong_fields(declared):
        raise InputError(f"{where}: {wrong}")


def _wrong_fields(declared: Declared) -> Iterator[str]:
    """What a declaration of another package must not say."""
    if isinstance(declared, Score | ModelType):
        yield from _wrong_config(declared.config)
    if not isinstance(declared.needs, frozenset) or not declared.needs <= PARTS:
        yield f"needs {declared.needs!r} is no frozenset of {', '.join(sorted(PARTS))}"
    if isinstance(declared, Table):
        outputs = {declared.output, declared.csv, *declared.more}
        if both := sorted(outputs & {*declared.inputs, *declared.params}):
            yield f"{both[0]!r} is an output and an input or a param"
        if not declared.rule.startswith("tabulate_"):
            yield f"made_by {declared.made_by!r} must begin with tabulate_"
    if isinstance(declared, Figure):
        if declared.per not in get_args(Per):
            yield f"per {declared.per!r} is not one of {', '.join(get_args(Per))}"
        if declared.memory not in ("light", "heavy", "pair"):
            yield f"memory {declared.memory!r} is not one of light, heavy, pair"
        own = {"png", "pdf", "title", "style", "step"} & {*declared.inputs, *declared.params}
        if own:
            yield f"{sorted(own)[0]!r} is an argument of every figure; use another name"
    if isinstance(declared, ModelType):
        if declared.built or declared.extracted or declared.profiled:
            yield "built, extracted and profiled are for networks of latent_microscope"
        if declared.extra not in ("", "train", "models"):
            yield f"extra {declared.extra!r} is not one of train, models"
        if used := sorted(_MODEL_KEYS & _keys_of(declared)):
            yield f"config: {used[0]!r} is a key of every model; give it another name"
    if isinstance(declared, Score):
        if declared.name in ("id", "seed") or "seed" in _keys_of(declared):
            yield "id and seed are taken"
        if declared.listed not in ("creative", "stereotypes", "grey"):
            yield f"listed {declared.listed!r} is not one of creative, stereotypes, grey"


def _wrong_config(config: Any) -> Iterator[str]:
    if isinstance(config, Mapping | str):
        yield (
            f"config is a {type(config).__name__}, as in version 1 of the plugin API; version "
            f"{API_VERSION} needs a subclass of latent_microscope.config.fields.Section "
            "(docs/plugins.md)"
        )
    elif config and not hasattr(config, "model_fields"):
        yield f"config {config!r} is no subclass of latent_microscope.config.fields.Section"
    elif config and (missing := [n for n, f in config.model_fields.items() if f.is_required()]):
        yield f"config: {missing[0]!r} has no default"


def _keys_of(declared: Score | ModelType) -> set[str]:
    return set(declared.config.model_fields) if declared.config else set()
