"""Declarations of scores, types of models, figures and tables; ours and those of plugins.

A declaration holds everything that config, planner, tables, figures, explorer and report need to
know about it, and names its function as ``module:function`` without importing it. Ours are in
:mod:`latent_microscope.declarations`; another package declares through the entry points
``latent_microscope.scores``, ``.models``, ``.figures`` and ``.tables`` (docs/plugins.md). No step
imports this module: a step gets the declared name, and the hash of the code that it names.
"""

import importlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeVar, get_args

from latent_microscope.arguments import Out
from latent_microscope.errors import InputError

API_VERSION = 2
"""Version of these dataclasses and of the arguments of their functions (docs/plugins.md)."""
ROOT_SEED = "<root seed>"
"""Value of a param that is replaced by the config's root seed."""
GROUPS = ("scores", "models", "figures", "tables")
KINDS = ("synthetic", "detection", "faces", "alignment", "simulations", "custom")
"""Kinds of studies; ``config.studies`` has their sections."""
_OURS = "latent_microscope.declarations"

Files = Any
"""Inputs: a path with wildcards, or a planning function of (study, wildcards)."""
Value = Any
"""A param: a constant, or a planning function of (study, wildcards)."""
Where = Callable[[Any], bool]
"""Whether something is made in a study (:class:`latent_microscope.planning.study.Study`)."""
Per = Literal["vae", "vae_method", "crop", "crop_method", "metric", "study"]
"""What one figure shows: a VAE, a VAE and method of its sources, all seeds of a view …"""


_OF_PART = re.compile(r"\[(images|identities|labels|vae|published): ([^\]]*)\]")


def said(text: str, parts: Collection[str] | None = None) -> str:
    """A caption in a study of these parts (None: of all), ``[vae: …]`` only where it has a VAE.

    In the same way ``[images: …]``, ``[identities: …]``, ``[labels: …]`` and ``[published: …]``
    (values of the preprint; in no study of the user's files).
    """
    return _OF_PART.sub(lambda m: m[2] if parts is None or m[1] in parts else "", text)


def noun_of(parts: Collection[str] | None) -> str:
    """What the samples of a study of these parts are called (None: of all)."""
    return "image" if parts is None or "images" in parts else "sample"


def everywhere(_study: Any) -> bool:
    """In every study."""
    return True


@dataclass(frozen=True, kw_only=True)
class Score:
    """A score of every sample, computed by a function or as a column of the step score_samples.

    The function takes latents, float64 (n, d), and as keywords the settings of its config section,
    ``seed`` too if it has such an argument; it returns n floats.
    """

    name: str  # a column in tables; the key of its section in ``scores`` of the config
    title: str  # on axes and in tables
    function: str = ""
    meaning: str = ""  # of its low and high end
    listed: str = "creative"  # the ranked list of the config that sets how many are shown
    largest: bool = True  # whether that list holds the highest values, else the lowest
    config: type[Any] | None = None  # a config.fields.Section whose fields have defaults
    needs: frozenset[str] = frozenset()  # parts of a study (images, attributes …)
    main: bool = False  # shown first: in reliability, cluster profiles and the explorer
    tested: bool = False  # correlated with numeric attributes, and checked

    @property
    def is_column(self) -> bool:
        """Whether it is a column of score_samples."""
        return not self.function


