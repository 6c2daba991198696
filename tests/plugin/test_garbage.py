"""What the plugin does about garbage collection is seen by nobody who asks the collector."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize("args", [("--collect-only", "-q"), ()])
def test_referrers_are_found(
    pytester: pytest.Pytester, workers: str, args: tuple[str, ...]
) -> None:
    pytester.makepyfile(
        held="""
            import gc

            class Held:
                pass

            one = Held()

            def check():
                assert gc.get_referrers(one), "nobody refers to it"
        """,
        conftest="""
            import gc
            import held

            def pytest_terminal_summary():
                held.check()

            def pytest_unconfigure():
                held.check()
        """,
        test_held="""
            import held
            held.check()

            def test_check():
                held.check()
        """,
        test_more="import held\n\nheld.check()\n\ndef test_pass(): pass",
    )
    pytester.makeini("[pytest]\npythonpath = .\n")
    origins = ["2 here", "2 here"] if workers == "0" else ["2 farm", "2 manifest"]
    for origin in origins:
        result = pytester.runpytest_subprocess(
            "-p", "fastcollect_meta", f"--workers={workers}", *args, timeout=120
        )
        assert result.ret == 0
        result.stdout.fnmatch_lines([f"fastcollect-meta: 2 files ({origin})*"])


def test_collector_is_as_before(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "def test_pass(): pass",
        program="""
            import gc
            import pytest

            before = gc.get_freeze_count()  # not 0 with some Pythons
            for args in (["--collect-only"], [], ["--collect-only", "-x", "nothing.py"]):
                pytest.main(["-p", "fastcollect_meta", "-q", *args])
                print("state:", gc.isenabled(), gc.get_freeze_count() - before)
        """,
    )
    result = pytester.runpython(pytester.path / "program.py")
    states = [line for line in result.outlines if line.startswith("state:")]
    assert states == ["state: True 0"] * 3


@pytest.mark.parametrize("workers", ["0", "2"])
def test_values_of_fixtures_die_with_their_test(pytester: pytest.Pytester, workers: str) -> None:
    """No node that a test's own has taken the place of holds what its fixtures made."""
    pytester.makepyfile(
        """
        import gc
        import weakref
        import pytest

        class Value:
            pass

        seen = []

        @pytest.fixture
        def value():
            return Value()

        def test_first(value):
            seen.append(weakref.ref(value))

        def test_second(value):
            gc.collect()
            assert seen[0]() is None
        """
    )
    for _ in range(2):
        result = pytester.runpytest_subprocess(
            "-p", "fastcollect_meta", f"--workers={workers}", timeout=120
        )
        result.assert_outcomes(passed=2)


#: What code says of the collector, and what holds then: thresholds, whether it is enabled.
SAYINGS = [
    ("pass", "(700, 10, 10)", True),
    ("gc.disable()", "(700, 10, 10)", False),
    ("gc.set_threshold(9000, 20)", "(9000, 20, 10)", True),
]


@pytest.mark.parametrize(
    ("does", "threshold", "enabled"),
    [*SAYINGS, ("raise ValueError", "(700, 10, 10)", True)],
)
def test_what_a_conftest_says_holds(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    does: str,
    threshold: str,
    enabled: bool,
) -> None:
    """Nothing is collected while it is loaded, but what it says of the collector is what holds afterwards."""
    monkeypatch.delenv("FASTCOLLECT_META_GC", raising=False)
    pytester.makeconftest(
        f"import gc\nassert gc.isenabled() and gc.get_threshold()[0] == 0\n{does}"
    )
    pytester.makepyfile(
        "def test_pass(): pass",
        program="""
            import gc
            import pytest

            gc.set_threshold(700, 10, 10)
            status = pytest.main(["-p", "fastcollect_meta", "--workers=0", "test_what_a_conftest_says_holds.py"])
            print("state:", gc.get_threshold(), gc.isenabled(), int(status))
        """,
    )
    status = 4 if "raise" in does else 0
    result = pytester.runpython(pytester.path / "program.py")
    assert f"state: {threshold} {enabled} {status}" in result.outlines


def test_conftests_are_loaded_as_natively_where_that_is_asked_for(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTCOLLECT_META_GC", "native")
    pytester.makeconftest("import gc\nassert gc.get_threshold()[0] > 0")
    pytester.makepyfile("def test_pass(): pass")
    result = pytester.runpytest_subprocess("-p", "fastcollect_meta", "--workers=0", timeout=120)
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(("does", "threshold", "enabled"), SAYINGS)
def test_what_a_module_says_holds_for_its_tests(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    does: str,
    threshold: str,
    enabled: bool,
) -> None:
    """Nothing is collected while a module is imported to be run either."""
    monkeypatch.delenv("FASTCOLLECT_META_GC", raising=False)
    pytester.makepyfile(
        test_module=f"""
            import gc

            SEEN = gc.isenabled(), gc.get_threshold()[0]
            {does}

            def test_state():
                assert SEEN == (True, 0)
                assert gc.get_threshold() == {threshold}
                assert gc.isenabled() is {enabled}
        """,
        program="""
            import gc
            import pytest

            gc.set_threshold(700, 10, 10)
            pytest.main(["-p", "fastcollect_meta", "--workers=1", "--manifest=no", "."])
        """,
    )
    result = pytester.runpython(pytester.path / "program.py")
    result.assert_outcomes(passed=1)
