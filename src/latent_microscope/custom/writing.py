"""The config of a custom study, from what was detected in its files."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from latent_microscope import registry
from latent_microscope.config.fields import MODEL_NAME, NAME_RULES
from latent_microscope.custom import LEAST_COMPARED, LEAST_SCORED
from latent_microscope.custom.attributes import MAX_CATEGORIES, NO_BIAS
from latent_microscope.custom.joining import EXACT, Joining, Source, joined_ids, match
from latent_microscope.custom.looking import MATRIX, Found
from latent_microscope.custom.meaning import kind_of_outputs
from latent_microscope.custom.votes import LABELS
from latent_microscope.errors import InputError

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
_WORDS = {"yes", "no", "true", "false", "null", "on", "off", "y", "n"}
_STEPS = 800  # of a training, at least: minutes on two cores
_BATCH = 64
_PAD = " " * 6
RESTARTS = 5
"""Of FastICA, in the configs that are written here and in scores without a workflow."""
_SMALL = 40  # pixels: below, the VAE of 32 x 32 images


@dataclass(frozen=True)
class Draft:
    """A config to write: YAML, what each file was taken for, and the ids that do not match.

    Attributes:
        text: The config.
        files: One row per file: file, taken for, contains, rows, joined, by, left out.
        unmatched: Ids that are not in all files, with the reason.
    """

    text: str
    files: pd.DataFrame
    unmatched: pd.DataFrame


def draft(
    found: Sequence[Found], name: str | None, command: str, options: Joining = EXACT
) -> Draft:
    """A config for these files; ``command`` wrote it, for its first line.

    It runs as it is, but for ids that are not in all files: a person decides what becomes of these.
    """
    parts, models = _by_role(found)
    _give_ids(parts, parts.pop("ids", None))
    human = parts.get("votes") or parts.get("dissimilarity")
    latents = "embeddings" in parts or "images" in parts
    if not latents and not (human and models):
        wanted = ("a model's features or logits, " if human else "") + "embeddings or images"
        raise InputError(f"{found[0].path}: contains {found[0].what}; also give {wanted}")
    if models and not human:
        raise InputError(
            f"{models[0].path}: is of a model, but there is nothing to compare it with; give votes "
            f"or a dissimilarity matrix, or say embeddings={models[0].path}"
        )
    _find_key(parts, models)
    by_name = _use_names(parts)
    files, unmatched, kept = _joined([*parts.values(), *models], options)
    first = parts.get("embeddings") or parts.get("images") or models[0]
    least = LEAST_SCORED if latents else LEAST_COMPARED
    if kept < least:
        what = "scores of a latent space" if latents else "a comparison with people"
        raise InputError(f"{first.path}: {kept} samples are in all files; {what} need {least}")
    stem = Path(first.path).resolve().stem.lower()
    name = name or re.sub(r"[^a-z0-9]+", "-", stem).strip("-") or "mine"
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise InputError(f"--name {name}: use small letters, digits and hyphens")
    lines = [f"# Written by: {command}", "# Every key: config/README.md, kind custom.", ""]
    lines += [f"run: [{name}]", "studies:", f"  {name}:", "    kind: custom", "    data:"]
    lines += _data_lines(parts, by_name, latents=latents)
    if options.by_position:
        lines.append("    join: position  # row i of a file without ids is row i of the others")
    if options.ignoring:
        lines.append(f"    ignoring: [{', '.join(options.ignoring)}]  # differences of ids")
    if not len(unmatched):
        lines.append("    unmatched: error  # all ids match; drop: drop those that do not")
    else:
        ids, odd = len(unmatched) + kept, unmatched.iloc[0]
        lines += [
            f"    unmatched: error  # {len(unmatched)} of {ids} ids are not in all files, first",
            f"                      # {odd['id']}: {odd['missing_from']}",
            "                      # drop: drop these, after looking at tables/unmatched.csv",
        ]
    people = bool(_identity_lines(parts))
    if people:
        lines.append(
            "    anonymise: false  # true: codes for ids and people in all results (docs/use.md)"
        )
    if human:
        lines += _models_lines(models, parts, kept)
    if "embeddings" not in parts and "images" in parts:
        lines += _vae_lines(kept, parts["images"].facts["side"])
    if latents:
        lines += _sizes_lines(kept, people=people)
    return Draft("\n".join(lines) + "\n", files, unmatched)


def _by_role(found: Sequence[Found]) -> tuple[dict[str, Found], list[Found]]:
    """Files by role, and those of models: with votes or dissimilarities, matrices are models'."""
    roles = {one.role for one in found}
    if {"votes", "dissimilarity"} <= roles:
        raise InputError(
            "votes and a dissimilarity matrix: a study compares with one of them; write two studies"
        )
    human = next((one for one in found if one.role in ("votes", "dissimilarity")), None)
    classes = len(human.facts.get("classes", ())) if human else 0
    parts: dict[str, Found] = {}
    models = []
    for one in found:
        if one.role == MATRIX:
            one.role = "embeddings"
            if not human and kind_of_outputs(one.facts["entry"]) in (
                "probabilities",
                "percentages",
            ):
                raise InputError(
                    f"{one.path}: rows that sum to 1 (or 100) could be soft labels by people or "
                    f"embeddings; say votes={one.path} or embeddings={one.path}"
                )
            if human:
                one.facts["holds"] = _outputs(one) if one.facts["columns"] == classes else None
                one.role = "logits" if one.facts["holds"] else "features"
        if one.role in ("features", "logits"):
            models.append(one)
            continue
        if one.role in parts:
            raise InputError(
                f"{one.path}: {one.what}, but {parts[one.role].path} could be the {one.role} too; "
                "give one of them, or say what each is, such as attributes=FILE"
            )
        parts[one.role] = one
    order = (
        *("embeddings", "images", "votes", "dissimilarity", "attributes"),
        *("identities", "labels", "ids"),
    )
    return {role: parts[role] for role in order if role in parts}, models


