"""A hook that looks at each file's tests on its own, in every way that a record can hold."""

from itertools import groupby

import pytest


class Thing:
    """Its objects can't travel by value."""


THING = Thing()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items, config):
    for item in items:
        if item.function.__doc__:
            item.add_marker(pytest.mark.doc(len(item.function.__doc__)))
        if len(item.function.__code__.co_code) > 8:
            item.add_marker("big", append=False)
        if "obj" in item.name:
            item.add_marker(pytest.mark.obj(THING, x=THING))
            item.seen = True
        if item.cls is not None:
            item.getparent(pytest.Class).add_marker("cls")
            item.extra_keyword_matches.add("extra_" + item.cls.__name__)
            item.keywords["kw"] = True
    items[:] = [
        item
        for _, group in groupby(items, key=lambda item: item.path)
        for item in sorted(
            group, key=lambda item: (item.function.__code__.co_argcount, item.name), reverse=True
        )
    ]
    result = yield
    gone = [item for item in items if item.function.__name__ == "test_gone"]
    if gone:
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if item not in gone]
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item):
    """Not declared: called in the main process, before the one in the folder below."""
    item.add_marker("early")
