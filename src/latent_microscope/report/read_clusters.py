"""Plain readings of clusters, of their attributes, of probes and of near-duplicates."""

from collections.abc import Iterator

import pandas as pd

from latent_microscope.published import CLUSTER_BIAS
from latent_microscope.report.blocks import Reading, Study
from latent_microscope.report.cells import counted, highest, listed, percent, ratio, rows_of
from latent_microscope.report.limits import FALSE_DISCOVERY_RATE

_NO_AGREEMENT = 0.05
_UNINFORMATIVE = 0.9
"""Width from which an interval of a share says next to nothing."""


def clusters(study: Study) -> Iterator[Reading]:
    """How much of the clusters is the data, and how much the map."""
    if study.has("cluster-stability"):
        yield from _agreement(study.table("cluster-stability"))
    if study.has("sbs"):
        yield from _sizes(study.table("sbs"))


_SOURCES = ("VAE seeds", "UMAP seeds", "resamples")
"""What says most about the data first."""


def _agreement(table: pd.DataFrame) -> Iterator[Reading]:
    order = [s for s in _SOURCES if s in set(table["source"])]
    for source in [*order, *(s for s in dict.fromkeys(table["source"]) if s not in order)]:
        part = table[table["source"] == source]
        known = part[part["ari_mean"].notna()]
        if not len(known):
            continue
        low, high = known["ari_mean"].min(), known["ari_mean"].max()
        span = f"{low:.2f}" if high - low < 0.005 else f"{low:.2f} to {high:.2f}"
        if high <= _NO_AGREEMENT:
            word = "agree no better than chance"
        elif set(known["verdict"]) == {"poor"}:
            word = "agree poorly"
        elif "poor" in set(known["verdict"]):
            word = "agree in some runs and poorly in others"
        else:
            word = "agree"
        yield Reading(
            f"Clusterings over {source} {word}: adjusted Rand index {span} (chance 0, perfect 1, "
            "poor below 0.65).",
            "cluster-stability",
        )
    if "VAE seeds" not in set(table["source"]):
        yield Reading("One latent space: whether another finds these clusters is unknown.", "sbs")


def _sizes(table: pd.DataFrame) -> Iterator[Reading]:
    used = table[table["configured"]]
    if not (used["n_clusters"] > 0).any():
        yield Reading("HDBSCAN finds no cluster at the size that the study uses: SBS is 0.", "sbs")
        return
    wide = int(((used["high"] - used["low"]) >= _UNINFORMATIVE).sum())
    text = (
        f"SBS at the configured size: {_span(used['share'])} over runs, "
        f"{_span(table['share'])} over all tried sizes"
    )
    if wide:
        text += (
            f"; in {wide} of {len(used)} runs its 95 % interval is nearly everything from 0 to 1, "
            "so that a single SBS value is no finding"
        )
    yield Reading(text + ".", "sbs")


def _span(values: pd.Series) -> str:
    low, high = values.min(), values.max()
    return f"{low:.2f}" if high - low < 0.005 else f"{low:.2f} to {high:.2f}"


def cluster_overlap(study: Study) -> Iterator[Reading]:
    """How many clusters are found again."""
    table = study.table("cluster-jaccard")
    for source, part in table.groupby("source", sort=False):
        stable = part["verdict"].isin(["stable", "highly stable"])
        names = [f"{r.cluster} of seed {r.run}" for r in rows_of(part[stable])]
        found = f": cluster {listed(names, 5)}" if names else ""
        yield Reading(
            f"Over {source}, {len(names) or 'none'} of {len(part)} clusters "
            f"{'is' if len(names) == 1 else 'are'} stable (Jaccard index from 0.75){found}.",
            "cluster-jaccard",
        )


def bias(study: Study) -> Iterator[Reading]:
    """Whether any group differs from the rest, and by how much."""
    tests = study.table("bias-tests")
    tests = tests[tests["definition"] == "odds"]
    found = study.table("bias")
    groups = len(tests[["run", "group"]].drop_duplicates())
    if not len(found):
        yield Reading(
            f"No cluster differs from chance: none of {len(tests):,} tests in "
            f"{counted(groups, 'group')} survives correction (q ≤ 0.05, interval without 1).",
            "bias-tests",
        )
        return
    small = found["magnitude"] == "negligible"
    yield Reading(
        f"{len(found):,} of {len(tests):,} tests in {counted(groups, 'group')} survive correction "
        f"within their group{_negligible(int(small.sum()))}.",
        "bias",
    )
    strongest = highest(found, found["cohens_h"].abs())
    odds = ratio(*(strongest[end] for end in ("estimate", "low", "high")))
    yield Reading(
        f"The largest effect: {strongest['attribute']} in {strongest['group']} of seed "
        f"{strongest['run']}, odds ratio {odds}, "
        f"{percent(strongest['prevalence_members'])} of its members against "
        f"{percent(strongest['prevalence_rest'])} of all others.",
        "bias",
    )
    runs = int(found["n_runs"].iloc[0])
    if runs == 1:
        yield Reading("One latent space: whether another one shows any of this is unknown.", "bias")
        return
    yield from _repeated(found, runs)
    if study.has("cluster-stability"):
        verdicts = study.table("cluster-stability").set_index("source")["verdict"]
        if verdicts.get("VAE seeds") == "poor":
            yield Reading(
                "The clusters themselves do not repeat over VAEs (see there), so that the bias of "
                "one of them describes that map, not the data.",
                "cluster-stability",
            )


