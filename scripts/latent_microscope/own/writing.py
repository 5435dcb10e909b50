"""The config of a study of one's own, from what was found in its files."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from latent_microscope.errors import InputError
from latent_microscope.own.looking import MATRIX, Found

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
_WORDS = {"yes", "no", "true", "false", "null", "on", "off", "y", "n"}
_STEPS = 800  # of a training, at least: minutes on two cores
_BATCH = 64
_SAMPLES = "embeddings or images"
_SMALL = 40  # pixels: below, the VAE of 32 x 32 images
Ids = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Draft:
    """A config to write.

    Attributes:
        text: YAML.
        notes: Lines for people: what was found.
    """

    text: str
    notes: list[str]


def quoted(value: str) -> str:
    """A text as YAML."""
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return value if plain else json.dumps(value, ensure_ascii=False)


def study_name(found: Sequence[Found]) -> str:
    """A name from that of the first file."""
    stem = Path(found[0].path).resolve().stem.lower()
    name = re.sub(r"[^a-z0-9]+", "-", stem).strip("-")
    return name or "mine"


def draft(found: Sequence[Found], name: str | None, command: str) -> Draft:
    """A config that runs as it is.

    Args:
        found: The files.
        name: Of the study; None: from the first file.
        command: That wrote it, for its first line.

    Raises:
        InputError: Two files of one role, nothing to analyse, or ids that nothing have in common.
    """
    parts, models = _by_role(found)
    _give_ids(parts, parts.pop("ids", None))
    people = parts.get("votes") or parts.get("dissimilarity")
    latents = "embeddings" in parts or "images" in parts
    if not latents and not (people and models):
        wanted = "a model's features or logits, embeddings or images" if people else _SAMPLES
        raise InputError(f"{found[0].path}: holds {found[0].what}; give {wanted} beside it")
    if models and not people:
        raise InputError(
            f"{models[0].path}: is a model's, and there is nothing to compare it with; give votes "
            f"or a dissimilarity matrix, or say embeddings={models[0].path}"
        )
    by_name = _use_names(parts)
    kept, every = _common([*parts.values(), *models])
    name = name or study_name([parts.get("embeddings") or parts.get("images") or models[0]])
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise InputError(f"--name {name}: use small letters, digits and hyphens")
    lines = [f"# Written by: {command}", "# Every key: config/README.md, kind own.", ""]
    lines += [f"run: [{name}]", "studies:", f"  {name}:", "    kind: own", "    data:"]
    lines += _data(parts, by_name, latents=latents)
    lines += _unmatched(kept, every)
    if people:
        lines += _models(models, parts, kept)
    if "embeddings" not in parts and "images" in parts:
        lines += _vae(kept, parts["images"].facts["side"])
    if latents:
        lines += _sizes(kept, people=_has_people(parts))
    notes = [f"{one.path}: {one.role}, {one.what}" for one in found]
    if kept < every:
        notes.append(f"{every - kept} of {every} ids are not in every file: they are left out")
    return Draft("\n".join(lines) + "\n", notes)


def _by_role(found: Sequence[Found]) -> tuple[dict[str, Found], list[Found]]:
    """Files by role, and those of models: with votes or dissimilarities, matrices are models'."""
    roles = {one.role for one in found}
    if {"votes", "dissimilarity"} <= roles:
        raise InputError(
            "votes and a dissimilarity matrix: a study compares with one of them; write two studies"
        )
    judged = next((one for one in found if one.role in ("votes", "dissimilarity")), None)
    classes = len(judged.facts.get("classes", ())) if judged else 0
    parts: dict[str, Found] = {}
    models = []
    for one in found:
        if one.role == MATRIX:
            logits = one.facts["columns"] == classes
            one.role = ("logits" if logits else "features") if judged else "embeddings"
        if one.role in ("features", "logits"):
            models.append(one)
            continue
        if one.role in parts:
            raise InputError(
                f"{one.path}: {one.what}, and {parts[one.role].path} could be the {one.role} just "
                "as well; give one of them, or say what each is, such as attributes=FILE"
            )
        parts[one.role] = one
    order = ("embeddings", "images", "votes", "dissimilarity", "attributes", "ids")
    return {role: parts[role] for role in order if role in parts}, models


def _give_ids(parts: dict[str, Found], ids: Found | None) -> None:
    """A list of ids belongs to the embeddings, or to the matrix of people's dissimilarities."""
    if ids is None:
        return
    owner = parts.get("embeddings") or parts.get("dissimilarity")
    if owner is None or owner.ids is not None:
        raise InputError(
            f"{ids.path}: a list of ids, and there are no embeddings or dissimilarities without "
            "ids; leave it out"
        )
    owner.ids, owner.facts["ids"] = ids.ids, ids.path


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


