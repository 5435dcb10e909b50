"""Run one step: the same ``main()`` from a Snakemake rule or as a command.

A step's ``main`` takes keyword arguments only, each annotated: :data:`In` and :data:`Out` mark
files, everything else is a parameter. The adapter under ``__main__`` is one line::

    run(main, globals().get("snakemake"))

A step that many declarations share (plot, tabulate, …) has a ``finish`` instead, which calls the
declared function and writes what it returns::

    run_declared("figures", finish, globals().get("snakemake"))
"""

import argparse
import hashlib
import inspect
import json
import logging
import os
import sys
import time
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from latent_microscope import progress, registry
from latent_microscope.arguments import Asset, In, Out, load
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import NO_SPACE, remove_leftovers
from latent_microscope.messages import one_line
from latent_microscope.project import asset
from latent_microscope.provenance.codehash import CACHE, LIBRARY, CodeHasher
from latent_microscope.provenance.sidecars import sha256_file, write_sidecars

log = logging.getLogger("latent_microscope")
NUMERIC_THREADS = 2
"""Threads of a step run as a command; the config's default, so that both give the same bytes."""
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass
class Job:
    """What is running: filled from the rule or from the command line."""

    name: str
    code: str
    inputs: dict[str, list[Path]]
    outputs: dict[str, list[Path]]
    params: dict[str, Any]
    numeric_threads: int | None = None
    gpu: bool = True
    mirror: str | None = None
    assets: tuple[str, ...] = ()
    declared: str = ""
    script: str = ""
    functions: tuple[str, ...] = ()
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Step:
    """What runs: its function, where its script is, and what it is declared as (group/name)."""

    main: Callable[..., None]
    script: Path
    declared: str = ""

    @property
    def name(self) -> str:
        """As its rule and its sidecars name it."""
        stem = self.script.stem
        name = self.declared.partition("/")[2]
        if not name:
            return stem
        return name if self.declared.startswith("tables/") else f"{stem}_{name}"

    @property
    def functions(self) -> list[str]:
        """The declared function, whose code counts."""
        return registry.functions_of(self.declared)


_current: ContextVar[Job | None] = ContextVar("job", default=None)


def run(
    main: Callable[..., None], snakemake: Any = None, argv: Sequence[str] | None = None
) -> None:
    """Call ``main`` with the rule's or the command line's arguments; write the sidecars.

    Exit status 1 with one line for the user's mistakes (:class:`InputError`, a full disk), 2 for a
    wrong command line; any other exception keeps its traceback.
    """
    _run(_Step(main, Path(main.__globals__["__file__"])), snakemake, argv)


def run_declared(
    group: str,
    finish: Callable[..., None],
    snakemake: Any = None,
    argv: Sequence[str] | None = None,
    *,
    supplied: Sequence[str] | None = None,
) -> None:
    """Run the declared function that the rule's ``step`` or the first argument names.

    Args:
        group: Of the declaration (:data:`latent_microscope.registry.GROUPS`).
        finish: Takes the declared name, the function with its arguments in place, and the outputs
            (name → paths); its own keywords are arguments of all these steps.
        snakemake: The rule's object, if a rule runs.
        argv: The command line: the declared name, then the arguments.
        supplied: Keywords of the function that ``finish`` gives; its others are arguments of the
            step. None: ``finish`` gives all.
    """
    if snakemake is not None:
        name = dict(snakemake.params.items()).get("step", {}).get("declared", "")
    else:
        argv = list(sys.argv[1:] if argv is None else argv)
        name = argv.pop(0) if argv and not argv[0].startswith("-") else ""
        if not name:
            _say_names(group, finish, asked="--help" in argv or "-h" in argv)
    try:
        declaration = registry.find(group, name)
        function = load(declaration.function)
        outputs = registry.outputs_of(declaration)
        main = _combined(finish, function, name, outputs, supplied)
    except InputError as error:
        _start_logging(Path(snakemake.log[0]) if snakemake and len(snakemake.log) else None)
        _fail(str(error))
        return
    script = Path(finish.__globals__["__file__"])
    _run(_Step(main, script, f"{group}/{name}"), snakemake, argv)


def _say_names(group: str, finish: Callable[..., None], *, asked: bool) -> None:
    script = Path(finish.__globals__["__file__"]).name
    text = f"usage: {script} NAME …; {script} NAME --help\n\nNAME is one of the declared {group}:\n"
    text += "".join(f"  {name}\n" for name in registry.names(group))
    (sys.stdout if asked else sys.stderr).write(text)
    sys.exit(0 if asked else 2)


