"""Studies of the kind custom: the user's files, and what must go together in such a study."""

from typing import Any, Literal

from pydantic import Field, model_validator

from latent_microscope import registry
from latent_microscope.config import SPACE
from latent_microscope.config.alignment import ComparedStudy, Models
from latent_microscope.config.fields import Section, optional, setting
from latent_microscope.config.models import OwnTransform, Reduction, check_model, parts_of
from latent_microscope.config.sections import IdentityStudy, Vae
from latent_microscope.errors import InputError

SPACES = ("torchvision", "timm", "open_clip", "transformers", "module", "efficientnet_lite")
"""Types of networks that a space may be of."""


class DataFile(Section):
    """A file of the user; a path by itself stands for ``{file: path}``."""

    @model_validator(mode="before")
    @classmethod
    def _from_path(cls, content: Any) -> Any:
        if not isinstance(content, str | dict):
            raise ValueError("is neither a path nor a mapping such as {file: path}")
        return {"file": content} if isinstance(content, str) else content


class Embeddings(DataFile):
    """One row of numbers per sample, analysed in place of a VAE's latents."""

    file: str = setting("any format of docs/formats.md")
    array: str | None = setting(
        "array or vector column, or a pattern of columns such as d*; null: the only one", None
    )
    id: str | None = setting("array or column of the ids; null: ids, id or a file name", None)
    ids: str | None = setting(
        "file with the ids of the rows (a table, an array, or one id per line); null: ids are in "
        "the file, or see join",
        None,
    )


class Images(DataFile):
    """Images."""

    file: str = setting("folder, .zip, .parquet (encoded images) or a file with an array of pixels")
    ids: Literal["path", "name"] = setting("path below the folder or file name, no suffix", "path")
    id: str | None = setting("column or array of the ids", None)
    column: str | None = setting("column or array of the images; null: the only one", None)
    max_pixels: int = setting(
        "JPEG of more pixels are decoded at a lower resolution, other images refused",
        16_000_000,
        ge=1024,
    )
    size: int | None = setting(
        "pixels that the shorter side is resized to before the centre crop; null: as the VAE "
        "needs, or 64",
        None,
        ge=8,
        le=512,
    )


class Attributes(DataFile):
    """A table of attributes, one row per sample."""

    file: str = setting("a table of any format of docs/formats.md")
    id: str | None = setting(
        "column of the ids; null: id, image, filename or similar, else the rows follow the first "
        "file that has ids",
        None,
    )
    types: dict[str, Literal["binary", "categorical", "numeric"]] = setting(
        "types by column; default: binary for two values, numeric for fractions or more than 12 "
        "numbers, else categorical",
        {},
    )
    thresholds: dict[str, float] = setting("numeric columns: cut above it; default: median", {})
    skip: list[str] = setting("columns to leave out", [])
    missing: list[str] | None = setting(
        "all texts that stand for an empty cell; null: NaN, null, N/A, and NA, None, - and . among "
        "numbers and in columns of more than 20 texts",
        None,
    )
    max_categories: int = setting(
        "categorical columns of more values have one probe of all classes, and no bias of clusters",
        20,
        ge=2,
        le=1000,
    )


class Labels(DataFile):
    """The true class per sample."""

    file: str | None = setting("table; null: that of the attributes", None)
    id: str | None = setting("column of the ids", None)
    column: str | None = setting("column of the classes", None)


class Identities(Labels):
    """The identity per sample: intervals and folds resample identities."""

    column: str | None = setting("column of the identities", None)
    folder: bool = setting("the folder of an image is its identity", False)
    pattern: str | None = setting("regex whose one group in the path is the identity", None)