def _common(found: Sequence[Found]) -> tuple[int, int]:
    """Samples that all files have, and those that any has.

    Raises:
        InputError: No common id, or another number of rows without ids.
    """
    leader = next((one for one in found if one.ids is not None), found[0])
    for one in found:
        if one.ids is None and one.count != leader.count:
            raise InputError(
                f"{one.path}: {one.count} rows and no ids, and {leader.path} has {leader.count}; "
                "add a column of ids, or give one row for each of these, in their order"
            )
    shared: set[str] = set(leader.ids if leader.ids is not None else map(str, range(leader.count)))
    every, leading = set(shared), leader.ids
    for one in found:
        own = leading if one.ids is None else one.ids
        names = sorted(shared) if own is None else list(own)
        empty = one.facts.get("empty")
        whole = names if empty is None else [i for i, e in zip(names, empty, strict=True) if not e]
        if own is not None and not shared & set(own):
            raise InputError(
                f"{one.path}: none of its ids is in {leader.path}: {str(own[0])!r} against "
                f"{min(shared)!r}; write them alike, or name the column of ids `id`"
            )
        every |= set(names)
        shared &= set(whole)
    if not shared:
        raise InputError(f"{leader.path}: no sample has all its cells filled in every file")
    return len(shared), len(every)


def _has_people(parts: dict[str, Found]) -> bool:
    return any(one.facts.get("people") or _folders_are_people(one) for one in parts.values())


def _folders_are_people(images: Found) -> bool:
    folders = images.facts.get("folders", 0)
    return images.role == "images" and 1 < folders <= images.count / 2


def _data(parts: dict[str, Found], by_name: bool, *, latents: bool) -> list[str]:
    lines = []
    pad = " " * 6
    if "embeddings" in parts:
        one = parts["embeddings"]
        settings = {"file": quoted(one.path)}
        settings |= {k: quoted(one.facts[k]) for k in ("array", "ids") if k in one.facts}
        inner = ", ".join(f"{key}: {value}" for key, value in settings.items())
        lines.append(f"{pad}embeddings: {{{inner}}}  # {one.what}{_ids_of(one)}")
    if "images" in parts:
        one = parts["images"]
        extra = ", ids: name" if by_name else ""
        lines.append(
            f"{pad}images: {{file: {quoted(one.path)}{extra}}}  # {one.what}{_ids_of(one)}"
        )
    for role in ("votes", "dissimilarity"):
        if role in parts:
            one = parts[role]
            own = f", ids: {quoted(one.facts['ids'])}" if "ids" in one.facts else ""
            lines.append(
                f"{pad}{role}: {{file: {quoted(one.path)}{own}}}  # {one.what}{_ids_of(one)}"
            )
    if "attributes" in parts and latents:
        lines += _attributes(parts["attributes"])
        lines += _identities(parts)
    elif latents:
        lines += _identities(parts)
    return lines + _labels(parts, latents=latents)


def _labels(parts: dict[str, Found], *, latents: bool) -> list[str]:
    """The true classes, where a column of the attributes holds them."""
    pad, attributes = " " * 6, parts.get("attributes")
    judged = parts.get("votes") or parts.get("dissimilarity")
    if judged is None:
        return []
    classes = set(judged.facts.get("classes", ()))
    values = attributes.facts["values"] if attributes else {}
    suits = [name for name, own in values.items() if classes and set(own) <= classes]
    usual = [name for name in values if name.lower() in ("label", "class", "category")]
    column = (suits if classes else usual)[:1]
    if attributes and column:
        file = "" if latents else f"file: {quoted(attributes.path)}, "
        return [f"{pad}labels: {{{file}column: {quoted(column[0])}}}  # the true class"]
    if attributes and not latents:
        raise InputError(
            f"{attributes.path}: no column holds the classes of the votes, and without embeddings "
            "or images attributes have no use; leave it out"
        )
    return [f"{pad}# no labels: the majority of the votes stands for the true class"] * bool(
        classes
    )


def _models(models: Sequence[Found], parts: dict[str, Found], count: int) -> list[str]:
    lines = ["    models:  # beside them: the study's own latents, pixels and baselines"]
    names: set[str] = set()
    for one in models:
        base = one.facts.get("name") or re.sub(r"[^a-z0-9]+", "_", Path(one.path).stem.lower())
        name = base.strip("_") or "model"
        if name in names or not re.fullmatch(r"[a-z0-9_]+", name):
            raise InputError(f"{one.path}: give its model a name of its own: features:name=FILE")
        names.add(name)
        array = f", array: {quoted(one.facts['array'])}" if "array" in one.facts else ""
        layers = ", layers: [probabilities]" if one.role == "logits" and "votes" in parts else ""
        holds = f", holds: {one.role}{layers}"
        note = f"  # {one.what}{_ids_of(one)}"
        lines.append(
            f"      {name}: {{type: external, file: {quoted(one.path)}{array}{holds}}}{note}"
        )
    if not models:
        lines[0] = "    models: {}  # the study's own latents, pixels and baselines are compared"
    tau = ", tau_a: false" if count > 2000 else ""
    return [*lines, f"    inference: {{draws: 1000, simulations: 0{tau}}}"]


