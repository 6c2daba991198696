"""Options of our tests, and what each of them must leave behind: nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from leftovers import Leftovers, become_subreaper

_TEMPORARY = pytest.StashKey[Path]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fastcollect-meta's tests")
    group.addoption(
        "--full", action="store_true", help="run the full product of parity cases, and all faults"
    )
    group.addoption(
        "--modes",
        default="",
        help="compare these with native instead of a case's own: here,farm,again,here-again,native",
    )
    group.addoption(
        "--examples",
        type=int,
        default=0,
        metavar="N",
        help="random suites to try, new ones each time (default: a fixed few)",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is marked `full`, without --full, and skips what sanitizers can't live with, with them."""
    if "FCM_SANITIZERS" in os.environ:
        for item in items:
            if (unsanitized := item.get_closest_marker("unsanitized")) is not None:
                item.add_marker(pytest.mark.skip(reason=str(unsanitized.args[0])))
    if config.option.full:
        return
    left_out = [item for item in items if item.get_closest_marker("full")]
    if left_out:
        items[:] = [item for item in items if not item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=left_out)


def pytest_configure(config: pytest.Config) -> None:
    """Gives the session a folder for temporary files of its own, and orphaned processes a parent: this one."""
    config.addinivalue_line("markers", "full: runs with --full only, for its duration")
    config.addinivalue_line("markers", "unsanitized(reason): can't run with sanitizers")
    folder = Path(tempfile.mkdtemp(prefix="fcm-tests-"))
    config.stash[_TEMPORARY] = folder
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None
    # where these tests are distributed: what they start isn't
    for name in [name for name in os.environ if name.startswith("PYTEST_XDIST_")]:
        del os.environ[name]
    become_subreaper()


def pytest_unconfigure(config: pytest.Config) -> None:
    folder = config.stash.get(_TEMPORARY, None)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def nothing_is_left_behind(pytestconfig: pytest.Config) -> Iterator[None]:
    """Fails a test after which more processes, descriptors or temporary files are there than before.

    What fixtures of a wider scope keep is there before.
    """
    folder = pytestconfig.stash[_TEMPORARY]
    before = Leftovers.now(folder)
    yield
    more = Leftovers.more_than(before, folder)
    if more:
        pytest.fail("left behind: " + "; ".join(more), pytrace=False)
