"""Run one step: the same ``main()`` from a Snakemake rule or as a command.

A step's ``main`` takes keyword arguments only, each annotated: :data:`In` and :data:`Out` mark
files, everything else is a parameter. The adapter under ``__main__`` is one line::

    run(main, globals().get("snakemake"))
"""

import argparse
import errno
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
from pathlib import Path
from typing import Annotated, Any

from latent_microscope.artefacts import remove_leftovers
from latent_microscope.codehash import code_hash
from latent_microscope.errors import InputError
from latent_microscope.provenance import sha256_file, write_sidecars

In = Annotated[Path, "input"]
Out = Annotated[Path, "output"]

log = logging.getLogger("latent_microscope")
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


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
    log_file: Path | None = None
    arguments: dict[str, Any] = field(default_factory=dict)


_current: ContextVar[Job | None] = ContextVar("job", default=None)


def run(
    main: Callable[..., None], snakemake: Any = None, argv: Sequence[str] | None = None
) -> None:
    """Call ``main`` with the rule's or the command line's arguments; write the sidecars.

    Exit status 1 with one line for the user's mistakes (:class:`InputError`, a full disk), 2 for a
    wrong command line; any other exception keeps its traceback.
    """
    try:
        job = _from_rule(main, snakemake) if snakemake is not None else _from_command(main, argv)
        _start_logging(job.log_file)
        _limit_threads(job)
        for paths in job.outputs.values():
            for path in paths:
                remove_leftovers(path)
        token = _current.set(job)
        start = time.perf_counter()
        try:
            main(**job.arguments)
        finally:
            _current.reset(token)
        write_sidecars(
            [path for paths in job.outputs.values() for path in paths],
            step=job.name,
            code=job.code,
            params=job.params,
            inputs=job.inputs,
            numeric_threads=job.numeric_threads,
            seconds=time.perf_counter() - start,
        )
    except InputError as error:
        _fail(str(error))
    except OSError as error:
        if error.errno not in _NO_SPACE:
            log.exception("failed")
            raise
        _fail(f"{error.filename or 'output'}: no space left on the disk; free some and run again")
    except Exception:
        log.exception("failed")
        raise


def _fail(message: str) -> None:
    logging.getLogger("latent_microscope").error("error: %s", message)
    if not log.handlers:
        print(f"error: {message}", file=sys.stderr)
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


def _from_rule(main: Callable[..., None], snakemake: Any) -> Job:
    kinds = _kinds(main)
    params = dict(snakemake.params.items())
    step = params.pop("step", {})
    given: dict[str, Any] = dict(params)
    files: dict[str, dict[str, list[Path]]] = {"input": {}, "output": {}}
    for kind, namedlist in (("input", snakemake.input), ("output", snakemake.output)):
        for name, value in namedlist.items():
            paths = [Path(value)] if isinstance(value, str) else [Path(v) for v in value]
            files[kind][name] = paths
            given[name] = paths[0] if isinstance(value, str) else paths
            if name in kinds and kinds[name] != kind:
                raise InputError(f"rule {snakemake.rule}: {name!r} is not an {kind} of its script")
        if len(namedlist) != sum(len(p) for p in files[kind].values()):
            raise InputError(f"rule {snakemake.rule}: every {kind} needs a name")
    _check_names(main, given, f"rule {snakemake.rule}")
    return Job(
        name=snakemake.rule,
        code=step.get("code", ""),
        inputs=files["input"],
        outputs=files["output"],
        params=params,
        numeric_threads=step.get("numeric_threads"),
        gpu=bool(snakemake.resources.get("gpu", 0)),
        log_file=Path(snakemake.log[0]) if len(snakemake.log) else None,
        arguments=given,
    )


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
    kinds = {}
    for name, hint in typing.get_type_hints(main, include_extras=True).items():
        text = str(hint)
        kinds[name] = "input" if "'input'" in text else "output" if "'output'" in text else "param"
    kinds.pop("return", None)
    return kinds


def _from_command(main: Callable[..., None], argv: Sequence[str] | None) -> Job:
    parser = _parser(main)
    arguments = vars(parser.parse_args(argv))
    threads = arguments.pop("numeric_threads")
    log_file = arguments.pop("log")
    kinds = _kinds(main)
    files: dict[str, dict[str, list[Path]]] = {"input": {}, "output": {}}
    for name, value in arguments.items():
        if value is not None and kinds[name] in files:
            files[kinds[name]][name] = value if isinstance(value, list) else [value]
    script = Path(inspect.getfile(main))
    return Job(
        name=script.stem,
        code=code_hash(script),
        inputs=files["input"],
        outputs=files["output"],
        params={n: v for n, v in arguments.items() if kinds[n] == "param"},
        numeric_threads=threads,
        log_file=log_file,
        arguments=arguments,
    )


def _parser(main: Callable[..., None]) -> argparse.ArgumentParser:
    text = inspect.getdoc(main) or ""
    parser = argparse.ArgumentParser(
        description=text.split("\n\nArgs:")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
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
            options["required"] = True
        else:
            options["default"] = parameter.default
        parser.add_argument("--" + name.replace("_", "-"), **options)
    parser.add_argument("--numeric-threads", type=int, default=None, help="threads of numpy, torch")
    parser.add_argument("--log", type=Path, default=None, help="also write messages to this file")
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


def _bool(text: str) -> bool:
    if text.lower() not in ("true", "false", "yes", "no", "1", "0"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() in ("true", "yes", "1")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON ({error})") from error


def _start_logging(log_file: Path | None) -> None:
    log.setLevel(logging.INFO)
    log.propagate = False
    log.handlers.clear()
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if log_file is not None:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(log_file, mode="w", encoding="utf-8"))
        handlers[-1].setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.captureWarnings(True)
    for handler in handlers:
        log.addHandler(handler)
    if log_file is not None:
        warnings_log = logging.getLogger("py.warnings")
        warnings_log.handlers.clear()
        warnings_log.propagate = False
        warnings_log.addHandler(handlers[-1])


def _limit_threads(job: Job) -> None:
    """Set the number of numeric threads: results must not depend on the cores a job was given."""
    if not job.gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    if job.numeric_threads is None:
        return
    import threadpoolctl

    count = job.numeric_threads
    threadpoolctl.threadpool_limits(count)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(count)
    numba = sys.modules.get("numba")
    if numba is not None:
        numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
