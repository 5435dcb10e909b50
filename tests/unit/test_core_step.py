"""A step in this process: from a rule (a fake snakemake object) and from a command line."""

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import threadpoolctl
from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params, ResourceList

from latent_microscope import step
from latent_microscope.errors import InputError
from latent_microscope.io.artefacts import load_npy, save_npy
from latent_microscope.provenance.codehash import code_hash
from latent_microscope.provenance.sidecars import read_sidecar, sidecar_path
from latent_microscope.seeds import rng
from latent_microscope.step import NUMERIC_THREADS, In, Out, checkpoint_path, gpu_granted, run

HERE = Path(__file__)
CODE = code_hash(HERE)
SEEN: dict[str, Any] = {}


def main(
    *,
    values: In,
    extra: list[In],
    total: Out,
    maybe: In | None = None,
    settings: dict[str, Any],
    scale: float = 2.0,
    names: list[str] | None = None,
    exact: bool = False,
    seed: int = 0,
) -> None:
    """Add the values up.

    More about it.

    Args:
        values: .npy (n, d), in metres.
        extra: .npy files, 100 % optional: added
            as well.
        total: .npy (d,) sums.
        maybe: .npy or nothing.
        settings: section of the config.
        scale: factor, 0 to 1.
        names: words.
        exact: no noise.
        seed: root seed.

    Raises:
        InputError: Negative scale.
    """
    SEEN.update(locals(), gpu=gpu_granted(), checkpoint=checkpoint_path(total, [values], settings))
    if scale < 0:
        raise InputError(f"{values}: scale is\nnegative; make it positive")
    whole = sum((load_npy(path) for path in [values, *extra]), start=np.zeros(2))
    noise = 0.0 if exact else rng(seed, "noise").normal(size=whole.shape)
    save_npy(total, (whole * scale + noise).sum(axis=0))


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """What run() sets for a whole process goes back to what it was."""
    for name in (*step.THREAD_VARIABLES, "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, os.environ.get(name, "1"))
    monkeypatch.chdir(tmp_path)
    save_npy(Path("values.npy"), np.arange(6.0).reshape(3, 2))
    save_npy(Path("extra.npy"), np.ones((3, 2)))
    SEEN.clear()
    loggers = [logging.getLogger(n) for n in ("latent_microscope", "py.warnings")]
    before = [(logger.handlers[:], logger.propagate, logger.level) for logger in loggers]
    with threadpoolctl.threadpool_limits():
        yield
    logging.captureWarnings(False)
    for logger, (handlers, propagate, level) in zip(loggers, before, strict=True):
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


def named(kind: type, unnamed: tuple[str, ...] = (), **items: Any) -> Any:
    """A list as Snakemake makes it: files flat, params whole, names beside."""
    found = kind()
    for name, value in items.items():
        start = len(found)
        if isinstance(value, list) and kind is not Params:
            found.extend(value)
            found._set_name(name, start, end=len(found))
        else:
            found.append(value)
            found._set_name(name, start)
    found.extend(unnamed)
    return found


def rule(**changes: Any) -> SimpleNamespace:
    parts = {
        "rule": "add_up",
        "input": named(InputFiles, values="values.npy", extra=["extra.npy"], maybe=[]),
        "output": named(OutputFiles, total="out/total.npy"),
        "params": named(
            Params,
            step={"code": CODE, "numeric_threads": NUMERIC_THREADS, "entry": {"more": 1}},
            settings={"b": [1, 2], "a": {"x": None}},
            seed=7,
        ),
        "resources": named(ResourceList, gpu=0),
        "log": named(Log, unnamed=("logs/add_up.log",)),
        "config": {},
    }
    return SimpleNamespace(**{**parts, **changes})


def command(*more: str) -> list[str]:
    return [
        "--values", "values.npy", "--extra", "extra.npy", "--total", "out/total.npy",
        "--settings", '{"a": {"x": null}, "b": [1, 2]}', "--seed", "7", *more,
    ]  # fmt: skip


def fails(
    capsys: pytest.CaptureFixture[str], snakemake: Any = None, argv: list[str] | None = None
) -> str:
    with pytest.raises(SystemExit) as caught:
        run(main, snakemake, argv)
    assert caught.value.code == 1
    text = capsys.readouterr().err
    if snakemake is not None:  # the terminal is Snakemake's, the message stands in the log
        assert text == ""
        text = Path(snakemake.log[0]).read_text().partition(" ERROR ")[2]
    assert text.startswith("error: ")
    assert text.count("\n") == 1
    return text.strip()


def test_rule_arguments_reach_main() -> None:
    run(main, rule())
    assert SEEN["values"] == Path("values.npy")
    assert SEEN["extra"] == [Path("extra.npy")]
    assert SEEN["total"] == Path("out/total.npy")
    assert SEEN["maybe"] is None
    assert (SEEN["scale"], SEEN["seed"], SEEN["gpu"]) == (2.0, 7, False)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""
    for asked in ({"gpu": 1}, {"gres": "gpu:a100:1"}):
        run(main, rule(resources=named(ResourceList, **asked)))
        assert SEEN["gpu"] is True
    run(main, rule(resources=named(ResourceList, gres="")))
    assert SEEN["gpu"] is False


def test_one_path_for_a_list_and_an_optional_file() -> None:
    files = named(InputFiles, values="values.npy", extra="extra.npy", maybe="extra.npy")
    run(main, rule(input=files))
    assert (SEEN["extra"], SEEN["maybe"]) == ([Path("extra.npy")], Path("extra.npy"))


def test_sidecar_leads_back_to_the_job() -> None:
    run(main, rule())
    total = Path("out/total.npy")
    sidecar = read_sidecar(total)
    assert sidecar["sha256"] == hashlib.sha256(total.read_bytes()).hexdigest()
    assert sidecar["bytes"] == total.stat().st_size
    assert sidecar["artefact"] == "total.npy"
    said = (sidecar["step"], sidecar["code"], sidecar["numeric_threads"])
    assert said == (HERE.stem, CODE, NUMERIC_THREADS)
    assert sidecar["params"] == {
        "settings": {"a": {"x": None}, "b": [1, 2]},
        "scale": 2.0, "names": None, "exact": False, "seed": 7,
    }  # fmt: skip
    assert sidecar["inputs"] == {
        "values": {"values.npy": hashlib.sha256(Path("values.npy").read_bytes()).hexdigest()},
        "extra": {"extra.npy": hashlib.sha256(Path("extra.npy").read_bytes()).hexdigest()},
        "maybe": {},
    }
    assert sidecar["libraries"]["numpy"] == np.__version__
    assert sidecar["device"]
    assert 0 <= sidecar["seconds"] < 60
    assert 10 < sidecar["peak_memory_mib"] < 1e6
    assert sidecar["machine"]["cores"] == os.cpu_count()
    assert os.uname().nodename not in json.dumps(sidecar["machine"])


def test_rule_and_command_make_the_same_bytes_and_params() -> None:
    run(main, rule())
    total = Path("out/total.npy")
    content, from_rule = total.read_bytes(), read_sidecar(total)
    total.unlink()
    run(main, None, command())
    assert total.read_bytes() == content
    from_command = read_sidecar(total)
    assert from_command["params"] == from_rule["params"]
    assert from_command["numeric_threads"] == from_rule["numeric_threads"]
    assert from_command["step"] == HERE.stem
    assert from_command["code"] == code_hash(HERE)
    run(main, None, command("--seed", "8"))
    assert total.read_bytes() != content


def test_command_converts_each_kind() -> None:
    run(main, None, command("--scale", "-0.0", "--names", "a", "b", "--exact", "yes"))
    assert SEEN["settings"] == {"a": {"x": None}, "b": [1, 2]}
    assert (SEEN["scale"], SEEN["names"], SEEN["exact"]) == (0.0, ["a", "b"], True)
    assert (SEEN["maybe"], SEEN["gpu"]) == (None, True)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (command("--depth", "3"), "--depth"),
        (command("--exa", "no"), "--exa"),
        (command("--seed", "x"), "--seed"),
        (command("--scale", "big"), "--scale"),
        (command("--exact", "maybe"), "'maybe'"),
        (command("--settings", "{a"), "'{a'"),
        (command("--numeric-threads", "0"), "--numeric-threads"),
        (command()[2:], "--values"),
    ],
)
def test_wrong_command_line_is_status_2(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(main, None, argv)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
    assert not SEEN


def test_help_shows_types_kinds_defaults_and_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(main, None, ["--help"])
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for part in (
        "Add the values up. More about it.",
        "--values PATH [input] .npy (n, d), in metres.",
        "--extra PATH [PATH ...] [input] .npy files, 100 % optional: added as well.",
        "--total PATH [output] .npy (d,) sums.",
        "--maybe PATH [input] .npy or nothing. (default: None)",
        "--settings JSON [param] section of the config.",
        "--scale FLOAT [param] factor, 0 to 1. (default: 2.0)",
        "--names STR [STR ...] [param] words.",
        "--exact BOOL [param] no noise. (default: False)",
        "--seed INT [param] root seed. (default: 0)",
        "--numeric-threads INT",
        "--log PATH",
    ):
        assert part in text
    assert "sums. (default" not in text
    assert "Negative scale" not in text


P: dict[str, Any] = {"settings": {}, "step": {}}
FILES: dict[str, Any] = {"values": "values.npy", "extra": ["extra.npy"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"params": named(Params, **P, depth=3)}, "'depth'"),
        ({"params": named(Params, step={})}, "'settings'"),
        ({"params": named(Params, ("loose",), **P)}, "param"),
        ({"params": named(Params, **P, maybe="a.npy")}, "'maybe' as input, not as param"),
        ({"input": named(InputFiles, ("x",), **FILES)}, "input"),
        ({"input": named(InputFiles, **FILES, other="x")}, "'other'"),
        ({"input": named(InputFiles, **FILES, total="x")}, "'total' as output, not as input"),
        ({"input": named(InputFiles, **FILES, scale="x")}, "'scale' as param, not as input"),
        ({"input": named(InputFiles, values=["a", "b"], extra=[])}, "'values', not 2"),
        ({"input": named(InputFiles, values=[], extra=[])}, "'values'"),
        ({"output": named(OutputFiles, ("x",))}, "output"),
        ({"output": named(OutputFiles, maybe="x")}, "'maybe' as input, not as output"),
    ],
)
def test_a_rule_that_does_not_fit_its_script(
    changes: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = fails(capsys, rule(**changes))
    assert text.startswith("error: rule add_up: ")
    assert message in text
    assert not SEEN
    assert message in Path("logs/add_up.log").read_text()


def test_input_error_is_one_line_in_terminal_and_log(capsys: pytest.CaptureFixture[str]) -> None:
    expected = "error: values.npy: scale is negative; make it positive"  # main's own words
    assert fails(capsys, None, command("--scale", "-1", "--log", "l/x.log")) == expected
    assert expected in Path("l/x.log").read_text()
    assert not Path("out").exists()


def test_missing_input_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("extra.npy").unlink()
    assert "extra.npy" in fails(capsys, rule())


def test_messages_and_warnings_reach_the_log_file(capsys: pytest.CaptureFixture[str]) -> None:
    def noisy(*, x: int = 0) -> None:
        import warnings

        logging.getLogger("latent_microscope").info("at work")
        warnings.warn(f"odd numbers {x}", stacklevel=1)

    run(noisy, None, ["--log", "x.log"])
    assert capsys.readouterr().err == "at work\n"
    assert "INFO at work" in Path("x.log").read_text()
    assert "odd numbers" in Path("x.log").read_text()
    run(noisy, None, ["--x", "1"])
    assert "odd numbers 1" in capsys.readouterr().err


@pytest.mark.parametrize("there", [True, False])
def test_a_rule_has_event_files_beside_its_log(
    there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []

    def watched(*, total: Out, tensorboard: str | None = None) -> None:
        seen.append(tensorboard)
        save_npy(total, np.zeros(1))

    monkeypatch.setattr("latent_microscope.step.find_spec", lambda name: there or None)
    run(watched, rule(input=named(InputFiles), params=named(Params)))
    assert seen == ["logs/add_up" if there else None]
    assert read_sidecar(Path("out/total.npy"))["params"] == {"tensorboard": None}
    run(watched, None, ["--total", "out/total.npy", "--log", "x.log"])
    assert seen[1] is None


def test_only_a_rule_puts_a_finished_training_back(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []

    def train(*, values: In, total: Out, checkpoint_seconds: float = 60.0) -> None:
        runs.append(1)
        save_npy(total, load_npy(values).sum(axis=0))

    def trained(snakemake: Any, *argv: str) -> int:
        Path("out/total.npy").unlink(missing_ok=True)
        before = len(runs)
        run(train, snakemake, argv)
        np.testing.assert_array_equal(load_npy(Path("out/total.npy")), [6.0, 9.0])
        return len(runs) - before

    job = rule(input=named(InputFiles, values="values.npy"), params=named(Params))
    assert trained(job) == 1
    sidecar = read_sidecar(Path("out/total.npy"))
    assert trained(job) == 0
    assert read_sidecar(Path("out/total.npy")) == sidecar
    assert "not trained again" in Path("logs/add_up.log").read_text()
    assert trained(None, "--values", "values.npy", "--total", "out/total.npy") == 1


def test_other_exceptions_keep_their_traceback_once(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*, x: int = 0) -> None:
        raise ZeroDivisionError("oh")

    with pytest.raises(ZeroDivisionError):
        run(broken, None, ["--log", "x.log"])
    assert capsys.readouterr().err == ""  # Python prints it
    assert "ZeroDivisionError: oh" in Path("x.log").read_text()


def test_leftovers_and_old_sidecars_go() -> None:
    Path("out").mkdir()
    Path("out/.tmp-99-total.npy").touch()
    run(main, rule())
    assert sorted(p.name for p in Path("out").iterdir()) == ["total.npy", "total.npy.meta.json"]


def test_checkpoints_are_keyed_by_code_settings_and_input_contents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(step, "_check_code", lambda *_: "add_up")

    def key(**changes: Any) -> Path:
        run(main, rule(**changes))
        return SEEN["checkpoint"]

    first = key()
    assert first.parent == Path("out/.checkpoints")
    assert key() == first
    other: dict[str, Any] = {"settings": {"b": [1, 2], "a": {"x": None}}, "seed": 7}
    code = {"code": "other", "numeric_threads": 2}
    assert key(params=named(Params, step=code, **other)) != first
    other["settings"] = {"a": {"x": None}, "b": [1, 2]}  # another order
    same = {"code": CODE, "numeric_threads": 2}
    assert key(params=named(Params, step=same, **other)) == first
    assert key(params=named(Params, step=same, settings={"a": 1}, seed=7)) != first
    save_npy(Path("values.npy"), np.arange(6.0).reshape(3, 2) + 1)
    assert key() != first


def test_other_code_than_was_planned_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    planned = {"code": "0123456789abcdef", "numeric_threads": 2}
    params = named(Params, step=planned, settings={}, seed=7)
    message = fails(capsys, rule(params=params))
    assert "0123456789abcdef" in message
    assert CODE in message
    assert not Path("out").exists()


def test_sidecar_of_a_failed_write_is_not_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    run(main, rule())
    total = Path("out/total.npy")
    assert sidecar_path(total).exists()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", "out/total.npy.meta.json")

    monkeypatch.setattr("latent_microscope.provenance.sidecars.save_json", full)
    with pytest.raises(SystemExit):
        run(main, rule(params=named(Params, **P, seed=8)))
    assert not sidecar_path(total).exists()
