"""Run one step: the same ``main()`` from a Snakemake rule or as a command.

A step's ``main`` takes annotated keyword arguments only: :data:`In`, :data:`Out` and
:data:`Asset` mark files, everything else is a parameter. A script ends with
``run(main, globals().get("snakemake"))``. A script that many declarations share (plot, tabulate, …)
has a ``finish`` instead, which calls the declared function and writes what it returns.
"""

import argparse
import hashlib
import inspect
import json
import logging
import os
import re
import sys
import time
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from latent_microscope import arguments as shared
from latent_microscope import progress, registry, width
from latent_microscope.arguments import Asset, In, Out, load
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import NO_SPACE, remove_leftovers
from latent_microscope.messages import log, one_line
from latent_microscope.planning.environment import THREAD_VARIABLES
from latent_microscope.project import asset
from latent_microscope.provenance import finished
from latent_microscope.provenance.codehash import CACHE, LIBRARY, CodeHasher
from latent_microscope.provenance.sidecars import sha256_file, write_sidecars

NUMERIC_THREADS = 1
"""Threads of a step run as a command: the config's default, so that both give the same bytes."""
_SIMPLE = (Path, int, float, str)
_REQUIRED = inspect.Parameter.empty
Main = Callable[..., None]
Files = dict[str, list[Path]]
"""Name of an argument → its files."""


@dataclass
class Job:
    """A running step, from its rule or from the command line."""

    facts: dict[str, Any]  # step, code, params …: what its sidecars say
    inputs: Files
    outputs: Files
    arguments: dict[str, Any]
    gpu: bool = True
    cores: int | None = None
    mirror: str | None = None
    training: bool = False  # of a rule


@dataclass(frozen=True)
class _Step:
    main: Main
    script: Path
    declared: str = ""  # group/name

    @property
    def name(self) -> str:
        """The name of its rule, also in its sidecars."""
        group, _, name = self.declared.partition("/")
        return name if group == "tables" else "_".join(filter(None, [self.script.stem, name]))

    @property
    def functions(self) -> list[str]:
        """The declared function, which is part of the step's code."""
        return registry.functions_of(self.declared)


@dataclass(frozen=True)
class _Argument:
    convert: Callable[[str], Any]
    default: Any
    kind: str = "param"  # input, output, asset or param
    many: bool = False


_current: ContextVar[Job | None] = ContextVar("job", default=None)


def run(main: Main, snakemake: Any = None, argv: Sequence[str] | None = None) -> None:
    """Call ``main`` with the rule's or the command line's arguments; write the sidecars.

    Exit status 1 with one line for the user's mistakes (:class:`InputError`, a full disk), 2 for a
    wrong command line; any other exception keeps its traceback.
    """
    _run(lambda: _Step(main, Path(main.__globals__["__file__"])), snakemake, argv)


def run_declared(
    group: str,
    finish: Main,
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
    script = Path(finish.__globals__["__file__"])
    if snakemake is not None:
        name = dict(snakemake.params.items()).get("step", {}).get("declared", "")
    else:
        argv = list(sys.argv[1:] if argv is None else argv)
        if not argv or argv[0].startswith("-"):
            text = f"usage: {script.name} NAME …; {script.name} NAME --help\n\nnames of {group}:\n"
            text += "".join(f"  {name}\n" for name in registry.names(group))
            asked = {"-h", "--help"} & set(argv)
            (sys.stdout if asked else sys.stderr).write(text)
            sys.exit(0 if asked else 2)
        name = argv.pop(0)

    def declared_step() -> _Step:
        declared = registry.find(group, name)
        outputs = registry.outputs_of(declared)
        main = _combined(finish, load(declared.function), name, outputs, supplied)
        return _Step(main, script, f"{group}/{name}")

    _run(declared_step, snakemake, argv)


def _combined(
    finish: Main,
    function: Callable[..., Any],
    name: str,
    outputs: Mapping[str, Any],
    supplied: Sequence[str] | None,
) -> Main:
    """One ``main`` with the arguments of both functions and the declared outputs."""
    own = inspect.signature(finish).parameters
    parameters = {n: p for n, p in own.items() if p.kind is p.KEYWORD_ONLY}
    hints = typing.get_type_hints(finish, include_extras=True) | dict(outputs)
    passed: dict[str, inspect.Parameter] = {}
    if supplied is not None:
        passed, more = _declared_arguments(function, supplied, {*parameters, *outputs})
        hints = more | hints
    new = {n: inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY) for n in outputs}
    parameters = passed | parameters | new

    def main(**given: Any) -> None:
        call = partial(function, **{n: given.pop(n) for n in passed if n in given})
        made = {n: given.pop(n) for n in outputs if n in given}
        files = {n: [path] if isinstance(path, Path) else path for n, path in made.items()}
        finish(name, call, files, **given)

    description, helps = _read_docstring(function, parameters)
    helps = _read_docstring(finish, parameters)[1] | helps
    main.__doc__ = "\n".join([description, "", *(f"{n}: {text}" for n, text in helps.items())])
    main.__annotations__ = {n: hints[n] for n in parameters}
    main.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
    return main


