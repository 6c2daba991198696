"""What a test file does to sys.path when it is imported is seen by files and tests as natively."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize("name", ["test_a_first", "test_m_middle", "test_z_last"])
def test_folder_that_a_file_inserts(pytester: pytest.Pytester, name: str, workers: str) -> None:
    library = pytester.mkdir("library")
    (library / "from_library.py").write_text("VALUE = 1\n")
    pytester.makepyfile(
        test_d_user="def test_use():\n    import from_library\n",
        test_x_user="def test_use():\n    import from_library\n",
        **{name: f"import sys\nsys.path.insert(0, {str(library)!r})\ndef test_pass(): pass\n"},
    )
    for _ in range(2):
        result = pytester.runpytest_subprocess(
            "-p", "fastcollect_meta", f"--workers={workers}", timeout=120
        )
        result.assert_outcomes(passed=3)
