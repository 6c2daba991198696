"""Shards of a run: which tests belong to this one, and the durations that the parts are planned by."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from . import _manifest, compat, options, starting
from .options import check_shard

if TYPE_CHECKING:
    from pathlib import Path


def durations_path(manifest: Path) -> Path:
    """The file beside a manifest by which shards are planned."""
    return manifest.with_name(manifest.name + ".durations")


def id_bytes(nodeid: str) -> bytes:
    """A test's id as the coordinator's program has it."""
    try:
        return nodeid.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return nodeid.encode("utf-8", "surrogatepass")


def without_group(nodeid: str) -> str:
    """A test's own id, without the group that pytest-xdist puts behind it with --dist=loadgroup."""
    at = nodeid.rfind("@")
    return nodeid[:at] if at > max(nodeid.rfind("]"), nodeid.rfind("::")) else nodeid


def start_shards(config: pytest.Config) -> Shards:
    """What this process does about shards and durations.

    :raises pytest.UsageError: for options that make no sense.
    """
    given = options.manifest_option(config, config.option)
    return Shards(config, starting.manifest_path(config, given))


class Shards:
    """Selects the tests of `--shard` and records how long tests take.

    :param manifest: path of the manifest, None where there is none: then each test counts the same.
    """

    def __init__(self, config: pytest.Config, manifest: Path | None) -> None:
        self._config = config
        self._manifest = manifest
        self._shard, self._by = check_shard(config.option)
        option = config.option
        #: Whether ids may have groups of pytest-xdist behind them: in its worker, and in its controller.
        self._groups = getattr(option, "loadgroup", False) or (
            getattr(option, "dist", "no") == "loadgroup"
        )
        self._seconds: dict[str, float] = {}
        #: One line for people where durations could not be written.
        self.trouble = ""

    @property
    def records(self) -> bool:
        """Whether this process is to write durations; a worker of pytest-xdist reports them to its controller."""
        return self._manifest is not None and not hasattr(self._config, "workerinput")

    def select(self, items: list[pytest.Item]) -> None:
        """Deselect what belongs to other shards."""
        if not self._shard:
            return
        path = "" if self._manifest is None else os.fspath(durations_path(self._manifest))
        ids = [id_bytes(self._own_id(item.nodeid)) for item in items]
        chosen = _manifest.shard(ids, self._shard, self._by, path)
        others = [item for item, ours in zip(items, chosen, strict=True) if not ours]
        if others:
            items[:] = [item for item, ours in zip(items, chosen, strict=True) if ours]
            self._config.hook.pytest_deselected(items=others)

    def ran(self, report: pytest.TestReport) -> None:
        """A part of a test has run."""
        nodeid = report.nodeid
        if self._groups:
            nodeid = without_group(nodeid)
        seconds = self._seconds
        seconds[nodeid] = seconds.get(nodeid, 0.0) + report.duration

    def _own_id(self, nodeid: str) -> str:
        return without_group(nodeid) if self._groups else nodeid

    def save(self) -> None:
        """Write what was recorded. A shard writes a file of its own: the others must still plan as it did."""
        seconds, self._seconds = self._seconds, {}
        if not seconds or self._manifest is None:
            return
        if self._manifest == compat.default_manifest(self._config):
            compat.make_cache_directory(self._config, "fastcollect-meta")
        path = os.fspath(durations_path(self._manifest))
        if self._shard:
            path += "." + self._shard.replace("/", "-of-")
        tests = sorted((id_bytes(nodeid), taken) for nodeid, taken in seconds.items())
        tests.sort(key=_file_of)
        try:
            _manifest.add_durations(path, tests, str(self._config.rootpath))
        except (OSError, ValueError) as error:
            self.trouble = f"durations of tests could not be written: {error}"


def _file_of(test: Sequence[Any]) -> bytes:
    file: bytes = test[0].partition(b"::")[0]
    return file