def _outputs(one: Found) -> str:
    """What a matrix of as many columns as classes holds."""
    kind = kind_of_outputs(one.facts["entry"])
    if kind is None:
        raise InputError(
            f"{one.path}: numbers from 0 to 1 whose rows do not sum to 1; say features={one.path}, "
            f"or normalise the rows and say probabilities={one.path}"
        )
    return kind


def _give_ids(parts: dict[str, Found], ids: Found | None) -> None:
    """A list of ids belongs to the embeddings, or to the matrix of dissimilarities."""
    if ids is None:
        return
    owner = parts.get("embeddings") or parts.get("dissimilarity")
    if owner is None or owner.ids is not None:
        raise InputError(
            f"{ids.path}: a list of ids, but no embeddings or dissimilarities without ids; leave "
            "it out"
        )
    owner.ids, owner.facts["ids"] = ids.ids, ids.path


def _find_key(parts: dict[str, Found], models: Sequence[Found]) -> None:
    """The ids of tables without a usual column of ids: the texts that are another file's ids."""
    keyed = [one for one in parts.values() if one.ids is None and one.facts.get("keys")]
    known: list[str] = []
    for one in (*parts.values(), *models):
        known += [] if one.ids is None else list(one.ids)
        known += list(one.facts["names"]) if one.facts.get("names") is not None else []
    ids = set(known)
    for table in keyed if known else ():
        shared = {name: len(ids & set(own)) for name, own in table.facts["keys"].items()}
        name = max(shared, key=lambda column: shared[column])
        own = table.facts["keys"][name]
        if not shared[name]:
            raise InputError(
                f"{table.path}: no column contains ids such as {known[0]!r}; {name!r} has unique "
                f"texts such as {own[0]!r}: spell them the same way, or delete the column if row i "
                "belongs to row i of the others"
            )
        table.ids, table.facts["id"] = own, name
        for fact in {"types", "values"} & table.facts.keys():
            del table.facts[fact][name]


def _use_names(parts: dict[str, Found]) -> bool:
    """Whether the names of image files alone are the ids of the other files."""
    images = parts.get("images")
    others = [one.ids for role, one in parts.items() if role != "images" and one.ids is not None]
    if images is None or images.ids is None or images.facts["names"] is None or not others:
        return False
    wanted = set(others[0])
    by_path = len(wanted & set(images.ids))
    by_name = len(wanted & set(images.facts["names"]))
    if by_name > by_path:
        images.ids = images.facts["names"]
    return by_name > by_path


