"""The config: every mistake named by its dotted key, sizes and defaults, the shipped files."""

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latent_microscope.config.resolve import merge, resolve
from latent_microscope.errors import InputError
from latent_microscope.io.yaml_files import load_yaml
from latent_microscope.step import NUMERIC_THREADS

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
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
        resolve(content, SCHEMA)
    for message in messages:
        assert message in str(caught.value)


FACES, OBJECTS = "studies__demo_X_faces", "studies__demo_X_alignment"


@pytest.mark.parametrize(
    ("key", "dotted"),
    [
        ("sead", "config key sead: unknown key; known here: "),
        ("figures__dbi", "config key figures.dbi: unknown key"),
        (f"{FACES}__epochs", "config key studies.demo-faces.epochs: unknown key"),
        (f"{FACES}__vae__epoch", "config key studies.demo-faces.vae.epoch: unknown key"),
        (
            f"{FACES}__vae__scheduler__gamma",
            "config key studies.demo-faces.vae.scheduler.gamma: unknown key",
        ),
        (f"{OBJECTS}__models__philnet__depth", "studies.demo-alignment.models.philnet.depth: unk"),
        (
            f"{OBJECTS}__models__philnet__augmentation__flop",
            "config key studies.demo-alignment.models.philnet.augmentation.flop: unknown key",
        ),
        (f"{OBJECTS}__models__pixels__epochs", "models.pixels.epochs: unknown key; known here: "),
    ],
)
def test_unknown_keys_are_named_at_every_depth(key: str, dotted: str) -> None:
    fails(config(**{key: 1}), dotted)


@pytest.mark.parametrize(
    ("key", "value", "messages"),
    [
        ("seed", "one", ("config key seed: 'one' is not of type 'integer'", "root seed")),
        ("seed", -1, ("config key seed: -1 is less than the minimum",)),
        ("seed", True, ("config key seed: True is not of type",)),
        ("numeric_threads", 2.0, ("config key numeric_threads: 2.0 is not of type 'integer'",)),
        ("device", "gpu", ("config key device: 'gpu' is not one of",)),
        ("run", [], ("config key run:",)),
        ("run", None, ("config key run: None is not of type 'array'",)),
        ("subset", 3, ("config key subset: 3 is less",)),
        (f"{FACES}__kind", "face", ("config key studies.demo-faces.kind: 'face' is not one of",)),
        (f"{FACES}__seeds", [0, 0], ("config key studies.demo-faces.seeds:",)),
        (
            f"{FACES}__vae__learning_rate",
            0,
            ("demo-faces.vae.learning_rate: 0 is less than or eq",),
        ),
        (
            f"{FACES}__vae__learning_rate",
            "1e-3",
            ("learning_rate: '1e-3' is not of type 'number'",),
        ),
        (f"{FACES}__vae__learning_rate", float("nan"), ("learning_rate: nan is not of type",)),
        (f"{FACES}__vae__learning_rate", float("inf"), ("learning_rate: inf is not of type",)),
        (f"{FACES}__scores__variant", "paper", ("demo-faces.scores.variant: 'paper' is not one",)),
        (f"{FACES}__vae__epochs", 1.5, ("config key studies.demo-faces.vae.epochs: 1.5 is not",)),
        (f"{OBJECTS}__metrics", ["l2"], ("demo-alignment.metrics.0: 'l2' is not one of",)),
        (f"{OBJECTS}__models__philnet__type", "cnn", ("models.philnet.type: 'cnn' is not one of",)),
        (f"{OBJECTS}__models__philnet__widths", [8, 16], ("models.philnet.widths:",)),
        (f"{OBJECTS}__models__random__of", "vae", ("models.random.of: 'vae' is not a model of",)),
        (f"{OBJECTS}__models__Bad-Name", {"type": "vae"}, ("studies.demo-alignment.models: 'Bad",)),
        (
            f"{OBJECTS}__models__mine",
            {"type": "folds", "of": "vae", "targets": "votes", "epochs": 2},
            ("models.mine.of: 'vae' is not a model of the type philnet; those are: philnet",),
        ),
        (
            f"{OBJECTS}__models__mine",
            {"type": "views", "of": "philnet"},
            ("models.mine.of: 'philnet' is not a model of the type folds; those are: none",),
        ),
        (
            f"{OBJECTS}__models__mine",
            {"type": "folds", "of": "philnet", "targets": "votes", "epochs": {"choose": [1]}}
            | {"inner": 0},
            ("models.mine.inner: 0 leaves no images to choose",),
        ),
        (
            f"{OBJECTS}__models__mine",
            {"type": "folds", "of": "philnet", "targets": "wishes", "epochs": 2},
            ("models.mine.targets: 'wishes' is not one of",),
        ),
        (
            f"{OBJECTS}__models__mine",
            {"type": "folds", "of": "philnet", "targets": "votes", "epochs": {"chose": [1]}},
            ("models.mine.epochs",),
        ),
        ("studies__A_b", {"kind": "faces"}, ("config key studies: 'A_b' does not match",)),
    ],
)
def test_wrong_values_are_named(key: str, value: Any, messages: tuple[str, ...]) -> None:
    fails(config(**{key: value}), *messages)


