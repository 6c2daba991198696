"""A pytest plugin: writes the farm's statistics, when it is closed, to the file that FCM_STATISTICS names.

`pytest -p fastcollect_meta -p fcmbench.statistics_probe`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from fastcollect_meta.farm import Farm

_close = Farm.close


def _close_and_note(self: Farm) -> Any:
    result = _close(self)
    target = os.environ.get("FCM_STATISTICS")
    if target and self.statistics is not None:
        Path(target).write_text(json.dumps(self.statistics))
    return result


Farm.close = _close_and_note  # type: ignore[method-assign]
