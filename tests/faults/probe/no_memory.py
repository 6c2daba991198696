"""A plugin for runs under test: each call into our C code that encodes or decodes a record is made many times before, with
the n-th allocation of Python objects failing, for all n. What comes of it is a MemoryError or the result, or the process dies.

Writes the number of failed calls to the file that FAULT_CALLS names.
"""

from __future__ import annotations

import _testcapi
import contextlib
import os
from collections.abc import Callable
from typing import Any

from fastcollect_meta import _native, _wire

#: Calls in a row without an error after which none is left.
_UNHARMED = 40
calls = 0


def _difference(result: Any, expected: Any) -> Any:
    if not isinstance(result, bytes):
        return result, expected
    got, wanted = (_wire.unpack("Record", packed) for packed in (result, expected))
    return [(k, got.get(k), v) for k, v in wanted.items() if got.get(k) != v]


def _sweep(function: Callable[..., Any], *args: Any) -> Any:
    """Call it with one allocation failing, the first, the second and so on, until that makes no difference any more; its
    result."""
    global calls
    expected = function(*args)
    number = unharmed = 0
    while unharmed < _UNHARMED:
        try:
            _testcapi.set_nomemory(number, number + 1)
            result = function(*args)
            _testcapi.remove_mem_hooks()
        except SystemError as error:
            _testcapi.remove_mem_hooks()
            raise AssertionError(f"{function} with allocation {number} failing") from error
        except Exception:
            # Python's own code turns some MemoryErrors into others.
            _testcapi.remove_mem_hooks()
            calls += 1
            unharmed = 0
        else:
            unharmed += 1
            if not isinstance(result, _native.Record):
                assert result == expected, (function, number, _difference(result, expected))
        number += 1
    return expected


def _from_fresh(packed: bytes, name: str, index: int) -> Any:
    return getattr(_native.Record(packed), name)(index)


def _sweep_record(packed: bytes) -> None:
    record = _sweep(_native.Record, packed)
    plain = ("call", "ids", "children", "node", "name", "flags", "marks", "keys", "attributes")
    more = ("extra", "object", "doc", "original", "place", "fixtures", "function_keys", "has_call")
    index = 0
    while True:
        try:
            record.node(index)
        except IndexError:
            break
        for name in (*plain, *more):
            # Some are of items only.
            with contextlib.suppress(IndexError):
                _sweep(getattr(record, name), index)
                # A fresh one has no strings yet.
                _sweep(_from_fresh, packed, name, index)
        for number in record.marks(index):
            _sweep(record.mark, number)
        index += 1
    for name in (
        "path",
        "collector",
        "classes",
        "captured",
        "skip",
        "warnings",
        "hooks",
        "changes",
    ):
        _sweep(getattr, record, name)


_real = _native.encode


def _encode(*args: Any) -> bytes:
    packed: bytes = _sweep(_real, *args)
    _sweep_record(packed)
    fields = _sweep(_wire.unpack, "Record", packed)
    _sweep(_wire.pack, "Record", fields)
    return packed


_native.encode = _encode


def pytest_unconfigure() -> None:
    path = os.environ.get("FAULT_CALLS")
    if path:
        with open(path, "w") as file:
            file.write(str(calls))
