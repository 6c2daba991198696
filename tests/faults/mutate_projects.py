"""Change a project in more than 200 ways: a run with the manifest must be as one without, every time.

    python tests/faults/mutate_projects.py [NAME-PART]

For each change of tests/parity/mutations.py: which records `check` calls stale, what pytest prints with the manifest
from before the change, with the one that this run has written, and with --workers=0, against pytest alone. Takes
about ten minutes. Needs the package installed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from mutation_runs import MutatedProject, mutations


def main(part: str = "") -> int:
    changes = [change for change in mutations.changes() if part in change.name]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        project = MutatedProject(Path(folder))
        for change in changes:
            for line in project.wrong(change):
                failed += 1
                print(line, flush=True)
    print(f"{len(changes)} changes, {failed} disagreements")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
