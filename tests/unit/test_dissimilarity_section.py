"""The section of a study with dissimilarities: what it has, and only that."""

import re
from pathlib import Path

import numpy as np
import pytest
from report_studies import CAPTIONS  # type: ignore[import-not-found]
from scipy.spatial.distance import pdist

from latent_microscope.report.sections import Section, sections
from latent_microscope.report.study import Study
from latent_microscope.similarity.rdms import RDM
from latent_microscope.tables.dissimilarity import annotators_table, similarity_table

N = 10
FIGURES = ("dissimilarity", "rdms-euclidean", "model-similarity-euclidean")


def made(people: int, *, labelled: bool = True, draws: int = 20, models: int = 2) -> list[Section]:
    random = np.random.default_rng(0)
    features = random.normal(size=(N, 3))
    judged = [RDM(pdist(features + random.normal(size=(N, 3)))) for _ in range(people)]
    rdms = {f"m{k}": RDM(pdist(features[:, : k + 1])) for k in range(models)}
    labels = np.arange(N) % 2 if labelled else None
    table, paired = similarity_table(judged, rdms, labels, n_draws=draws, seed=0)
    found = {
        "dissimilarity": table.assign(metric="euclidean"),
        "dissimilarity-annotators": annotators_table(judged, rdms).assign(metric="euclidean"),
    }
    if draws:
        found["dissimilarity-differences"] = paired.assign(metric="euclidean")
    paths = {name: Path(name) for name in found}
    return sections(Study("mine", paths, {name: Path(name) for name in FIGURES}, found), CAPTIONS)


def titles(section: Section) -> list[list[str]]:
    return [
        re.findall(r'<th scope="col">(.*?)</th>', head)
        for head in re.findall("<thead>(.*?)</thead>", section.body, re.DOTALL)
    ]


def test_everything_is_in_the_section_of_the_main_result() -> None:
    (section,) = made(4)
    assert section.key == "similarity"
    assert section.figures == list(FIGURES)
    assert len(titles(section)) == 3
    assert "highest similarity to the 4 annotators" in section.findings[0][0]
    assert "–" not in re.sub(r"<details.*?</details>", "", section.body, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("people", "labelled", "draws", "scores"),
    [
        (4, True, 20, "95 % over images and annotators;over images;over annotators;above label;p "
         "(adjusted);Spearman;Spearman, label partialled out;Pearson"),
        (4, False, 20, "95 % over images and annotators;over images;over annotators;Spearman;"
         "Pearson"),
        (1, False, 20, "95 % over images;over annotators;Spearman;Pearson"),
        (1, True, 0, "above label;Spearman;Spearman, label partialled out;Pearson"),
    ],
)  # fmt: skip
def test_only_the_columns_that_there_are(
    people: int, labelled: bool, draws: int, scores: str
) -> None:
    (section,) = made(people, labelled=labelled, draws=draws)
    first, *others = titles(section)
    assert first == ["model", "rho-a", *scores.split(";")]
    assert len(others) == (draws > 0) + (people > 1)
    if draws:
        assert ("over annotators" in others[0]) == (people > 1)
        assert "distances" not in others[0]
    if people < 2:
        assert "Agreement of annotators is not available: needs at least 2" in section.body


def test_one_model_without_a_label_has_nothing_to_compare() -> None:
    (section,) = made(3, labelled=False, models=1)
    assert "There are no two models to compare." in section.body
    assert "Paired differences" not in section.body