def _combined(
    finish: Callable[..., None],
    function: Callable[..., Any],
    name: str,
    outputs: Mapping[str, Any],
    supplied: Sequence[str] | None,
) -> Callable[..., None]:
    """One ``main`` with the arguments of both and the declared outputs."""
    parameters = dict(inspect.signature(finish).parameters)
    parameters = {n: p for n, p in parameters.items() if p.kind is p.KEYWORD_ONLY}
    hints = typing.get_type_hints(finish, include_extras=True)
    passed: list[str] = []
    if supplied is not None:
        kept, types = _declared_arguments(function, supplied, {*parameters, *outputs})
        passed, parameters, hints = list(kept), kept | parameters, types | hints
    for output, hint in outputs.items():
        parameters[output] = inspect.Parameter(output, inspect.Parameter.KEYWORD_ONLY)
        hints[output] = hint

    def main(**given: Any) -> None:
        call = partial(function, **{n: given.pop(n) for n in passed if n in given})
        made = {n: given.pop(n) for n in outputs if n in given}
        files = {n: [path] if isinstance(path, Path) else path for n, path in made.items()}
        finish(name, call, files, **given)

    text = inspect.getdoc(function) or ""
    helps = _argument_help(inspect.getdoc(finish) or "") | _argument_help(text)
    arguments = "".join(f"    {n}: {helps[n]}\n" for n in parameters if n in helps)
    main.__doc__ = f"{text.split(chr(10) * 2 + 'Args:')[0]}\n\nArgs:\n{arguments}"
    main.__annotations__ = {n: hints[n] for n in parameters}
    main.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
    return main


def _declared_arguments(
    function: Callable[..., Any], supplied: Sequence[str], taken: set[str]
) -> tuple[dict[str, inspect.Parameter], dict[str, Any]]:
    """Arguments of a declared function and their types.

    Raises:
        InputError: One is not by keyword, has no type, or has the name of another one of the step.
    """
    where = f"declared function {function.__module__}:{function.__name__}"
    own = inspect.signature(function).parameters
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise InputError(f"{where}: a type cannot be found where it runs ({error})") from error
    kept = {name: own[name] for name in own if name not in supplied}
    for name, parameter in kept.items():
        if parameter.kind is not parameter.KEYWORD_ONLY:
            raise InputError(f"{where}: {name!r} must be keyword-only (after *)")
        if name not in hints:
            raise InputError(f"{where}: {name!r} has no type; files are In, or list[In]")
        if name in taken:
            raise InputError(f"{where}: {name!r} is an output or an argument of every such step")
    return kept, hints


def _run(step: _Step, snakemake: Any, argv: Sequence[str] | None) -> None:
    try:
        job = _from_rule(step, snakemake) if snakemake is not None else _from_command(step, argv)
        _set_environment(job)
        for paths in job.outputs.values():
            for path in paths:
                remove_leftovers(path)
        token = _current.set(job)
        start = time.perf_counter()
        try:
            step.main(**job.arguments)
        finally:
            _current.reset(token)
        write_sidecars(
            [path for paths in job.outputs.values() for path in paths],
            step=job.name,
            script=job.script,
            declared=job.declared,
            functions=job.functions,
            code=job.code,
            assets=job.assets,
            params=job.params,
            inputs=job.inputs,
            numeric_threads=job.numeric_threads,
            seconds=time.perf_counter() - start,
        )
    except InputError as error:
        _fail(str(error))
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            place = error.filename or "output"
            _fail(f"{place}: no space left on the disk; free some and run again")
        log.exception("failed")
        if snakemake is not None and len(snakemake.log):
            sys.exit(1)  # the log has it all, and Snakemake says where that is
        raise


def _fail(message: str) -> None:
    log.error("error: %s", one_line(message))
    sys.exit(1)


def checkpoint_path(output: Path, inputs: Sequence[Path], settings: Mapping[str, Any]) -> Path:
    """Where an interrupted step keeps its state: keyed by code, settings and input contents.

    Args:
        output: The artefact in the making; the checkpoint lies in ``.checkpoints`` beside it.
        inputs: Files whose content the state depends on.
        settings: JSON-like parameters that it depends on.
    """
    job = _current.get()
    key = json.dumps(
        [job.code if job else "", [sha256_file(p) for p in inputs], settings],
        sort_keys=True,
        default=str,
    )
    name = f"{output.stem}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.ckpt"
    return output.parent / ".checkpoints" / name


def gpu_granted() -> bool:
    """Whether this job may use a GPU (a rule that asked for none may not)."""
    job = _current.get()
    return job.gpu if job else True


