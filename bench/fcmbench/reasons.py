"""Why goals are missed: sections of a Markdown file that is written by hand, by the names of the goals."""

from __future__ import annotations

from pathlib import Path


def sections(path: Path) -> dict[str, str]:
    """The text below each `## NAME` of the file, by name; nothing where there is no file."""
    if not path.exists():
        return {}
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in path.read_text().splitlines():
        if line.startswith("## "):
            current = found.setdefault(line[3:].strip(), [])
        elif current is not None:
            current.append(line)
    texts = {name: "\n".join(lines).strip() for name, lines in found.items()}
    return {name: text for name, text in texts.items() if text}
