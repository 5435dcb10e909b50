"""The config: every mistake named by its dotted key, sizes and defaults, the shipped files."""

import copy
import time
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latent_microscope import former_names
from latent_microscope.config import fields
from latent_microscope.config.resolve import merge, resolve
from latent_microscope.errors import InputError
from latent_microscope.io.yaml_files import load_yaml
from latent_microscope.step import NUMERIC_THREADS

ROOT = Path(__file__).parents[2]
DEFAULT = load_yaml(ROOT / "config/config.yaml")
FILES = {
    path.name: load_yaml(path)
    for path in sorted((ROOT / "config").glob("*.yaml"))
    if path.name != "datasets.yaml"
}
SIZED = [
    (name, size)
    for name, content in FILES.items()
    for size in sorted(
        {s for study in content.get("studies", {}).values() for s in study.get("sizes", {})}
        or {"workstation"}
    )
]


def config(**changes: Any) -> dict[str, Any]:
    """The embedded default, with values at dotted keys changed."""
    content = copy.deepcopy(DEFAULT)
    for key, value in changes.items():
        *path, last = key.split("__")
        part = content
        for name in path:
            part = part.setdefault(name.replace("_X_", "-"), {})
        part[last.replace("_X_", "-")] = value
    return content


def fails(content: dict[str, Any], *messages: str) -> None:
    with pytest.raises(InputError) as caught:
        resolve(content)
    for message in messages:
        assert message in str(caught.value)


FACES, OBJECTS = "studies__demo_X_faces", "studies__demo_X_alignment"
PHILNET, MINE = f"{OBJECTS}__models__philnet", f"{OBJECTS}__models__mine"
MODELS = "studies.demo-alignment.models"
FOLDS = {"type": "cross_validated", "of": "philnet", "targets": "votes", "epochs": 2}


@pytest.mark.parametrize(
    ("key", "dotted", "near"),
    [
        ("root_sead", "root_sead", "root_seed"),
        ("figures__dbi", "figures.dbi", "dpi"),
        (f"{FACES}__bios", "studies.demo-faces.bios", "bias"),
        (f"{FACES}__vae__epoch", "studies.demo-faces.vae.epoch", "epochs"),
        (f"{FACES}__vae__scheduler__factr", "studies.demo-faces.vae.scheduler.factr", "factor"),
        (f"{PHILNET}__width", "studies.demo-alignment.models.philnet.width", "widths"),
        (f"{PHILNET}__augmentation__flop", f"{MODELS}.philnet.augmentation.flop", "flip"),
        (f"{OBJECTS}__models__pixels__layer", f"{MODELS}.pixels.layer", "layers"),
    ],
)
def test_unknown_keys_are_named_with_the_nearest_known_one(
    key: str, dotted: str, near: str
) -> None:
    fails(config(**{key: 1}), f"config key {dotted}: ", f"did you mean {near}?", "known here: ")


@pytest.mark.parametrize("key", [1, None, 1.5])
def test_a_key_that_is_no_text_is_unknown(key: Any) -> None:
    for path in (("demo-faces",), ("demo-faces", "bias"), ("demo-alignment", "models", "philnet")):
        content = config()
        part = content["studies"]
        for name in path:
            part = part.setdefault(name, {})
        part[key] = {"a": 2}
        fails(content, f"config key {'.'.join(('studies', *path))}.{key}: unknown key")


def test_alternatives_of_a_plugin_are_told_in_words() -> None:
    class Reach(fields.Section):
        """Invented."""

        depth: float | str = fields.setting("how deep", 1.0)
        rows: list[int] | str | None = fields.setting("which rows", None)

    for wrong, said in (
        ({"depth": [3]}, "config key scores.reach.depth: [3] is not allowed; expected number or"),
        ({"rows": ["a"]}, "config key scores.reach.rows.0: 'a' is not allowed; expected integer "),
        (3, "config key scores.reach: 3 is not allowed; expected mapping"),
    ):
        with pytest.raises(InputError) as caught:
            fields.check(Reach, wrong, "scores.reach")
        assert str(caught.value).startswith(said)
    assert fields.check(Reach, {"rows": [3]}, "scores.reach") == {"depth": 1.0, "rows": [3]}