def _declared_arguments(
    function: Callable[..., Any], supplied: Sequence[str], taken: set[str]
) -> tuple[dict[str, inspect.Parameter], dict[str, Any]]:
    """Arguments of a declared function and their types; :class:`InputError` names a wrong one."""
    where = f"declared function {function.__module__}:{function.__name__}"
    own = inspect.signature(function).parameters
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise InputError(f"{where}: cannot resolve the type of an argument ({error})") from error
    kept = {name: own[name] for name in own if name not in supplied}
    for name, parameter in kept.items():
        if parameter.kind is not parameter.KEYWORD_ONLY:
            raise InputError(f"{where}: {name!r} must be keyword-only (after *)")
        if name not in hints:
            raise InputError(f"{where}: {name!r} has no type; use In or list[In] for files")
        if name in taken:
            raise InputError(f"{where}: {name!r} is an output or an argument of every such step")
    return kept, hints


def _run(find_step: Callable[[], _Step], snakemake: Any, argv: Sequence[str] | None) -> None:
    in_a_rule = snakemake is not None
    has_log = in_a_rule and len(snakemake.log) > 0
    _start_logging(Path(snakemake.log[0]) if has_log else None, in_a_rule=in_a_rule)
    try:
        step = find_step()
        job = _from_rule(step, snakemake) if in_a_rule else _from_command(step, argv)
        _set_environment(job)
        outputs = [path for paths in job.outputs.values() for path in paths]
        for path in outputs:
            remove_leftovers(path)
        if job.training and finished.put_back(job.facts, job.inputs, outputs):
            log.info("not trained again: same code, parameters and inputs as the last time")
            return
        token, start = _current.set(job), time.perf_counter()
        try:
            step.main(**job.arguments)
        finally:
            _current.reset(token)
        write_sidecars(outputs, job.inputs, seconds=time.perf_counter() - start, **job.facts)
        if job.training:
            finished.keep(job.facts, job.inputs, outputs)
    except InputError as error:
        _fail(str(error))
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            place = error.filename or "output"
            _fail(f"{place}: no space left on the disk; free some and run again")
        log.exception("failed")
        if has_log:
            sys.exit(1)  # Snakemake names the log, which holds the traceback
        raise


def _fail(message: str) -> None:
    log.error("error: %s", one_line(message))
    sys.exit(1)


def checkpoint_path(output: Path, inputs: Sequence[Path], settings: Mapping[str, Any]) -> Path:
    """Where an interrupted step keeps its state, beside ``output``.

    The name is a hash of the code, the JSON-like ``settings`` and the content of ``inputs``.
    """
    job = _current.get()
    key = [job.facts["code"] if job else "", [sha256_file(p) for p in inputs], settings]
    text = json.dumps(key, sort_keys=True, default=str)
    name = f"{output.stem}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.ckpt"
    return output.parent / ".checkpoints" / name


def gpu_granted() -> bool:
    """Whether this job may use a GPU: in a rule only if the rule asks for one."""
    job = _current.get()
    return job.gpu if job else True


def _arguments(main: Main) -> dict[str, _Argument]:
    hints = typing.get_type_hints(main, include_extras=True)
    parameters = inspect.signature(main).parameters.items()
    return {name: _argument(hints[name], parameter.default) for name, parameter in parameters}


