"""Kill writers of a manifest at random moments: the file is always whole, the old one or the new one.

    python tests/faults/kill_writers.py [KILLS] [SEED]

Needs the package importable (script/try, or PYTHONPATH at a build's pytest_plugin folder).
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

try:
    from fastcollect_meta import _manifest
except ImportError:
    import _manifest  # type: ignore[no-redef]

KEY = b"kill"
COLLECTOR = "_pytest.python:Module"


def varint(n: int) -> bytes:
    out = bytearray()
    while n >= 128:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def record(path: Path, generation: int, filling: bytes) -> bytes:
    """A message with a record's head; its strings say which generation it is."""
    strings = field(4, b"%d" % generation) + field(4, filling)
    return b"\x08\x01" + field(2, os.fsencode(path)) + field(3, COLLECTOR.encode()) + strings


def generation_of(packed: bytes) -> int:
    marker = packed.index(b'"', packed.index(COLLECTOR.encode()) + len(COLLECTOR))
    size = packed[marker + 1]
    return int(packed[marker + 2 : marker + 2 + size])


def write(manifest: Path, files: list[Path], generation: int, filling: bytes) -> None:
    records = [record(path, generation, filling) for path in files]
    _manifest.update(str(manifest), KEY, records, rootdir=str(manifest.parent))


def read(manifest: Path, files: list[Path]) -> set[int]:
    """The generations of all records; raises where one is damaged or missing."""
    opened = _manifest.open(str(manifest), KEY)
    generations = set()
    for path in files:
        status, packed = opened.get(str(path), COLLECTOR)
        assert status == "valid" and packed is not None, (path, status)
        generations.add(generation_of(packed))
    return generations


def main(kills: int, seed: int) -> int:
    randomness = random.Random(seed)
    filling = randomness.randbytes(20_000)
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder) / "manifest"
        files = [Path(folder) / f"test_{i}.py" for i in range(40)]
        for path in files:
            path.write_text("")
        start = time.perf_counter()
        write(manifest, files, 0, filling)
        taken = time.perf_counter() - start
        current, generation, survived, killed = 0, 0, 0, 0
        while killed < kills:
            generation += 1
            pid = os.fork()
            if pid == 0:
                write(manifest, files, generation, filling)
                os._exit(0)
            time.sleep(randomness.uniform(0, 1.1 * taken))
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            killed += os.WIFSIGNALED(status)
            found = read(manifest, files)
            assert found in ({current}, {generation}), (generation, current, found)
            survived += found == {generation}
            current = found.pop()
        write(manifest, files, generation + 1, filling)
        assert read(manifest, files) == {generation + 1}
        left = sorted(p.name for p in Path(folder).iterdir() if not p.name.startswith("test_"))
        assert left == ["manifest", "manifest.lock"], left
    print(f"{killed} writers killed of {generation}, {survived} new manifests, every one whole")
    return 0


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(*(arguments + [1000, 1][len(arguments) :])))
