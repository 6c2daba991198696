"""Adds up what the steps of script/test counted: totals.py FOLDER prints one line.

FOLDER holds pytest.log (the output of each run of pytest) and meson.log (the logs of `meson test`);
either may be absent.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

PYTEST_LINE = re.compile(r"^=*\s*(\d+ \w+(?:, \d+ \w+)*) in [\d.]+s", re.MULTILINE)
MESON_LINE = re.compile(
    r"^(Ok|Fail|Timeout|Skipped|Unexpected Pass|Expected Fail):\s+(\d+)\s*$", re.MULTILINE
)
KIND = {
    "passed": "passed",
    "xfailed": "passed",
    "failed": "failed",
    "error": "failed",
    "errors": "failed",
    "xpassed": "failed",
    "skipped": "skipped",
    "Ok": "passed",
    "Expected Fail": "passed",
    "Fail": "failed",
    "Timeout": "failed",
    "Unexpected Pass": "failed",
    "Skipped": "skipped",
}


def read(path: Path) -> str:
    """The text of a file, empty where there is none."""
    return path.read_text(errors="replace") if path.exists() else ""


def main(folder: Path) -> None:
    """Print `total: N passed, N failed, N skipped`."""
    count: Counter[str] = Counter()
    for line in PYTEST_LINE.findall(read(folder / "pytest.log")):
        for part in line.split(", "):
            number, kind = part.split(" ", 1)
            if kind in KIND:
                count[KIND[kind]] += int(number)
    for kind, number in MESON_LINE.findall(read(folder / "meson.log")):
        count[KIND[kind]] += int(number)
    print(f"total: {count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")


main(Path(sys.argv[1]))
