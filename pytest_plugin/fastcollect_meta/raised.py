"""Warnings that are raised while a file is collected, as they go into its record."""

from __future__ import annotations

from dataclasses import dataclass
from types import FrameType
from typing import Any

from .reasons import Unrepresentable


def raw(text: object) -> bytes:
    """Text as a record holds it."""
    return str(text).encode("utf-8", "surrogatepass")


def importing_file(frame: FrameType | None) -> str:
    """File of the module whose body runs innermost in `frame`; empty outside of any."""
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            if frame.f_globals.get("__name__") == "__main__":  # this process's program
                break
            return str(frame.f_globals.get("__file__") or frame.f_code.co_filename)
        frame = frame.f_back
    return ""


@dataclass(frozen=True, slots=True)
class RaisedWarning:
    """A warnings.WarningMessage, and the file that was being imported when it was raised."""

    message: Any
    origin: str
    #: Number in the record of the collector that was being collected.
    node: int

    def fields(self) -> dict[str, Any]:
        """The fields of the message WarningRaised.

        :raises Unrepresentable: where the category and the text don't give the same warning again.
        """
        message = self.message.message
        category = self.message.category
        text = str(message)
        try:
            again = category(text)
            same = (
                type(message) is category
                and str(again) == text
                and again.args == message.args
                and vars(again) == vars(message)
            )
        except Exception:
            same = False
        if not same:
            raise Unrepresentable("warning-with-state", f"{category.__name__}: {text[:200]}")
        return {
            "text": raw(text),
            "category": f"{category.__module__}:{category.__qualname__}",
            "filename": raw(self.message.filename),
            "line": self.message.lineno,
            "origin": raw(self.origin),
            "node": self.node,
        }