def test_a_long_list_is_checked_at_once() -> None:
    content = config(**{f"{FACES}__seeds": [*range(50_000), 0]})
    start = time.perf_counter()
    fails(content, "studies.demo-faces.seeds: ", "twice")
    assert time.perf_counter() - start < 5  # compared pair by pair: over 20 s


def test_a_file_that_is_no_path() -> None:
    study = {"kind": "custom", "data": {"embeddings": 3}}
    content = config(run=["mine"], studies__mine=study)
    fails(content, "config key studies.mine.data.embeddings: 3 is neither a path nor a mapping")


def test_a_file_that_a_data_set_does_not_have() -> None:
    content = config(run=["demo-faces"], **{f"{FACES}__vae__weights": "nets/vae.tp"})
    files = {"demo-faces": {"a": "archive", "i": "identities"}, "nets": {"vae.pt": "weights"}}
    with pytest.raises(InputError) as caught:
        resolve(content, files)
    said = str(caught.value)
    assert said.startswith("config key studies.demo-faces.vae.weights: ")
    assert "'vae.tp'; did you mean vae.pt?" in said


def test_an_unknown_key_comes_before_a_missing_one() -> None:
    content = config()
    vae = content["studies"]["demo-faces"]["vae"]
    vae["epoch"] = vae.pop("epochs")
    fails(content, "config key studies.demo-faces.vae.epoch: ", "epochs?")
    vae["epochs"] = vae.pop("epoch")
    resolve(content)


