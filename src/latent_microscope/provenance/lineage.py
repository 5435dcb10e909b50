"""Provenance of an artefact, and whether it is unchanged: read from the sidecars.

A sidecar names a step, its code, params and machine, and the content of every input; followed from
file to file they lead from a figure to the data.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from latent_microscope import former_names, project, registry
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_table
from latent_microscope.provenance.codehash import CodeHasher
from latent_microscope.provenance.sidecars import SUFFIX, read_sidecar, sha256_file, sidecar_path

SEEDS = ("root_seed", "seed")
"""Params that choose a random stream: the root seed of the config, and the seed of the run."""
ARTEFACTS = {".npy", ".npz", ".pt", ".parquet", ".csv", ".png", ".pdf", ".svg"}


@dataclass
class Origin:
    """A file, the job that made it, and what that job read."""

    path: Path  # as the job named it
    recorded: str | None  # SHA-256, by the reader of this file or by its own sidecar
    state: str  # unchanged, altered, missing; or edited: altered, but not an artefact
    sidecar: Mapping[str, Any] = field(default_factory=dict)
    inputs: dict[str, list["Origin"]] = field(default_factory=dict)  # by argument
    same_code: bool | None = None  # None: this checkout has no such script

    def walk(self) -> Iterator["Origin"]:
        """This origin and all behind it, each file once, readers first."""
        queue, seen = [self], set()
        for origin in queue:
            if origin.path not in seen:
                seen.add(origin.path)
                yield origin
                queue.extend(o for origins in origin.inputs.values() for o in origins)


def traces(paths: Iterable[Path], root: Path = Path()) -> list[Origin]:
    """Follow several artefacts back to the data; files on the way are hashed once."""
    tracer = _Tracer(root)
    return [tracer.origin(path, None) for path in paths]


def trace(path: Path, root: Path = Path(), *, row: int | None = None) -> Origin:
    """Follow an artefact (relative to ``root``, the folder of the run) back to the data.

    With a ``row`` of a table, counted from 0, only the inputs that this row can depend on.
    """
    if not path.name or not sidecar_path(root / path).is_file():
        raise InputError(f"{path}: no sidecar {path.name}{SUFFIX}, so its provenance is unknown")
    (origin,) = traces([path], root)
    if row is not None:
        cells = table_row(root / path, row)
        origin.inputs = {n: _of_row(found, cells) for n, found in origin.inputs.items()}
    return origin


def table_row(path: Path, row: int) -> dict[str, Any]:
    """A row of a .csv or .parquet table, by column; :class:`InputError` if there is none."""
    if path.suffix not in (".csv", ".parquet"):
        raise InputError(f"{path}: not a table (.csv or .parquet), so it has no rows")
    try:
        table = load_table(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except ValueError as error:  # pandas' parser errors are ValueErrors
        raise InputError(f"{path}: not a readable CSV ({error})") from error
    if has_former_names(path):
        table = former_names.columns(table)
    if not 0 <= row < len(table):
        raise InputError(f"{path}: no row {row}; it has 0 to {len(table) - 1}")
    return {str(column): table[column].tolist()[row] for column in table.columns}


def _of_row(origins: list[Origin], cells: Mapping[str, Any]) -> list[Origin]:
    """The files of an argument whose path has the row's seed, view and method; else all."""
    runs = [f"seed{cells[key]}" for key in ("seed",) if key in cells]
    wanted = {*runs, *([str(cells["crop"])] if "crop" in cells else [])}
    ending = f"-{cells['method']}." if "method" in cells else ""
    kept = [o for o in origins if wanted <= set(o.path.parts) and ending in o.path.name]
    return kept or origins


