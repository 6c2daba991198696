"""The pytest plugin: hooks only. `pytest -p fastcollect_meta` loads it through the package."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import newhooks, options, role

if TYPE_CHECKING:
    from .session import CollectingSession
    from .shards import Shards
    from .unbuilt import UnbuiltSession

_shards_key = pytest.StashKey["Shards"]()
#: Of the sessions that are running in this process, the innermost last: reports don't say whose they are.
_recording: list[Shards] = []
_session_key = pytest.StashKey["CollectingSession | UnbuiltSession"]()


def _start(config: pytest.Config) -> CollectingSession | UnbuiltSession | None:
    try:
        from .session_kind import start_session
    except ImportError as error:
        from .unbuilt import UnbuiltSession

        return UnbuiltSession(config, str(error))
    return start_session(config)


def _session_of(config: pytest.Config) -> CollectingSession | UnbuiltSession | None:
    return config.stash.get(_session_key, None)


@pytest.hookimpl
def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


@pytest.hookimpl
def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(newhooks)


@pytest.hookimpl
def pytest_plugin_registered(plugin: object, manager: pytest.PytestPluginManager) -> None:
    config: pytest.Config | None = manager.get_plugin("pytestconfig")
    session = _session_of(config) if config is not None else None
    if session is not None:
        session.plugin_registered()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, Any, Any]:
    session = None
    # "-p no:fastcollect_meta" after "-p fastcollect_meta" takes away the package, not this module.
    off = early_config.pluginmanager.is_blocked("fastcollect_meta")
    if role.ROLE == "main" and not off:
        session = _start(early_config)
        if session is not None:
            early_config.stash[_session_key] = session
    try:
        with session.loading_conftests() if session is not None else contextlib.nullcontext():
            return (yield)
    except BaseException:
        if session is not None:
            session.close()
        raise


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    session = _session_of(config)
    if session is None:
        return
    session.configured()
    if session.built:
        from .shards import start_shards

        config.stash[_shards_key] = shards = start_shards(config)
        if shards.records:
            _recording.append(shards)
    elif config.option.fcm_shard:
        raise pytest.UsageError("--shard: fastcollect_meta wasn't built for this Python")


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    session = _session_of(config)
    if session is not None:
        session.close()
        session.freeze()
    shards = config.stash.get(_shards_key, None)
    if shards in _recording:
        _recording.remove(shards)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: list[Any]) -> None:
    session = _session_of(config)
    if session is not None and session.controller is not None:
        session.controller.prepare(specs)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    session = _session_of(node.config)
    if session is not None and session.controller is not None:
        session.controller.configure_node(node)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    session = _session_of(node.config)
    if session is not None and session.controller is not None:
        session.controller.node_down(node)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, Any, Any]:
    collecting = _session_of(session.config)
    if collecting is None:
        return (yield)
    with collecting.collection(session):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Generator[None, Any, Any]:
    found = yield
    collecting = _session_of(parent.config)
    if collecting is not None:
        collecting.found_file(file_path, found)
    return found


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    collecting = _session_of(collector.config)
    if collecting is not None:
        collecting.about_to_collect(collector)
    report = yield
    return report if collecting is None else collecting.reported(collector, report)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    shards = config.stash.get(_shards_key, None)
    if shards is not None:
        shards.select(items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    # Within the wrappers of others: pytest's handlers of logging are there, as when modules are collected.
    collecting = _session_of(session.config)
    if collecting is not None:
        collecting.about_to_run_tests(session)


@pytest.hookimpl
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if _recording:
        _recording[-1].ran(report)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    collecting = _session_of(item.config)
    if collecting is not None:
        collecting.about_to_run(item)
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, Any, Any]:
    collecting = _session_of(session.config)
    if collecting is not None:
        collecting.finish(session)
    shards = session.config.stash.get(_shards_key, None)
    if shards is not None:
        shards.save()
    if collecting is None:
        return (yield)
    with collecting.finishing():
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    collecting = _session_of(config)
    if collecting is not None:
        collecting.summarize(terminalreporter)
    shards = config.stash.get(_shards_key, None)
    if shards is not None and shards.trouble:
        terminalreporter.write_line(f"fastcollect-meta: {shards.trouble}", yellow=True)
