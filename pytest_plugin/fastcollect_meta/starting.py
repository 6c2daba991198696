"""Starts the farm for a session."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import binaries, compat, passed_plugins
from .options import Options

if TYPE_CHECKING:
    from .farm import Farm
    from .store import Store


def open_store(
    config: pytest.Config,
    options: Options,
    environ: Mapping[bytes, bytes],
    *,
    needed: bool = False,
) -> Store | None:
    """The manifest that this session reads and writes, None for none.

    :param environ: the environment as it was when pytest started.
    :param needed: whether there is to be a temporary one where the user wants none.
    """
    if passed_plugins.that_matter(config.invocation_params.plugins):
        return None
    from .store import Store, TemporaryStore

    path = manifest_path(config, options.manifest)
    if path is None:
        return TemporaryStore(environ) if needed else None
    return Store(path, own_place=not options.manifest, environ=environ)


def manifest_path(config: pytest.Config, given: str) -> Path | None:
    """Where the manifest lies, None where there is to be none.

    :param given: what the options say; see `Options.manifest`.
    """
    if given == "no":
        return None
    path = Path(given) if given else compat.default_manifest(config)
    return None if path is None else config.invocation_params.dir / path


def start_farm(
    config: pytest.Config,
    options: Options,
    *,
    environ: Mapping[bytes, bytes],
    prefetch: bool,
    record_dependencies: bool,
) -> tuple[Farm | None, str]:
    """Start a farm with this process's arguments and interpreter.

    :param environ: the environment for its processes: as it was before anything of the project ran.
    :param prefetch: whether it begins with files before it is asked for them.
    :param record_dependencies: whether its records hold what they depend on, for a manifest.

    Returns the farm, or None and why there is none.
    """
    params = config.invocation_params
    if passed_plugins.that_matter(params.plugins):
        return None, "plugins were passed as objects, which another process can't have"
    coordinator = binaries.coordinator()
    if coordinator is None:
        return None, "the coordinator's program is missing"
    from .farm import Farm

    worker = binaries.worker()
    try:
        farm = Farm.start(
            coordinator,
            environ={**environ, **_temporary_folder(config, environ)},
            args=[os.fsencode(arg) for arg in params.args],
            argv=[os.fsencode(arg) for arg in sys.argv],
            invocation_dir=os.fsencode(params.dir),
            executable=os.fsencode(sys.executable),
            interpreter_args=[os.fsencode(arg) for arg in _interpreter_args()],
            sys_path=[os.fsencode(entry) for entry in sys.path],
            workers=options.workers,
            time_limit=options.time_limit,
            worker_memory=options.worker_memory,
            hash_secret=_hash_secret(),
            prefetch=prefetch,
            record_dependencies=record_dependencies,
            worker_program=os.fsencode(worker) if worker is not None else b"",
            lib_dir=os.fsencode(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
        )
    except (OSError, MemoryError) as error:
        return None, f"the coordinator could not be started: {str(error) or 'out of memory'}"
    return farm, ""


def _temporary_folder(config: pytest.Config, environ: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Where pytest's capturing is to make its files, as a variable of ours.

    tempfile looks for a folder by making a file in it, which stays there if the process is killed just then. pytest does this
    in a moment here; nobody has to in another process.
    """
    if getattr(config.known_args_namespace, "capture", "no") != "fd":
        return {}
    if any(environ.get(name) != os.environb.get(name) for name in (b"TMPDIR", b"TEMP", b"TMP")):
        return {}
    try:
        return {b"FASTCOLLECT_META_TEMPDIR": os.fsencode(tempfile.gettempdir())}
    except OSError:
        return {}


def _interpreter_args() -> list[str]:
    """Options that give another interpreter the same sys.flags, -W and -X."""
    return subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined,no-any-return]


def _hash_secret() -> bytes:
    """The secret of this process's str hashes, empty where PYTHONHASHSEED fixes it."""
    if not sys.flags.hash_randomization:
        return b""
    from . import _native

    return _native.hash_secret()
