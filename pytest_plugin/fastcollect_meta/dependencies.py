"""What the collection of a test file depends on.

The recorder in C (`_recorder`) notes who imports whom, which files, folders and variables are read, and by which
module. This module is its face: it turns what was noted into the lists of `Dependencies` (see the schema), adds what
follows from the searches of the import system (paths that must stay absent).

Used in the zygote and its workers, and in the main process for the files that it collects itself.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.machinery import EXTENSION_SUFFIXES
from typing import TYPE_CHECKING, TypedDict

from fastcollect_meta import _recorder
from fastcollect_meta.environment import iterated, value_of

if TYPE_CHECKING:
    import pytest

__all__ = [
    "Dependencies",
    "base",
    "begin",
    "configure",
    "end",
    "environment",
    "importing",
    "install",
    "note_environment",
    "note_path",
    "of",
    "path_at_start",
    "uninstall",
]

# enum fcm_fact and enum fcm_owner in C
_FILE, _ABSENT = 0, 2
_STDLIB, _SITE, _PROJECT = 0, 1, 4

# An entry of sys.path finds a module `name` in these, in this order, before `name.py`.
_BEFORE_SOURCE = ("/__init__.py", *EXTENSION_SUFFIXES)


# They say where a run writes what it measures or finds.
_WHERE_TO_WRITE = (
    "COVERAGE_FILE",
    "COV_CORE_DATAFILE",
    "PARITY_OUT",
    "RUN_TEST_IDS_PIPE",
    "TEST_RUN_PIPE",
)


class Dependencies(TypedDict):
    """The fields of the message `Dependencies`; paths are absolute and in the file system's encoding."""

    files: list[bytes]
    directories: list[bytes]
    absent: list[bytes]
    env_names: list[bytes]
    env_values: list[bytes]
    volatile_reason: str


_OURS = __name__.partition(".")[0]


@dataclass(slots=True)
class _State:
    environ: dict[bytes, bytes] = field(default_factory=dict)  # as it was when we were installed
    path: list[str] = field(default_factory=list)  # sys.path, likewise
    values: dict[bytes, bytes] = field(default_factory=dict)  # as they are reported
    watched: bool = False
    users: int = 0  # of the recorder: who has called `install` and not `release`
    rootdir: str = ""
    confcutdir: str = ""
    library_folders: list[tuple[str, int]] = field(default_factory=list)
    owners: dict[str, int] = field(default_factory=dict)
    listings: dict[str, frozenset[str]] = field(default_factory=dict)
    archives: dict[str, str | None] = field(default_factory=dict)  # folder: file that it lies in
    folders: dict[str, int] = field(default_factory=dict)
    modules: dict[str, list[int]] = field(default_factory=dict)  # file: nodes
    ignored: frozenset[bytes] = frozenset()  # variables that nothing depends on


_state = _State()


def install() -> None:
    """Starts recording. Early: what is imported before has no recorded imports of its own. May be called again.

    What was imported in between counts as a dependency of every file that is collected afterwards.
    """
    _state.users += 1
    if not _recorder.active() or not _state.watched:
        _install()


def note_environment(environ: Mapping[bytes, bytes]) -> None:
    """Tell how the environment was before anything of the project ran: variables have these values in records."""
    _state.environ = {
        key: value for key, value in environ.items() if not key.startswith(b"FASTCOLLECT_META_")
    }
    _state.values.clear()


def environment() -> list[bytes]:
    """The environment that was noted, b"NAME=VALUE" each."""
    return [name + b"=" + value for name, value in _state.environ.items()]


def _install() -> None:
    if not _state.watched:
        if not _state.environ:
            note_environment(os.environb)
        note_path()
        _state.library_folders = _library_folders()
        _set_prefixes()
        _watch_environment()
        _state.watched = True
        atexit.register(uninstall)
    _recorder.install()
    for name, module in list(sys.modules.items()):
        try:  # without asking the module, which may be anything and load something
            file = object.__getattribute__(module, "__dict__").get("__file__")
        except AttributeError:
            file = None
        _recorder.preload(name, file if type(file) is str else None)


def note_path() -> None:
    """Remembers `sys.path` as it is now, for the options key, in a process that records nothing. May be called again."""
    if not _state.path:
        # what is there twice or relative finds the same
        _state.path = list(dict.fromkeys(os.path.abspath(entry or ".") for entry in sys.path))


def release() -> None:
    """Whoever has called `install` has nothing to be recorded any more; once that is true of all of them, recording stops."""
    _state.users -= 1
    if _state.users == 0:
        uninstall()


def uninstall() -> None:
    """Stops recording and puts the import system's functions back. What was recorded can still be asked for."""
    _recorder.uninstall()


def configure(config: pytest.Config) -> None:
    """Tells where the project lies. Without it every folder above a test file counts for its conftests."""
    _state.ignored = frozenset(map(os.fsencode, ignored_variables(config)))
    rootdir = str(config.rootpath)
    confcutdir = config.option.confcutdir
    if confcutdir is None:
        confcutdir = str(config.inipath.parent if config.inipath is not None else rootdir)
    elif not os.path.isabs(confcutdir):
        confcutdir = os.path.abspath(os.path.join(config.invocation_params.dir, confcutdir))
    if (rootdir, confcutdir) != (_state.rootdir, _state.confcutdir):
        _state.rootdir = rootdir
        _state.confcutdir = confcutdir
        _state.owners.clear()
        _state.folders.clear()
        if _state.watched:
            _set_prefixes()


