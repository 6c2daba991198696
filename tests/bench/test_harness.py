"""What bench/ makes of its samples: rounds, merging, goals, the smoke's comparison, the model, the page."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fcmbench import goals, measure, model, page, reasons, rounds, smoke
from fcmbench.goals import GOALS
from fcmbench.machine import Machine
from fcmbench.measure import Sample
from fcmbench.results import Files, Peer, Result, Results, load, save
from fcmbench.scenarios import Plan, Scenario


def sample(wall: float, cpu: float = 1.0, digest: str = "a", **more: object) -> Sample:
    """One of 10 tests."""
    fields = {"main_peak": 100.0, "any_peak": 100.0, "status": 0, "tests": 10, **more}
    return Sample(wall=wall, cpu=cpu, digest=digest, **fields)  # type: ignore[arg-type]


def result(scenario: str, native: float, plugin: float, suite: str = "pandas") -> Result:
    return Result(suite, scenario, "2", [sample(native)], [sample(plugin)])


def verdict(name: str, *measured: Result) -> goals.Verdict | None:
    goal = next(one for one in GOALS if one.name == name)
    return goal.judge(Results(list(measured)))


class Counted:
    """A command that notes when it is run."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log

    def run(self) -> Sample:
        self.log.append(self.name)
        return sample(len(self.log))


def test_rounds_share_commands_and_turn_around() -> None:
    log: list[str] = []
    scenarios = [
        Scenario("cold", "2", "native", "cold"),
        Scenario("warm", "2", "native", "warm", "empty"),
        Scenario("list", "2", "native", "list"),
    ]
    names = ("native", "cold", "warm", "empty", "list")
    commands = {name: Counted(name, log) for name in names}
    plan = Plan(scenarios, commands, [Counted("prime", log)], Path())  # type: ignore[arg-type]
    done = rounds.measure(plan, 2, 1)
    assert log == ["prime", *names, "empty", "warm", "cold", "native"]
    native, plugin, reference = rounds.of(done, scenarios[1])
    assert [len(native), len(plugin), len(reference)] == [2, 2, 2]
    assert plugin[1].wall == 8
    assert [len(side) for side in rounds.of(done, scenarios[2])] == [1, 1, 0]


def test_results_are_kept_and_merged_by_what_they_are_of(tmp_path: Path) -> None:
    here = Machine(cpu="one", cores=2, packages={"pytest": "9"})
    old = Results(
        [Result("a", "cold", "2", [sample(1)], [sample(2)], [], here), result("warm", 1, 2, "a")],
        [Files("a", "x.py", [3, 1], here)],
        [Peer("a", "tool", "1", "list", [0.5], 10, True, "", here)],
    )
    save(tmp_path / "r.json", old)
    assert load(tmp_path / "r.json") == old
    fresh = Results([result("cold", 5, 1, "a")], [Files("a", "y.py", [9])])
    merged = old.merged(fresh)
    assert [one.key() for one in merged.measured] == [("a", "cold", "2"), ("a", "warm", "2")]
    assert merged.measured[0].ratio() == 5
    assert [one.longest for one in merged.files] == ["y.py"]
    assert merged.peers == old.peers


@pytest.mark.parametrize(
    ("name", "found", "reached"),
    [
        ("warm, pandas", result("warm", 8, 1), True),
        ("warm, pandas", result("warm", 7.9, 1), False),
        ("cold, 2 workers, pandas", result("cold", 1.7, 1), False),
        ("0 workers, cold", result("cold-0", 1, 1.01), False),
        ("0 workers, cold", result("cold-0", 1.01, 1), True),
        ("whole run, total time", result("run", 1, 1.03, "x"), False),
        ("whole run, total time", result("run-warm", 1, 1.01, "x"), True),
    ],
)
def test_goals(name: str, found: Result, reached: bool) -> None:
    judged = verdict(name, found)
    assert judged is not None and judged.reached is reached
    assert verdict(name) is None


def test_goal_of_warm_holds_near_the_folder_without_tests() -> None:
    near = Result("sympy", "warm", "2", [sample(3)], [sample(1.2)], [sample(1.0)])
    far = Result("sympy", "warm", "2", [sample(3)], [sample(1.4)], [sample(1.0)])
    assert [verdict("warm, sympy", one).reached for one in (near, far)] == [True, False]  # type: ignore[union-attr]