class _Tracer:
    def __init__(self, root: Path):
        self._root, self._project = root, project.of_results(root)
        self._hasher = CodeHasher()
        self._known: dict[tuple[Path, str | None], Origin] = {}

    def origin(self, path: Path, recorded: str | None) -> Origin:
        if (path, recorded) not in self._known:
            self._known[path, recorded] = self._read(path, recorded)
        return self._known[path, recorded]

    def _read(self, path: Path, recorded: str | None) -> Origin:
        here = self._root / path
        if not here.exists() and not is_artefact(path):
            here = self._project / path
        sidecar = read_job(here) if sidecar_path(here).is_file() else {}
        recorded = recorded or sidecar.get("sha256")
        state = state_of(here, recorded)
        if state == "altered" and not is_artefact(path):
            state = "edited"
        found = Origin(path, recorded, state, sidecar)
        # A sidecar with another hash belongs to another job than the one whose output was read.
        if sidecar and sidecar["sha256"] == recorded:
            found.same_code = same_code(sidecar, self._project, self._hasher)
            found.inputs = {
                name: [self.origin(Path(p), sha) for p, sha in sorted(files.items())]
                for name, files in sidecar["inputs"].items()
            }
        elif sidecar:
            found.sidecar = {}
        return found


def same_code(job: Mapping[str, Any], folder: Path, hasher: CodeHasher) -> bool | None:
    """Whether a project holds the code that ran a job; None if it has no such script."""
    try:
        script = project.script(job.get("script") or job["step"], folder)
        functions = [*registry.functions_of(job.get("declared", "")), *job.get("functions", ())]
    except InputError:
        return None
    assets = [folder / name for name in job.get("assets", ())]
    if not all(path.exists() for path in assets):
        return False
    return hasher.code_hash(script, assets, functions) == job["code"]


def read_job(artefact: Path) -> dict[str, Any]:
    """The sidecar of an artefact; :class:`InputError` if it is not a sidecar of ours."""
    content = read_sidecar(artefact)
    kinds = {"sha256": str, "step": str, "code": str, "params": dict, "inputs": dict}
    for key, kind in kinds.items():
        value = content.get(key) if isinstance(content, dict) else None
        inner = value.values() if key == "inputs" and isinstance(value, dict) else ()
        if not isinstance(value, kind) or not all(isinstance(files, dict) for files in inner):
            raise InputError(f"{sidecar_path(artefact)}: not a sidecar; wrong key {key!r}")
    if "schema" not in content and "root_seed" not in content["params"]:
        named = content["params"].items()
        content["params"] = {former_names.PARAMS.get(key, key): value for key, value in named}
    return content


def has_former_names(artefact: Path) -> bool:
    """Whether an artefact was made before sidecars had a schema, with former names inside."""
    return sidecar_path(artefact).is_file() and "schema" not in read_sidecar(artefact)


def is_artefact(path: Path) -> bool:
    """Whether a path, as the jobs name it, is made or downloaded by the workflow."""
    return path.parts[:1] in (("data",), ("results",))


def folders_of(jobs: Iterable[Mapping[str, Any]]) -> set[str]:
    """The user's folders of images behind some jobs, each with the hash of its content.

    Their images are no inputs of the jobs; the hash is a param.
    """
    names: dict[str, str] = {}
    for job in jobs:
        params = job["params"]
        if sha256 := params.get("folder"):
            named = params.get("settings", {}).get("file")
            names[sha256] = named or names.get(sha256, "folder of images")
    return {f"{name} (SHA-256 {sha256[:16]})" for sha256, name in names.items()}


def state_of(path: Path, recorded: str | None) -> str:
    """``unchanged``, ``altered`` or ``missing``, by a recorded SHA-256."""
    if not path.is_file():
        return "missing"
    return "altered" if recorded and sha256_file(path) != recorded else "unchanged"


def describe(origin: Origin) -> str:
    """The chain as an indented text, then its data, seeds, code, machines and libraries."""
    lines: list[str] = []
    _describe(origin, "", 0, set(), lines)
    return "\n".join([*lines, "", *_ground(origin)])


def _describe(origin: Origin, name: str, depth: int, seen: set[Path], lines: list[str]) -> None:
    indent = "  " * depth
    title = f"{indent}{name + ': ' if name else ''}{origin.path}"
    note = "" if origin.state == "unchanged" else f"  [{origin.state.upper()}]"
    if origin.path in seen:
        lines.append(f"{title}{note}  (see above)")
        return
    seen.add(origin.path)
    lines.append(title + note)
    sidecar = origin.sidecar
    if not sidecar:
        lines.append(f"{indent}  content {(origin.recorded or 'unknown')[:16]}, no record of a job")
        return
    code = {True: "as here", False: "differs from here", None: "no such script here"}
    job = f"{indent}  by {sidecar['step']}, code {sidecar['code']} ({code[origin.same_code]})"
    lines.append(f"{job}, {sidecar.get('seconds', '?')} s on {sidecar.get('device', '?')}")
    if sidecar["params"]:
        lines.append(f"{indent}  with {json.dumps(sidecar['params'], sort_keys=True)}")
    for argument, origins in origin.inputs.items():
        for other in origins:
            _describe(other, argument, depth + 1, seen, lines)


