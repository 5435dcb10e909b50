"""Scores of another package: what is planned with and without one, how their files are read."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latent_microscope import registry
from latent_microscope.commands import score as command
from latent_microscope.declarations.scores import SCORES
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import save_npy, save_table
from latent_microscope.io.inputs import by_run, load_scores
from latent_microscope.planning import explorer, scores
from latent_microscope.planning.study import Study, Wildcards
from latent_microscope.registry import Score

IDS = [f"s{i}" for i in range(5)]
MAIN = ["uniqueness", "originality", "stability", "cls"]
AT = Wildcards(study="s", crop="whole", seed="0")
FURTHER = Score(
    name="depth", title="depth of the sample", function="there:depth", main=True, tested=True
)
LABELLED = Score(name="margin", title="margin", function="there:margin", needs=frozenset({"votes"}))


def study(kind: str = "faces") -> Study:
    settings = {
        "kind": kind,
        "seeds": [0, 1],
        "vae": {},
        "sources": {"methods": ["intended"]},
        "scores": {},
        "lists": {"creative": 7, "stereotypes": 3},
    }
    return Study("s", settings)


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "scores", lambda: (*SCORES, FURTHER, LABELLED))


def test_the_values_of_our_scores() -> None:
    """They are params of steps: another order or name makes files again, with other bytes."""
    assert scores.main(study(), AT) == scores.ours(study(), AT) == MAIN
    tested = [*MAIN[:3], "knn_density", "cls"]
    assert scores.tested(study(), AT) == scores.checked(study(), AT) == tested
    assert scores.every(study(), AT) == [
        "uniqueness", "uniqueness_script", "uniqueness_notebook",
        "originality", "originality_script", "originality_notebook", "stability", "knn_density",
        "attractor_density", "attractor_density_adaptive", "norm", "cls", "detector_score",
    ]  # fmt: skip
    assert scores.lists(study(), AT) == {
        "uniqueness": [7, True],
        "originality": [3, False],
        "stability": [7, True],
        "cls": [7, True],
    }
    assert scores.titles(study(), AT)["cls"] == "creative latent score (CLS)"
    assert scores.more(study(), AT) == scores.score_files(study()) == []


@pytest.mark.usefixtures("_installed")
def test_a_further_score_follows_ours() -> None:
    assert scores.main(study(), AT) == [*MAIN, "depth"]
    assert scores.ours(study(), AT) == MAIN
    assert scores.tested(study(), AT)[-1] == "depth"
    assert "depth" not in scores.checked(study(), AT)
    assert scores.every(study(), AT)[-1] == "depth"
    assert scores.lists(study(), AT)["depth"] == [7, True]
    assert scores.titles(study(), AT)["depth"] == "depth of the sample"
    folder = "results/s/vae/whole/seed"
    files = [f"{folder}{seed}/score-depth.parquet" for seed in (0, 1)]
    assert scores.more(study(), AT) == files
    shown = explorer.scores(study(), AT)
    assert shown[:2] == [f"{folder}0/scores-intended.parquet", files[0]]
    assert shown[2:] == [f"{folder}0/encoding.parquet", "results/s/data/pixels.parquet"]


@pytest.mark.usefixtures("_installed")
def test_a_score_is_computed_where_there_is_what_it_needs() -> None:
    judged = study("alignment")
    assert scores.score_files(judged) == ["score-depth.parquet", "score-margin.parquet"]
    assert scores.every(judged, AT)[-2:] == ["depth", "margin"]
    assert scores.main(judged, AT) == [*MAIN, "depth"]
    assert scores.more(judged, AT)[1].endswith("seed0/score-margin.parquet")
    assert "margin" not in scores.every(study(), AT)


def write(path: Path, **columns: object) -> Path:
    save_table(path, pd.DataFrame({"id": IDS, **columns}))
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, list[Path]]:
    ours = write(tmp_path / "scores-intended.parquet", cls=np.arange(5), norm=1.0)
    depth = tmp_path / "score-depth.parquet"
    save_table(depth, pd.DataFrame({"id": IDS[::-1], "depth": np.arange(5.0)}))
    return ours, [depth, write(tmp_path / "score-margin.parquet", margin=2.0)]


def test_further_scores_are_joined_by_id(files: tuple[Path, list[Path]]) -> None:
    ours, more = files
    table = load_scores(ours, ["depth", "cls"], more)
    assert list(table.columns) == ["id", "depth", "cls"]
    assert table["id"].tolist() == IDS
    assert table["depth"].tolist() == [4, 3, 2, 1, 0]
    pd.testing.assert_frame_equal(load_scores(ours, ["cls"], more), load_scores(ours, ["cls"]))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"depth": [0, 1, np.nan, 3, 4]}, r"score-depth\.parquet: row 2 \(id s2\)"),
        ({"depth": list("abcde")}, r"score-depth\.parquet: column 'depth'"),
        ({"deep": 1.0}, r"score-depth\.parquet: .*'depth'"),
        ({"depth": 1.0, "id": [*IDS[:4], "s9"]}, "'s4'; both must describe the same images"),
        ({"depth": 1.0, "id": [*IDS[:4], "s0"]}, "id 's0'"),
    ],
)
def test_a_wrong_file_is_named(
    files: tuple[Path, list[Path]], columns: dict[str, object], message: str
) -> None:
    ours, more = files
    assert len(load_scores(ours, ["cls", "depth"], more)) == 5
    write(more[0], **columns)
    with pytest.raises(InputError, match=message):
        load_scores(ours, ["cls", "depth"], more)


def test_files_of_two_runs_are_not_mixed(files: tuple[Path, list[Path]], tmp_path: Path) -> None:
    ours, (depth, margin) = files
    other = write(tmp_path / "other/score-depth.parquet", depth=0.0)
    with pytest.raises(InputError, match=r"score-depth\.parquet.*'depth'"):
        load_scores(ours, ["depth"], [depth, other])
    runs = [ours, ours]
    assert by_run([depth, margin, other, margin], runs) == [[depth, margin], [other, margin]]
    assert by_run(None, runs) == by_run([], runs) == [[], []]
    with pytest.raises(InputError, match=r"3 files .* 2 runs"):
        by_run([depth, margin, other], runs)


@pytest.mark.usefixtures("_installed")
def test_the_command_scores_by_ours_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "limit_threads", lambda count: None)
    save_npy(tmp_path / "z.npy", np.random.default_rng(0).laplace(size=(40, 4)))
    made = command.score(tmp_path / "z.npy", tmp_path / "z.csv", restarts=2)
    assert "uniqueness over 2 restarts" in made.text
    assert "depth" not in made.text
