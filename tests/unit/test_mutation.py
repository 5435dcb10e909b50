"""The mutants of `make mutation`: what is changed, what is left out, how they are drawn."""

import ast
from pathlib import Path

import pytest

pytest.importorskip("cosmic_ray")

from tests.mutation import mutants, run

SOURCE = '''"""A module."""
Floats = list[int | float]
_ROWS = 1 << 10
FEWEST = 3


@decorated(size=1)
def spread(values: Floats, é: int | None = 2, *, threads: int = 1) -> float | None:
    """Spread, 1 + 1."""
    if len(values) < FEWEST:
        raise InputError(f"give {FEWEST + 1} values")
    assert é > 0
    names = "ü", sum(values) / (len(values) - 1)
    return max(value for value, _ in zip(values, names, strict=True))
'''


def lines_of(source: str, mutant: mutants.Mutant) -> set[str]:
    code = mutants.mutated(source, mutant)
    return set() if code is None else set(code.splitlines()) - set(source.splitlines())


def test_only_what_bears_on_results_is_changed() -> None:
    places, out = mutants.sites(SOURCE, ["_ROWS"])
    kept = {(one[0].line, one[0].kind) for one in places}
    assert kept == {
        *((4, "number"), (8, "number"), (10, "condition"), (10, "comparison")),
        *((13, "operation"), (13, "number")),
    }
    assert out == {"types": 14, "decorators": 2, "words": 8, "strict zip": 1, "sizes of blocks": 7}
    assert len({tuple(one[0] for one in places)}) == 1


def test_the_changed_text_differs_in_one_line_behind_any_letters() -> None:
    places, _ = mutants.sites(SOURCE, ["_ROWS"])
    division = [one for one in places if (one[0].line, one[0].kind) == (13, "operation")]
    assert len(division) == 2  # "/" and "-"; columns count letters, not bytes
    changed = set().union(*(lines_of(SOURCE, mutant) for one in division for mutant in one))
    assert '    names = "ü", sum(values) / (len(values) + 1)' in changed
    assert '    names = "ü", sum(values) * (len(values) - 1)' in changed
    assert all(ast.parse(line.strip()) for line in changed)
    assert len(changed) == 12


def test_exceptions_with_a_dot_are_left_alone() -> None:
    """cosmic-ray 8.7 cannot replace them."""
    source = "try:\n    pass\nexcept (a.B, C):\n    pass\n"
    codes = {mutants.mutated(source, one) for one in mutants.all_mutants(source)}
    assert codes == {None, source.replace("C)", "CosmicRayTestingException)")}


def test_draws_repeat_and_take_each_site_once() -> None:
    first = mutants.drawn(SOURCE, "a.py", 6, 0, ["_ROWS"])
    assert first == mutants.drawn(SOURCE, "a.py", 6, 0, ["_ROWS"])
    assert first != mutants.drawn(SOURCE, "a.py", 6, 1, ["_ROWS"])
    assert len({(one.line, one.column, one.kind) for one, _ in first}) == 6


def test_shares_are_in_proportion_and_sum_up() -> None:
    assert mutants.shares([10, 20, 30], 6) == [1, 2, 3]
    assert mutants.shares([1, 1, 1], 4) == [2, 1, 1]
    assert mutants.shares([5, 0], 3) == [3, 0]


def test_the_interval_is_wilsons() -> None:
    """Of Newcombe 1998, table I: 81 of 263 and 0 of 20."""
    assert run.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert run.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_every_module_and_test_of_the_plan_exists() -> None:
    plan = run.read_plan()
    for module, tests in plan.modules.items():
        assert (run.ROOT / run.PACKAGE / module).is_file(), module
        assert tests
        for test in tests:
            assert (run.ROOT / test).is_file(), test
    assert set(plan.waiting) <= set(plan.modules)
    for skipped in plan.skipped:
        path, _, name = skipped.partition("::")
        assert f"def {name}(" in (run.ROOT / path).read_text(encoding="utf-8"), skipped


def result(outcome: str, diff: str = "", key: str = "k") -> run.Result:
    return run.Result(key, "a.py", "t", "NumberReplacer", 3, outcome, "", 1.0, diff)


def test_the_report_counts_timeouts_as_killed_and_leaves_out_what_means_the_same() -> None:
    diff = "--- a.py\n+++ a.py\n@@ -3 +3 @@\n-x = 1\n+x = 2"
    known = [{"module": "a.py", "mutant": "x = 2", "why": "only its sign is used", "equal": True}]
    found = [result("killed", key=f"{i}") for i in range(8)]
    found += [result("timed out", key="8"), result("survived", diff, "9")]
    text, low = run.report(found, known)
    assert low == run.wilson(9, 9)[0]
    assert "9 of 10: 90.0 %" in text.replace("%", " %")
    assert "a.py:3 NumberReplacer: equal: only its sign is used\n-x = 1\n+x = 2" in text
    text, low = run.report(found, [known[0] | {"equal": False}])
    assert low == run.wilson(9, 10)[0]
    assert "NumberReplacer: only its sign" in text
    assert "not judged" in run.report(found, [])[0]


def test_a_line_cut_off_by_a_kill_is_no_result(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    assert run.kept_results(path) == {}
    path.write_text('{"key": "k", "mod')
    assert run.kept_results(path) == {}