@pytest.mark.parametrize(
    ("key", "value", "messages"),
    [
        ("root_seed", -1, ("key root_seed: -1 ", "integer ≥ 0")),
        ("root_seed", True, ("key root_seed: true ", "integer")),
        ("numeric_threads", 2.0, ("key numeric_threads: 2.0 ", "integer ≥ 1, ≤ 64")),
        ("device", "gpu", ("key device: 'gpu' ", "cuda:1")),
        ("run", [], ("key run: [] ",)),
        ("run", None, ("key run: null ", "list of text")),
        ("run", ["demo-faces", "demo-faces"], ("key run: ", "twice")),
        ("subset", 3, ("key subset: 3 ", "integer ≥ 50 or null")),
        ("figures__palette", 3, ("key figures.palette: 3 ", "text or list of text")),
        ("figures__palette", ["red", 3], ("key figures.palette.1: 3 ", "expected text")),
        ("figures__limits", {"a": {"xlim": [0]}}, ("key figures.limits.a.xlim: [0] ", "2 numbers")),
        ("studies__demo_X_faces", 3, ("key studies.demo-faces: 3 ", "mapping")),
        (f"{FACES}__kind", "face", ("studies.demo-faces.kind: 'face' ", "mean faces?")),
        (f"{FACES}__seeds", [0, 0], ("studies.demo-faces.seeds: [0, 0] ", "twice")),
        (f"{FACES}__vae", None, ("studies.demo-faces.vae: null ", "mapping")),
        (f"{FACES}__vae__learning_rate", 0, ("vae.learning_rate: 0 ", "number > 0")),
        (f"{FACES}__vae__learning_rate", "1e-3", ("learning_rate: '1e-3' ", "write 1.0e-3;")),
        (f"{FACES}__vae__learning_rate", "2.5E4", ("learning_rate: '2.5E4' ", "write 2.5e+4;")),
        (f"{FACES}__clusters__min_dist", "x1e-3", ("min_dist: 'x1e-3' is not", "number ≥ 0")),
        (f"{FACES}__vae__learning_rate", float("nan"), ("learning_rate: nan ",)),
        (f"{FACES}__vae__learning_rate", float("inf"), ("learning_rate: inf ",)),
        (f"{FACES}__vae__epochs", 1.5, ("demo-faces.vae.epochs: 1.5 ", "integer ≥ 1")),
        (f"{FACES}__scores__variant", "paper", ("scores.variant: 'paper' ", "script, notebook")),
        (f"{FACES}__vae__optimizer", "muon", ("vae.optimizer: 'muon' ", "adam, adamw, sgd")),
        (f"{PHILNET}__momentum", 0, ("philnet.momentum: 0 ", "number > 0, < 1")),
        (f"{PHILNET}__filter_rate", 0, ("philnet.filter_rate: 0 ", "number > 0")),
        (f"{PHILNET}__filter_momentum", 1, ("philnet.filter_momentum: 1 ", "number ≥ 0, < 1")),
        (f"{PHILNET}__norm_momentum", 0, ("philnet.norm_momentum: 0 ", "number > 0, ≤ 1")),
        (f"{PHILNET}__norm_momentum", 2, ("philnet.norm_momentum: 2 ", "number > 0, ≤ 1")),
        (f"{OBJECTS}__metrics", ["l2"], ("demo-alignment.metrics.0: 'l2' ", "euclidean")),
        (f"{PHILNET}__type", "filnet", ("philnet.type: 'filnet' ", "mean philnet?", "pixels")),
        (f"{PHILNET}__type", None, ("philnet.type: null ", "expected text")),
        (f"{PHILNET}__widths", [8, 16], ("philnet.widths: [8, 16] ", "list of 3 integers ≥ 1")),
        (f"{PHILNET}__convolutions", 0, ("philnet.convolutions: 0 ", "or list of integers ≥ 1")),
        (f"{PHILNET}__convolutions", [1, 0], ("philnet.convolutions.1: 0 ", "integer ≥ 1")),
        (f"{OBJECTS}__models__random__of", "vae", ("models.random.of: 'vae' ", "philnet")),
        (f"{OBJECTS}__models__Bad-Name", {"type": "vae"}, ("demo-alignment.models: 'Bad-Name' ",)),
        (MINE, {**FOLDS, "of": "vae"}, ("mine.of: 'vae' ", "known here: philnet")),
        (MINE, {**FOLDS, "of": "philnat"}, ("mine.of: 'philnat' ", "did you mean philnet?")),
        (MINE, {"type": "tta", "of": "philnet"}, ("mine.of: 'philnet' ", "known here: none")),
        (
            MINE,
            {**FOLDS, "epochs": {"choose": [1]}, "validation_fraction": 0},
            ("models.mine.validation_fraction: 0 ",),
        ),
        (MINE, {**FOLDS, "targets": "wishes"}, ("mine.targets: 'wishes' ", "votes, labels")),
        (MINE, {**FOLDS, "epochs": {"chose": [1]}}, ("mine.epochs.chose: ", "mean choose?")),
        (MINE, {**FOLDS, "epochs": {"choose": [0]}}, ("mine.epochs.choose.0: 0 ", "integer ≥ 1")),
        (MINE, {**FOLDS, "epochs": "all"}, ("mine.epochs: 'all' ", "integer ≥ 1 or mapping")),
        ("studies__A_b", {"kind": "faces"}, ("key studies: 'A_b' ",)),
    ],
)
def test_wrong_values_are_named(key: str, value: Any, messages: tuple[str, ...]) -> None:
    fails(config(**{key: value}), *messages)


def test_settings_of_muon_are_taken_to_their_bounds() -> None:
    given = {"optimizer": "muon", "filter_momentum": 0.0, "norm_momentum": 1.0, "momentum": 1e-9}
    found = resolve(config(**{f"{PHILNET}__{key}": value for key, value in given.items()}))
    philnet = found["studies"]["demo-alignment"]["models"]["philnet"]
    assert {key: philnet[key] for key in given} == given


def test_values_of_either_form_are_taken_as_they_are() -> None:
    epochs = {"choose": [1, 2]}
    given = {
        "figures__palette": ["red", "blue"],
        f"{PHILNET}__convolutions": [1, 2, 1],
        MINE: {**FOLDS, "epochs": epochs},
        f"{FACES}__vae__learning_rate": 1,
    }
    found = resolve(config(**given))
    assert found["figures"]["palette"] == ["red", "blue"]
    models = found["studies"]["demo-alignment"]["models"]
    assert models["philnet"]["convolutions"] == [1, 2, 1]
    assert models["mine"]["epochs"] == epochs
    rate = found["studies"]["demo-faces"]["vae"]["learning_rate"]
    assert (rate, type(rate)) == (1, int)


