"""A zygote: prepares pytest once, walks, and forks workers as the coordinator tells it to.

Nothing of pytest and nothing of the user's is imported before the environment is as it is in the main
process.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from fastcollect_meta import _wire, _worker, dependencies, role
from fastcollect_meta.written import flush

if TYPE_CHECKING:
    import pytest

    from fastcollect_meta.collect import CollectOptions, FoundFiles

#: Files in one Walk frame.
_WALK_CHUNK = 500


def _take_variable(name: str) -> str:
    """Value of one of our environment variables, which nobody sees afterwards."""
    return os.environ.pop(f"FASTCOLLECT_META_{name}", "")


def _handshake(channel: _wire.Channel, kind: role.Role) -> dict[str, Any]:
    """Says Hello and returns the fields of the CollectRequest. Raises EOFError, ValueError."""
    hello = {
        "protocol": _wire.PROTOCOL,
        "version": _wire.VERSION,
        "pid": os.getpid(),
        "role": kind,
        "python": ".".join(map(str, sys.version_info[:3])),
    }
    channel.send("Hello", hello)
    while True:
        message = channel.receive(None)
        if message is None:
            continue
        name, _, fields = message
        if name == "CollectRequest":
            return dict(fields)
        if name != "Hello":
            raise ValueError(f"the coordinator began with {name}")
        if (fields["protocol"], fields["version"]) != (_wire.PROTOCOL, _wire.VERSION):
            raise ValueError(f"the coordinator is of version {fields['version']}")


def _imitate(request: dict[str, Any]) -> list[str]:
    """Directory, sys.path and sys.argv of the main process. Returns pytest's arguments."""
    args = [os.fsdecode(arg) for arg in request["args"]]
    os.chdir(request["invocation_dir"])
    sys.path[:] = [os.fsdecode(entry) for entry in request["sys_path"]]
    argv = [os.fsdecode(arg) for arg in request.get("argv", ())]
    sys.argv[:] = argv or ["pytest", *args]
    return args


def _send_walk(channel: _wire.Channel, config: pytest.Config, found: FoundFiles) -> None:
    from fastcollect_meta.collect import collector_name
    from fastcollect_meta.options import is_named

    alone = config.getini("fastcollect_meta_alone")
    native = [
        *config.getini("fastcollect_meta_native"),
        *config.getini("fastcollect_meta_ordered"),
    ]
    files = []
    for id, node in enumerate(found.nodes, 1):
        size = 0
        with contextlib.suppress(OSError):
            size = os.stat(node.path).st_size
        path = os.fsencode(node.path)
        files.append(
            {
                "id": id,
                "path": path,
                "collector": collector_name(node),
                "size": size,
                "alone": is_named(node.path, config, alone),
                "native": is_named(node.path, config, native),
            }
        )
    for at in range(0, len(files), _WALK_CHUNK):
        channel.send("Walk", {"files": files[at : at + _WALK_CHUNK], "done": False})
    channel.send("Walk", {"files": [], "done": True})


def _send_prepared(channel: _wire.Channel) -> None:
    import threading

    others = [thread.name for thread in threading.enumerate()]
    channel.send(
        "Prepared",
        {
            "can_fork": len(others) == 1,
            "why": "" if len(others) == 1 else f"threads: {', '.join(others)}",
            "threads": len(others),
        },
    )


def _serve(
    channel: _wire.Channel,
    kind: role.Role,
    stderr: int,
    config: pytest.Config,
    session: pytest.Session,
    options: CollectOptions,
) -> NoReturn:
    """Inside pytest's collection: walk, then fork workers, or be one. Never returns."""
    from fastcollect_meta import compat
    from fastcollect_meta.collect import FoundFiles, age_objects, start_worker

    found = FoundFiles.for_config(config)
    with found.own_filters.watching():
        compat.walk_files(config, session, found.note)
        _send_walk(channel, config, found)
        options.registries.changes()
        _send_prepared(channel)
        flush()
        if kind == "worker":
            start_worker(channel, config, found, options, stderr)

        # What is here now stays: a worker's garbage collection must neither visit it nor copy its pages.
        age_objects()
        child = _worker.serve(os.dup(channel.fileno()))
        if child is None:
            os._exit(0)
        role.ROLE = "worker"
        channel.close()
        _, own_channel, own_stderr = child
        start_worker(_wire.Channel(own_channel), config, found, options, own_stderr)


def main() -> NoReturn:
    """The program of a zygote, or of a worker that prepares itself. Ends with os._exit()."""
    kind: role.Role = "worker" if _take_variable("ROLE") == "worker" else "zygote"
    role.ROLE = kind
    stderr = int(_take_variable("STDERR") or -1)
    tempdir = _take_variable("TEMPDIR")
    for name in ("EXECUTABLE", "HASH_SECRET"):
        _take_variable(name)
    channel = _wire.Channel(_worker.raise_fd(int(_take_variable("CHANNEL"))))
    gc.disable()
    status = 1
    try:
        _worker.isolate(0)
        _, stderr = _worker.redirect_stdio(stderr)
        _prepare(channel, kind, stderr, tempdir)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        status = 0
    except BaseException as error:
        with contextlib.suppress(BaseException):
            channel.send("Goodbye", {"reason": _explain(error)})
    finally:
        os._exit(status)


def _explain(error: BaseException) -> str:
    if "fastcollect_meta.compat" in sys.modules:
        from fastcollect_meta import compat

        return compat.explain_failure(error)
    return f"{type(error).__name__}: {error}"


def _set_temporary_folder(path: str) -> None:
    """Let tempfile know the folder that it would find by trying."""
    import tempfile

    for name in ("TMPDIR", "TEMP", "TMP"):
        # what the folder depends on
        os.environ.get(name)
    tempfile.tempdir = path


def _prepare(channel: _wire.Channel, kind: role.Role, stderr: int, tempdir: str) -> None:
    request = _handshake(channel, kind)
    args = _imitate(request)
    if request["record_dependencies"]:
        # What is imported before has no dependencies that are known.
        dependencies.install()
    if tempdir:
        _set_temporary_folder(tempdir)
    from fastcollect_meta import compat
    from fastcollect_meta.active_adapters import class_trees
    from fastcollect_meta.collect import CollectOptions
    from fastcollect_meta.effects import FileHooks
    from fastcollect_meta.registries import Registries
    from fastcollect_meta.treatments import Treatments

    config, session, logs = compat.prepare_session(args)
    options = CollectOptions(
        logs,
        FileHooks(config, session, Treatments.of(config)),
        Registries(class_trees(config)),
        record_dependencies=request["record_dependencies"],
    )
    if options.record_dependencies:
        dependencies.configure(config)
    compat.collect_with(
        config, session, lambda: _serve(channel, kind, stderr, config, session, options)
    )
    raise RuntimeError("a plugin's pytest_collection doesn't collect")