def _joined(found: Sequence[Found], options: Joining) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """What each file is and how its rows join, the ids that do not match, how many do."""
    sources = []
    for one in found:
        incomplete = one.facts.get("incomplete")
        sources.append(Source(one.path, one.path, one.count, one.ids, incomplete))
    ids, joined, unmatched = match(sources, options)
    kept = len(joined_ids(ids, joined, unmatched, drop=True))
    files = pd.DataFrame(
        {
            "file": [one.path for one in found],
            "taken for": [one.facts.get("holds") or one.role for one in found],
            "contains": [one.what for one in found],
            "ids": ["none" if one.ids is None else str(one.ids[0]) for one in found],
            "by": joined["joined_by"],
            "joined": joined["matched"],
            "not in others": joined["alone"],
            "missing": joined["missing"],
        }
    )
    return files, unmatched, kept


def quoted(value: str) -> str:
    """A text as YAML."""
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return value if plain else json.dumps(value, ensure_ascii=False)


def _folders_are_people(images: Found) -> bool:
    folders = images.facts.get("folders", 0)
    return images.role == "images" and 1 < folders <= images.count / 2


def _data_lines(parts: dict[str, Found], by_name: bool, *, latents: bool) -> list[str]:
    lines = []
    for role in ("embeddings", "images", "votes", "dissimilarity"):
        if role in parts:
            facts = parts[role].facts
            more = {str(key): quoted(facts[key]) for key in ("array", "ids") if key in facts}
            more |= {"holds": facts["holds"]} if role == "votes" and "holds" in facts else {}
            more |= {"similarity": "true"} if "similarity" in facts else {}
            more |= {"ids": "name"} if role == "images" and by_name else {}
            more |= {"column": quoted(facts["column"])} if "column" in facts else {}
            lines.append(f"{_PAD}{role}: {_file(parts[role], more)}")
    if latents:
        lines += _attribute_lines(parts["attributes"]) if "attributes" in parts else []
        lines += _identity_lines(parts)
    return lines + _label_lines(parts, latents=latents)


def _file(one: Found, more: dict[str, str]) -> str:
    settings = {"file": quoted(one.path)} | more
    return f"{{{', '.join(f'{key}: {value}' for key, value in settings.items())}}}  # {_about(one)}"


def _about(one: Found) -> str:
    if one.ids is None:
        return f"{one.what}; no ids: row i belongs to row i of the others"
    return f"{one.what}; ids such as {one.ids[0]}"


def _column_of(one: Found) -> str:
    """A table of which one column is meant."""
    more = {"id": quoted(one.facts["id"])} if one.facts["id"] is not None else {}
    return _file(one, more | {"column": quoted(one.facts["column"])})


def _label_lines(parts: dict[str, Found], *, latents: bool) -> list[str]:
    """The true classes, if a column of the attributes holds them."""
    if "labels" in parts:
        return [f"{_PAD}labels: {_column_of(parts['labels'])}"]
    attributes = parts.get("attributes")
    human = parts.get("votes") or parts.get("dissimilarity")
    if human is None:
        return []
    classes = set(human.facts.get("classes", ()))
    values = attributes.facts["values"] if attributes else {}
    suits = [name for name, own in values.items() if classes and set(own) <= classes]
    usual = [name for name in values if name.lower() in LABELS]
    column = (suits if classes else usual)[:1]
    if attributes and column:
        file = "" if latents else f"file: {quoted(attributes.path)}, "
        return [f"{_PAD}labels: {{{file}column: {quoted(column[0])}}}  # the true class"]
    if attributes and not latents:
        raise InputError(
            f"{attributes.path}: no column contains the classes of the votes, and attributes need "
            "embeddings or images; leave it out"
        )
    if "labels" in human.facts:
        own = {"file": human.path, **human.facts["labels"]}
        text = ", ".join(f"{key}: {quoted(value)}" for key, value in own.items())
        return [f"{_PAD}labels: {{{text}}}  # the true class"]
    return [f"{_PAD}# no labels: the majority of the votes is the true class"] if classes else []


def _models_lines(models: Sequence[Found], parts: dict[str, Found], count: int) -> list[str]:
    lines = ["    models:  # compared as well: the study's latents, pixels and baselines"]
    names = {declared.name for declared in registry.model_types() if declared.oracle}
    for one in models:
        given = one.facts.get("name") or Path(one.path).stem
        name = re.sub(r"[^a-z0-9_]+", "_", given.lower()).strip("_") or "model"
        if one.facts.get("name") not in (None, name):
            raise InputError(
                f"{one.path}: names of models are {NAME_RULES[MODEL_NAME]}, which {given!r} is "
                f"not; say {one.role}:{name}={one.path}"
            )
        if name in names:
            raise InputError(
                f"{one.path}: {name} is the name of another model or a baseline; say "
                f"{one.role}:NAME={one.path}"
            )
        names.add(name)
        more = {"array": quoted(one.facts["array"])} if "array" in one.facts else {}
        more |= {"type": "external", "holds": one.facts.get("holds") or one.role}
        if one.role == "logits" and "votes" in parts:
            more["layers"] = "[probabilities]"
        lines.append(f"{_PAD}{name}: {_file(one, more)}")
    if not models:
        lines[0] = "    models: {}  # the study's latents, pixels and baselines are compared"
    tau = ", tau_a: false" if count > 2000 else ""
    return [*lines, f"    inference: {{draws: 1000, simulations: 0{tau}}}"]