def test_a_part_of_a_gpu_is_asked_for_by_gres() -> None:
    for gres in ("gpu:2", "gpu:a100_3g.20gb:2", "gpu:nvidia_h100_1g.10gb:1"):
        assert resolve(config(gres=gres))["gres"] == gres
    for gres in ("gpu:a100-40gb:1", "gpu:a100_3g.20gb", "gpu"):
        with pytest.raises(InputError, match=r"gres"):
            resolve(config(gres=gres))


def test_missing_keys_are_named() -> None:
    content = config()
    del content["studies"]["demo-faces"]["vae"]["latent"]
    fails(content, "config key studies.demo-faces.vae.latent: missing", "integer ≥ 1")
    del content["studies"]["demo-faces"]["kind"]
    fails(content, "config key studies.demo-faces.kind: missing", "simulations")
    del content["studies"]
    fails(content, "config key studies: missing")


def test_renamed_keys_and_values_are_refused_with_the_new_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Invented(fields.Section):
        """Invented."""

        vote_resamples: int = fields.setting("times", 8)
        kind: Literal["custom", "faces"] = fields.setting("kind", "faces")

    renamed = {"studies.*.vote_sets": "vote_resamples", "studies.*.kind: own": "custom"}
    monkeypatch.setattr(former_names, "CONFIG", renamed)
    for wrong, said in (
        (
            {"vote_sets": 3},
            "config key studies.x.vote_sets: now called vote_resamples; rename it",
        ),
        ({"kind": "own"}, "config key studies.x.kind: own is now called custom; rename it"),
    ):
        with pytest.raises(InputError) as caught:
            fields.check(Invented, wrong, "studies.x")
        assert str(caught.value) == said
    monkeypatch.setattr(former_names, "GONE", {"studies.*.old": "nothing is drawn"})
    with pytest.raises(InputError, match=r"studies\.x\.old: .*since nothing is drawn; remove it"):
        fields.check(Invented, {"old": 3}, "studies.x")
    found = fields.check(Invented, {"vote_resamples": 3, "kind": "custom"}, "studies.x")
    assert found == {"vote_resamples": 3, "kind": "custom"}
    with pytest.raises(InputError, match=r"studies\.x\.votesets: unknown key"):
        fields.check(Invented, {"votesets": 3}, "studies.x")
    assert fields.unknown_value("studies.x.kind", "own", ["custom"]).endswith("custom; rename it")


@pytest.mark.parametrize("key", ["groups", "members", "samples"])
def test_keys_of_the_former_simulations_name_the_calibration(key: str) -> None:
    content = config(run=["s"], studies={"s": {"kind": "simulations", key: 3}})
    fails(content, f"config key studies.s.{key}: ", "calibration")


def test_unknown_study_and_size() -> None:
    fails(config(run=["demo-face"]), "config key run: 'demo-face' ", "did you mean demo-faces?")
    sized = config(run=["demo-faces"], **{f"{FACES}__sizes": {"big": {}, "huge": {}}})
    fails(sized, "config key size: ", "demo-faces", "'workstation'", "big, huge")
    sizes: dict[str, Any] = {"big": {"vae": {"epoch": 2}}}
    big = config(run=["demo-faces"], size="big", **{f"{FACES}__sizes": sizes})
    fails(big, "config key studies.demo-faces.vae.epoch: unknown key")
    sizes["big"] = {"kind": "dogs"}
    fails(
        config(run=["demo-faces"], size="big", **{f"{FACES}__sizes": sizes}),
        "config key studies.demo-faces.kind: 'dogs' ",
    )
    fails(config(**{f"{FACES}__sizes": {"big": 3}}), "studies.demo-faces.sizes.big: 3 ")


