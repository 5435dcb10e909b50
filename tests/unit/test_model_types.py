"""Types of models: what is declared of ours, and what a plugin's is allowed and given."""

import copy
import hashlib
from collections.abc import Callable
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest

from latent_microscope import project, registry
from latent_microscope.config.fields import Section, setting
from latent_microscope.config.reference import config_reference
from latent_microscope.config.resolve import merge, resolve
from latent_microscope.errors import InputError
from latent_microscope.io.yaml_files import load_yaml
from latent_microscope.planning import comparison, networks, requirements
from latent_microscope.planning.data import require_files
from latent_microscope.planning.requirements import extra_for
from latent_microscope.planning.study import Study, Wildcards, has_logits
from latent_microscope.published import ORACLES
from latent_microscope.registry import ModelType, Score

DEFAULT = load_yaml(project.asset("config/config.yaml"))


class Grid(Section):
    grid: int = setting("fields in each direction", 2, ge=1)


class Share(Section):
    share: float = setting("how much", 0.5, ge=0)


class Copy(Section):
    of: str = setting("name of a model")


COLOUR = ModelType(
    name="colour",
    title="mean colours",
    function="colour.features:mean_colours",
    config=Grid,
    kinds=("alignment", "custom"),
    note=lambda settings: f"grid of {settings['grid']}",
)
Install = Callable[..., None]


def alignment(**models: Any) -> Study:
    """The study demo-alignment with more models."""
    over = {"run": ["demo-alignment"], "studies": {"demo-alignment": {"models": models}}}
    (name, settings), *_ = resolve(merge(DEFAULT, over))["studies"].items()
    return Study(name, settings)


def own(data: dict[str, Any], models: dict[str, Any], **more: Any) -> Study:
    study = {"kind": "custom", "data": data, "models": models, **more}
    config = {"run": ["mine"], "studies": {"mine": copy.deepcopy(study)}}
    return Study("mine", resolve(config)["studies"]["mine"])


def names(wanted: Callable[[ModelType], Any]) -> set[str]:
    return {declared.name for declared in registry.model_types() if wanted(declared)}


# --- ours --------------------------------------------------------------------------------------
def test_what_the_rules_ask_of_ours() -> None:
    libraries = {"torchvision", "timm", "open_clip", "transformers", "module"}
    not_trained = libraries | {"efficientnet_lite"}
    networks_of_ours = {"philnet", "random"} | not_trained
    assert names(lambda d: d.logits is True) == {"philnet", "cross_validated", "tta"}
    assert names(lambda d: d.logits == "as held") == {"external"}
    same_each_time = {"pixels", "label", "class_mean", "external", "efficientnet_lite"}
    assert names(lambda d: not d.random) == same_each_time | {"embeddings"}
    assert names(lambda d: d.extracted) == networks_of_ours
    assert names(lambda d: d.built) == networks_of_ours - {"philnet"}
    assert names(lambda d: d.profiled) == networks_of_ours | {"vae"}
    assert names(lambda d: d.extra == "models") == not_trained
    assert names(lambda d: d.extra == "train") == {
        "philnet",
        "cross_validated",
        "tta",
        "random",
        "vae",
    }
    at_home = {"embeddings", "vae", "pixels", "label", "class_mean", "external"} | not_trained
    assert names(lambda d: "custom" in d.kinds) == at_home
    assert names(lambda d: "alignment" not in d.kinds) == {"embeddings"}


def test_steps_know_the_declared_oracles() -> None:
    assert names(lambda declared: declared.oracle) == set(ORACLES)


def test_every_extracted_network_can_be_built() -> None:
    pytest.importorskip("torch")
    from latent_microscope.models.libraries import KINDS, build_network

    with pytest.raises(InputError, match="'none' is unknown; use philnet"):
        build_network({"kind": "none"})
    assert {*KINDS} - {"vae", "pixels"} == names(lambda declared: declared.extracted)


@pytest.mark.parametrize(
    ("types", "vae", "extra"),
    [
        (["label", "external", "pixels"], False, None),
        (["label"], True, "train"),
        (["label", "philnet"], False, "train"),
        (["philnet", "torchvision"], True, "models"),
    ],
)
def test_the_extra_is_that_of_the_types(types: list[str], vae: bool, extra: str | None) -> None:
    study = {"models": {name: {"type": name} for name in types}, **({"vae": {}} if vae else {})}
    assert extra_for(study) == extra


def test_tables_say_what_a_model_is() -> None:
    folds = {"type": "cross_validated", "of": "philnet", "targets": "votes", "epochs": 2}
    study = alignment(f=folds, v={"type": "tta", "of": "f", "flip": False})
    said = networks.notes(study, Wildcards())
    epochs = study.model("philnet")["epochs"]
    assert {name: said[name] for name in ("philnet", "resnet50", "f", "v")} == {
        "philnet": f"trained {epochs} epochs",
        "resnet50": "random weights",
        "f": "fine-tuned on votes of 9 other folds",
        "v": "f, mean over 5 crops of an image",
    }
    assert not {"label", "pixels", "random"} & said.keys()