@dataclass(frozen=True, kw_only=True)
class ModelType:
    """A type of model: a value of ``type`` in a study's ``models``.

    The function takes images, uint8 (n, H, W, 3), read-only, the settings of the model's section
    and, by keyword, a derived seed; it returns finite features (n, f), kept as float32. Without a
    function the type has its own rule. ``config`` is a ``config.fields.Section`` whose fields have
    defaults; it gets ``type`` and, if it has none, ``layers``.
    """

    name: str  # the value of ``type``
    title: str
    function: str = ""
    config: type[Any] | None = None
    # Kinds of studies that may have it; the type of the model that its setting ``of`` names.
    kinds: tuple[str, ...] = ("alignment",)
    of: str = ""
    needs: frozenset[str] = frozenset()  # parts of a study; images, if it has a function
    extra: str = ""  # extra of this package that its step needs (train, models)
    packages: tuple[str, ...] = ()  # modules that it needs beside torch
    # Whether a function returns logits over the classes; "as held": the setting ``holds`` says so.
    logits: bool | Literal["as held"] = False
    # Whether it differs from seed to seed; with a setting ``weights`` only if that is random.
    random: bool = False
    built: bool = False  # weights are made by build_network
    extracted: bool = False  # features are read by extract_features
    profiled: bool = False  # profiled layer by layer
    gpu: bool = False  # whether a declared function gains from a GPU
    oracle: bool = False  # knows the labels: a bound, not a model of vision
    # What every table shows beside its name.
    note: Callable[[Mapping[str, Any]], str] = lambda settings: ""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure: PNG for screens, PDF for print.

    The keywords of the function are the inputs, the params, ``title`` and ``look``; it returns a
    matplotlib figure, or one for each of ``files``.
    """

    name: str  # of its rule (plot_<name>) and in ``figures.limits`` of the config
    function: str
    title: str  # in the report's list
    caption: str  # may have words for some studies only: see said
    category: str  # section of the report
    inputs: Mapping[str, Files]
    params: Mapping[str, Value] = field(default_factory=dict)
    per: Per = "study"
    where: Where = everywhere
    needs: frozenset[str] = frozenset()
    photographs: bool = False  # shows images of data sets, which are not published
    files: Mapping[str, str] = field(default_factory=dict)  # file name → title, if not by its name
    memory: str = "light"  # of its rule: light, heavy or pair
    environment: str = "figures"  # of its rule

    @property
    def titles(self) -> Mapping[str, str]:
        """File name without its wildcards → title."""
        return self.files or {self.name.replace("_", "-"): self.title}


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of a study: Parquet for programs, CSV for readers.

    The keywords of the function are the inputs and params; it returns a DataFrame, or several by
    the names of their ``output``. Without a function another table of its rule has it, or the rule
    is a step of its own.
    """

    name: str  # of its files
    title: str  # in the report's list
    caption: str
    where: Where = everywhere
    needs: frozenset[str] = frozenset()
    made_by: str = ""  # its rule; tables of one rule are made by one function
    function: str = ""
    inputs: Mapping[str, Files] = field(default_factory=dict)
    params: Mapping[str, Value] = field(default_factory=dict)
    output: str = "table"  # name of the .parquet among the rule's outputs
    more: Mapping[str, str] = field(default_factory=dict)  # further outputs of its rule
    threads: bool = False  # whether it computes on several threads
    heavy: bool = False  # whether it reads values of every sample: on a cluster a job of its own

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
    ("images", "attributes", "identities", "labels", "votes", "dissimilarity", "embeddings")
) | {"vae", "logits"}
"""What a study may have beside its latents."""
_MODEL_KEYS = {"type", "layers", "seeds", "weights", "of", "file", "array", "holds"}
"""Keys with a meaning for every model."""
_NAMES = dict.fromkeys(GROUPS, r"[a-z][a-z0-9_]*") | {"tables": r"[a-z][a-z0-9_-]*"}
_CLASSES: Mapping[str, type[Declared]] = dict(
    zip(GROUPS, (Score, ModelType, Figure, Table), strict=True)
)


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
    """The type of model of this name; :class:`InputError` if there is none."""
    return find("models", name)  # type: ignore[return-value]


def find(group: str, name: str) -> Declared:
    """The declaration of a score, a type of model, a figure or a table's rule, by its name.

    Plugins are loaded only if it is not ours; :class:`InputError` lists what is declared.
    """
    for every in (_ours, _every):
        for declared in every(group):
            if _key(declared) == name:
                return declared
    known = ", ".join(sorted({_key(declared) for declared in _every(group)}))
    raise InputError(f"{group}: no {name!r} is declared; declared are: {known}")


def names(group: str) -> list[str]:
    """What :func:`find` finds, of what has a function."""
    return sorted(_key(declared) for declared in _every(group) if declared.function)


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
    """The function of a declaration that a step names (``group/name``); empty for other steps."""
    group, _, name = declared.partition("/")
    return [find(group, name).function] if name else []


def plugin_of(group: str, name: str) -> str | None:
    """Distribution and version of the package that declares this; None for ours."""
    ours = any(_key(declared) == name for declared in _ours(group))
    return None if ours else _plugins(group)[1].get(name)


def plugins() -> dict[str, list[str]]:
    """Distribution and version of each plugin → what it declares, as ``group: name``."""
    found: dict[str, list[str]] = {}
    for group in GROUPS:
        for name, package in _plugins(group)[1].items():
            found.setdefault(package, []).append(f"{group}: {name}")
    return found


def _key(declared: Declared) -> str:
    """What a rule calls it: a table has the name of its rule, if that has a function."""
    if isinstance(declared, Table):
        return declared.rule if declared.function else f"{declared.rule}/{declared.name}"
    return declared.name


def _every(group: str) -> tuple[Declared, ...]:
    return (*_ours(group), *_plugins(group)[0])


def _declared(group: str, kind: type[D]) -> tuple[D, ...]:
    return tuple(one for one in _every(group) if isinstance(one, kind))


@cache
def _ours(group: str) -> tuple[Declared, ...]:
    module = importlib.import_module(f"{_OURS}.{group}")
    return getattr(module, group.upper())  # type: ignore[no-any-return]