def _argument(hint: Any, default: Any) -> _Argument:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    inner = typing.get_args(hint)[0] if typing.get_origin(hint) is list else None
    many = inner in (*_SIMPLE, In, Out, Asset)
    kind = inner if many else hint
    if kind in (In, Out, Asset):
        return _Argument(Path, default, kind.__metadata__[0], many)
    convert = kind if kind in _SIMPLE else _bool if kind is bool else _json
    return _Argument(convert, default, many=many)


def _from_rule(step: _Step, snakemake: Any) -> Job:
    where, known = f"rule {snakemake.rule}", _arguments(step.main)
    given = dict(snakemake.params.items())
    if len(given) != len(snakemake.params):
        raise InputError(f"{where}: every param needs a name")
    planned = given.pop("step", {})
    _check_code(step, planned, where)
    named = [(name, "param") for name in given]
    files: dict[str, Files] = {"input": {}, "output": {}}
    for kind, found in files.items():
        items = getattr(snakemake, kind)
        for name, value in items.items():
            paths = [Path(value)] if isinstance(value, str) else [Path(v) for v in value]
            named.append((name, kind))
            found[name] = paths
            if name not in known or known[name].many:
                given[name] = paths
            elif len(paths) > 1:
                raise InputError(f"{where}: its script takes one {name!r}, not {len(paths)} files")
            elif paths:  # without a file, such as a function that returned []: main's default
                given[name] = paths[0]
        if len(items) != sum(map(len, found.values())):
            raise InputError(f"{where}: every {kind} needs a name")
    _check_arguments(known, named, given, where)
    assets = {n: asset(given[n]) for n, a in known.items() if a.kind == "asset" and n in given}
    facts: dict[str, Any] = {"code": "", "numeric_threads": None, "assets": [], "functions": []}
    facts |= {key: planned[key] for key in facts.keys() & planned.keys()}
    job = _job(step, known, files, given | assets, facts)
    if "tensorboard" in known and snakemake.log and find_spec("tensorboard"):
        # Beside the log and, as the log, in no sidecar: for watching only.
        job.arguments.setdefault("tensorboard", str(Path(snakemake.log[0]).with_suffix("")))
    job.gpu = bool(snakemake.resources.get("gpu", 0) or snakemake.resources.get("gres"))
    job.cores = getattr(snakemake, "threads", None)
    job.mirror = snakemake.config.get("download_mirror")
    job.training = "checkpoint_seconds" in known
    return job


def _check_arguments(
    known: Mapping[str, _Argument],
    named: Sequence[tuple[str, str]],
    given: Mapping[str, Any],
    where: str,
) -> None:
    """Refuse a rule that does not fit the ``main`` of its script."""
    for name, kind in named:
        if name not in known:
            raise InputError(f"{where}: {name!r} is not an argument of its script's main()")
        taken = known[name].kind
        if kind != taken and (kind, taken) != ("param", "asset"):
            raise InputError(f"{where}: its script takes {name!r} as {taken}, not as {kind}")
    for name, argument in known.items():
        if argument.default is _REQUIRED and name not in given:
            raise InputError(f"{where}: the argument {name!r} of its script's main() is missing")


def _job(
    step: _Step,
    known: Mapping[str, _Argument],
    files: Mapping[str, Files],
    arguments: dict[str, Any],
    facts: Mapping[str, Any],
) -> Job:
    every = {name: arguments.get(name, argument.default) for name, argument in known.items()}
    params = {name: every[name] for name in known if known[name].kind == "param"}
    read = {n: _files_of(every[n]) for n in known if known[n].kind == "asset"}
    declared = {"script": step.script.stem, "declared": step.declared} if step.declared else {}
    own = {"step": step.name, "params": params, **declared}
    return Job({**own, **facts}, files["input"] | read, files["output"], arguments)


def _check_code(step: _Step, planned: Mapping[str, Any], where: str) -> None:
    """Refuse to run other code than was planned.

    Snakemake appends its search paths, so that an installed package wins over a clone's ``src``.
    """
    if "code" in planned:
        assets = map(asset, planned.get("assets", ()))
        functions = [*step.functions, *planned.get("functions", ())]
        found = CodeHasher(CACHE).code_hash(step.script, assets, functions)
        if found != planned["code"]:
            raise InputError(
                f"{where}: the hash of the code is {found} (library {LIBRARY}), but "
                f"{planned['code']} was planned; start again if you edited the code, else "
                "uninstall the other installation of latent-microscope"
            )


