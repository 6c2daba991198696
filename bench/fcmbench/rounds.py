"""Measures in rounds: in each, every command that a scenario needs is run once.

So commands are shared by scenarios: one native listing of a round is what each of its listings with the plugin is
compared with. The order turns around from round to round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fcmbench.measure import Sample
from fcmbench.scenarios import CENTRAL, Plan, Scenario

# Samples of one round by the name of their command.
Round = Mapping[str, Sample]


def needed(scenarios: Sequence[Scenario]) -> list[str]:
    """Names of all commands of `scenarios`, each once: what is compared stands as near as may be."""
    names: dict[str, None] = {}
    for scenario in scenarios:
        for name in (scenario.native, scenario.plugin, scenario.reference):
            if name:
                names[name] = None
    return list(names)


def active(scenarios: Sequence[Scenario], number: int, fewer: int) -> list[Scenario]:
    """The scenarios of round `number` (from 0): all in the first `fewer`, then the central ones."""
    return [one for one in scenarios if number < fewer or one.name in CENTRAL]


def measure(
    plan: Plan,
    rounds: int,
    fewer: int,
    say: Callable[[str, Sample], None] = lambda name, sample: None,
) -> list[Round]:
    """Run all of `plan`; `say` is called after each run."""
    for command in plan.prime:
        command.run()
    done: list[Round] = []
    for number in range(rounds):
        names = needed(active(plan.scenarios, number, fewer))
        if number % 2:
            names.reverse()
        samples: dict[str, Sample] = {}
        for name in names:
            samples[name] = plan.commands[name].run()
            say(name, samples[name])
        done.append(samples)
    return done


def of(
    rounds: Sequence[Round], scenario: Scenario
) -> tuple[list[Sample], list[Sample], list[Sample]]:
    """Native, plugin and reference samples of the rounds in which `scenario` was measured."""
    mine = [one for one in rounds if scenario.plugin in one and scenario.native in one]
    reference = [one[scenario.reference] for one in mine if scenario.reference]
    return [one[scenario.native] for one in mine], [one[scenario.plugin] for one in mine], reference
