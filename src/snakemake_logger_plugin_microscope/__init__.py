"""Output of a run: one line per finished step, the running steps, failures last.

A logger plugin of Snakemake (``--logger microscope``, set by profiles/default). Everything else is
in Snakemake's own log and in the logs of the steps. Dry runs, ``--verbose`` and ``--quiet`` keep
Snakemake's own output.
"""

import logging
import re
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text
from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

_INTERRUPTED = ("Terminating processes", "Will exit after")
_PRINTED = (
    "Nothing to be done",
    "Trying to restart",
    "Report created",
    "Shutting down",
    *_INTERRUPTED,
)
_NOISE = ("Building DAG", "Using shell", "Conda environments", "Assuming unrestricted", "host:")
_OF_STEPS = (
    "RuleException",
    "CalledProcessError",
    "Exiting because",
    "WorkflowError:\nAt least one",
)
"""Beginnings of messages that Snakemake adds to that of a failed step."""
_OURS = re.compile(
    r"\AInputFunctionException in rule (\w+) .*^ *InputError: ([^\n]+)$", re.M | re.S
)
"""What the planner says of a job, amid Snakemake's lines."""
_OF_CONFIG = re.compile(r'\AWorkflowError in file "[^"\n]+common\.smk", line \d+:\n([^\n]+)\n')
"""What it says of a config, likewise."""
_LONG = 60.0
"""Seconds after which a running step is mentioned where nothing can be redrawn."""
_POLL = 5.0
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+ [A-Z]+ ")
_TAIL = 4000
_LINE = 300


@dataclass
class Step:
    """A job of Snakemake's; times are of the monotonic clock."""

    rule: str
    wildcards: Mapping[str, str]
    logs: Sequence[str]
    start: float = field(default_factory=time.monotonic)
    mentioned: float = field(default_factory=time.monotonic)  # when it was last printed

    @property
    def title(self) -> str:
        """``train_vae demo-faces whole 0``."""
        return " ".join([self.rule, *map(str, self.wildcards.values())])

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.start

    def progress(self) -> str:
        """The last line of its log, while it has one."""
        lines = [line for log in self.logs for line in _tail(log)]
        return _STAMP.sub("", lines[-1])[:_LINE] if lines else ""


class Failure(NamedTuple):
    """Why a step failed, in one line, and its log files that exist."""

    title: str
    message: str
    logs: Sequence[str]


def failure_of(step: Step, logs: Sequence[str], message: str | None) -> Failure:
    """The last error of the log, else its last line, else Snakemake's message."""
    named = dict.fromkeys([*step.logs, *logs])
    names = [name for name in named if Path(name).is_file()]
    lines = [line for name in names for line in _tail(name)]
    errors = [line for line in lines if " ERROR error: " in line]
    found = errors[-1].partition(" ERROR error: ")[2] if errors else (lines or [""])[-1]
    text = _STAMP.sub("", found).strip() or (message or "").strip()
    first = (text.splitlines() or ["ended without a message; see Snakemake's log"])[0]
    if message and not errors:
        first = f"{' '.join(message.split())[:_LINE]}; {first}" if first not in message else first
    return Failure(step.title, first, names)


def _tail(name: str) -> list[str]:
    try:
        with open(name, "rb") as handle:
            handle.seek(0, 2)
            handle.seek(max(handle.tell() - _TAIL, 0))
            text = handle.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip()]


