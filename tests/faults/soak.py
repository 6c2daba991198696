"""Random faults for a while: kills and stops of the farm's processes, files that are poison, on a suite of many files.

    script/soak [--minutes 10] [--files 2000] [--seed N]

Each run has to end with pytest's own list of tests and collection errors, and nothing may be left: no process, no
descriptor, no temporary file. Ends with a line of counts; exit status 0 if all of that was so.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from faultruns import HEALTHY, Hang, Pytest, Result, reap_adopted, run
from leftovers import Leftovers, become_subreaper

#: What a poison file does; natively pytest itself would end, so the native list is made without them.
POISONS = {
    "segfault": "import os\nos.kill(os.getpid(), 11)\n",
    "exit": "import os\nos._exit(3)\n",
    "kill": "import os\nos.kill(os.getpid(), 9)\n",
    "abort": "import os\nos.abort()\n",
    "channel": "import os\nos.closerange(3, 70000)\nos._exit(1)\n",
}
#: What they do once, or what comes of it natively, too: a collection error, output, nothing.
ODD = {
    "raises": "raise ValueError('odd')\n",
    "prints": "print('x' * 100000)\n",
    "thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(0.2,)).start()\n",
    "child": "import os, time\nif os.fork() == 0:\n    time.sleep(0.5)\n    os._exit(0)\n",
}
LIMIT = 180.0


class Soak:
    """A suite, what pytest itself finds in it, and runs with faults."""

    def __init__(self, folder: Path, files: int, chance: random.Random) -> None:
        self.folder = folder
        self.chance = chance
        self.faults: collections.Counter[str] = collections.Counter()
        self.runs = self.bad = 0
        folder.mkdir()
        (folder / "pytest.ini").write_text("[pytest]\n")
        self.names = [f"d{i % 20:02}/test_m{i:04}.py" for i in range(files)]
        for name in self.names:
            (folder / name).parent.mkdir(exist_ok=True)
            odd = chance.choice(list(ODD.values())) if chance.random() < 0.01 else ""
            (folder / name).write_text(
                f"import time\ntime.sleep({chance.random() * 0.004})\n{odd}{HEALTHY}"
            )
        self.native = run(folder, farm=False, limit=600)
        assert self.native.ids and len(self.native.ids) > files, self.native
        self.healthy = {name: (folder / name).read_text() for name in self.names}

    def expected(self, poisoned: set[str]) -> tuple[list[str], set[str]]:
        """Node ids, and files with a collection error."""
        ids = [i for i in self.native.ids or () if i.partition("::")[0] not in poisoned]
        return ids, {nodeid for nodeid, _ in self.native.errors} | poisoned

    def _disturb(self, session: Pytest, kinds: tuple[str, ...]) -> None:
        """One fault, to a process by chance."""
        kind = self.chance.choice(kinds)
        coordinator, zygote, workers = session.coordinator(), session.zygote(), session.workers()
        pids = {
            "coordinator": [coordinator],
            "zygote": [zygote],
            "all stopped": [coordinator, zygote, *workers],
        }.get(kind) or ([self.chance.choice(workers)] if workers else [])
        pids = [pid for pid in pids if pid]
        if not pids:
            return
        self.faults[kind] += 1
        if not kind.endswith("stopped"):
            number = signal.SIGTERM if kind == "worker SIGTERM" else signal.SIGKILL
            session.signal(pids[0], number)
            return
        for pid in pids:
            session.signal(pid, signal.SIGSTOP)
        time.sleep(self.chance.uniform(0, 1))
        for pid in pids:
            session.signal(pid, signal.SIGCONT)

    def one(self) -> None:
        """A run with poison files and faults; judged."""
        # When the farm is gone pytest imports everything itself, and a deadly file ends it as it would natively. So a
        # run has either such files, or faults that end the farm.
        poisoned: set[str] = set()
        kinds = ("worker SIGKILL", "worker SIGTERM", "worker stopped", "all stopped")
        if self.chance.random() < 0.7:
            poisoned = set(self.chance.sample(self.names, self.chance.randrange(1, 7)))
        else:
            kinds = (*kinds, "coordinator", "zygote")
        for name in poisoned:
            kind = self.chance.choice(list(POISONS))
            (self.folder / name).write_text(POISONS[kind] + HEALTHY)
            self.faults["poison file"] += 1
        try:
            with Pytest(self.folder) as session:
                while session.process.poll() is None:
                    self._disturb(session, kinds)
                    end = time.monotonic() + self.chance.uniform(0.2, 1.5)
                    while time.monotonic() < end and session.process.poll() is None:
                        time.sleep(0.01)
                result = session.finish(LIMIT)
            self._judge(result, poisoned)
        except Hang as hang:
            self.bad += 1
            print(f"-- run {self.runs} HANGS: {hang}", flush=True)
        finally:
            for name in poisoned:
                (self.folder / name).write_text(self.healthy[name])
        self.runs += 1

    def _judge(self, result: Result, poisoned: set[str]) -> None:
        ids, errors = self.expected(poisoned)
        found = {nodeid for nodeid, _ in result.errors}
        if result.ids != ids or found != errors:
            self.bad += 1
            missing = sorted(set(ids) - set(result.ids or ()))[:5]
            more = sorted(set(result.ids or ()) - set(ids))[:5]
            print(
                f"-- run {self.runs}: status {result.status}; missing {missing}, more {more}, "
                f"errors more {sorted(found - errors)}, less {sorted(errors - found)}\n"
                f"{result.out[-600:]}\n{result.err[-3000:]}",
                flush=True,
            )


def main() -> int:
    """Parse, run until the time is over, print the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    become_subreaper()
    place = Path(tempfile.mkdtemp(prefix="fcm-soak-"))
    try:
        temporary = place / "tmp"
        temporary.mkdir()
        os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
        soak = Soak(place / "suite", options.files, random.Random(options.seed))
        before = Leftovers.now(temporary)
        end = time.monotonic() + 60 * options.minutes
        left: list[str] = []
        while time.monotonic() < end:
            soak.one()
            for _ in reap_adopted():
                pass
            more = Leftovers.more_than(before, temporary)
            left += more
            for text in more:
                print(f"-- left behind: {text}", flush=True)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    faults = ", ".join(f"{n} {name}" for name, n in sorted(soak.faults.items()))
    print(
        f"{soak.runs} runs of {options.files} files, {sum(soak.faults.values())} faults ({faults}); "
        f"{soak.bad} without the native list; left behind: {len(left) or 'nothing'}"
    )
    return 1 if soak.bad or left else 0


if __name__ == "__main__":
    sys.exit(main())