def ignored_variables(config: pytest.Config) -> list[str]:
    """Environment variables that change nothing of what is collected, although something reads them."""
    from fastcollect_meta.compat import own_lines

    return sorted({*_WHERE_TO_WRITE, *own_lines(config, "fastcollect_meta_ignored_variables")})


def begin(path: str | os.PathLike[str]) -> None:
    """The collection of a test file begins: what is imported and read from now on is its doing."""
    _recorder.begin(os.fspath(path))


def end(path: str | os.PathLike[str]) -> None:
    """The collection of a test file has ended, in whatever way."""
    _recorder.end(os.fspath(path))


def importing() -> str | None:
    """File of the module whose import is innermost right now, None outside of any import."""
    return _recorder.importing()


def facts(known: Dependencies) -> bytes:
    """The files, directories and absent paths among dependencies, in the form in which `of` leaves them out."""
    return _recorder.facts(known["files"], known["directories"], known["absent"])


def of(
    path: str | os.PathLike[str], conftests: Iterable[str] = (), known: bytes = b""
) -> Dependencies:
    """What the file's collection, between `begin` and `end`, depends on, besides `base` and `options_key`.

    `known` are `facts` to leave out. `conftests` are conftests that it depends on besides those of its own folders. Not existing paths that were searched or opened are in `absent`. Values of variables are those of the time of
    `install`: what the project's own code sets is a consequence of it, not an input.
    """
    path = os.fspath(path)
    root = _recorder.root(path)
    _expand()
    _recorder.add(root, _FILE, [os.fsencode(path)])
    # Another test file may have imported it: then pytest finds it and imports nothing.
    for node in _state.modules.get(path, ()):
        _recorder.link(root, node)
    folders = {os.path.dirname(path), *map(os.path.dirname, conftests)}
    return _answer([root, *(_folder(folder) for folder in sorted(folders))], known)


def base(config: pytest.Config) -> Dependencies:
    """What every file depends on: the interpreter, pytest, plugins, and the configuration file."""
    configure(config)
    _expand()
    inipath = config.inipath
    for name in _INI_FILES:
        candidate = os.path.join(_state.rootdir, name)
        if inipath is not None and candidate == str(inipath):
            break
        # One that is there without a section for pytest could get one.
        kind = _FILE if os.path.exists(candidate) else _ABSENT
        _recorder.add(0, kind, [os.fsencode(candidate)])
    if inipath is not None:
        _recorder.add(0, _FILE, [os.fsencode(inipath)])
    return _answer([0])


_INI_FILES = (
    "pytest.toml",
    ".pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
)


def path_at_start() -> list[str]:
    """`sys.path` as it was at the time of `install`: conftests add to it, depending on what is collected."""
    return _state.path or sys.path


def _answer(roots: list[int], known: bytes = b"") -> Dependencies:
    files, directories, absent, names, reason = _recorder.closure(roots, known)
    names = [name for name in names if name not in _state.ignored]
    if b"*" in names:
        names = [name for name in names if name == b"*" or _recorder.is_left_out(name)]
    return {
        "files": files,
        "directories": directories,
        "absent": absent,
        "env_names": names,
        "env_values": [_variable(name) for name in names],
        "volatile_reason": reason or "",
    }


def _variable(name: bytes) -> bytes:
    value = _state.values.get(name)
    if value is None:
        value = _state.values[name] = value_of(name, _state.environ)
    return value


def _watch_environment() -> None:
    _recorder.set_iterated(iterated)
    for environ in (os.environ, os.environb):
        for name, watch in (
            ("encodekey", _recorder.watch_encode),
            ("decodekey", _recorder.watch_decode),
        ):
            setattr(environ, name, watch(getattr(environ, name)))


def _library_folders() -> list[tuple[str, int]]:
    import site
    import sysconfig

    folders: dict[str, int] = {}
    for name in ("stdlib", "platstdlib"):
        folders[sysconfig.get_path(name)] = _STDLIB
    folders[os.path.dirname(os.__file__)] = _STDLIB
    for path in sys.path:
        if path.endswith(".zip") or path.endswith("lib-dynload"):
            folders[path] = _STDLIB
        if path.endswith(("site-packages", "dist-packages")):
            folders[path] = _SITE
    for name in ("purelib", "platlib"):
        folders[sysconfig.get_path(name)] = _SITE
    for path in (*site.getsitepackages(), site.getusersitepackages()):
        folders[path] = _SITE
    for path, owner in list(folders.items()):
        folders.setdefault(os.path.realpath(path), owner)
    return [(path, owner) for path, owner in folders.items() if path]


def _set_prefixes() -> None:
    prefixes = [(os.fsencode(path) + b"/", owner) for path, owner in _state.library_folders]
    if _state.rootdir:
        prefixes.append((os.fsencode(_state.rootdir) + b"/", _PROJECT))
    _recorder.set_prefixes(prefixes)