def clock(seconds: float) -> str:
    """``7.2 s``, ``3:05 min`` or ``2:10 h``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"


class LogHandler(LogHandlerBase):
    """Counts the steps; draws them in a terminal, prints lines elsewhere."""

    def __post_init__(self) -> None:
        """Choose between this output and Snakemake's own."""
        settings = self.common_settings
        self._plain: logging.Handler | None = None
        stream = sys.stdout if settings.stdout else sys.stderr
        if settings.dryrun or settings.verbose or settings.debug_dag or settings.quiet:
            self._plain = ColorizingTextHandler(nocolor=settings.nocolor, stream=stream)
            self._plain.setFormatter(DefaultFormatter(settings.quiet, settings.show_failed_logs))
            words = ("quiet", "debug_dag", "verbose", "dryrun", "printshellcmds")
            self._plain.addFilter(DefaultFilter(*(getattr(settings, word) for word in words)))
            return
        plain: Any = {"highlight": False, "markup": False, "emoji": False}
        self._console = Console(file=stream, no_color=settings.nocolor, soft_wrap=True, **plain)
        self._running: dict[int, Step] = {}
        self._failures: dict[int, Failure] = {}
        self._others: list[str] = []
        self._log = ""
        self._interrupted = False
        self._done, self._total, self._start = 0, 0, time.monotonic()
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._live: Live | None = None

    # It replaces Snakemake's output, has its own lines, and sees every record.
    writes_to_stream = True
    has_filter = True
    has_formatter = True
    writes_to_file = False
    needs_rulegraph = False

    def emit(self, record: logging.LogRecord) -> None:
        """Take in one record."""
        if self._plain is not None:
            self._plain.handle(record)
            return
        try:
            with self._lock:
                self._take(getattr(record, "event", None), record)
        except Exception:
            self.handleError(record)

    def _take(self, event: LogEvent | None, record: Any) -> None:
        if event == LogEvent.RUN_INFO:
            stats = record.stats  # the rule `all` does nothing
            self._begin(int(stats.get("total", 0)) - int(stats.get("all", 0)))
        elif event == LogEvent.JOB_INFO:
            self._failures.pop(record.jobid, None)  # another attempt
            self._running[record.jobid] = Step(
                record.rule_name, dict(record.wildcards or {}), list(record.log)
            )
        elif event == LogEvent.JOB_FINISHED:
            step = self._running.pop(record.job_id, None)
            self._failures.pop(record.job_id, None)
            self._done += step is None or step.rule != "all"
            if step is not None and step.rule != "all":
                self._say(f"{self._count()} {step.title}  {clock(step.seconds)}{self._left()}")
        elif event == LogEvent.JOB_ERROR:
            self._fail(record.jobid, record.rule_name, list(record.log), record.rule_msg)
        elif event == LogEvent.GROUP_ERROR:
            # Each job of the group is reported by itself, too; SLURM's message only here.
            for job in record.job_error_info:
                logs = [*job["log"], *(record.aux_logs or [])]
                self._fail(job["jobid"], job["rule_name"], logs, str(record.msg or ""))
        elif event == LogEvent.ERROR or (event is None and record.levelno >= logging.WARNING):
            self._trouble(record)
        elif event is None:
            text = record.getMessage()
            self._interrupted |= text.startswith(_INTERRUPTED)
            if text.startswith("Complete log"):
                self._log = text
            # Before the steps are known Snakemake's own messages are shown: lists, unlocking.
            if text.startswith(_PRINTED) or not (self._total or text.startswith(_NOISE)):
                self._say(text)

    def _begin(self, total: int) -> None:
        if total and not self._total:
            self._total = total
            self._say(f"{total} steps")
            if self._console.is_terminal and not self._console.is_dumb_terminal:
                own: Any = dict.fromkeys(("redirect_stdout", "redirect_stderr"), False)
                view = self._view
                self._live = Live(console=self._console, get_renderable=view, transient=True, **own)
                self._live.start()
            else:
                threading.Thread(target=self._mention_long_steps, daemon=True).start()

    def _trouble(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if self._total and record.levelno >= logging.ERROR:
            self._others.append(text)  # printed at the end, if no step explains it
        else:
            ours = _OF_CONFIG.match(text)
            self._say(ours[1] if ours else text)

    def _fail(self, jobid: int, rule: str, logs: list[str], message: str | None) -> None:
        if jobid in self._failures and jobid not in self._running:
            return
        step = self._running.pop(jobid, None) or Step(rule, {}, logs)
        self._failures[jobid] = failure_of(step, logs, message)
        self._say(f"{self._count()} FAILED {step.title}  {clock(step.seconds)}")

    def _count(self) -> str:
        width = len(str(self._total))
        return f"[{self._done:>{width}}/{self._total}]"

    def _left(self) -> str:
        """Time left for all steps, by the rate so far; empty at the beginning."""
        seconds = time.monotonic() - self._start
        if self._done < 3 or self._done >= self._total or seconds < 10:
            return ""
        left = seconds / self._done * (self._total - self._done)
        return f"   ({clock(seconds)}, about {clock(left)} left)"

    def _say(self, text: str) -> None:
        if text:
            self._console.print(text)

    def _view(self) -> Group:
        """The lines at the bottom of a terminal: a bar, then every running step."""
        width = max(self._console.width - 1, 20)
        bar = ("━" * round(30 * self._done / max(self._total, 1))).ljust(30, "╌")
        lines = [f"{bar} {self._count()}{self._left()}"]
        for step in list(self._running.values()):
            lines.append(f"  {step.title}  {clock(step.seconds)}  {step.progress()}")
        return Group(*(Text(line[:width], no_wrap=True) for line in lines))

    def _mention_long_steps(self) -> None:
        while not self._ended.wait(_POLL):
            with self._lock:
                for step in self._running.values():
                    if time.monotonic() - step.mentioned >= _LONG:
                        step.mentioned = time.monotonic()
                        progress = step.progress()
                        self._say(f"  … {step.title}  {clock(step.seconds)}  {progress}".rstrip())

    def close(self) -> None:
        """End the drawing; print what failed, each with its message and its logs."""
        if self._plain is not None:
            self._plain.close()
        elif not self._ended.is_set():
            self._ended.set()
            if self._live is not None:
                self._live.stop()
            self._conclude()
        super().close()

    def _conclude(self) -> None:
        """What failed, each with its message and its logs; then what no step explains."""
        if self._interrupted:
            self._say("Interrupted: run the same command to continue.")
            return
        if self._failures:
            self._say(f"\n{len(self._failures)} of {self._total} steps failed:")
        for failure in self._failures.values():
            self._say(f"  {failure.title}: {failure.message}")
            for log in failure.logs:
                self._say(f"    log: {log}")
        for text in self._others:
            if not (self._failures and text.startswith(_OF_STEPS)):
                ours = _OURS.match(text)
                self._say(f"{ours[1]} {ours[2]}" if ours else text)
        if self._failures or self._others:
            self._say(self._log)
        if self._failures:
            self._say("Fix the cause and run the same command; finished steps are kept.")
