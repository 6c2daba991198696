"""Runs of pytest in forks of a process that has pytest loaded already: a third of the time of whole processes.

As a program it is that process: it reads requests from its standard input, one JSON object a line, and answers each
with a line that holds the exit status of the run. Only pytest itself is loaded beforehand, no plugin that isn't part
of it, and nothing is configured.
"""

from __future__ import annotations

import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sameness import TIME_LIMIT, WRITTEN, Outcome, environment, normalised, text_of


class ForkServer:
    """Starts the process; close() ends it."""

    def __init__(self, probe: Path) -> None:
        self._probe = probe
        env = environment(probe, Path(os.devnull), False, {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
        env["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), env["PYTHONPATH"]])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "forkserver"],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(
        self, folder: Path, args: Sequence[str], *, deep: bool, env: Mapping[str, str] | None = None
    ) -> Outcome:
        """As sameness.run(). Raises TimeoutError when the run takes longer than TIME_LIMIT."""
        with tempfile.TemporaryDirectory() as tmp:
            out, printed = Path(tmp, "probe.json"), Path(tmp, "printed")
            extra = {
                "PARITY_OUT": str(out),
                **({"PARITY_DEEP": "1"} if deep else {}),
                **(env or {}),
            }
            request = {
                "folder": str(folder),
                "args": ["-p", "parity_probe", *args],
                "env": extra,
                "printed": str(printed),
            }
            status = self._ask(request)
            data = json.loads(out.read_text()) if out.exists() else {}
            output = printed.read_text(errors="replace")
        data["returncode"] = status
        written = {
            str(path.relative_to(folder)): text_of(path)
            for name in WRITTEN
            for path in folder.rglob(name)
        }
        return Outcome(data, normalised(output), written, output)

    def _ask(self, request: Mapping[str, object]) -> int:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], TIME_LIMIT)
        if not ready:
            raise TimeoutError(f"pytest {request['args']} takes longer than {TIME_LIMIT} s")
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(TIME_LIMIT)


def _load_pytest() -> None:
    import _pytest
    import _pytest.config

    for name in _pytest.config.default_plugins:
        __import__(f"_pytest.{name}")
    for module in pkgutil.iter_modules(_pytest.__path__):
        if module.name in ("python_path", "pytester", "legacypath"):
            continue
        __import__(f"_pytest.{module.name}")
    for name in (
        "doctest",
        "unittest.mock",
        "json",
        "xml.etree.ElementTree",
        "concurrent.futures",
        "asyncio",
    ):
        __import__(name)


def _in_child(request: Mapping[str, object]) -> None:
    """The run itself; never returns."""
    status = 70
    try:
        os.chdir(str(request["folder"]))
        printed = os.open(str(request["printed"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        os.close(null)
        os.close(printed)
        env = request["env"]
        assert isinstance(env, dict)
        os.environ.update(env)
        args = request["args"]
        assert isinstance(args, list)
        here = str(Path(__file__).parent)
        sys.path[:] = ["", *[entry for entry in sys.path if entry not in ("", here)]]
        sys.modules.pop("forkserver", None)
        sys.modules.pop("sameness", None)
        sys.argv = ["pytest", *args]
        signal.signal(signal.SIGINT, signal.default_int_handler)
        import pytest

        status = int(pytest.main(args))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main() -> None:
    """The process: serves requests until its standard input ends."""
    _load_pytest()
    answers = os.fdopen(os.dup(1), "w")
    os.set_inheritable(answers.fileno(), False)
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            answers.close()
            _in_child(request)
        _, waited = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(waited)}\n")
        answers.flush()


if __name__ == "__main__":
    main()
