"""What is run: one process each time, with what changes on disk before it and is put back after it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from fcmbench import measure
from fcmbench.measure import Sample
from fcmbench.suites import Suite

BENCH = Path(__file__).resolve().parent.parent

# Around each single run; what it yields is added to the environment.
Around = Callable[[], AbstractContextManager[dict[str, str]]]


def nothing() -> AbstractContextManager[dict[str, str]]:
    """Changes nothing."""
    return nullcontext({})


@dataclass(frozen=True, slots=True)
class Command:
    """One command line: `arguments` of pytest, or of `program` where there is one.

    :param statistics: whether the farm's statistics are wanted in the sample.
    """

    suite: Suite
    arguments: tuple[str, ...]
    around: Around = nothing
    statistics: bool = False
    program: Path | None = None

    def run(self) -> Sample:
        """Run it once."""
        with self.around() as changed, tempfile.TemporaryDirectory() as folder:
            env = {**self.suite.env, **changed}
            if self.program is not None:
                line = [str(self.program), *self.arguments]
                return measure.run(line, self.suite.cwd, env, both=False)
            line = [sys.executable, "-m", "pytest", *self.arguments]
            if not self.statistics:
                return measure.run(line, self.suite.cwd, env)
            target = Path(folder, "statistics")
            env["FCM_STATISTICS"] = str(target)
            env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(BENCH), env.get("PYTHONPATH")]))
            line[3:3] = ["-p", "fcmbench.statistics_probe"]
            return measure.run(line, self.suite.cwd, env, target)


def forgets(manifest: Path) -> Around:
    """Without `manifest`: a first run, which also writes it."""

    @contextmanager
    def forget() -> Iterator[dict[str, str]]:
        manifest.unlink(missing_ok=True)
        yield {}

    return forget


def compiles(folder: Path, before: Around = nothing) -> Around:
    """With an empty folder for .pyc files below `folder`: every module is compiled anew."""

    @contextmanager
    def compile_anew() -> Iterator[dict[str, str]]:
        with before() as env, tempfile.TemporaryDirectory(dir=folder) as empty:
            yield {**env, "PYTHONPYCACHEPREFIX": empty}

    return compile_anew


def edits(path: Path, remembered: Path, manifest: Path) -> Around:
    """With another end of `path` each time, and in `manifest` what `remembered` knows of it unedited.

    Text, times and .pyc files are put back.
    """
    count = 0

    @contextmanager
    def edit() -> Iterator[dict[str, str]]:
        nonlocal count
        count += 1
        manifest.unlink(missing_ok=True)
        if remembered.exists():
            shutil.copy2(remembered, manifest)
        touched = [path, *path.parent.glob(f"__pycache__/{path.stem}.*")]
        kept = [(one, one.read_bytes(), one.stat()) for one in touched]
        try:
            path.write_bytes(kept[0][1] + f"\n# edited {count}\n".encode())
            yield {}
        finally:
            for one, content, stat in kept:
                one.write_bytes(content)
                os.utime(one, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    return edit