def test_an_oracle_without_labels_says_whose_class_it_has() -> None:
    votes = {"embeddings": "z.npy", "votes": "v.csv"}
    said = networks.notes(own(votes, {}), Wildcards())
    assert said == dict.fromkeys(ORACLES, "class: the majority of the votes themselves")
    labels = {"labels": {"file": "l.csv", "column": "c"}}
    assert networks.notes(own({**votes, **labels}, {}), Wildcards()) == {}


def test_a_study_of_files_compares_what_it_has(install: Install) -> None:
    install(models=[COLOUR, ModelType(name="nothing", title="", function="a:b")])
    both = {"images": "faces", "votes": "v.csv"}
    assert own({**both, "embeddings": "z.npy"}, {}).models() == [
        *("embeddings", "pixels", "label", "class_mean"),
    ]
    vae = {"arch": "cifar", "latent": 4, "epochs": 1}
    study = own(both, {"people": {"type": "label"}}, vae=vae)
    assert study.models() == ["people", "vae", "pixels", "class_mean"]
    with pytest.raises(InputError, match=r"models\.label: the name of a baseline.*; rename"):
        own(both, {"label": {"type": "external", "file": "m.npy"}})
    assert own({"embeddings": "z.npy", "dissimilarity": "d.npy"}, {}).models() == ["embeddings"]


def test_files_need_no_model_where_nobody_was_asked() -> None:
    one = {"m": {"type": "external", "file": "m.npy"}}
    with pytest.raises(InputError, match=r"studies\.mine\.models: nothing to compare"):
        own({"embeddings": "z.npy"}, one)
    assert own({"embeddings": "z.npy"}, {}).models() == []
    assert own({"votes": "v.csv"}, one).models() == ["m", "label", "class_mean"]
    with pytest.raises(InputError, match=r"mine\.models: empty;"):
        own({"dissimilarity": "d.npy"}, {})


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            {"type": "philnet", "epochs": 1},
            r"m\.type: philnet .*kind custom",
        ),
        ({"type": "vae"}, r"m: a model of type vae needs vae,"),
        ({"type": "pixels"}, r"m: a model of type pixels needs data\.images,"),
        ({"type": "colour"}, r"m: a model of type colour needs data\.images,"),
    ],
)
def test_a_study_of_files_has_what_its_models_need(
    install: Install, model: dict[str, Any], message: str
) -> None:
    install(models=[COLOUR])
    data = {"embeddings": "z.npy", "votes": "v.csv"}
    with pytest.raises(InputError, match=rf"^config key studies\.mine\.models\.{message}"):
        own(data, {"m": model})
    assert "m" in own(data, {"m": {"type": "embeddings"}}).models()


def test_embeddings_are_no_model_of_an_alignment_study() -> None:
    with pytest.raises(InputError, match=r"models\.z\.type: embeddings is not for .* kind al"):
        alignment(z={"type": "embeddings"})
    assert "z" in alignment(z={"type": "vae"}).models()


# --- of a plugin -------------------------------------------------------------------------------
def test_a_declared_type_has_a_section_of_its_own(install: Install) -> None:
    install(models=[COLOUR])
    settings = {"type": "colour", "grid": 2, "layers": ["features"]}
    assert dict(alignment(c={"type": "colour"}).model("c")) == settings
    data = {"images": "faces", "votes": "v.csv"}
    assert dict(own(data, {"c": {"type": "colour", "grid": 3}}).model("c")) == settings | {
        "grid": 3
    }
    for wrong, message in (
        (
            {"grids": 3},
            r"models\.c\.grids: unknown key; did you mean grid\? known here: grid, layers, type",
        ),
        ({"grid": 0}, r"models\.c\.grid: 0 is not allowed; expected integer ≥ 1 \(fields in each"),
        ({"layers": ["pool"]}, r"models\.c\.layers\.0: 'pool' is not allowed"),
    ):
        with pytest.raises(InputError, match=message):
            alignment(c={"type": "colour", **wrong})


def test_a_type_that_is_not_installed_is_named(install: Install) -> None:
    with pytest.raises(InputError, match=r"models\.c\.type: 'colour' is unknown"):
        alignment(c={"type": "colour"})
    install(models=[COLOUR])
    assert networks.notes(alignment(c={"type": "colour"}), Wildcards())["c"] == "grid of 2"


