"""Loads what stays without looking for garbage in it."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator


def as_natively() -> bool:
    """Whether the environment says that garbage is to be collected as without the plugin."""
    return os.environ.get("FASTCOLLECT_META_GC") == "native"


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage meanwhile: modules that are loaded stay.

    `gc.isenabled()` is as before, so that what is done to that meanwhile holds, as does a threshold that is set meanwhile.
    """
    before = gc.get_threshold()
    if as_natively():
        yield
        return
    gc.set_threshold(0, *before[1:])
    during = gc.get_threshold()
    try:
        yield
    finally:
        if gc.get_threshold() == during:
            gc.set_threshold(*before)
