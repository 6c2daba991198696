"""A pytest plugin that tells which files fastcollect_meta collected natively, why, and how many tests are in them.

Appends one line of JSON to the file that NATIVE_SHARE_OUT names:
{"tests": all of them, "files": with tests, "native": {reason: {path: tests}}, "materialized": files whose modules had been imported
when collection was over, "aside": why the plugin stood aside}.
"""

from __future__ import annotations

import json
import os
from collections import Counter

import pytest
from fastcollect_meta.plugin import _session_of


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    collecting = _session_of(session.config)
    if collecting is None:
        return
    tests = Counter(str(item.path) for item in session.items)
    native: dict[str, dict[str, int]] = {}
    materialized = 0
    if collecting.source is not None:
        counts = collecting.source.counts
        materialized = counts.materialized
        for reason, files in counts.details.items():
            native[reason] = {
                os.path.relpath(path, session.config.rootpath): tests[path] for path, _ in files
            }
    line = {
        "tests": len(session.items),
        "files": len(tests),
        "native": native,
        "materialized": materialized,
        "aside": collecting.aside,
    }
    with open(os.environ["NATIVE_SHARE_OUT"], "a", encoding="utf-8") as out:
        out.write(json.dumps(line) + "\n")