def _from_rule(this: _Step, snakemake: Any) -> Job:
    main = this.main
    _start_logging(Path(snakemake.log[0]) if len(snakemake.log) else None, in_a_rule=True)
    where, kinds, hints = f"rule {snakemake.rule}", _kinds(main), typing.get_type_hints(main)
    given = dict(snakemake.params.items())
    if len(given) != len(snakemake.params):
        raise InputError(f"{where}: every param needs a name")
    step = given.pop("step", {})
    _check_code(this, step, where)
    assets = {n: asset(given[n]) for n, kind in kinds.items() if kind == "asset" and n in given}
    named = [(name, "param") for name in given]
    files: dict[str, dict[str, list[Path]]] = {"input": {}, "output": {}}
    for kind, namedlist in (("input", snakemake.input), ("output", snakemake.output)):
        for name, value in namedlist.items():
            paths = [Path(value)] if isinstance(value, str) else [Path(v) for v in value]
            named.append((name, kind))
            files[kind][name] = paths
            if name not in hints or _converter(hints[name])[1]:
                given[name] = paths
            elif len(paths) > 1:
                raise InputError(f"{where}: its script takes one {name!r}, not {len(paths)} files")
            elif paths:  # no file at all, such as a function that returned []: main's default
                given[name] = paths[0]
        if len(namedlist) != sum(len(p) for p in files[kind].values()):
            raise InputError(f"{where}: every {kind} needs a name")
    for argument, kind in named:
        if kinds.get(argument, kind) not in (kind, "asset" if kind == "param" else kind):
            taken = kinds[argument]
            raise InputError(f"{where}: its script takes {argument!r} as {taken}, not as {kind}")
    given |= assets
    _check_names(main, given, where)
    params = {n: p.default for n, p in inspect.signature(main).parameters.items()}
    params = {n: given.get(n, d) for n, d in params.items() if kinds[n] == "param"}
    return Job(
        name=this.name,
        script=this.script.stem,
        declared=this.declared,
        functions=tuple(step.get("functions", ())),
        code=step.get("code", ""),
        inputs=files["input"] | {n: _files_of(path) for n, path in assets.items()},
        outputs=files["output"],
        params=params,
        numeric_threads=step.get("numeric_threads"),
        gpu=bool(snakemake.resources.get("gpu", 0)),
        mirror=snakemake.config.get("mirror"),
        assets=tuple(step.get("assets", ())),
        arguments=given,
    )


def _check_code(this: _Step, step: Mapping[str, Any], where: str) -> None:
    """Refuse to run other code than was planned.

    Snakemake appends its search paths, so that an installed package wins over a clone's ``src``.
    """
    if "code" in step:
        assets = map(asset, step.get("assets", ()))
        functions = [*this.functions, *step.get("functions", ())]
        found = CodeHasher(CACHE).code_hash(this.script, assets, functions)
        if found != step["code"]:
            raise InputError(
                f"{where}: the code here ({found}, library {LIBRARY}) is not the one that was "
                f"planned ({step['code']}); either it was edited since: start again, or another "
                "installation of latent-microscope is in the way: uninstall it"
            )


def _files_of(path: Path) -> list[Path]:
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def _check_names(main: Callable[..., None], given: Mapping[str, Any], where: str) -> None:
    known = inspect.signature(main).parameters
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise InputError(f"{where}: {unknown[0]!r} is not an argument of its script's main()")
    for name, parameter in known.items():
        if parameter.default is parameter.empty and name not in given:
            raise InputError(f"{where}: the argument {name!r} of its script's main() is missing")


def _kinds(main: Callable[..., None]) -> dict[str, str]:
    """Name → ``input``, ``output`` or ``param``."""
    hints = typing.get_type_hints(main, include_extras=True)
    return {name: _kind(hint) for name, hint in hints.items() if name != "return"}


def _kind(hint: Any) -> str:
    for marker in ("input", "output", "asset"):
        if hint in (In, Out, Asset) and marker in hint.__metadata__:
            return marker
    inner = (_kind(part) for part in typing.get_args(hint))
    return next((kind for kind in inner if kind != "param"), "param")


def _from_command(this: _Step, argv: Sequence[str] | None) -> Job:
    main = this.main
    declared = this.declared.partition("/")[2]
    parser = _parser(main, f"{this.script.name} {declared}".strip())
    arguments = vars(parser.parse_args(argv))
    threads = arguments.pop("numeric_threads")
    _start_logging(arguments.pop("log"))
    kinds = _kinds(main)
    files: dict[str, dict[str, list[Path]]] = {"input": {}, "output": {}}
    for name, value in arguments.items():
        if value is not None and kinds[name] in files:
            files[kinds[name]][name] = value if isinstance(value, list) else [value]
    assets = {n: Path(v) for n, v in arguments.items() if kinds[n] == "asset"}
    for name, path in assets.items():
        arguments[name] = assets[name] = path if path.exists() else asset(path)
    return Job(
        name=this.name,
        script=this.script.stem,
        declared=this.declared,
        code=CodeHasher().code_hash(this.script, functions=this.functions),
        inputs=files["input"] | {n: _files_of(path) for n, path in assets.items()},
        outputs=files["output"],
        params={n: v for n, v in arguments.items() if kinds[n] == "param"},
        numeric_threads=threads,
        arguments=arguments,
    )


