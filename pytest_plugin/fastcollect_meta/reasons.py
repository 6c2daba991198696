"""Why a file is collected natively: names that are counted and shown, each with its explanation."""

from __future__ import annotations

EXPLANATIONS: dict[str, str] = {
    "collection-error": "its collection fails; pytest itself reports the error",
    "prints-while-importing": "it prints while it is imported, where output is not captured",
    "logs-while-importing": "it logs while it is imported and live logs are on",
    "warning-with-state": "it raises a warning whose object says more than its text",
    "exits-while-importing": "its import ends the interpreter or the session",
    "changes-sys-path": "its import changes sys.path for the files after it",
    "changes-directory": "its import changes the working directory for the files after it",
    "changes-warning-filters": "its import changes the filters of warnings for the files after it, and not only by new ones before all others",
    "warning-filters": "its import raises warnings, and files before it have changed their filters",
    "closes-descriptors": "its import closes descriptors that aren't its own",
    "report-changed-by-plugin": "a plugin adds to the report of its collection",
    "duplicate-module-name": "another file of the run has the same module name, or a package of the same name elsewhere",
    "installed-copy": "another copy of its package is installed, which the files before it may have imported; they were imported "
    "first",
    "class-not-loaded": "a class of its nodes is not loaded in the main process",
    "class-not-importable": "a class of its nodes can't be found under its name",
    "class-layout": "a class of its nodes has a layout that a lazy node can't take",
    "shared-parameter": "a parameter of session or package scope can't be compared across files",
    "shared-class": "two classes of it are one object, and have parameters of class scope",
    "kept-duplicates": "--keep-duplicates may collect it twice, and it has parameters of a scope above function",
    "keywords": "a node's keywords don't follow from its name, markers and function",
    "node-id": "a node's id doesn't follow from its parent's id and its name",
    "markers": "a node's markers are not a list",
    "line": "a line number is out of range",
    "location": "an item's location can't be told",
    "callspec": "an item's parameters are not those of a plain CallSpec",
    "parameter-index": "a parameter has no index",
    "parent": "a node's parent is not the collector that yielded it",
    "path": "a node has another path than its file",
    "changing-ids": "a test's id shows an address, the time or a random UUID, and so changes with each import",
    "config": "a node has another config than its file",
    "session": "a node has another session than its file",
    "hook-effect": "a hook that is treated per file does more to its tests than a record can hold",
    "asked-before-collection": "a plugin asked for the module before it was collected",
    "collect-replaced": "a plugin put a function of its own in the place of its collect()",
    "declared-native": "the ini option fastcollect_meta_native names it",
    "declared-ordered": "the ini option fastcollect_meta_ordered names it; the files before it were imported first",
    "depends-on-order": "its tests differed from its metadata in an earlier run, as if by the files before it, which were "
    "imported first",
    "reads-earlier-tests": "its collector asks which tests were collected before it",
    "several-collectors": "it has several collectors of one class",
    "not-in-walk": "the farm's walk did not find it",
    "farm-gone": "the farm ended before it had collected it",
    "unstable": "its tests differed from its metadata in an earlier run",
    "not-prepared": "pytest-xdist's controller had no record of it",
    "not-kept": "its record could not be kept for the workers of pytest-xdist",
    "differs-in-worker": "what its import reads is not the same in this worker of pytest-xdist",
    "crashed": "its import crashed a worker twice",
    "exited": "its import ended a worker twice, with an exit status",
    "timed-out": "its import took longer than its time limit",
    "out-of-memory": "its import ran out of memory",
    "import-order": "a worker collected it where other files had been imported before it",
    "malformed-record": "its record could not be read",
    "no-memory": "there was no memory to read its record",
    "internal-error": "an error of our own; please report it",
}


class Unrepresentable(Exception):
    """A file's collection can't be represented exactly: it goes the native way.

    :param reason: a name of `EXPLANATIONS`.
    :param detail: what it is about, for `-v`.
    """

    def __init__(self, reason: str, detail: object = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail if isinstance(detail, str) else repr(detail)