def test_sizes_are_merged_and_named() -> None:
    sizes = {"big": {"vae": {"epochs": 99, "scheduler": {"kind": "cosine"}}, "seeds": [3]}}
    content = config(run=["demo-faces"], size="big", **{f"{FACES}__sizes": sizes})
    before = copy.deepcopy(content)
    found = resolve(content)["studies"]
    assert content == before
    assert list(found) == ["demo-faces-big"]
    study = found["demo-faces-big"]
    assert study["vae"]["epochs"] == 99
    assert study["vae"]["latent"] == DEFAULT["studies"]["demo-faces"]["vae"]["latent"]
    assert study["seeds"] == [3]
    assert study["vae"]["scheduler"] == {
        "kind": "cosine", "patience": 20, "factor": 0.1, "warmup": 0,
    }  # fmt: skip
    assert "sizes" not in study


def test_two_studies_may_not_share_a_folder() -> None:
    content = config(run=["demo-faces", "demo-faces-big"], size="big")
    content["studies"]["demo-faces-big"] = copy.deepcopy(content["studies"]["demo-faces"])
    content["studies"]["demo-faces"]["sizes"] = {"big": {}}
    fails(content, "results/demo-faces-big")


def test_defaults_are_filled_in_to_the_leaves() -> None:
    content = {"run": DEFAULT["run"], "studies": DEFAULT["studies"]}
    found = resolve(content)
    assert found["figures"]["palette"] == "okabe-ito"
    assert found["numeric_threads"] == NUMERIC_THREADS
    faces = found["studies"]["demo-faces"]
    assert faces["vae"]["samples"] == {"count": 16, "frames": 10}
    assert faces["vae"]["beta"]["over"] == 50
    assert faces["bias"]["definitions"] == ["odds", "ratio"]
    assert faces["subset"] is None
    models = found["studies"]["demo-alignment"]["models"]
    assert models["philnet"]["scheduler"]["kind"] == "cosine"
    assert models["philnet"]["augmentation"]["crop"] == 4
    assert models["resnet50"]["layers"] == ["features"]
    assert models["resnet50"]["transform"] == {"size": 64, "resample": "float"}
    assert models["pixels"] == {"type": "pixels", "layers": ["features"]}


def test_subset_renames_and_limits_real_data() -> None:
    found = resolve(config(subset=100))["studies"]
    assert sorted(found) == [
        "demo-alignment-100",
        "demo-faces-100",
        "demo-synthetic",
    ]
    assert found["demo-faces-100"]["subset"] == 100
    assert found["demo-alignment-100"]["subset"] == {"train": 500, "test": 100}


@pytest.mark.parametrize(("file", "size"), SIZED)
def test_shipped_files_resolve_at_each_size(file: str, size: str) -> None:
    content = merge(merge(DEFAULT, FILES[file]), {"size": size})
    found = resolve(content)
    assert len(found["studies"]) == len(content["run"])
    for name in content["run"]:
        sizes = content["studies"][name].get("sizes")
        assert (f"{name}-{size}" if sizes else name) in found["studies"]


def test_shipped_files_merged_into_one_another_resolve() -> None:
    content: dict[str, Any] = {}
    for part in FILES.values():
        content = merge(content, part)
    content["run"] = sorted(content["studies"])
    content["size"] = "workstation"
    assert len(resolve(content)["studies"]) == len(content["studies"])


JSON = st.recursive(
    st.none() | st.integers(0, 9) | st.sampled_from("xyz"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=8,
)
TREES = st.dictionaries(st.sampled_from("abc"), JSON)


@given(TREES, TREES)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_merge_takes_the_upper_one_leaf_by_leaf(base: dict[str, Any], over: dict[str, Any]) -> None:
    before = copy.deepcopy((base, over))
    merged = merge(base, over)
    assert (base, over) == before
    assert merge(merged, over) == merged
    assert merge(base, {}) == base
    for key in {*base, *over}:
        if key not in over:
            assert merged[key] == base[key]
        elif isinstance(over[key], dict) and isinstance(base.get(key), dict):
            assert merged[key] == merge(base[key], over[key])
        else:
            assert merged[key] == over[key]


def test_yaml_errors_name_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"c\.yaml: no such file"):
        load_yaml(tmp_path / "c.yaml")
    (tmp_path / "c.yaml").write_text("a: 1\nb: [2\nc: 3\n")
    with pytest.raises(InputError, match=r"c\.yaml: not valid YAML (?s:.*)line 3"):
        load_yaml(tmp_path / "c.yaml")
    (tmp_path / "c.yaml").write_text("a: {b: 1}\nm:\n  n: 1\n  o: 2\n  n: 3\n")
    with pytest.raises(InputError, match=r"c\.yaml: .*'n' is there twice(?s:.*)line 5"):
        load_yaml(tmp_path / "c.yaml")
    (tmp_path / "c.yaml").write_text(
        "a: &a {b: 1, c: 2}\nd: &d\n  <<: *a\n  b: 3\ne:\n  <<: *d\n  c: 4\n"
    )
    assert load_yaml(tmp_path / "c.yaml")["e"] == {"b": 3, "c": 4}