def _parser(main: Callable[..., None], prog: str) -> argparse.ArgumentParser:
    text = inspect.getdoc(main) or ""
    parser = argparse.ArgumentParser(
        prog=prog,
        description=text.split("\n\nArgs:")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    helps = _argument_help(text)
    hints = typing.get_type_hints(main)
    kinds = _kinds(main)
    for name, parameter in inspect.signature(main).parameters.items():
        convert, many = _converter(hints[name])
        options: dict[str, Any] = {
            "type": convert,
            "help": f"[{kinds[name]}] {helps.get(name, '')}".replace("%", "%%"),
            "metavar": getattr(convert, "__name__", "VALUE").strip("_").upper(),
        }
        if many:
            options["nargs"] = "+"
        if parameter.default is parameter.empty:
            options.update(required=True, default=argparse.SUPPRESS)
        else:
            options["default"] = parameter.default
        parser.add_argument("--" + name.replace("_", "-"), **options)
    parser.add_argument(
        "--numeric-threads",
        type=_count,
        metavar="INT",
        default=NUMERIC_THREADS,
        help="threads of numpy, torch and the like; the last bits of results depend on it",
    )
    parser.add_argument(
        "--log", type=Path, metavar="PATH", default=None, help="also write messages to this file"
    )
    return parser


def _argument_help(docstring: str) -> dict[str, str]:
    helps: dict[str, str] = {}
    name = None
    for line in docstring.partition("\nArgs:\n")[2].splitlines():
        if not line.strip():
            break
        if line.startswith("    ") and not line.startswith("     ") and ":" in line:
            name, _, text = line.strip().partition(":")
            helps[name] = text.strip()
        elif name:
            helps[name] += " " + line.strip()
    return helps


def _converter(hint: Any) -> tuple[Callable[[str], Any], bool]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(h for h in typing.get_args(hint) if h is not type(None))
    if typing.get_origin(hint) is list and typing.get_args(hint)[0] in (Path, int, float, str):
        return typing.get_args(hint)[0], True
    if hint in (Path, int, float, str):
        return hint, False
    if hint is bool:
        return _bool, False
    return _json, False


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _bool(text: str) -> bool:
    if text.lower() not in ("true", "false", "yes", "no", "1", "0"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() in ("true", "yes", "1")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON ({error})") from error


class _LogFile(logging.FileHandler):
    """A log file whose own trouble (a full disk) does not bury the step's message."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (a method of logging)
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def _start_logging(log_file: Path | None, *, in_a_rule: bool = False) -> None:
    """Messages go to the terminal and the log file, warnings to the file if there is one.

    In a rule the terminal is Snakemake's: it says what failed, and the log has the rest.
    """
    terminal = logging.StreamHandler(sys.stderr)
    terminal.addFilter(lambda record: record.exc_info is None)  # Python shows the traceback itself
    handlers: list[logging.Handler] = [] if in_a_rule and log_file else [terminal]
    progress.bars = not (in_a_rule and log_file)
    if log_file is not None:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(_LogFile(log_file, mode="w", encoding="utf-8"))
        handlers[-1].setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.captureWarnings(True)
    log.setLevel(logging.INFO)
    for logger, wanted in ((log, handlers), (logging.getLogger("py.warnings"), handlers[-1:])):
        logger.propagate = False
        for old in logger.handlers[:]:
            logger.removeHandler(old)
            old.close()
        for handler in wanted:
            logger.addHandler(handler)


def _set_environment(job: Job) -> None:
    """Set the number of numeric threads: results must not depend on the cores a job was given."""
    if job.mirror:
        os.environ["LATENT_MICROSCOPE_MIRROR"] = str(Path(job.mirror).resolve())
    if not job.gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    if job.numeric_threads is not None:
        limit_threads(job.numeric_threads)


def limit_threads(count: int) -> None:
    """Let numpy, torch and the like use ``count`` threads in this process from now on."""
    import threadpoolctl

    for variable in _THREAD_VARIABLES:  # for libraries that main imports later
        os.environ[variable] = str(count)
    threadpoolctl.threadpool_limits(count)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(count)
    numba = sys.modules.get("numba")
    if numba is not None:
        numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    else:
        os.environ["NUMBA_NUM_THREADS"] = str(count)
