"""Files whose tests depend on what other test files did when they were imported."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """Two files replace a list of names; a third, between them in the run, has a test for each name that it finds."""
    pytester.makepyfile(
        registry="NAMES = ['first']",
        test_a="import registry\nregistry.NAMES = [*registry.NAMES, 'a']\ndef test_a(): pass",
        test_b="""
            import pytest, registry
            @pytest.mark.parametrize("name", registry.NAMES)
            def test_b(name): assert "c" not in registry.NAMES or True
        """,
        test_c="import registry\nregistry.NAMES = [*registry.NAMES, 'c']\ndef test_c(): pass",
    )
    # The worker of its own begins with test_b, before test_a or test_c have been imported.
    pytester.makeini("[pytest]\nfastcollect_meta_alone = test_b.py")
    return pytester


def run(suite: pytest.Pytester, *args: str) -> pytest.RunResult:
    plugin = ("-p", "fastcollect_meta", "--workers=1", "--collect-report")
    return suite.runpytest_subprocess(*plugin, *args, timeout=120)


@pytest.mark.parametrize("again", [False, True])
def test_declared(suite: pytest.Pytester, again: bool) -> None:
    """A file that fastcollect_meta_ordered names is collected after those before it have been imported."""
    args = ("--co", "-q", "-o", "fastcollect_meta_ordered=test_b.py")
    result = run(suite, *args)
    if again:
        result = run(suite, *args)
    assert result.ret == 0
    assert [line for line in result.outlines if "::" in line] == [
        "test_a.py::test_a",
        "test_b.py::test_b[first]",
        "test_b.py::test_b[a]",
        "test_c.py::test_c",
    ]
    sources = "2 manifest, 1 natively" if again else "2 farm, 1 natively"
    result.stdout.fnmatch_lines([f"fastcollect-meta: 3 files ({sources})*"])
    result.stdout.fnmatch_lines(["*x declared-ordered:*"])


def test_found_out(suite: pytest.Pytester) -> None:
    """Without being named it is an error once, and exact from then on."""
    first = run(suite)
    assert first.ret == pytest.ExitCode.INTERRUPTED
    first.stdout.fnmatch_lines(["  not in the metadata: test_b.py::test_b?a?"])
    second = run(suite)
    assert second.ret == 0
    second.assert_outcomes(passed=4)
    second.stdout.fnmatch_lines(["*x depends-on-order:*"])
