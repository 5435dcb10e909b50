"""RDMs as rsatoolbox saves them: ``rsatoolbox.rdm.load_rdm`` reads the file."""

from pathlib import Path

import h5py
import numpy as np

from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import atomic
from latent_microscope.planning import comparison
from latent_microscope.planning.study import Study
from latent_microscope.similarity.files import load_rdm

_LAYOUT = "0.3.2"
"""The version of rsatoolbox whose layout this is."""


def write(study: Study, path: Path, root: Path = Path()) -> int:
    """Write the RDMs of a study, one per model, layer, seed and metric; returns their number.

    Each has the descriptors ``name``, ``model``, ``layer``, ``seed`` and ``metric``; patterns have
    ``id`` (rsatoolbox reads ASCII: other characters are escaped as in Python).

    Raises:
        InputError: The study compares nothing with annotators, or its RDMs are of different
            samples.
    """
    rows = comparison.every_rdm(study)
    if not rows:
        why = "it compares no models with annotators"
        if "votes" in study.parts:
            why = "its setting rdm_files is false"
        raise InputError(
            f"the study {study.name} has no RDMs, since {why}; --to h5ad exports its latents"
        )
    first = load_rdm(root / rows[0]["file"])
    metrics = {row["metric"] for row in rows}
    with atomic(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["rsatoolbox_version"] = _LAYOUT
        file.create_group("descriptors").attrs["study"] = study.name
        if len(metrics) == 1:
            file.attrs["dissimilarity_measure"] = metrics.pop()
        else:
            file["dissimilarity_measure"] = h5py.Empty("f")
        pairs = file.create_dataset("dissimilarities", (len(rows), first.values.size), np.float32)
        for place, row in enumerate(rows):
            one = load_rdm(root / row["file"])
            if one.ids.tolist() != first.ids.tolist():
                raise InputError(f"{row['file']}: has other samples than {rows[0]['file']}")
            pairs[place] = one.values
        named = {key: [row[key] for row in rows] for key in rows[0] if key != "file"}
        _descriptors(file, "rdm_descriptors", named)
        _descriptors(file, "pattern_descriptors", {"id": first.ids.tolist()})
    return len(rows)


def _descriptors(file: h5py.File, name: str, values: dict[str, list[str]]) -> None:
    group = file.create_group(name)
    for key, texts in values.items():
        group[key] = np.array([str(one).encode("ascii", "backslashreplace") for one in texts])
    group["index"] = np.arange(len(texts))
