"""Counts the hostile inputs of a run and says so at its end."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = [
        item
        for report in terminalreporter.stats.get("passed", [])
        for item in report.user_properties
    ]
    counts = [value for name, value in found if name == "hostile inputs"]
    seconds = sum(value for name, value in found if name == "processor seconds")
    if counts:
        terminalreporter.write_line(
            f"hostile inputs: {sum(counts)}, all different, to {len(counts)} readers, "
            f"{seconds:.0f} s of processor time"
        )