def _files_of(path: Path) -> list[Path]:
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def _from_command(step: _Step, argv: Sequence[str] | None) -> Job:
    known = _arguments(step.main)
    declared = step.declared.partition("/")[2]
    parser = _parser(known, f"{step.script.name} {declared}".strip(), step.main)
    arguments = vars(parser.parse_args(argv))
    threads, log_file = arguments.pop("numeric_threads"), arguments.pop("log")
    if log_file:
        _start_logging(log_file)
    files: dict[str, Files] = {"input": {}, "output": {}}
    for name, value in arguments.items():
        kind = known[name].kind
        if kind in files and value is not None:
            files[kind][name] = value if isinstance(value, list) else [value]
        elif kind == "asset":
            arguments[name] = Path(value) if Path(value).exists() else asset(value)
    code = CodeHasher().code_hash(step.script, functions=step.functions)
    return _job(step, known, files, arguments, {"code": code, "numeric_threads": threads})


def _parser(known: Mapping[str, _Argument], prog: str, main: Main) -> argparse.ArgumentParser:
    description, helps = _read_docstring(main, known)
    helps = _read_docstring(shared, known)[1] | helps
    parser = argparse.ArgumentParser(
        prog=prog,
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    for name, argument in known.items():
        required = argument.default is _REQUIRED
        parser.add_argument(
            "--" + name.replace("_", "-"),
            type=argument.convert,
            help=f"[{argument.kind}] {helps.get(name, '')}".replace("%", "%%"),
            metavar=argument.convert.__name__.strip("_").upper(),
            nargs="+" if argument.many else None,
            required=required,
            default=argparse.SUPPRESS if required else argument.default,
        )
    words = "threads of numpy, torch and the like; the last bits of results depend on it"
    threads: Any = {"type": _count, "metavar": "INT", "default": NUMERIC_THREADS}
    parser.add_argument("--numeric-threads", help=words, **threads)
    parser.add_argument("--log", type=Path, metavar="PATH", help="also write messages to this file")
    return parser


def _read_docstring(function: Any, names: Collection[str]) -> tuple[str, dict[str, str]]:
    """What a docstring says first, and of arguments: ``name: text`` begins a line or a sentence."""
    marks = rf"(?:\n\s*(?=\w+: )|(?<=\. )(?=(?:{'|'.join(names)}): ))(\w+): "
    first, *rest = re.split(marks, inspect.getdoc(function) or "")
    texts = (" ".join(text.partition("\n\n")[0].split()) for text in rest[1::2])
    found = zip(rest[::2], texts, strict=True)
    return first.partition("\n\nArgs:")[0].strip(), {n: t for n, t in found if n in names}


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
    """A log file whose own trouble (a full disk) does not hide the step's message."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (a method of logging)
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def _start_logging(log_file: Path | None, *, in_a_rule: bool = False) -> None:
    """Send messages to the terminal and the log file, warnings to the file if there is one.

    In a rule with a log nothing goes to the terminal, which is Snakemake's.
    """
    terminal = logging.StreamHandler(sys.stderr)
    terminal.addFilter(lambda record: record.exc_info is None)  # Python shows the traceback itself
    progress.bars = not (in_a_rule and log_file)
    handlers: list[logging.Handler] = [terminal] if progress.bars else []
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
    """Mirror, GPU, cores and numeric threads: no result depends on the cores that a job has."""
    if job.mirror:
        os.environ["LATENT_MICROSCOPE_MIRROR"] = str(Path(job.mirror).resolve())
    if not job.gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    width.granted = job.cores
    if job.facts["numeric_threads"] is not None:
        limit_threads(job.facts["numeric_threads"])


def limit_threads(count: int) -> None:
    """Let numpy, torch and the like use ``count`` threads in this process from now on."""
    import threadpoolctl

    numba = sys.modules.get("numba")
    for variable in THREAD_VARIABLES:  # for libraries that main imports later
        if numba is None or not variable.startswith("NUMBA"):
            os.environ[variable] = str(count)
    threadpoolctl.threadpool_limits(count)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(count)
    if numba is not None:
        numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