class Votes(DataFile):
    """Votes of annotators, with which the models are compared."""

    file: str = setting(
        "table of counts or shares (one column per class) or of single judgements (ids repeat), or "
        "an array of counts or shares"
    )
    holds: Literal["counts", "probabilities", "percentages"] | None = setting(
        "what the numbers are; rows of shares sum to 1 (soft labels) or 100; null: found, whole "
        "numbers are counts",
        None,
    )
    array: str | None = setting("array of a file with several", None)
    id: str | None = setting("column of the ids", None)
    choice: str | None = setting(
        "single judgements: column of the chosen class; null: choice, vote, label or similar", None
    )
    count: str | None = setting("single judgements: column of repeats; null: once per row", None)
    classes: list[str] | None = setting("class names of a file without column names", None)


class Dissimilarity(DataFile):
    """Dissimilarities by annotators, in place of votes."""

    file: str = setting(
        "shape (n, n), or (observers, n, n) for a noise ceiling, or condensed; or a table whose "
        "header and first column are the ids"
    )
    array: str | None = setting("array of a file with several", None)
    ids: str | None = setting("file with the ids of the rows", None)
    similarity: bool = setting("similarities s: 1 - s is taken", False)


class Data(Section):
    """The user's files, joined by id; a path by itself stands for {file: path}."""

    embeddings: Embeddings = optional()
    images: Images = optional()
    attributes: Attributes = optional()
    identities: Identities = optional()
    labels: Labels = optional()
    votes: Votes = optional()
    dissimilarity: Dissimilarity = optional()


class OwnVae(Vae):
    """The VAE and its training."""

    held_out: float = setting(
        "share of the images, of whole people where these are known, that is not trained on",
        0.1,
        ge=0,
        le=0.5,
    )


class Space(Section):
    """A layer of a network, analysed in place of a VAE's latents: one of these types, by name."""

    torchvision: str | None = setting("name in torchvision.models", None)
    timm: str | None = setting("name in timm", None)
    open_clip: str | None = setting("name in open_clip", None)
    transformers: str | None = setting("name in transformers", None)
    module: str | None = setting("file.py:function, or package.module:function", None)
    efficientnet_lite: int | None = setting("0, 1 or 2", None, ge=0, le=2)
    layer: str = setting(
        "features (the library's own embedding), logits of a classifier, or the name of a module "
        "(latent-microscope extract --list)",
        "features",
    )
    weights: str | None = setting(
        "random, pretrained or a file, as in models; not of efficientnet_lite", None
    )
    tag: str | None = setting("open_clip's tag of pretrained weights", None)
    reduce: Reduction | None = setting("how maps and tokens become vectors; null: mean", None)
    project: int | None = setting(
        "dimensions of a sparse random projection of a module's layer", None, ge=2
    )
    transform: OwnTransform = Field(default_factory=OwnTransform)


class CustomStudy(IdentityStudy, ComparedStudy):
    """A study of the kind custom; latent-microscope init FILES writes one."""

    kind: Literal["custom"]
    data: Data
    vae: OwnVae = optional()
    space: Space = optional()
    join: Literal["id", "position"] = setting(
        "position: row i of a file without ids belongs to row i of the first file that has ids; "
        "id: that is an error",
        "id",
    )
    ignoring: list[Literal["zeros", "case", "ending", "folder", "unicode"]] = setting(
        "differences of ids that are ignored: leading zeros, upper and lower case, a file's "
        "ending, the folder, the form of Unicode",
        [],
    )
    unmatched: Literal["error", "drop"] = setting(
        "samples that are missing in some file: an error, or dropped (see tables/unmatched)",
        "error",
    )
    anonymise: bool = setting(
        "codes in place of ids and identities in all results; the key stays in data/private", False
    )
    models: Models = setting("by name; latents and baselines are added", {})


