"""A study of the resolved config as the planner sees it, and the wildcards of a job.

Every planning function takes ``(study, at)``: a :class:`Study` and a job's :class:`Wildcards`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from latent_microscope import registry

if TYPE_CHECKING:
    from latent_microscope.data.manifest import Dataset

Manifest = Mapping[str, "Dataset"]
Paths = str | list[str]


@dataclass(frozen=True)
class Wildcards:
    """Values of a job's wildcards; empty where its rule has none of that name."""

    study: str = ""
    crop: str = ""
    seed: str = ""
    method: str = ""
    metric: str = ""
    model: str = ""
    layer: str = ""
    source: str = ""
    split: str = ""
    replicate: str = ""
    dataset: str = ""
    name: str = ""
    part: str = ""


Answer = Callable[["Study", Wildcards], Any]
"""A planning function."""
_PARTS = {
    "faces": ("attributes", "identities"),
    "alignment": ("attributes", "labels", "votes", "logits"),
}


@dataclass(frozen=True, eq=False)
class Study:
    """One study: its name, its section of the resolved config, and what the run shares."""

    name: str
    settings: Mapping[str, Any]
    manifest: Manifest = field(default_factory=dict)
    numeric_threads: int = 1

    @property
    def kind(self) -> str:
        """synthetic, detection, faces, alignment, simulations or custom."""
        return str(self.settings["kind"])

    def is_of(self, *kinds: str) -> bool:
        """Whether it is of one of these kinds."""
        return self.kind in kinds

    @property
    def data(self) -> Mapping[str, Any]:
        """The section data of a custom study; empty for other kinds."""
        return self.settings.get("data", {}) if self.kind == "custom" else {}

    @property
    def is_anonymised(self) -> bool:
        """Whether codes stand for its ids and identities."""
        return bool(self.settings.get("anonymise"))

    @property
    def has_vae(self) -> bool:
        """Whether a VAE is trained or loaded."""
        return "vae" in self.settings

    @property
    def has_space(self) -> bool:
        """Whether its latents are a layer of a network that is not trained here."""
        return "space" in self.settings

    @property
    def has_embeddings(self) -> bool:
        """Whether its latents are a file of the user, or a layer of a network."""
        return "embeddings" in self.data or self.has_space

    @property
    def has_forensics(self) -> bool:
        """Whether the latent space is analysed, not only compared with human judgements."""
        return self.has_embeddings or (self.has_vae and self.settings.get("forensics", True))

    @property
    def has_latents(self) -> bool:
        """Whether there are latents, of a VAE or from the user's file."""
        return self.has_vae or self.has_forensics

    @property
    def is_imported(self) -> bool:
        """Whether its VAE has published weights."""
        return self.has_vae and bool(self.settings["vae"].get("weights"))

    @property
    def is_trained(self) -> bool:
        """Whether its VAE, if it has one, is trained here."""
        return not self.is_imported and not self.has_embeddings

    @property
    def is_clustered(self) -> bool:
        """Whether its latents are clustered (not of a synthetic study: its truth is known)."""
        return self.has_forensics and self.kind != "synthetic"

    @property
    def has_judgements(self) -> bool:
        """Whether annotators voted on its samples."""
        return "votes" in self.parts

    @property
    def has_published_votes(self) -> bool:
        """Whether published values refer to these images and votes."""
        return self.kind == "alignment" and not self.settings["simulated_votes"]

    @property
    def is_synthetic_demo(self) -> bool:
        """Whether its data are synthetic demo data, so that its numbers are no results."""
        return self.name.startswith("demo-") or any(
            file.generated for dataset in self.datasets for file in dataset.files.values()
        )

    @cached_property
    def datasets(self) -> list["Dataset"]:
        """Data sets of the manifest that its settings name, as ``name`` or ``name/file``."""
        named = {text.partition("/")[0] for text in _texts(self.settings)}
        return [dataset for name, dataset in self.manifest.items() if name in named]

    @cached_property
    def parts(self) -> frozenset[str]:
        """What there is of its samples beside their latents (:data:`registry.PARTS`)."""
        if self.kind == "simulations":
            return frozenset()
        if self.kind == "custom":
            parts = set(self.data)
            if any(map(has_logits, self.settings["models"].values())):
                parts.add("logits")
        else:
            parts = {"images", *_PARTS.get(self.kind, ())}
        return frozenset(parts | {"vae"} if self.has_vae else parts)

    @property
    def words(self) -> dict[str, str]:
        """What its figures call its samples, if these are no images."""
        noun = registry.noun_of(self.parts if self.is_of("custom") else None)
        return {} if noun == "image" else {"noun": noun}

    @property
    def shows_images(self) -> bool:
        """Whether it has images, and pages, figures and exports may show them."""
        return "images" in self.parts and self.settings.get("images") != "none"

    @property
    def crops(self) -> list[str]:
        """Crops of its images, one VAE each, or the scenarios of a detection study."""
        return list(self.settings.get("scenarios") or self.settings.get("crops", ["whole"]))

    def seeds(self, crop: str | None = None) -> list[int]:
        """Its seeds; each scenario of a detection study has its own."""
        own = self.settings["scenarios"][crop] if crop and self.kind == "detection" else None
        return list((own or self.settings)["seeds"])

    @property
    def methods(self) -> list[str]:
        """Methods of the independent sources."""
        return list(self.settings["sources"]["methods"])

    @property
    def metrics(self) -> list[str]:
        """Distances of its RDMs."""
        return list(self.settings["metrics"])

    def runs(self) -> Iterator[tuple[str, int]]:
        """Crop and seed of each of its VAEs, crops outermost."""
        return ((crop, seed) for crop in self.crops for seed in self.seeds(crop))

    def run_files(self, pattern: str) -> list[str]:
        """The pattern formatted for each of its VAEs."""
        return [pattern.format(study=self.name, crop=v, seed=s) for v, s in self.runs()]

    @property
    def first_run(self) -> Wildcards:
        """The VAE that is explored, and on figures of one VAE."""
        return Wildcards(study=self.name, crop=self.crops[0], seed=str(self.seeds()[0]))

    def models(self, *types: str) -> list[str]:
        """Names of its models, or of those of these types."""
        models = self.settings.get("models", {})
        return [name for name, model in models.items() if not types or model["type"] in types]

    def model(self, name: str) -> Mapping[str, Any]:
        """Settings of a model."""
        found: Mapping[str, Any] = self.settings["models"][name]
        return found

    def models_that(self, wanted: Callable[[registry.ModelType], bool]) -> list[str]:
        """Names of its models whose declared type fulfils a condition."""
        return [m for m in self.models() if wanted(registry.model_type(self.model(m)["type"]))]


def _texts(value: Any) -> Iterator[str]:
    """Every text among the values of settings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(one)


def column(rows: Callable[[Study], Iterable[Any]], position: int) -> Answer:
    """A column of what a function lists of a study."""
    return lambda study, at: [row[position] for row in rows(study)]


def has_logits(model: Mapping[str, Any]) -> bool:
    """Whether a model of these settings gives logits over the classes."""
    logits = registry.model_type(model["type"]).logits
    return bool(logits) and (logits != "as held" or model["holds"] != "features")


def studies_of(config: Mapping[str, Any], manifest: Manifest) -> dict[str, Study]:
    """The studies of a resolved config, by name."""
    threads = config["numeric_threads"]
    return {name: Study(name, part, manifest, threads) for name, part in config["studies"].items()}
