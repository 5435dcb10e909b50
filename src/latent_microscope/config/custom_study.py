"""Studies of the kind custom: the user's files, and what must go together in such a study."""

from typing import Any, Literal

from pydantic import model_validator

from latent_microscope import registry
from latent_microscope.config.alignment import ComparedStudy, Models
from latent_microscope.config.fields import Section, optional, setting
from latent_microscope.config.models import parts_of
from latent_microscope.config.sections import IdentityStudy, Vae
from latent_microscope.errors import InputError


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
        "larger images are refused, JPEG are decoded at a lower resolution", 16_000_000, ge=1024
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
        "types by column; default: numeric for fractions or more than 12 numbers", {}
    )
    thresholds: dict[str, float] = setting("numeric columns: cut above it; default: median", {})
    skip: list[str] = setting("columns to leave out", [])
    missing: list[str] | None = setting(
        "texts that stand for an empty cell; null: NaN, null, N/A, and NA, None, - and . among "
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
    array: str | None = setting("array of an .npz", None)
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


class CustomStudy(IdentityStudy, ComparedStudy):
    """A study of the kind custom; latent-microscope init FILES writes one."""

    kind: Literal["custom"]
    data: Data
    vae: OwnVae = optional()
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
    if "vae" in study and "images" not in data:
        raise InputError(f"config key {prefix}.data.images: missing; a vae needs images")
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
    if "embeddings" not in data and "vae" not in study and not human:
        raise InputError(
            f"config key {prefix}.data: nothing to analyse; add embeddings, or images and a vae, "
            "or votes and models"
        )
    for part in {"identities", "labels"} & data.keys():
        _complete(data, part, f"{prefix}.data.{part}")
    if "images" in data and data["images"]["size"] is None:
        data["images"]["size"] = 32 if study.get("vae", {}).get("arch") == "cifar" else 64


def _add_models(study: dict[str, Any], prefix: str) -> None:
    """The study's own latents and the baselines, unless the config has them."""
    models = study["models"]
    taken, parts = {*models, *(model["type"] for model in models.values())}, parts_of(study)
    for declared in registry.model_types():
        plain = "custom" in declared.kinds and not declared.config and not declared.function
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
