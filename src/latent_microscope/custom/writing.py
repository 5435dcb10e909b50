"""The config of a study of one's own, from what was found in its files."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from latent_microscope.custom.looking import MATRIX, Found
from latent_microscope.custom.sections import (
    data_lines,
    has_people,
    models_lines,
    sizes_lines,
    unmatched_lines,
    vae_lines,
)
from latent_microscope.errors import InputError

_SAMPLES = "embeddings or images"
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
    _find_key(parts, models)
    by_name = _use_names(parts)
    kept, every = _common([*parts.values(), *models])
    name = name or study_name([parts.get("embeddings") or parts.get("images") or models[0]])
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise InputError(f"--name {name}: use small letters, digits and hyphens")
    lines = [f"# Written by: {command}", "# Every key: config/README.md, kind own.", ""]
    lines += [f"run: [{name}]", "studies:", f"  {name}:", "    kind: own", "    data:"]
    lines += data_lines(parts, by_name, latents=latents)
    lines += unmatched_lines(kept, every)
    if people:
        lines += models_lines(models, parts, kept)
    if "embeddings" not in parts and "images" in parts:
        lines += vae_lines(kept, parts["images"].facts["side"])
    if latents:
        lines += sizes_lines(kept, people=has_people(parts))
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


def _find_key(parts: dict[str, Found], models: Sequence[Found]) -> None:
    """A table without a usual column of ids: the one whose texts are the ids of another file.

    Raises:
        InputError: It has texts that could be ids, the others have ids, and none is the same.
    """
    table = parts.get("attributes")
    if table is None or table.ids is not None or not table.facts["keys"]:
        return
    known: list[str] = []
    for one in (*parts.values(), *models):
        known += [] if one.ids is None else list(one.ids)
        known += list(one.facts["names"]) if one.facts.get("names") is not None else []
    if not known:
        return
    ids = set(known)
    shared = {name: len(ids & set(own)) for name, own in table.facts["keys"].items()}
    name = max(shared, key=lambda column: shared[column])
    own = table.facts["keys"][name]
    if not shared[name]:
        raise InputError(
            f"{table.path}: no column holds ids such as {known[0]!r}; {name!r} has a text of its "
            f"own in every row, such as {own[0]!r}: write them alike, or leave it out where row i "
            "belongs to row i of the others"
        )
    table.ids, table.facts["id"] = own, name
    del table.facts["types"][name], table.facts["values"][name]


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
