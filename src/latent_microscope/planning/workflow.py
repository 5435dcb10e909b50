"""What the rules use: config and studies of this run, planning functions as Snakemake's."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from latent_microscope import project, registry
from latent_microscope.config.resolve import merge, resolve
from latent_microscope.data.manifest import entry_as_params, load_manifest
from latent_microscope.io.yaml_files import load_yaml
from latent_microscope.planning import data, figures, networks, resources
from latent_microscope.planning.requirements import require_installed
from latent_microscope.planning.study import Study, Wildcards, studies_of
from latent_microscope.provenance.codehash import CodeHasher


class Plan:
    """One run of the workflow.

    ``overrides`` is the content of the config files and ``--config``; ``installed`` says that steps
    run in this environment, not in one that Snakemake makes for them. :class:`InputError` names
    what is wrong in the config, or the file or package that is missing.
    """

    def __init__(self, overrides: Mapping[str, Any], hasher: CodeHasher, *, installed: bool):
        for group in registry.GROUPS:
            registry.names(group)  # stops here, in one line, if a plugin cannot be loaded
        self.manifest = load_manifest(project.asset(project.MANIFEST))
        roles = {
            name: {file.name: file.role for file in entry.files.values()}
            for name, entry in self.manifest.items()
        }
        config = merge(load_yaml(project.asset("config/config.yaml")), overrides)
        self.config = resolve(config, roles)
        figures.check_limits(self.config["figures"])
        if installed:
            require_installed(self.config["studies"])
        self.studies = studies_of(self.config, self.manifest)
        for study in self.studies.values():
            data.require_files(study)
            figures.require_none_left(study)
        self._hasher = hasher

    def ask(self, answer: Any) -> Any:
        """A planning function as Snakemake's function of wildcards; other values as they are."""
        if answer is registry.ROOT_SEED:
            return self.config["root_seed"]
        if not callable(answer):
            return answer

        def of_wildcards(wildcards: Any) -> Any:
            at = Wildcards(**dict(wildcards.items()))
            return answer(self.studies[at.study], at)

        return of_wildcards

    def all_of(self, answers: Mapping[str, Any]) -> dict[str, Any]:
        """Each of these by :meth:`ask`."""
        return {name: self.ask(answer) for name, answer in answers.items()}

    def step(
        self,
        script: str,
        numeric_threads: int | None = None,
        *,
        assets: Sequence[str] = (),
        declared: tuple[str, str] | None = None,
        reader: str = "",
    ) -> dict[str, Any]:
        """The param ``step`` of a script: the hash of its code, threads, assets, functions.

        ``declared`` names the declaration (group, name) whose function it calls, ``reader`` the
        function that reads a data set if it is not the default one.
        """
        functions = [registry.find(*declared).function] if declared else []
        functions += [reader] if reader else []
        files = map(project.asset, assets)
        known = {
            "code": self._hasher.code_hash(project.script(script), files, functions),
            "numeric_threads": numeric_threads or self.config["numeric_threads"],
        }
        if assets:
            known["assets"] = list(assets)
        if declared:
            known["declared"] = declared[1]
        return known | ({"functions": [reader]} if reader else {})

    def reading(self, script: str, key: str) -> Any:
        """The param ``step`` of a step that reads the data set which this key of a study names."""
        reader = data.reader(key)
        return self.ask(lambda study, at: self.step(script, reader=reader(study, at) or ""))

    # --- where rules apply -------------------------------------------------------------------
    def of_kind(self, *kinds: str) -> str:
        """Constraint of the wildcard study: of these kinds."""
        return self.where(lambda study: study.is_of(*kinds))

    def where(self, wanted: Callable[[Study], bool]) -> str:
        """Constraint of the wildcard study."""
        return one_of(name for name, study in self.studies.items() if wanted(study))

    def with_models(self, *types: str) -> str:
        """Constraint of the wildcard model: of these types."""
        return one_of({m for study in self.studies.values() for m in study.models(*types)})

    def with_models_that(self, wanted: Callable[[registry.ModelType], bool]) -> str:
        """Constraint of the wildcard model: of types that fulfil a condition."""
        return one_of({m for s in self.studies.values() for m in s.models_that(wanted)})

    def extractions(self) -> list[tuple[str, list[str], str]]:
        """Of each rule that reads features: studies, layers with files of their own, models.

        The first one has logits, and is there also if no model has these.
        """
        found: dict[tuple[str, ...], dict[str, list[str]]] = {("logits",): {}}
        for study in self.studies.values():
            for named, models in networks.extractions(study):
                found.setdefault(tuple(named), {})[study.name] = models
        rules = []
        for layers, where in found.items():
            every = {model for models in where.values() for model in models}
            rest = [models for key, w in found.items() if key != layers for models in w.values()]
            others = {model for models in rest for model in models}
            # A model of the same name may have other layers in another study: a rule for each.
            apart = [([s], models) for s, models in where.items()] if every & others else []
            for studies, models in apart or [(list(where), sorted(every))]:
                rules.append((one_of(studies), list(layers), one_of(models)))
        return rules

    @property
    def crops(self) -> str:
        """Constraint of the wildcard crop."""
        return one_of(["whole", "eyes", *(v for s in self.studies.values() for v in s.crops)])

    # --- downloads ---------------------------------------------------------------------------
    @property
    def downloaded(self) -> str:
        """Constraint of the wildcard dataset: those that are downloaded."""
        return one_of(data.downloaded(self.manifest))

    def download(self, wildcards: Any) -> dict[str, Any]:
        """The param ``step`` of a download, with its entry of the manifest."""
        entry = entry_as_params(self.manifest[wildcards.dataset].files[wildcards.name])
        return {**self.step("download_file"), "entry": entry}

    def download_disk(self, wildcards: Any) -> int:
        """MB of a download."""
        size = self.manifest[wildcards.dataset].files[wildcards.name].bytes
        return (size or 10**6 * resources.UNKNOWN_DOWNLOAD) // 10**6

    def downloads(self) -> list[str]:
        """Every file that the studies download."""
        return [file for study in self.studies.values() for file in data.downloads_of(study)]


def one_of(names: Iterable[str]) -> str:
    """A wildcard constraint: one of the names; matches nothing if there are none."""
    return "|".join(re.escape(name) for name in sorted(set(names))) or "(?!)"
