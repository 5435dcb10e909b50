"""An empty cell costs its attribute a sample, not the study."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latent_microscope.custom.attributes import Encoding, encode
from latent_microscope.custom.correlations import correlation_table
from latent_microscope.custom.study import table_source
from latent_microscope.forensics.class_probes import class_probe_table
from latent_microscope.forensics.probes import probe_table
from latent_microscope.tables.bias import bias_table

N = 120
RANDOM = np.random.default_rng(4)
MEMBERS = np.arange(N) < 40
KNOWN = np.arange(N) % 3 > 0
HAT = (RANDOM.random(N) < np.where(MEMBERS, 0.7, 0.3)).astype(np.uint8)
COAT = RANDOM.integers(0, 2, N).astype(np.uint8)
HOLED = pd.DataFrame({"hat": pd.array(HAT, dtype="UInt8"), "coat": COAT})
HOLED.loc[~KNOWN, "hat"] = pd.NA


def test_empty_cells_become_missing_attributes(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"hat": ["yes", None, "no"], "town": ["Ulm", "Bonn", None], "age": [30.5, 49.5, np.nan]}
    )
    ones, numbers, classes, report = encode(table, Encoding(), tmp_path / "a.csv")
    assert ones["hat"].isna().tolist() == [False, True, False]
    assert ones["town=Ulm"].astype("float").tolist()[:2] == [1.0, 0.0]
    assert ones["age>40"].isna().tolist() == [False, False, True]  # the median of the known
    assert numbers["age"].isna().tolist() == [False, False, True]
    assert report[report["attribute"] == "hat"][["samples", "positives"]].to_numpy().tolist() == [
        [2, 1]
    ]
    assert classes.empty or classes["town"].isna().tolist() == [False, False, True]
    table.assign(id=["a", "b", "c"]).to_csv(tmp_path / "a.csv", index=False)
    assert table_source("attributes", tmp_path / "a.csv", {}).incomplete is None
    labels = table_source("labels", tmp_path / "a.csv", {"column": "town"})
    assert labels.incomplete == {"c": "town"}


@pytest.mark.parametrize("people", [None, np.arange(N) // 2])
def test_bias_of_an_attribute_is_that_of_its_known_samples(people: np.ndarray | None) -> None:
    groups = {"cluster 0": MEMBERS}
    table = bias_table(groups, HOLED, ["odds", "ratio"], identities=people)
    known = {"cluster 0": MEMBERS[KNOWN]}
    some = pd.DataFrame({"hat": HAT[KNOWN]})
    own = None if people is None else people[KNOWN]
    alone = bias_table(known, some, ["odds", "ratio"], identities=own)
    columns = ["definition", "value", "estimate", "low", "high", "p", "prevalence_members"]
    found = table[table["attribute"] == "hat"][columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, alone[columns])
    whole = bias_table(groups, HOLED[["coat"]], ["odds"], identities=people)
    coat = table[(table["attribute"] == "coat") & (table["definition"] == "odds")]
    assert coat["p"].tolist() == whole["p"].tolist()
    assert (table["n_members"] == 40).all()
    assert table["attribute"].tolist() == ["hat", "coat"] * 2


def test_an_attribute_known_of_no_member_is_not_tested() -> None:
    attributes = HOLED.assign(hat=HOLED["hat"].where(pd.Series(~MEMBERS)))
    table = bias_table({"cluster 0": MEMBERS}, attributes, ["odds"], identities=None)
    assert table["status"].tolist() == ["constant", "ok"]
    assert table["p"].isna().tolist() == [True, False]


def test_probes_and_correlations_use_the_known_samples() -> None:
    z = RANDOM.normal(size=(N, 4))
    z[:, 0] += 2.0 * HAT
    folds = np.arange(N) % 5
    table = probe_table({"latents": z}, HOLED, folds).set_index("attribute")
    alone = probe_table({"latents": z[KNOWN]}, pd.DataFrame({"hat": HAT[KNOWN]}), folds[KNOWN])
    assert table.loc["hat", "auc"] == alone["auc"].iloc[0]
    assert table["n"].tolist() == [KNOWN.sum(), N]
    ages = np.where(KNOWN, z[:, 0] + RANDOM.normal(size=N), np.nan)
    scores = [pd.DataFrame({"id": np.arange(N).astype(str), "cls": z[:, 0]})]
    found = correlation_table(pd.DataFrame({"age": ages}), scores, [0], None).iloc[0]
    expected = pd.Series(ages[KNOWN]).corr(pd.Series(z[KNOWN, 0]), method="spearman")
    assert found["spearman"] == pytest.approx(expected)
    assert (found["samples"], found["status"]) == (KNOWN.sum(), "")
    assert found["low"] < expected < found["high"]
    towns = pd.DataFrame({"town": pd.Series(np.array(["u", "v", "w"])[folds % 3]).where(KNOWN)})
    classes = class_probe_table({"latents": z}, towns)
    assert classes["samples" if "samples" in classes else "n"].iloc[0] == KNOWN.sum()