def test_a_type_is_for_the_kinds_that_it_names(install: Install) -> None:
    data, model = {"images": "faces", "votes": "v.csv"}, {"m": {"type": "m"}}
    install(models=[ModelType(name="m", title="", function="a:b")])
    with pytest.raises(InputError, match=r"models\.m\.type: m is not for .* kind custom"):
        own(data, model)
    assert alignment(**model).model("m")["type"] == "m"
    install(models=[ModelType(name="m", title="", function="a:b", kinds=("custom",))])
    with pytest.raises(InputError, match=r"models\.m\.type: m is not for .* kind alignment;"):
        alignment(**model)
    assert own(data, model).model("m")["type"] == "m"


def test_a_type_has_the_parts_that_it_needs(install: Install) -> None:
    needs = frozenset({"labels"})
    install(models=[ModelType(name="m", title="", function="a:b", kinds=("custom",), needs=needs)])
    data, model = {"images": "faces", "votes": "v.csv"}, {"m": {"type": "m"}}
    with pytest.raises(InputError, match=r"m: a model of type m needs data\.labels,"):
        own(data, model)
    assert "m" in own({**data, "labels": {"file": "l.csv", "column": "c"}}, model).models()


def test_a_type_may_be_of_another_model(install: Install) -> None:
    install(models=[ModelType(name="m", title="", function="a:b", of="philnet", config=Copy)])
    with pytest.raises(InputError, match=r"m\.of: 'vae' is not a model of type philnet;"):
        alignment(m={"type": "m", "of": "vae"})
    assert alignment(m={"type": "m", "of": "philnet"}).model("m")["of"] == "philnet"


def test_a_type_without_a_config_has_a_type_and_layers(install: Install) -> None:
    install(models=[ModelType(name="clusters", title="", function="a:b")])
    assert dict(alignment(c={"type": "clusters"}).model("c")) == {
        "type": "clusters",
        "layers": ["features"],
    }


@pytest.mark.parametrize("random", [True, False])
def test_a_type_where_something_is_random_has_the_seeds_of_the_study(
    install: Install, random: bool
) -> None:
    install(models=[ModelType(name="m", title="", function="a:b", random=random)])
    settings = {"kind": "alignment", "seeds": [3, 5], "models": {"m": {"type": "m"}}}
    assert networks.seeds_of(Study("s", settings), "m") == ([3, 5] if random else [0])


def test_logits_of_a_function_are_what_it_returns(install: Install) -> None:
    install(models=[ModelType(name="m", title="", function="a:b", logits=True)])
    study = alignment(m={"type": "m", "layers": ["features", "probabilities"]})
    folder = f"results/{study.name}/models"
    assert has_logits(study.model("m"))
    assert comparison.behaviour_logits(study, Wildcards())[-1] == f"{folder}/m/seed0/features.npy"
    assert f"{folder}/philnet/seed0/logits.npy" in comparison.behaviour_logits(study, Wildcards())
    at = Wildcards(study=study.name, source="m-probabilities-seed0")
    assert comparison.rdm_features(study, at) == f"{folder}/m/seed0/features.npy"
    assert comparison.rdm_transform(study, at) == "softmax"


def test_a_type_brings_its_extra(install: Install) -> None:
    install(models=[ModelType(name="m", title="", function="a:b", extra="models")])
    assert extra_for({"models": {"m": {"type": "m"}}}) == "models"


def test_a_score_has_a_section_of_its_own(install: Install) -> None:
    install(scores=[Score(name="rarity", title="", function="a:b", config=Share)])
    data = {"embeddings": "z.npy"}
    assert own(data, {}).settings["scores"]["rarity"] == {"share": 0.5}
    given = own(data, {}, scores={"rarity": {"share": 1}})
    assert given.settings["scores"]["rarity"] == {"share": 1}
    with pytest.raises(InputError, match=r"mine\.scores\.rarity\.shore: unknown key"):
        own(data, {}, scores={"rarity": {"shore": 1}})
    install(scores=[Score(name="alpha", title="", function="a:b", config=Share)])
    with pytest.raises(InputError, match="'alpha' is declared"):
        own(data, {})


def test_the_reference_lists_what_is_installed_and_nothing_else_changes(install: Install) -> None:
    before = config_reference().splitlines()
    score = Score(name="rarity", title="", function="a:b", config=Grid)
    mine = ModelType(name="mine", title="", function="a:b", kinds=("custom",))
    install(models=[COLOUR, mine], scores=[score])
    after = config_reference().splitlines()
    changes = list(unified_diff(before, after, n=0, lineterm=""))[2:]
    assert not [line for line in changes if line.startswith("-")]
    assert {line.removeprefix("+") for line in changes} >= {
        "### colour",
        "| `type` | `colour` |  |  |",
        "| `grid` | integer ≥ 1 | `2` | fields in each direction |",
        "| `scores.rarity.grid` | integer ≥ 1 | `2` | fields in each direction |",
        "### mine",
    }


