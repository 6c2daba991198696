"""Warning filters that a library sets when it is loaded are nobody's own: they don't make files native."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


def test_library_loaded_by_a_conftest_met_while_walking(pytester: pytest.Pytester) -> None:
    library = pytester.path / "site-packages"
    library.mkdir()
    (library / "noisy_library.py").write_text(
        "import warnings\nwarnings.filterwarnings('ignore', message='of the library')\n"
    )
    folder = pytester.mkdir("folder")
    (folder / "conftest.py").write_text(
        f"import sys\nsys.path.append({str(library)!r})\nimport noisy_library\n"
    )
    for name in ("test_a", "test_b"):
        (folder / f"{name}.py").write_text(
            "import warnings\nwarnings.warn('of the test')\ndef test(): pass\n"
        )
    native = pytester.runpytest_subprocess("--collect-only", "-q", timeout=120)
    for origin in ("farm", "manifest"):
        result = pytester.runpytest_subprocess(
            "-p", "fastcollect_meta", "--workers=2", "--collect-only", "-q", timeout=120
        )
        result.stdout.fnmatch_lines([f"fastcollect-meta: 2 files (2 {origin}), 0 imported*"])
        ids = [line for line in native.outlines if "::" in line]
        assert [line for line in result.outlines if "::" in line] == ids
        told = [line for line in result.outlines if line.endswith("UserWarning: of the test")]
        assert len(told) == 2