def _ground(origin: Origin) -> list[str]:
    """Data, seeds, code, machines and libraries of a whole chain."""
    steps = [o for o in origin.walk() if o.sidecar]
    data = {str(o.path) for o in origin.walk() if o.path.parts[0] == "data"}
    data |= folders_of(o.sidecar for o in steps)
    seeds = {
        f"{key} {o.sidecar['params'][key]}"
        for o in steps
        for key in SEEDS
        if o.sidecar["params"].get(key) is not None
    }
    other_code = sorted({o.sidecar["step"] for o in steps if o.same_code is False})
    wrong = sorted(
        f"{o.path} ({o.state})" for o in origin.walk() if o.state in ("altered", "missing")
    )
    libraries = {f"{n} {v}" for o in steps for n, v in o.sidecar.get("libraries", {}).items()}
    return [
        f"data      {_listed(sorted(data))}",
        f"seeds     {_listed(sorted(seeds))}",
        f"code      {_listed(other_code) + ': differs from here' if other_code else 'as here'}",
        f"machine   {_listed(sorted({_machine(o.sidecar) for o in steps}))}",
        f"libraries {_listed(sorted(libraries))}",
        f"files     {_listed(wrong) if wrong else 'all unchanged'}",
    ]


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "none"


def _machine(sidecar: Mapping[str, Any]) -> str:
    machine = sidecar.get("machine", {})
    parts = [machine.get("processor"), f"{machine.get('cores')} cores"]
    parts += [f"{machine.get('memory_gib')} GiB", f"Python {machine.get('python')}"]
    return " / ".join(str(part) for part in [sidecar.get("device"), *parts])


@dataclass(frozen=True)
class Finding:
    """A difference between a file and the sidecars; ``detail`` says it in words.

    ``other input``: it was made from another content of an input than is there now.
    """

    path: Path
    kind: str  # altered, missing, other input, bad sidecar, no sidecar
    detail: str


FAILURES = ("altered", "missing", "other input", "bad sidecar")


def verify(folder: Path, root: Path = Path()) -> tuple[int, list[Finding]]:
    """Hash the results in a folder again and compare with their sidecars.

    Returns the number of hashed files, and what differs, worst first; inputs are looked up below
    ``root``, the folder of the run. :class:`InputError` if the folder holds no sidecar.
    """
    sidecars = sorted(folder.rglob(f"*{SUFFIX}"))
    if not sidecars:
        raise InputError(f"{folder}: no sidecars (*{SUFFIX}) below it")
    findings: list[Finding] = []
    for sidecar in sidecars:
        findings += _compare(sidecar.with_name(sidecar.name.removesuffix(SUFFIX)), root)
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix in ARTEFACTS and not hidden and not sidecar_path(path).is_file():
            findings.append(Finding(path, "no sidecar", "no record of the job that made it"))
    order = (*FAILURES, "no sidecar")
    return len(sidecars), sorted(findings, key=lambda f: (order.index(f.kind), f.path))


def _compare(artefact: Path, root: Path) -> list[Finding]:
    try:
        job = read_job(artefact)
    except InputError as error:
        return [Finding(artefact, "bad sidecar", str(error))]
    state = state_of(artefact, job["sha256"])
    if state != "unchanged":
        detail = f"recorded {job['sha256'][:16]} by {job['step']}"
        if state == "altered":
            detail += f", found {sha256_file(artefact)[:16]}"
        return [Finding(artefact, state, detail)]
    found = []
    for files in job["inputs"].values():
        for name, recorded in files.items():
            source = root / name
            if is_artefact(Path(name)) and state_of(source, recorded) == "altered":
                detail = f"made from another content of {name} ({recorded[:16]})"
                found.append(Finding(artefact, "other input", detail))
    return found