def _attribute_lines(one: Found) -> list[str]:
    pad = " " * 8
    types = {n: found for n, found in one.facts["types"].items() if n != one.facts["people"]}
    used = {name: kind for name, (kind, _) in types.items() if kind not in ("constant", "text")}
    skipped = {
        name: "constant" if kind == "constant" else f"{values} values"
        for name, (kind, values) in types.items()
        if name not in used
    }
    if not used:
        raise InputError(
            f"{one.path}: none of its columns can be an attribute: all are constant, identities, "
            "or texts of many values; leave it out"
        )
    lines = [f"{_PAD}attributes:  # {_about(one)}", f"{pad}file: {quoted(one.path)}"]
    if one.facts["id"] is not None:
        lines.append(f"{pad}id: {quoted(one.facts['id'])}")
    lines.append(f"{pad}types:  # binary, categorical (one column each) or numeric (cut at its")
    lines.append(f"{pad}        # median, or at a number under thresholds: {{column: number}})")
    for name, kind in used.items():
        values = types[name][1]
        many = kind == "categorical" and values > MAX_CATEGORIES
        why = f"  # {values} values, more than max_categories: {NO_BIAS}" if many else ""
        lines.append(f"{pad}  {quoted(name)}: {kind}{why}")
    if skipped:
        lines.append(f"{pad}skip:  # not usable as attributes")
        lines += [f"{pad}  - {quoted(name)}  # {why}" for name, why in skipped.items()]
    return lines


def _identity_lines(parts: dict[str, Found]) -> list[str]:
    attributes, images = parts.get("attributes"), parts.get("images")
    if "identities" in parts:
        return [f"{_PAD}identities: {_column_of(parts['identities'])}"]
    if attributes and attributes.facts["people"]:
        column = quoted(attributes.facts["people"])
        return [f"{_PAD}identities: {{column: {column}}}  # intervals and folds are over people"]
    if images and _folders_are_people(images):
        what = f"the {images.facts['folders']} folders of the images; delete if they are none"
        return [f"{_PAD}identities: {{folder: true}}  # {what}"]
    return []


def _vae_lines(count: int, side: int) -> list[str]:
    """The section vae, of a size that suits the number of images."""
    steps = max(1, count // _BATCH)
    epochs = int(np.clip(round(_STEPS / steps), 10, 200))
    arch, pixels = ("cifar", 32) if side < _SMALL else ("convolutional", 64)
    return [
        f"    vae:  # trained on the images, at {pixels} x {pixels} pixels",
        f"      arch: {arch}",
        f"      latent: {32 if count < 5000 else 128}",
        f"      epochs: {epochs}",
        f"      batch: {_BATCH}",
        "    seeds: [0]  # more seeds show the variation between trainings",
    ]


def _sizes_lines(count: int, *, people: bool) -> list[str]:
    """Settings that depend on the number of samples."""
    smallest = int(np.clip(round(count / 50), 5, 100))
    neighbors = int(np.clip(count // 4, 2, 15))
    longest = int(np.clip(count // 10, 5, 150))
    sizes = sorted({max(2, smallest // 4), max(2, smallest // 2), smallest, 2 * smallest})
    lines = [
        f"    clusters:  # of {count} samples",
        f"      neighbors: {neighbors}  # UMAP",
        f"      min_cluster_size: {smallest}  # HDBSCAN on the UMAP",
        f"      min_samples: {max(2, smallest // 4)}",
        f"      sbs_sizes: {sizes}",
        "      umap_seeds: 3",
        "      resamples: 50",
        f"    sources: {{restarts: {RESTARTS}}}",
        f"    lists: {{creative: {longest}, stereotypes: {longest}, grey: {max(5, longest // 3)}}}",
    ]
    by_person = "true}" if people else "false}  # samples are independent"
    return [*lines, f"    bias: {{by_person: {by_person}"]