@cache
def _plugins(group: str) -> tuple[tuple[Declared, ...], Mapping[str, str]]:
    """Declarations of other packages, by name of the entry point, and their packages."""
    from importlib.metadata import entry_points  # takes longer to load than all else here

    found: list[Declared] = []
    origins: dict[str, str] = {}
    taken = {name for one in _ours(group) for name in _names_of(one)}
    points = entry_points(group=f"latent_microscope.{group}")
    for point in sorted(points, key=lambda point: point.name):
        origin = point.dist
        package = f"{origin.name} {origin.version}" if origin else point.value
        try:
            value = point.load()
        except Exception as error:  # whatever another package raises: say which one it is
            raise InputError(
                f"plugin {package}: cannot load {point.value} ({error!r}); repair or uninstall it"
            ) from error
        for declared in value if isinstance(value, list | tuple) else [value]:
            _check(declared, group, package, taken)
            taken.update(_names_of(declared))
            found.append(declared)
            origins[_key(declared)] = package
    return tuple(found), origins


def _names_of(declared: Declared) -> set[str]:
    """Names that no other declaration of its group may have: its key and its files."""
    if isinstance(declared, Figure):
        return {declared.name, *declared.titles}
    return {_key(declared), declared.name}


def _check(declared: Any, group: str, package: str, taken: set[str]) -> None:
    """Raise :class:`InputError` for a declaration that cannot work."""
    wanted = _CLASSES[group]
    if not isinstance(declared, wanted):
        raise InputError(
            f"plugin {package}: its entry point in latent_microscope.{group} is a "
            f"{type(declared).__name__}, not a {wanted.__name__}"
        )
    where = f"plugin {package}: {group}: {declared.name}"
    if not re.fullmatch(_NAMES[group], declared.name):
        raise InputError(f"{where}: a name must consist of small letters, digits and _")
    if known := sorted(_names_of(declared) & taken):
        raise InputError(f"{where}: the name {known[0]!r} is taken; choose another one")
    if not declared.function and not getattr(declared, "made_by", ""):
        raise InputError(f"{where}: function is missing")
    if declared.function and not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", declared.function):
        raise InputError(f"{where}: {declared.function!r} is not of the form module:function")
    for wrong in _wrong_fields(declared):
        raise InputError(f"{where}: {wrong}")


def _wrong_fields(declared: Declared) -> Iterator[str]:
    """What is wrong in a declaration of another package."""
    if isinstance(declared, Score | ModelType):
        yield from _wrong_config(declared.config)
    if not isinstance(declared.needs, frozenset) or not declared.needs <= PARTS:
        yield f"needs {declared.needs!r} is not a frozenset of {', '.join(sorted(PARTS))}"
    if isinstance(declared, Table):
        outputs = {declared.output, declared.csv, *declared.more}
        if both := sorted(outputs & {*declared.inputs, *declared.params}):
            yield f"{both[0]!r} is both an output and an input or param"
        if not declared.rule.startswith("tabulate_"):
            yield f"made_by {declared.made_by!r} must begin with tabulate_"
    if isinstance(declared, Figure):
        if declared.per not in get_args(Per):
            yield f"per {declared.per!r} is not one of {', '.join(get_args(Per))}"
        if declared.memory not in ("light", "heavy", "pair"):
            yield f"memory {declared.memory!r} is not one of light, heavy, pair"
        own = {"png", "pdf", "title", "style", "step"} & {*declared.inputs, *declared.params}
        if own:
            yield f"{sorted(own)[0]!r} is an argument of every figure; choose another name"
    if isinstance(declared, ModelType):
        if declared.built or declared.extracted or declared.profiled:
            yield "built, extracted and profiled are only for networks of latent_microscope"
        if not isinstance(declared.kinds, tuple) or set(declared.kinds) - {*KINDS}:
            yield f"kinds {declared.kinds!r} is not a tuple of {', '.join(KINDS)}"
        if declared.of:
            yield "of is only for models of latent_microscope"
        if declared.extra not in ("", "train", "models"):
            yield f"extra {declared.extra!r} is not one of train, models"
        if used := sorted(_MODEL_KEYS & _keys_of(declared)):
            yield f"config: {used[0]!r} is a key of every model; choose another name"
    if isinstance(declared, Score):
        if declared.name in ("id", "seed") or "seed" in _keys_of(declared):
            yield "id and seed are reserved"
        if declared.listed not in ("creative", "stereotypes", "grey"):
            yield f"listed {declared.listed!r} is not one of creative, stereotypes, grey"


def _wrong_config(config: Any) -> Iterator[str]:
    if isinstance(config, Mapping | str):
        yield (
            f"config is a {type(config).__name__}, as in version 1 of the plugin API; version "
            f"{API_VERSION} needs a subclass of latent_microscope.config.fields.Section "
            "(docs/plugins.md)"
        )
    elif config is not None:
        fields = getattr(config, "model_fields", None) if isinstance(config, type) else None
        if fields is None:
            yield f"config {config!r} is no subclass of latent_microscope.config.fields.Section"
        elif missing := [name for name, field in fields.items() if field.is_required()]:
            yield f"config: {missing[0]!r} has no default"


def _keys_of(declared: Score | ModelType) -> set[str]:
    return set(getattr(declared.config, "model_fields", ()))
