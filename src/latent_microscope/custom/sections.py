"""Parts of the config of a study of one's own, as lines of YAML with their comments."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from latent_microscope.custom.looking import Found
from latent_microscope.errors import InputError

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
_WORDS = {"yes", "no", "true", "false", "null", "on", "off", "y", "n"}
_STEPS = 800  # of a training, at least: minutes on two cores
_BATCH = 64
RESTARTS = 5
"""Of FastICA, in the configs that are written here and in scores without a workflow."""
_SMALL = 40  # pixels: below, the VAE of 32 x 32 images


def quoted(value: str) -> str:
    """A text as YAML."""
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return value if plain else json.dumps(value, ensure_ascii=False)


def has_people(parts: dict[str, Found]) -> bool:
    """Whether a column or folders say who is who."""
    return any(one.facts.get("people") or _folders_are_people(one) for one in parts.values())


def _folders_are_people(images: Found) -> bool:
    folders = images.facts.get("folders", 0)
    return images.role == "images" and 1 < folders <= images.count / 2


def data_lines(parts: dict[str, Found], by_name: bool, *, latents: bool) -> list[str]:
    """The section data."""
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
        lines += _attribute_lines(parts["attributes"])
        lines += _identity_lines(parts)
    elif latents:
        lines += _identity_lines(parts)
    return lines + _label_lines(parts, latents=latents)


def _label_lines(parts: dict[str, Found], *, latents: bool) -> list[str]:
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


def models_lines(models: Sequence[Found], parts: dict[str, Found], count: int) -> list[str]:
    """The section models, and how the comparison with people is drawn."""
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


def _attribute_lines(one: Found) -> list[str]:
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


def _identity_lines(parts: dict[str, Found]) -> list[str]:
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


def unmatched_lines(kept: int, every: int) -> list[str]:
    """What to do with samples that some file lacks."""
    if kept == every:
        return ["    unmatched: error  # all ids match; drop: leave out those that do not"]
    return [
        f"    unmatched: drop  # {every - kept} of {every} ids lack a file or a cell: they are",
        "                     # left out, listed in tables/unmatched.csv; error: stop at them",
    ]


def vae_lines(count: int, side: int) -> list[str]:
    """The section vae: of a size that suits the number of images."""
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


def sizes_lines(count: int, *, people: bool) -> list[str]:
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
        f"    sources: {{restarts: {RESTARTS}}}",
        f"    lists: {{creative: {longest}, stereotypes: {longest}, grey: {max(5, longest // 3)}}}",
    ]
    resamples = "1000}  # resamples of people" if people else "0}  # samples are independent"
    return [*lines, f"    bias: {{resamples: {resamples}"]
