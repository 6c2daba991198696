"""Writes the table of reasons in docs/reference.md from fastcollect_meta/reasons.py."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BEGIN = "<!-- reasons: made by script/lib/reasons_table.py -->\n"
END = "<!-- end of reasons -->\n"


def main() -> None:
    """Replace what stands between the two comments."""
    reasons = runpy.run_path(str(ROOT / "pytest_plugin/fastcollect_meta/reasons.py"))
    page = ROOT / "docs" / "reference.md"
    head, _, rest = page.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    rows = "".join(f"| `{name}` | {text} |\n" for name, text in reasons["EXPLANATIONS"].items())
    page.write_text(f"{head}{BEGIN}\n| reason | the file |\n|---|---|\n{rows}\n{END}{tail}")


main()