def _repeated(found: pd.DataFrame, runs: int) -> Iterator[Reading]:
    every = found[found["runs_found"] == runs]
    kind = every["group"].str.replace(r" \d+$", "", regex=True)
    for name, part in every.groupby(kind, sort=False):
        ways = part.drop_duplicates(["attribute", "direction"])
        words = [
            listed(sorted(ways.loc[ways["direction"] == way, "attribute"]), 6) for way in _WAYS
        ]
        said = [f"{way}-represented {word}" for way, word in zip(_WAYS, words, strict=True) if word]
        where = _KINDS.get(str(name), str(name))
        yield Reading(f"In {where} of all {runs} runs: {'; '.join(said)}.", "bias")
    if not len(every):
        yield Reading(f"No attribute is found in all {runs} runs.", "bias")


def _negligible(count: int) -> str:
    if not count:
        return ""
    return f"; the effect of {count:,} of them is negligible by Cohen's h, however sure"


_WAYS = ("over", "under")
_KINDS = {"cluster": "some cluster", "sub-niche": "some sub-niche", "cmax": "C_max"}


def published_bias(study: Study) -> Iterator[Reading]:
    """Where the preprint's bars would fit."""
    tests = study.table("bias-tests")
    tests = tests[(tests["definition"] == "odds") & tests["group"].str.startswith("cluster ")]
    shown = tests[tests["attribute"].isin(CLUSTER_BIAS)]
    if set(shown["attribute"]) != set(CLUSTER_BIAS):
        return
    fits = []
    groups = shown.groupby(["run", "group"], sort=False)
    for key, part in groups:
        run, group = key  # type: ignore[misc]
        wanted = part["attribute"].map(CLUSTER_BIAS)
        if ((part["low"] <= wanted) & (wanted <= part["high"]) & (part["q"] <= 0.05)).all():
            fits.append(f"{group} of seed {run}")
    runs = len(set(shown["run"]))
    some = f"{len(fits)} of our {len(groups)} clusters has" if len(fits) == 1 else ""
    some = some or f"{len(fits) or 'None'} of our {len(groups)} clusters have"
    which = f": {listed(fits, 5)}" if fits else ""
    yield Reading(
        f"{some} all published bars inside significant intervals{which}. A property of the data "
        f"would show in each of the {runs} runs.",
        "bias-tests",
    )


def probes(study: Study) -> Iterator[Reading]:
    """Whether latents know more of the attributes than pixels do."""
    table = study.table("probes")
    tested = table[table["q"].notna()]
    if not len(tested):
        yield Reading("No attribute has enough images with and without it to be probed.", "probes")
        return
    above = tested[(tested["q"] <= FALSE_DISCOVERY_RATE) & (tested["low"] > tested["baseline"])]
    clear = tested["gain_q"] <= FALSE_DISCOVERY_RATE
    won = int((clear & (tested["gain_mean"] > 0)).sum())
    lost = int((clear & (tested["gain_mean"] < 0)).sum())
    most = len(above) or "None"
    yield Reading(
        f"{most} of {len(tested)} tested attributes can be read from the latents better than "
        "chance (area under the curve above 0.5).",
        "probes",
    )
    verdict = "The latents hold no more of the attributes than plain pixels"
    if won > lost:
        verdict = "The latents hold more of the attributes than plain pixels"
    elif lost > won:
        verdict = "The latents hold less of the attributes than plain pixels"
    yield Reading(
        f"{verdict}: better than as many principal components of the pixels on {won}, worse on "
        f"{lost}, not told apart on {len(tested) - won - lost}.",
        "probes",
    )


def duplicates(study: Study) -> Iterator[Reading]:
    """Whether somebody should look at pairs of images."""
    table = study.table("duplicates")
    near = table[table["verdict"] != "look-alike"]
    others = len(table) - len(near)
    if not len(near):
        text = "No sample stands in the data set twice, as far as this can tell."
    else:
        exact = int((near["verdict"] == "copy").sum())
        groups = counted(near["group"].nunique(), "group")
        verb = "is" if len(near) == 1 else "are"
        text = f"{counted(len(near), 'pair')} of samples, in {groups}, {verb} the same or nearly so"
        text += f", {exact} of them exact copies" if exact else ""
        disagree = int((near["same"] == "no").sum())
        text += f"; in {disagree} the labels differ, so that one is wrong" if disagree else ""
        text += "."
    more = f" {counted(others, 'look-alike')} may be worth a look." if others else ""
    yield Reading(text + more, "duplicates")