# --- networks of libraries -----------------------------------------------------------------------
CLIP = {"type": "open_clip", "name": "ViT-B-32", "weights": "random"}


def test_layers_of_a_network_are_files_of_their_own() -> None:
    layers = ["features", "probabilities", "logits", "visual.transformer.resblocks.3"]
    study = alignment(clip=CLIP | {"layers": layers})
    assert networks.named_layers(study.model("clip")) == ["logits", layers[-1]]
    folder = f"results/{study.name}/models/clip/seed0"

    def file_of(layer: str) -> str:
        at = Wildcards(study=study.name, source=f"clip-{layer}-seed0")
        return comparison.rdm_features(study, at) + ":" + comparison.rdm_transform(study, at)

    assert [file_of(layer) for layer in layers] == [
        f"{folder}/features.npy:none",
        f"{folder}/logits.npy:softmax",
        f"{folder}/logits.npy:none",
        f"{folder}/visual.transformer.resblocks.3.npy:none",
    ]
    assert not has_logits(study.model("clip"))
    assert (["logits", layers[-1]], ["clip"]) in networks.extractions(study)
    assert (["logits"], ["philnet"]) in networks.extractions(study)
    assert ([], ["random", "resnet50"]) in networks.extractions(study)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": ["visual.*"]}, r"m\.layers: 'visual\.\*' is a glob, which only profile takes"),
        ({"layers": ["a/b"]}, r"m\.layers: 'a/b' is no name of a layer"),
        ({"layers": ["logits", "logits"]}, r"m\.layers: .*twice"),
        ({"weights": "own"}, r"m\.weights: 'own' is not allowed; expected random, pretrained or"),
        ({"reduce": "sum"}, r"m\.reduce: 'sum' is not allowed"),
        ({"project": 1}, r"m\.project: 1 is not allowed"),
        ({"transform": {"sd": [1, 0, 1]}}, r"m\.transform\.sd"),
        ({"transform": {"scale": 2}}, r"m\.transform\.scale: unknown key"),
        ({"type": "resnet50"}, r"m\.type: .*torchvision"),
    ],
)
def test_mistakes_in_a_network_are_named(change: dict[str, Any], message: str) -> None:
    right = {"profile": ["visual.*"], "reduce": "cls", "project": 512, "transform": {"size": None}}
    assert alignment(m=CLIP | right).model("m")["transform"] == {"size": None}
    with pytest.raises(InputError, match=message):
        alignment(m=CLIP | change)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".safetensors"])
def test_files_of_weights_end_as_their_writers_end_them(suffix: str) -> None:
    assert alignment(m=CLIP | {"weights": f"own{suffix}"}).model("m")["weights"] == f"own{suffix}"


def test_weights_and_code_of_the_user_must_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    module = {"type": "module", "name": "net.py:build", "weights": "pretrained"}
    study = alignment(c=CLIP | {"weights": "c.pt"}, m=module)
    for key, name in (("c.weights: c.pt", "c.pt"), ("m.name: net.py", "net.py")):
        with pytest.raises(InputError, match=rf"models\.{key}: no such file"):
            require_files(study)
        Path(name).touch()
    require_files(study)
    empty = hashlib.sha256(b"").hexdigest()[:12]
    assert networks.notes(study, Wildcards())["c"] == f"weights c.pt (sha256 {empty})"
    assert networks.python_file(study, Wildcards(model="m")) == "net.py"
    assert networks.python_file(study, Wildcards(model="c")) == []


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "find_spec", lambda name: None if name == "open_clip" else 1)
    studies = {"s": alignment(c=CLIP).settings}
    with pytest.raises(InputError, match=r"study s .*open_clip_torch.*latent-microscope\[models\]"):
        requirements.require_installed(studies)
    requirements.require_installed({"s": alignment().settings})


def test_seeds_are_for_random_weights() -> None:
    study = alignment(a=CLIP, b=CLIP | {"weights": "pretrained"}, c=CLIP | {"weights": "c.pt"})
    seeds = study.seeds()
    assert [networks.seeds_of(study, name) for name in "abc"] == [seeds, [0], [0]]
    said = networks.notes(study, Wildcards())
    assert [said[name] for name in "abc"] == [
        "random weights", "pretrained weights", "weights c.pt",
    ]  # fmt: skip
    assert "b" not in networks.figure_notes(study, Wildcards())
    assert networks.pretrained_weights(study, Wildcards(model="c")) == "c.pt"
    assert networks.pretrained_weights(study, Wildcards(model="b")) == []
    own = [networks.network_settings(study, Wildcards(model=name)) for name in "abc"]
    assert ["pretrained" in settings for settings in own] == [False, True, False]
