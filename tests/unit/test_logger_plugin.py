"""What a run says in a terminal: one line per finished step, failures last with a message each."""

import logging
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_microscope import LogHandler, Step, clock, failure_of

STAMP = "2026-01-02 03:04:05,678"


def settings(**changes: Any) -> Any:
    values = {"dryrun": False, "verbose": False, "debug_dag": False, "quiet": None}
    values |= {"stdout": False, "nocolor": True, "show_failed_logs": True, "printshellcmds": False}
    return SimpleNamespace(**values | changes)


def tell(handler: LogHandler, event: LogEvent | None, message: str = "", **fields: Any) -> None:
    level = fields.pop("level", logging.INFO)
    record = logging.LogRecord("snakemake", level, "", 0, message, (), None)
    record.__dict__.update(fields, **({"event": event} if event else {}))
    handler.emit(record)


def job(handler: LogHandler, number: int, rule: str, log: Path, **wildcards: str) -> None:
    tell(
        handler,
        LogEvent.JOB_INFO,
        jobid=number,
        rule_name=rule,
        wildcards=wildcards,
        log=[str(log)],
    )


def test_a_line_a_step_and_nothing_else(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    handler = LogHandler(settings(), None)
    tell(handler, None, "Building DAG of jobs...")
    tell(handler, LogEvent.RUN_INFO, "Job stats: …", stats={"a": 2, "all": 1, "total": 3})
    tell(handler, None, "Select jobs to execute...")
    job(handler, 7, "train_vae", tmp_path / "a.log", study="demo", seed="0")
    tell(handler, LogEvent.JOB_FINISHED, "Finished jobid: 7", job_id=7)
    tell(handler, LogEvent.PROGRESS, done=1, total=2)
    job(handler, 8, "all", tmp_path / "b.log")
    tell(handler, LogEvent.JOB_FINISHED, "Finished jobid: 8", job_id=8)
    handler.close()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "2 steps"
    assert len(lines) == 2
    assert lines[1].startswith("[1/2] train_vae demo 0  ")


def test_failures_come_last_with_the_message_of_their_log(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    log = tmp_path / "a.log"
    log.write_text(f"{STAMP} INFO reading\n{STAMP} ERROR error: x.npy: row 3 contains NaN\n")
    handler = LogHandler(settings(), None)
    tell(handler, LogEvent.RUN_INFO, stats={"total": 3})
    job(handler, 1, "score_samples", log, study="mine")
    tell(
        handler,
        LogEvent.JOB_ERROR,
        jobid=1,
        rule_name="score_samples",
        log=[str(log)],
        rule_msg=None,
    )
    tell(handler, None, "RuleException: CalledProcessError …", level=logging.ERROR)
    job(handler, 2, "other", tmp_path / "b.log")
    tell(handler, LogEvent.JOB_FINISHED, job_id=2)
    handler.close()
    text = capsys.readouterr().err
    assert "CalledProcessError" not in text
    last = text.splitlines()[-4:]
    assert last[0] == "1 of 3 steps failed:"
    assert last[1] == "  score_samples mine: x.npy: row 3 contains NaN"
    assert last[2] == f"    log: {log}"


def failed(handler: LogHandler, number: int, rule: str, log: Path) -> None:
    fields: dict[str, Any] = {"rule_name": rule, "log": [str(log)], "rule_msg": None}
    tell(handler, LogEvent.JOB_ERROR, level=logging.ERROR, jobid=number, **fields)


def test_a_retry_that_succeeds_is_no_failure(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    handler = LogHandler(settings(), None)
    tell(handler, LogEvent.RUN_INFO, stats={"total": 2})
    for _ in range(2):
        job(handler, 1, "train_vae", tmp_path / "a.log")
        failed(handler, 1, "train_vae", tmp_path / "a.log")
    job(handler, 1, "train_vae", tmp_path / "a.log")
    tell(handler, LogEvent.JOB_FINISHED, job_id=1)
    handler.close()
    text = capsys.readouterr().err
    assert text.count("FAILED train_vae") == 2
    assert "steps failed" not in text


def test_a_group_that_fails_is_counted_once_a_job(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    log, slurm = tmp_path / "a.log", tmp_path / "slurm.log"
    slurm.write_text("slurmstepd: exceeded memory limit\n")
    handler = LogHandler(settings(), None)
    tell(handler, LogEvent.RUN_INFO, stats={"total": 3})
    job(handler, 1, "find_signatures", log, study="s")
    job(handler, 2, "embed_tsne", log, study="s")
    info = [
        {"jobid": n, "rule_name": r, "log": []}
        for n, r in ((1, "find_signatures"), (2, "embed_tsne"))
    ]
    message = "SLURM status is: 'OUT_OF_MEMORY'"
    tell(handler, LogEvent.GROUP_ERROR, message, job_error_info=info, aux_logs=[str(slurm)])
    failed(handler, 1, "find_signatures", log)
    failed(handler, 2, "embed_tsne", log)
    handler.close()
    text = capsys.readouterr().err
    assert "2 of 3 steps failed:" in text
    assert "  find_signatures s: SLURM status is: 'OUT_OF_MEMORY'" in text
    assert f"    log: {slurm}" in text


def test_an_interrupted_run_is_told_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    handler = LogHandler(settings(), None)
    tell(handler, LogEvent.RUN_INFO, stats={"total": 3})
    tell(handler, None, "Terminating processes on user request, this might take some time.")
    handler.close()
    assert capsys.readouterr().err.splitlines()[-1].startswith("Interrupted: ")


def test_what_no_step_explains_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    handler = LogHandler(settings(), None)
    tell(handler, LogEvent.RUN_INFO, stats={"total": 3})
    tell(handler, None, "WorkflowError: the disk is gone", level=logging.ERROR)
    ours = (
        'InputFunctionException in rule train_vae in file "rules/steps.smk", line 8:\nError:\n'
        "  InputError: demo 0: asks for 9 GB\nWildcards:\n  study=demo\nTraceback:\n  File x\n"
    )
    tell(handler, None, ours, level=logging.ERROR)
    handler.close()
    lines = capsys.readouterr().err.splitlines()
    assert "WorkflowError: the disk is gone" in lines
    assert "train_vae demo 0: asks for 9 GB" in lines
    assert not [line for line in lines if "Traceback" in line or "Wildcards" in line]


def test_a_config_mistake_before_any_step_is_said_at_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    handler = LogHandler(settings(), None)
    said = "config key seeed: unknown key; did you mean seeds?"
    where = 'file "/x/workflow/rules/common.smk", line 24'
    text = f"WorkflowError in {where}:\n{said}\n  {where.capitalize()}, in <module>"
    tell(handler, None, text, level=logging.ERROR)
    assert capsys.readouterr().err.splitlines() == [said]
    handler.close()


@pytest.mark.parametrize("change", [{"dryrun": True}, {"verbose": True}])
def test_dry_runs_have_snakemakes_own_output(
    capsys: pytest.CaptureFixture[str], change: dict[str, bool]
) -> None:
    handler = LogHandler(settings(quiet=[], **change), None)
    tell(handler, LogEvent.RUN_INFO, "Job stats:\njob count", stats={"total": 3})
    assert "Job stats:" in capsys.readouterr().err
    handler.close()


def test_the_last_line_of_a_traceback_is_the_message(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(f"{STAMP} ERROR failed\nTraceback …\n  File x\nKeyError: 'who'\n")
    step = Step("find", {}, [str(log)])
    assert failure_of(step, [], None).message == "KeyError: 'who'"
    told = failure_of(step, [], "SLURM status is: TIMEOUT").message
    assert "TIMEOUT" in told
    assert failure_of(Step("find", {}, []), [], None).message.startswith("ended without a message")


def test_progress_is_the_last_line_of_the_log(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    step = Step("train", {"study": "s"}, [str(log)])
    assert step.progress() == ""
    log.write_text(f"{STAMP} INFO epoch 1\n{STAMP} INFO epoch 2/9, 30 s left\n")
    assert step.progress() == "epoch 2/9, 30 s left"
    assert 0 <= step.seconds < time.monotonic()


def test_clock() -> None:
    assert [clock(s) for s in (0.04, 59.9, 61, 3725)] == ["0.0 s", "59.9 s", "1:01 min", "1:02 h"]
