"""Hooks that look at, mark, rename, sort and drop items."""

import pytest

KEY = pytest.StashKey[int]()
COUNT = 0


NOTES = []


def note(config, text):
    """Written at the end: processes that only collect for another one don't get there."""
    NOTES.append(text)


def pytest_sessionfinish(session):
    (session.config.rootpath / "order.txt").write_text("\n".join(NOTES), encoding="utf-8")


def pytest_collectstart(collector):
    if isinstance(collector, pytest.Module):
        collector.add_marker("early")
    note(collector.config, f"collectstart {collector.nodeid} {type(collector).__name__}")


def pytest_itemcollected(item):
    global COUNT
    COUNT += 1
    item.stash[KEY] = COUNT
    item.add_marker(pytest.mark.added(COUNT))
    item.extra_note = f"note {COUNT}"
    item.extra_keyword_matches.add(f"number{COUNT}")
    item.user_properties.append(("count", COUNT))
    note(item.config, f"itemcollected {item.nodeid} {[m.name for m in item.iter_markers()]}")


def pytest_collectreport(report):
    note(CONFIG, f"collectreport {report.nodeid} {report.outcome} {len(report.result)}")


def pytest_make_collect_report(collector):
    note(collector.config, f"make_collect_report {collector.nodeid}")


def pytest_configure(config):
    global CONFIG
    CONFIG = config


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session, config, items):
    dropped = [item for item in items if item.name == "test_dropped"]
    items[:] = [item for item in items if item.name != "test_dropped"]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
    items.sort(key=lambda item: item.get_closest_marker("tail") is not None)
    for item in items:
        if item.name == "test_renamed":
            item.name = "test_new_name"
        if "skipme" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="by conftest"))
        if item.fixturenames and "extra" in item.fixturenames:
            item.keywords["has_extra"] = True


@pytest.fixture
def extra():
    return 3
