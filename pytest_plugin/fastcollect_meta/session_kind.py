"""Which session a process runs: one that collects, that of a worker of pytest-xdist, or none."""

from __future__ import annotations

import os

import pytest

from . import dependencies, distribute, named_files, passed_plugins
from .forked import can_fork
from .options import read_options
from .session import CollectingSession
from .standing_aside import why_aside_early
from .starting import open_store, start_farm


def start_session(config: pytest.Config) -> CollectingSession | None:
    """Begin with a session: called before its conftests are loaded, so that the farm prepares beside.

    :raises pytest.UsageError: for options that make no sense.
    """
    namespace = config.known_args_namespace
    options = read_options(config, namespace)
    if getattr(namespace, "help", False) or getattr(namespace, "version", 0):
        return None
    aside = why_aside_early(namespace)
    environ = dict(os.environb)
    if distribute.is_worker():
        dependencies.note_path()
        dependencies.note_environment(environ)
        from .xdist_worker import WorkerSession

        return WorkerSession(config, options, None, None, environ, aside)
    store = farm = None
    if not aside and options.workers > 0:
        distributed = distribute.may_distribute(namespace)
        if distributed:
            environ = distribute.environment_of_workers()
        store = open_store(config, options, environ, needed=distributed)
        if (store is None or not store.exists()) and not _needs_no_farm(config, distributed):
            farm, aside = start_farm(
                config,
                options,
                environ=environ,
                prefetch=True,
                record_dependencies=store is not None,
            )
    return CollectingSession(config, options, store, farm, environ, aside)


def _needs_no_farm(config: pytest.Config, distributed: bool) -> bool:
    if distributed or passed_plugins.that_matter(config.invocation_params.plugins):
        return False
    if not can_fork():
        return False
    return named_files.seem_few(config, config.known_args_namespace)