def _ids_of(one: Found) -> str:
    if one.ids is None:
        return "; no ids: row i belongs to row i of the others"
    return f"; ids such as {one.ids[0]}"


def _attributes(one: Found) -> list[str]:
    pad = " " * 8
    types = one.facts["types"]
    used = {
        n: kind for n, (kind, _) in types.items() if kind in ("binary", "categorical", "numeric")
    }
    used.pop(one.facts["people"], None)
    skipped = {
        name: "constant" if kind == "constant" else f"{values} values"
        for name, (kind, values) in types.items()
        if kind in ("constant", "text") and name != one.facts["people"]
    }
    if not used:
        raise InputError(
            f"{one.path}: none of its columns can be an attribute: all are constant, identities, "
            "or texts of many values; leave it out"
        )
    lines = [f"{' ' * 6}attributes:  # {one.what}{_ids_of(one)}", f"{pad}file: {quoted(one.path)}"]
    if one.facts["id"] is not None:
        lines.append(f"{pad}id: {quoted(one.facts['id'])}")
    lines.append(f"{pad}types:  # binary, categorical (a column a category) or numeric (cut at its")
    lines.append(f"{pad}        # median, or at a number under thresholds: {{column: number}})")
    lines += [f"{pad}  {quoted(name)}: {kind}" for name, kind in used.items()]
    if skipped:
        lines.append(f"{pad}skip:  # no attributes, as they are")
        lines += [f"{pad}  - {quoted(name)}  # {why}" for name, why in skipped.items()]
    return lines


def _identities(parts: dict[str, Found]) -> list[str]:
    pad = " " * 6
    attributes, images = parts.get("attributes"), parts.get("images")
    if attributes and attributes.facts["people"]:
        column = quoted(attributes.facts["people"])
        return [
            f"{pad}identities: {{column: {column}}}  # intervals and folds take people as a whole"
        ]
    if images and _folders_are_people(images):
        return [
            f"{pad}identities: {{folder: true}}  # the {images.facts['folders']} folders of the "
            "images; leave out where they are none"
        ]
    return []


def _unmatched(kept: int, every: int) -> list[str]:
    if kept == every:
        return ["    unmatched: error  # all ids match; drop: leave out those that do not"]
    return [
        f"    unmatched: drop  # {every - kept} of {every} ids lack a file or a cell: they are",
        "                     # left out, listed in tables/unmatched.csv; error: stop at them",
    ]


def _vae(count: int, side: int) -> list[str]:
    steps = max(1, count // _BATCH)
    epochs = int(np.clip(round(_STEPS / steps), 10, 200))
    arch, pixels = ("cifar", 32) if side < _SMALL else ("convolutional", 64)
    return [
        f"    vae:  # trained on the images, at {pixels} x {pixels} pixels",
        f"      arch: {arch}",
        f"      latent: {32 if count < 5000 else 128}",
        f"      epochs: {epochs}",
        f"      batch: {_BATCH}",
        "    seeds: [0]  # more seeds tell how much of a result is the training's chance",
    ]


def _sizes(count: int, *, people: bool) -> list[str]:
    """Settings that depend on the number of samples."""
    smallest = int(np.clip(round(count / 50), 5, 100))
    neighbors = int(np.clip(count // 4, 2, 15))
    longest = int(np.clip(count // 10, 5, 150))
    sizes = sorted({max(2, smallest // 4), max(2, smallest // 2), smallest, 2 * smallest})
    lines = [
        f"    clusters:  # of {count} samples",
        f"      neighbors: {neighbors}  # UMAP",
        f"      min_cluster_size: {smallest}  # HDBSCAN on the UMAP plane",
        f"      min_samples: {max(2, smallest // 4)}",
        f"      sbs_sizes: {sizes}",
        "      umap_seeds: 3",
        "      resamples: 50",
        "    sources: {restarts: 5}",
        f"    lists: {{creative: {longest}, stereotypes: {longest}, grey: {max(5, longest // 3)}}}",
    ]
    resamples = "1000}  # resamples of people" if people else "0}  # samples are independent"
    return [*lines, f"    bias: {{resamples: {resamples}"]
