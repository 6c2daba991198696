#!/usr/bin/env python3
"""What forking a worker costs with a suite's libraries loaded: `bench/fork.py SUITE [REPEATS]`.

The coordinator counts: the time of fork() in the zygote, which has loaded what the suite's conftests
load; with `--with MODULE` it has imported that module before. Needs an environment that has the package and
the suite, such as build/bench-venv, that bench/run makes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from fcmbench import measure  # noqa: E402
from fcmbench.suites import get  # noqa: E402


def one_run(suite_name: str, modules: list[str], work: Path) -> dict[str, Any]:
    """The coordinator's statistics of one `--collect-only` with two workers."""
    suite = get(suite_name, work)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "statistics.json")
        # A plugin that imports the modules is loaded in the zygote before it forks.
        Path(folder, "fcm_preload.py").write_text("".join(f"import {m}\n" for m in modules))
        subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-p", "fcm_preload"),
                *("-p", "fastcollect_meta", "-p", "fcmbench.statistics_probe", "--workers=2"),
                *suite.listing,
                *suite.args,
            ],
            cwd=suite.cwd,
            env=measure.environment(
                {**suite.env, "PYTHONPATH": f"{HERE}:{folder}", "FCM_STATISTICS": str(target)}
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=False,
        )
        if not target.exists():
            raise SystemExit("the farm left no statistics")
        result: dict[str, Any] = json.loads(target.read_text())
        return result


def main() -> None:
    """Print the median and the largest time of a fork over all runs, and the farm's CPU times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite")
    parser.add_argument("repeats", nargs="?", type=int, default=3)
    parser.add_argument("--with", dest="modules", action="append", default=[], metavar="MODULE")
    parser.add_argument("--work", type=Path, default=HERE.parent / "build" / "bench")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    runs = [one_run(options.suite, options.modules, options.work) for _ in range(options.repeats)]
    print(
        f"{options.suite}: {sum(run['forks'] for run in runs)} forks in {len(runs)} runs, median "
        f"{statistics.median(run['fork_micros_median'] for run in runs) / 1000:.2f} ms, largest "
        f"{max(run['fork_micros_max'] for run in runs) / 1000:.2f} ms; CPU of the coordinator "
        f"{statistics.median(run['coordinator_cpu'] for run in runs):.3f} s, of the workers "
        f"{statistics.median(run['workers_cpu'] for run in runs):.2f} s"
    )


main()