def _owner(folder: str) -> int:
    """Whose a folder is: the longest of the known folders around it decides."""
    known = _state.owners.get(folder)
    if known is None:
        known, longest = _PROJECT, 0
        folders = _state.library_folders
        if _state.rootdir:
            folders = [*folders, (_state.rootdir, _PROJECT)]
        for path, owner in folders:
            if len(path) > longest and (folder + "/").startswith(path + "/"):
                known, longest = owner, len(path)
        _state.owners[folder] = known
    return known


def _folder(folder: str) -> int:
    """Node of a folder: its conftest and package file, there or not, and the folders around it.

    A conftest's own imports belong to the files below it. Call after `_expand`.
    """
    node = _state.folders.get(folder)
    if node is None:
        node = _state.folders[folder] = _recorder.root(folder + "/")
        is_package = False
        for name in ("conftest.py", "__init__.py"):
            candidate = os.path.join(folder, name)
            is_package = os.path.isfile(candidate)
            _recorder.add(node, _FILE if is_package else _ABSENT, [os.fsencode(candidate)])
        parent = os.path.dirname(folder)
        # A package may reach further up than the folder in which the search for conftests ends.
        if parent != folder and (folder != _state.confcutdir or is_package):
            _recorder.link(node, _folder(parent))
    return node


def _expand() -> None:
    """Gives the modules that were found, or not, since the last time their files and what must stay absent."""
    for node, name, file, searched, where in _recorder.drain():
        leaf = name.rpartition(".")[2]
        if file is False:
            missing = _candidates(searched, leaf, None)
            _recorder.add(node, _ABSENT, missing)
        elif isinstance(file, str):
            real = _real_file(file)
            if real is None or name.partition(".")[0] == _OURS:
                continue  # built in; ourselves: our version is in the options' key
            _state.modules.setdefault(file, []).append(node)
            if os.path.basename(file) == "conftest.py":
                _recorder.link(_recorder.root(os.path.dirname(file) + "/"), node)
            _recorder.add(node, _FILE, [os.fsencode(real)])
            _recorder.add(node, _ABSENT, _candidates(searched, leaf, file))
        elif where:
            # A namespace package: a file would turn any of its folders into a regular one, and other folders may join.
            folders = [path for path in where if isinstance(path, str)]
            absent = [os.fsencode(path + "/__init__.py") for path in folders]
            absent += _candidates(searched, leaf, None, folders)
            _recorder.add(node, _ABSENT, absent)


def _real_file(file: str) -> str | None:
    """The file on disk that a module's file is, or lies in (a zip); None for what is built in."""
    if not file.startswith("/"):
        if file in ("built-in", "frozen") or not os.path.exists(file):
            return None
        file = os.path.abspath(file)
    folder = file.rpartition("/")[0]
    archive = _state.archives.get(folder, "")
    if archive == "":
        above = folder
        while above and not os.path.isdir(above) and not os.path.isfile(above):
            above = os.path.dirname(above)
        archive = above if os.path.isfile(above) else None
        _state.archives[folder] = archive
    return file if archive is None else archive


def _candidates(
    searched: tuple[object, ...] | None,
    leaf: str,
    found: str | None,
    folders: list[str] | None = None,
) -> list[bytes]:
    """Paths whose appearance would change what a search along `searched` for a module finds.

    `found` is the file that it found, `folders` are those of a namespace package. With neither, nothing was found.
    """
    absent: list[bytes] = []
    for entry in searched or ():
        if not isinstance(entry, str):
            continue
        if not entry.startswith("/"):
            entry = os.path.abspath(entry or ".")
        owner = _owner(entry)
        if owner == _STDLIB:
            if found is not None and found.startswith(entry + "/"):
                break
            continue
        here = found is not None and os.path.dirname(found) in (entry, f"{entry}/{leaf}")
        names = []
        if found is None:
            if not folders or f"{entry}/{leaf}" not in folders:
                names.append(leaf)
            names += [f"{leaf}{suffix}" for suffix in (*EXTENSION_SUFFIXES, ".py", ".pyc")]
        elif here and found.startswith(f"{entry}/{leaf}/"):
            break
        elif owner == _SITE:
            if here:
                break
            continue
        elif here:
            for suffix in _BEFORE_SOURCE:
                if found == f"{entry}/{leaf}{suffix}":
                    break
                names.append(f"{leaf}{suffix}")
        else:
            names += [f"{leaf}{suffix}" for suffix in (*_BEFORE_SOURCE, ".py", ".pyc")]
        listing = _listing(entry)
        for name in names:
            if name.partition("/")[0] not in listing or not os.path.exists(f"{entry}/{name}"):
                absent.append(os.fsencode(f"{entry}/{name}"))
        if here:
            break
    return absent


def _listing(folder: str) -> frozenset[str]:
    listing = _state.listings.get(folder)
    if listing is None:
        try:
            listing = frozenset(os.listdir(folder))
        except OSError:
            listing = frozenset()
        _state.listings[folder] = listing
    return listing