def check_own(study: dict[str, Any], prefix: str) -> None:
    """Check what must go together in a validated study, and fill in what follows from it.

    Raises:
        InputError: Something is missing or too much; the message names the key.
    """
    data = study["data"]
    if "embeddings" in data and "vae" in study:
        raise InputError(
            f"config key {prefix}.vae: the study has embeddings already, and analyses one set of "
            "latents; remove vae or data.embeddings"
        )
    spaces = {"embeddings": "data.embeddings", "vae": "vae", "space": "space"}
    given = [key for name, key in spaces.items() if name in data or name in study]
    if "space" in study and len(given) > 1:
        raise InputError(
            f"config key {prefix}.space: the study has {given[0]} already, and analyses one set of "
            f"latents; remove one of them"
        )
    for part in {"vae", "space"} & study.keys():
        if "images" not in data:
            raise InputError(f"config key {prefix}.data.images: missing; a {part} needs images")
    if "votes" in data and "dissimilarity" in data:
        raise InputError(
            f"config key {prefix}.data: has both votes and dissimilarity; keep one of them here, "
            "and use the other in a second study"
        )
    human = "votes" in data or "dissimilarity" in data
    if human:
        _add_models(study, f"{prefix}.models")
    elif study["models"]:
        raise InputError(
            f"config key {prefix}.models: nothing to compare models with; add data.votes or "
            "data.dissimilarity, or remove the models"
        )
    if not given and not human:
        raise InputError(
            f"config key {prefix}.data: nothing to analyse; add embeddings, or images and a vae or "
            "a space, or votes and models"
        )
    if "space" in study:
        _add_space(study, f"{prefix}.space")
    for part in {"identities", "labels"} & data.keys():
        _complete(data, part, f"{prefix}.data.{part}")
    if "images" in data and data["images"]["size"] is None:
        small = 32 if study.get("vae", {}).get("arch") == "cifar" else 64
        data["images"]["size"] = 224 if "space" in study else small


def _add_space(study: dict[str, Any], key: str) -> None:
    """The model of the space, by the name ``space``, as any other model of its type."""
    own = {k: v for k, v in study["space"].items() if v is not None}
    kinds = [name for name in SPACES if name in own]
    if len(kinds) != 1:
        raise InputError(
            f"config key {key}: {'names ' + ' and '.join(kinds) if kinds else 'names no network'}; "
            f"give one of {', '.join(SPACES)}, such as timm: resnet18"
        )
    if SPACE in study["models"]:
        raise InputError(f"config key {key}: a model is called {SPACE!r}, too; rename that")
    kind = kinds[0]
    model = {"type": kind, "layers": [own.pop("layer")]}
    model["number" if kind == "efficientnet_lite" else "name"] = own.pop(kind)
    study["models"][SPACE] = check_model(model | own, key, "layer")


def _add_models(study: dict[str, Any], prefix: str) -> None:
    """The study's own latents and the baselines, unless the config has them."""
    models = study["models"]
    taken, parts = {*models, *(model["type"] for model in models.values())}, parts_of(study)
    for declared in registry.model_types():
        plain = "custom" in declared.kinds and not declared.config and not declared.function
        same = models.get(declared.name, {"type": declared.name})["type"] == declared.name
        if declared.oracle and not same:
            raise InputError(
                f"config key {prefix}.{declared.name}: the name of a baseline; rename the model"
            )
        if plain and declared.needs <= parts and declared.name not in taken:
            models[declared.name] = {"type": declared.name, "layers": ["features"]}
    if not models:
        raise InputError(f"config key {prefix}: empty; add a model, data.embeddings or data.images")


def _complete(data: dict[str, Any], part: str, key: str) -> None:
    """Fill in which file has a column: its own, or the table of attributes."""
    own = data[part]
    if own.get("folder") or own.get("pattern"):
        if own["file"] or own["column"]:
            raise InputError(
                f"config key {key}: folder and pattern take identities from the paths of images; "
                "remove file and column, or these"
            )
        if "images" not in data:
            raise InputError(f"config key {key}: folder and pattern need data.images; add it")
        return
    if not own["column"]:
        raise InputError(f"config key {key}.column: missing; name the column")
    attributes = data.get("attributes")
    if not own["file"]:
        if not attributes:
            raise InputError(f"config key {key}.file: missing; name the file with the column")
        own["file"], own["id"] = attributes["file"], attributes["id"]
    if part == "identities" and attributes and own["file"] == attributes["file"]:
        attributes["skip"] = sorted({*attributes["skip"], own["column"]})