def test_the_place_of_a_key_does_not_matter() -> None:
    first, second = config(), config()
    study = second["studies"]["demo-faces"]
    study["vae"] = dict(reversed(study["vae"].items()))
    found = [resolve(c)["studies"]["demo-faces"]["vae"] for c in (first, second)]
    assert list(found[0]) == list(found[1])


def test_a_study_of_models_from_elsewhere_needs_no_network_of_ours() -> None:
    study = resolve(merge(DEFAULT, load_yaml(ROOT / "config/external.yaml")))["studies"]["external"]
    assert "vae" not in study
    assert {model["type"] for model in study["models"].values()} == {
        "label",
        "class_mean",
        "external",
    }
    assert study["inference"]["draws"] == 0
    content = merge(DEFAULT, load_yaml(ROOT / "config/external.yaml"))
    content["studies"]["external"]["inference"]["draws"] = 1  # of one draw no interval is read
    fails(content, "config key studies.external.inference.draws: 1 ", "0 or integer ≥ 2")
    content["studies"]["external"]["inference"]["draws"] = 0
    models = content["studies"]["external"]["models"]
    del models["label"]
    fails(content, "config key studies.external.models: ", "label")
    models |= {"label": {"type": "label"}, "vae": {"type": "vae"}}
    fails(content, "config key studies.external.models.vae: ", "needs vae")
    content["studies"]["external"]["vae"] = DEFAULT["studies"]["demo-alignment"]["vae"]
    found = resolve(content)["studies"]["external"]
    assert (found["scores"]["variant"], found["vae"]["arch"]) == ("script", "cifar")
    content["studies"]["external"]["forensics"] = False
    assert "scores" not in resolve(content)["studies"]["external"]


def test_each_seed_of_an_external_model_has_outputs_of_its_own() -> None:
    content = merge(DEFAULT, load_yaml(ROOT / "config/external.yaml"))
    models = content["studies"]["external"]["models"]
    model = models["densenet"]
    for own in ({"file": "d-{seed}.npy"}, {"array": "d{seed}"}):
        models["densenet"] = {**model, **own, "seeds": [0, 1]}
        assert resolve(content)["studies"]["external"]["models"]["densenet"]["seeds"] == [0, 1]
        models["densenet"] = {**model, **own}
        fails(content, "config key studies.external.models.densenet: {seed} ", "needs seeds")
    models["densenet"] = {**model, "seeds": [0, 1]}
    fails(content, "config key studies.external.models.densenet.seeds: ", "contains {seed}")
    models["densenet"] |= {"array": "d{seed}", "training": "t.csv"}
    fails(content, "config key studies.external.models.densenet.training: t.csv ", "{seed}.parquet")


@pytest.mark.parametrize("key", ["studies", "studies__demo_X_alignment__models"])
@pytest.mark.parametrize("name", ["<script>", "a b", "../a", 'a"b', "a\n", "é", ""])
def test_names_that_reach_pages_and_paths_hold_neither_markup_nor_folders(
    key: str, name: str
) -> None:
    """Names of studies and models stand in the report, in captions and in file names."""
    content = config()
    part = content
    for step in key.replace("_X_", "-").split("__"):
        part = part[step]
    part[name] = next(iter(part.values()))
    fails(content, repr(name))
