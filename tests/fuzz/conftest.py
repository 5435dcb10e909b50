"""Counts the hostile inputs of a run and says so at its end."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts = [
        value
        for report in terminalreporter.stats.get("passed", [])
        for name, value in report.user_properties
        if name == "hostile inputs"
    ]
    if counts:
        terminalreporter.write_line(
            f"hostile inputs: {sum(counts)}, all different, to {len(counts)} readers"
        )