def test_missing_keys_are_named() -> None:
    content = config()
    del content["studies"]["demo-faces"]["vae"]["arch"]
    fails(content, "config key studies.demo-faces.vae: 'arch' is a required property")
    del content["studies"]
    fails(content, "config key (top level): 'studies' is a required property")


def test_unknown_study_and_size() -> None:
    fails(config(run=["demo-face"]), "config key run: no study 'demo-face'", "demo-faces")
    sized = config(run=["demo-faces"], **{f"{FACES}__sizes": {"big": {}, "huge": {}}})
    fails(sized, "config key size: study 'demo-faces' has no size 'workstation'", "big", "huge")
    fails(
        config(
            run=["demo-faces"], size="big", **{f"{FACES}__sizes": {"big": {"vae": {"epoch": 2}}}}
        ),
        "config key studies.demo-faces.vae.epoch: unknown key",
    )
    fails(
        config(run=["demo-faces"], size="big", **{f"{FACES}__sizes": {"big": {"kind": "dogs"}}}),
        "config key studies.demo-faces.kind",
    )


def test_sizes_are_merged_and_named() -> None:
    sizes = {"big": {"vae": {"epochs": 99, "scheduler": {"kind": "cosine"}}, "seeds": [3]}}
    content = config(run=["demo-faces"], size="big", **{f"{FACES}__sizes": sizes})
    before = copy.deepcopy(content)
    found = resolve(content, SCHEMA)["studies"]
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
    found = resolve(content, SCHEMA)
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
    assert models["resnet50"]["weights"] is None
    assert models["pixels"] == {"type": "pixels", "layers": ["features"]}


def test_subset_renames_and_limits_real_data() -> None:
    found = resolve(config(subset=100), SCHEMA)["studies"]
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
    found = resolve(content, SCHEMA)
    assert len(found["studies"]) == len(content["run"])
    for name in content["run"]:
        sizes = content["studies"][name].get("sizes")
        assert (f"{name}-{size}" if sizes else name) in found["studies"]


def test_shipped_files_laid_on_one_another_resolve() -> None:
    content: dict[str, Any] = {}
    for part in FILES.values():
        content = merge(content, part)
    content["run"] = sorted(content["studies"])
    content["size"] = "workstation"
    assert len(resolve(content, SCHEMA)["studies"]) == len(content["studies"])


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


def test_the_place_of_a_key_does_not_matter() -> None:
    first, second = config(), config()
    study = second["studies"]["demo-faces"]
    study["vae"] = dict(reversed(study["vae"].items()))
    found = [resolve(c, SCHEMA)["studies"]["demo-faces"]["vae"] for c in (first, second)]
    assert list(found[0]) == list(found[1])


def test_a_study_of_models_from_elsewhere_needs_no_network_of_ours() -> None:
    study = resolve(merge(DEFAULT, load_yaml(ROOT / "config/external.yaml")), SCHEMA)["studies"][
        "external"
    ]
    assert "vae" not in study
    assert {model["type"] for model in study["models"].values()} == {
        "label",
        "class_mean",
        "external",
    }
    assert study["inference"]["draws"] == 0
    content = merge(DEFAULT, load_yaml(ROOT / "config/external.yaml"))
    models = content["studies"]["external"]["models"]
    del models["label"]
    fails(content, "lacks a model of the type label")
    models |= {"label": {"type": "label"}, "vae": {"type": "vae"}}
    fails(content, "studies.external.models.vae: is of the type vae, and the study has no vae")
    content["studies"]["external"]["vae"] = DEFAULT["studies"]["demo-alignment"]["vae"]
    fails(content, "studies.external: has a vae and no scores")


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
    fails(content, "does not match", repr(name)[1:-1])