def test_goal_of_moonshot_and_memory() -> None:
    assert verdict("warm, pandas", result("warm", 15, 1)).moonshot is True  # type: ignore[union-attr]
    assert verdict("warm, pandas", result("warm", 14, 1)).moonshot is False  # type: ignore[union-attr]
    small = Result("pandas", "warm", "2", [sample(1)], [sample(1, main_peak=50.0)])
    judged = verdict("peak memory of main, pandas", small)
    assert judged is not None and judged.reached and judged.moonshot


def test_goal_of_first_test_and_coordinator() -> None:
    late = Result("x", "run", "2", [sample(9, first_output=2.0)], [sample(9, first_output=1.1)])
    assert verdict("whole run, first test", late).reached is False  # type: ignore[union-attr]
    busy = Result("x", "cold", "2", [sample(9)], [sample(1, coordinator_cpu=0.02)])
    assert verdict("coordinator's own CPU", busy).reached is False  # type: ignore[union-attr]


def test_growth_is_a_power() -> None:
    assert goals.exponent((10, 1.0), (100, 10.0)) == pytest.approx(1)
    assert goals.exponent((10, 1.0), (100, 100.0)) == pytest.approx(2)


def test_other_lists_are_no_success() -> None:
    other = Result("x", "cold", "2", [sample(1)], [sample(1, digest="b")])
    assert not other.same()
    assert verdict("same lists", other, result("warm", 1, 1)).reached is False  # type: ignore[union-attr]
    run = Result("x", "run", "2", [sample(1, summary="2 passed")], [sample(1, summary="1 passed")])
    assert not run.same()


def test_offline_list_may_leave_out_what_it_says() -> None:
    def listed(status: int, digest: str) -> Result:
        return Result("x", "list", "2", [sample(1)], [sample(1, digest=digest, status=status)])

    assert listed(0, "a").same() and not listed(0, "b").same() and not listed(1, "b").same()
    assert listed(3, "b").same() and listed(3, "b").says_so()
    judged = verdict("same lists", listed(3, "b"))
    assert judged is not None and judged.reached and "says so: x" in judged.measured


def test_goal_for_all_suites_names_those_that_miss_it() -> None:
    slow, quick = result("cold-0", 1, 2, "slow"), result("cold-0", 2, 1, "quick")
    judged = verdict("0 workers, cold", slow, quick)
    assert judged == goals.Verdict("1 of 2; slow 2.00", False)


def test_smoke_falls_by_more_than_a_third() -> None:
    recorded = {"cold wall": 1.5, "warm wall": 3.0}
    assert smoke.fallen({"cold wall": 1.01, "warm wall": 2.01}, recorded) == []
    assert smoke.fallen({"cold wall": 0.99, "warm wall": 3.0}, recorded) == ["cold wall"]
    assert smoke.fallen({"warm wall": 3.0}, recorded) == ["cold wall"]
    assert smoke.best({"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 1.0}) == {"a": 3.0, "b": 2.0}
    assert smoke.lowest([{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 1.0}]) == {"a": 1.0, "b": 1.0}


def test_model_is_bound_by_the_longest_file() -> None:
    parts = model.Parts(1.0, 10.0, 0.5, 0.01, [0.4, 0.2, 0.2, 0.2])
    assert parts.seconds(1) == pytest.approx(1 + 10 + 0.2)
    assert parts.seconds(2) == pytest.approx(1 + 6 + 0.2)
    assert parts.seconds(16) == pytest.approx(1 + 4 + 0.2)
    assert parts.seconds(16, cores=1) == pytest.approx(1 + 10.51 + 0.2)
    assert model.makespan([3, 3, 2, 2, 2], 2) == 7


def test_outcome_has_no_time() -> None:
    text = "....\n2 failed, 10 passed, 1 skipped in 12.34s\nfastcollect-meta: 3 files (3 farm)\n"
    assert measure.outcome(text) == "2 failed, 10 passed, 1 skipped"
    assert measure.outcome("== 5 passed in 62.10s (0:01:02) ==") == "5 passed"


def test_page_tells_reasons_of_missed_goals_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # without plots: matplotlib keeps files open, and isn't installed everywhere
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    file = tmp_path / "reasons.md"
    file.write_text("# x\n\n## warm, pandas\n\nBecause.\n\n## growth\n\nNot missed.\n\n## empty\n")
    assert reasons.sections(file) == {"warm, pandas": "Because.", "growth": "Not missed."}
    text = page.write(Results([result("warm", 2, 1)]), tmp_path).read_text()
    assert "### warm, pandas\n\nBecause." in text and "Not missed." not in text
    assert "| warm, pandas | 8 times faster | 15 times: no | 2.00 times" in text
