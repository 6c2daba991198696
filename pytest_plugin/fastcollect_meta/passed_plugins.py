"""Plugins that were passed to pytest.main() as objects: another process can't have them."""

from __future__ import annotations

from collections.abc import Iterable

from . import compat

#: Hooks that are called in the main process only, or only there with consequences: on what is there when a file has been collected.
_HARMLESS = frozenset(
    f"pytest_{name}"
    for name in """
    assertion_pass assertrepr_compare collection_finish collection_modifyitems collectreport collectstart deselected
    enter_pdb exception_interact fixture_post_finalizer fixture_setup internalerror itemcollected keyboard_interrupt
    leave_pdb pyfunc_call report_collectionfinish report_from_serializable report_header report_teststatus
    report_to_serializable runtest_call runtest_logfinish runtest_logreport runtest_logstart runtest_makereport
    runtest_protocol runtest_setup runtest_teardown runtestloop sessionfinish terminal_summary unconfigure warning_recorded
    """.split()
)
#: The module of pytester's own, which records calls of hooks.
_RECORDERS = ("_pytest.pytester",)


def that_matter(plugins: Iterable[object] | None) -> list[object]:
    """Those of the plugins passed that may change what a file's collection results in."""
    return [plugin for plugin in plugins or () if not _is_harmless(plugin)]


def _is_harmless(plugin: object) -> bool:
    if isinstance(plugin, str):
        return False
    if type(plugin).__module__ in _RECORDERS:
        return True
    for name in dir(plugin):
        value = getattr(plugin, name, None)
        hook = (getattr(value, "pytest_impl", None) or {}).get("specname") or name
        if hook.startswith("pytest_") and hook not in _HARMLESS:
            return False
        if compat.is_fixture(value):
            return False
    return True
